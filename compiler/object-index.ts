// Which objects exist, so that references can be checked. An object that is invalid exists as well: its own findings say
// what is wrong with it, and its last good version may be in force.

import type { ObjectRef } from "./finding.ts";
import type { ConsumerObject } from "./read-manifest.ts";

export interface ObjectIndex {
  names(kind: string, namespace: string): ReadonlySet<string>;
  /** Groups of the namespace's valid consumers. */
  groups(namespace: string): ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

export function createObjectIndex(refs: Iterable<ObjectRef>, consumers: Iterable<ConsumerObject>): ObjectIndex {
  const names = new Map<string, Set<string>>();
  const groups = new Map<string, Set<string>>();
  for (const { kind, namespace, name } of refs) setAt(names, `${kind}/${namespace}`).add(name);
  for (const { ref, spec } of consumers) {
    for (const group of spec.groups) setAt(groups, ref.namespace).add(group);
  }
  return {
    names: (kind, namespace) => names.get(`${kind}/${namespace}`) ?? NONE,
    groups: (namespace) => groups.get(namespace) ?? NONE,
  };
}

function setAt(map: Map<string, Set<string>>, key: string): Set<string> {
  const known = map.get(key);
  if (known) return known;
  const made = new Set<string>();
  map.set(key, made);
  return made;
}
