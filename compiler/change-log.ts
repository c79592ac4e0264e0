// What a round of compiling has changed: of each compiled object whether its text differs, of each object whether what is
// said of it differs.

import type { CompiledObject } from "../dataplane/contract/compiled.ts";
import { partOf } from "../dataplane/contract/published.ts";
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
  /** By the names of their objects; one that moves to another part is removed from this one and set there. */
  readonly removed: readonly ObjectRef[];
}

export interface ChangeLog {
  /** What is in force of an object now; undefined: nothing. */
  publish(state: ObjectState, entry: Omit<CompiledEntry, "uid"> | undefined): void;
  /** Everything that is to be said of an object now. Call it after `publish`. */
  report(state: ObjectState, findings: readonly Finding[]): void;
  forget(state: ObjectState): void;
  /** By the part of the configuration that they lie in: a namespace, or CLUSTER_PART. */
  readonly namespaces: ReadonlyMap<string, NamespaceChanges>;
  readonly reports: readonly ObjectReport[];
  readonly gone: readonly ObjectRef[];
}

export function createChangeLog(): ChangeLog {
  const namespaces = new Map<string, { set: CompiledEntry[]; removed: ObjectRef[] }>();
  const reports: ObjectReport[] = [];
  const gone: ObjectRef[] = [];
  const changesOf = (object: CompiledObject): { set: CompiledEntry[]; removed: ObjectRef[] } => {
    const part = partOf(object);
    const known = namespaces.get(part) ?? { set: [], removed: [] };
    namespaces.set(part, known);
    return known;
  };
  const withdraw = (state: ObjectState): void => {
    if (state.entry === undefined) return;
    changesOf(state.entry.object).removed.push(state.ref);
    setEntry(state, undefined);
  };
  return {
    namespaces,
    reports,
    gone,
    publish(state, entry) {
      if (entry === undefined) {
        withdraw(state);
        return;
      }
      const { uid } = state;
      const same = sameEntry(state, entry.object);
      if (same?.generation === entry.generation) return;
      // An unchanged object is kept as it was: it may be one of 100,000 that are compiled again.
      const { object } = same ?? entry;
      const after = { generation: entry.generation, uid, object };
      if (isElsewhere(state, object)) withdraw(state);
      setEntry(state, after);
      if (same === undefined) changesOf(object).set.push(after);
    },
    report(state, findings) {
      if (state.isGone || (state.isTold && sameFindings(state.findings, findings))) return;
      state.findings = findings;
      state.isTold = true;
      reports.push(reportOf(state));
    },
    forget(state) {
      if (state.entry !== undefined) changesOf(state.entry.object).removed.push(state.ref);
      gone.push(state.ref);
    },
  };
}

/** What is in force, when it says the same of the same object. */
function sameEntry({ entry, uid }: ObjectState, object: CompiledObject): CompiledEntry | undefined {
  return entry?.uid === uid && sameText(entry.object, object) ? entry : undefined;
}

/** It lies in another part of the configuration than this one will. */
function isElsewhere({ entry }: ObjectState, object: CompiledObject): boolean {
  return entry !== undefined && partOf(entry.object) !== partOf(object);
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
