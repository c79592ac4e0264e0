// Which objects exist, so that references can be checked. An object that is invalid exists as well: its own findings say
// what is wrong with it, and its last good version may be in force.

import type { ObjectRef } from "./finding.ts";

/** A Set of names, or a Map by name. */
export type NameSet = Pick<ReadonlySet<string>, "has" | "size" | "keys">;

export interface KnownNames {
  names(kind: string, namespace: string): NameSet;
  /** Groups of the namespace's consumers, as far as a valid manifest of theirs is known. */
  groups(namespace: string): NameSet;
}

export interface NameBook extends KnownNames {
  add(ref: ObjectRef): void;
  remove(ref: ObjectRef): void;
  /** A consumer's groups change; true when a group has appeared or gone with it. */
  moveGroups(namespace: string, from: readonly string[], to: readonly string[]): boolean;
}

const NONE: ReadonlySet<string> = new Set();

export function createNameBook(): NameBook {
  const names = new Map<string, Set<string>>();
  /** How many consumers are in each group. */
  const groups = new Map<string, Map<string, number>>();
  const groupsOf = (namespace: string): Map<string, number> => {
    const known = groups.get(namespace) ?? new Map<string, number>();
    groups.set(namespace, known);
    return known;
  };
  return {
    names: (kind, namespace) => names.get(`${kind}/${namespace}`) ?? NONE,
    groups: (namespace) => groups.get(namespace) ?? NONE,
    add({ kind, namespace, name }) {
      const key = `${kind}/${namespace}`;
      const known = names.get(key) ?? new Set();
      names.set(key, known.add(name));
    },
    remove({ kind, namespace, name }) {
      const key = `${kind}/${namespace}`;
      const known = names.get(key);
      known?.delete(name);
      if (known?.size === 0) names.delete(key);
    },
    moveGroups(namespace, from, to) {
      if (from.length === 0 && to.length === 0) return false;
      const counts = groupsOf(namespace);
      // The new ones first, so that a group that stays never looks gone.
      const appeared = to.filter((group) => count(counts, group, 1) === 1);
      const gone = from.filter((group) => count(counts, group, -1) === 0);
      if (counts.size === 0) groups.delete(namespace);
      return appeared.length > 0 || gone.length > 0;
    },
  };
}

function count(counts: Map<string, number>, group: string, change: number): number {
  const total = (counts.get(group) ?? 0) + change;
  if (total > 0) counts.set(group, total);
  else counts.delete(group);
  return total;
}
