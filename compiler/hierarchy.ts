// Who belongs to whom: consumers and their parents, as their manifests name them. A manifest whose line of parents runs in
// a circle or is too long does not come into force; what is in force therefore never runs in a circle, whatever manifests
// of different times stand side by side in it: a sound line is sound to its end.

import { quoted } from "./found-text.ts";
import { NOTHING, type ObjectState, type ObjectStore } from "./object-state.ts";
import type { SourceObject } from "./read-manifest.ts";
import type { Problem } from "./report.ts";
import type { Surroundings } from "./surroundings.ts";

/** Organisation, department, team, person. */
const MAX_LEVELS = 4;
/** Longer lines are not followed to their end. */
const LONGEST = 16;
const MAX_NAMED = 6;
const FIELD = "spec.parentRef.name";

export interface Settled {
  readonly state: ObjectState;
  /** The manifest that was in force before. */
  readonly before: SourceObject | undefined;
}

export interface Hierarchy {
  /**
   * Decides which manifests of consumers are in force now that these have changed, and adds to them whoever is concerned.
   * Returns those of which another manifest is in force than they said themselves.
   */
  settle(changed: Set<ObjectState>, around: Surroundings): readonly Settled[];
}

export function createHierarchy(): Hierarchy {
  const children = new Map<string, Set<ObjectState>>();
  return {
    settle(changed, around) {
      const moved = [...changed].filter((state) => moves(state, children));
      for (const state of moved) addDescendants(state, children, changed);
      const settled: Settled[] = [];
      for (const state of changed) {
        if (state.isGone) continue;
        const before = state.good;
        settleOne(state, around);
        if (state.good !== before) settled.push({ state, before });
      }
      return settled;
    },
  };
}

/** What is wrong with the line of parents of this consumer; undefined when its manifest may be in force. */
export function lineProblem(state: ObjectState, store: ObjectStore): Problem | undefined {
  const { namespace, name } = state.ref;
  const line = [name];
  let next = parentOf(state);
  while (next !== undefined && line.length < LONGEST) {
    const at = line.indexOf(next);
    if (at >= 0) return circle([...line.slice(at), next], at === 0);
    line.push(next);
    next = parentOf(store.find({ kind: "Consumer", namespace, name: next }));
  }
  if (line.length <= MAX_LEVELS) return undefined;
  const found = `${String(line.length)} levels: ${lineText(line)}`;
  return { code: "Invalid", field: FIELD, found, wanted: `at most ${String(MAX_LEVELS)} levels, its own included` };
}

/** Without its parent a consumer's requests are refused: what they are to be counted on as well is not known. */
export function parentProblem(state: ObjectState, store: ObjectStore): Problem | undefined {
  const name = parentOf(state);
  if (name === undefined) return undefined;
  const parent = store.find({ kind: "Consumer", namespace: state.ref.namespace, name });
  if (parent !== undefined && isInForce(parent)) return undefined;
  const wanted = "a Consumer of this namespace that is in force; until then requests of this one are refused";
  return { code: "TargetNotFound", field: FIELD, found: quoted(name), wanted };
}

function isInForce({ isGone, good, adopted }: ObjectState): boolean {
  return !isGone && (good !== undefined || adopted !== undefined);
}

function circle(names: readonly string[], isIn: boolean): Problem {
  return {
    code: "Conflicted",
    field: FIELD,
    found: isIn ? `a cycle: ${lineText(names)}` : `a parent that belongs to a cycle: ${lineText(names)}`,
    wanted: isIn ? "a parent that does not itself belong to this Consumer" : "a parent whose own parents end",
  };
}

function lineText(names: readonly string[]): string {
  const shown = names.length <= MAX_NAMED ? names : [...names.slice(0, MAX_NAMED - 1), "...", ...names.slice(-1)];
  return shown.join(" -> ");
}

/** As the manifest that is there says, be it in force or not. */
function parentOf(state: ObjectState | undefined): string | undefined {
  if (state === undefined || state.isGone) return undefined;
  const manifest = state.current ?? state.good;
  if (manifest?.kind === "Consumer") return manifest.spec.parentRef?.name;
  return state.adopted?.object.kind === "Consumer" ? state.adopted.object.parent : undefined;
}

type Children = Map<string, Set<ObjectState>>;

/** Notes its parent; true when those below it have to be looked at: its line, or whether it is in force, may be another. */
function moves(state: ObjectState, children: Children): boolean {
  const parent = parentOf(state);
  const isMoved = parent !== state.parent;
  if (isMoved) {
    const { namespace } = state.ref;
    if (state.parent !== undefined) leave(children, `${namespace}/${state.parent}`, state);
    if (parent !== undefined) join(children, `${namespace}/${parent}`, state);
    state.parent = parent;
  }
  return isMoved || (state.entry !== undefined) !== isInForce(state);
}

function join(children: Children, key: string, state: ObjectState): void {
  const known = children.get(key) ?? new Set();
  children.set(key, known.add(state));
}

function leave(children: Children, key: string, state: ObjectState): void {
  const known = children.get(key);
  known?.delete(state);
  if (known?.size === 0) children.delete(key);
}

/** Down to where no line of those there can be sound, whatever stands above. */
function addDescendants({ ref }: ObjectState, children: Children, found: Set<ObjectState>): void {
  const direct = children.get(`${ref.namespace}/${ref.name}`);
  if (direct === undefined) return;
  const seen = new Set<ObjectState>();
  let level: Iterable<ObjectState> = direct;
  for (let depth = 0; depth < LONGEST; depth += 1) {
    const next: ObjectState[] = [];
    for (const state of level) {
      if (seen.has(state)) continue;
      seen.add(state);
      found.add(state);
      next.push(...(children.get(`${ref.namespace}/${state.ref.name}`) ?? NOTHING));
    }
    if (next.length === 0) return;
    level = next;
  }
}

/** The manifest that is there, when its line is sound; else the last one whose line was. */
function settleOne(state: ObjectState, { store, lastGood }: Surroundings): void {
  const manifest = state.current ?? state.good;
  if (manifest?.kind !== "Consumer") return;
  if (lineProblem(state, store) === undefined) {
    takeSound(state, manifest);
    return;
  }
  state.good = state.settled;
  state.goodGeneration = state.settledGeneration;
  if (state.good !== undefined || state.adopted !== undefined) return;
  const entry = lastGood(state.ref);
  if (entry?.uid === state.uid && state.uid !== "") state.adopted = entry;
}

function takeSound(state: ObjectState, manifest: SourceObject): void {
  state.good = manifest;
  if (manifest === state.current) state.goodGeneration = state.generation;
  state.settled = manifest;
  state.settledGeneration = state.goodGeneration;
  state.adopted = undefined;
}
