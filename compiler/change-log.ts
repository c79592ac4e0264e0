// What a round of compiling has changed: of each compiled object whether its text differs, of each object whether what is
// said of it differs.

import type { CompiledObject } from "../dataplane/contract/compiled.ts";
import type { Finding, ObjectRef } from "./finding.ts";
import type { CompiledEntry, ObjectState } from "./object-state.ts";

/** All that status needs to know of one object. */
export interface ObjectReport {
  readonly ref: ObjectRef;
  /** Of the manifest that is there now: metadata.uid ("" when unknown) and metadata.generation (0 when unknown). */
  readonly uid: string;
  readonly generation: number;
  readonly findings: readonly Finding[];
  /** Generation of the manifest that is in force: an older one is the last good one. Absent when none is. */
  readonly inForceGeneration?: number;
}

export interface NamespaceChanges {
  /** Compiled objects that are new or have another text. */
  readonly set: readonly CompiledEntry[];
  readonly removed: readonly ObjectRef[];
}

export interface ChangeLog {
  /** What is in force of an object now; undefined: nothing. */
  publish(state: ObjectState, entry: Omit<CompiledEntry, "uid"> | undefined): void;
  /** Everything that is to be said of an object now. Call it after `publish`. */
  report(state: ObjectState, findings: readonly Finding[]): void;
  forget(state: ObjectState): void;
  readonly namespaces: ReadonlyMap<string, NamespaceChanges>;
  readonly reports: readonly ObjectReport[];
  readonly gone: readonly ObjectRef[];
}

export function createChangeLog(): ChangeLog {
  const namespaces = new Map<string, { set: CompiledEntry[]; removed: ObjectRef[] }>();
  const reports: ObjectReport[] = [];
  const gone: ObjectRef[] = [];
  const changesOf = (namespace: string): { set: CompiledEntry[]; removed: ObjectRef[] } => {
    const known = namespaces.get(namespace) ?? { set: [], removed: [] };
    namespaces.set(namespace, known);
    return known;
  };
  return {
    namespaces,
    reports,
    gone,
    publish(state, entry) {
      const before = state.entry;
      if (entry === undefined) {
        if (before === undefined) return;
        changesOf(state.ref.namespace).removed.push(state.ref);
        setEntry(state, undefined);
        return;
      }
      const { uid } = state;
      const isSame = before?.uid === uid && sameText(before.object, entry.object);
      if (isSame && before.generation === entry.generation) return;
      // An unchanged object is kept as it was: it may be one of 100,000 that are compiled again.
      const object = isSame ? before.object : entry.object;
      const after = { generation: entry.generation, uid, object };
      setEntry(state, after);
      if (!isSame) changesOf(state.ref.namespace).set.push(after);
    },
    report(state, findings) {
      if (state.isGone || (state.isTold && sameFindings(state.findings, findings))) return;
      state.findings = findings;
      state.isTold = true;
      reports.push(reportOf(state));
    },
    forget(state) {
      if (state.entry !== undefined) changesOf(state.ref.namespace).removed.push(state.ref);
      gone.push(state.ref);
    },
  };
}

/** Which generation is in force is part of what is told. */
function setEntry(state: ObjectState, entry: CompiledEntry | undefined): void {
  if (state.entry?.generation !== entry?.generation) state.isTold = false;
  state.entry = entry;
}

export function reportOf({ ref, uid, generation, findings, entry }: ObjectState): ObjectReport {
  const inForce = entry === undefined ? {} : { inForceGeneration: entry.generation };
  return { ref, uid, generation, findings, ...inForce };
}

function sameText(a: CompiledObject, b: CompiledObject): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function sameFindings(a: readonly Finding[], b: readonly Finding[]): boolean {
  if (a === b || (a.length === 0 && b.length === 0)) return true;
  return a.length === b.length && JSON.stringify(a) === JSON.stringify(b);
}
