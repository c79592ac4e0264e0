// What the compiler keeps of one object: what its manifest reads as, which manifest is in force, and what came of it.

import type { CompiledObject } from "../dataplane/contract/compiled.ts";
import type { Finding, ObjectRef } from "./finding.ts";
import type { SourceObject } from "./read-manifest.ts";

/** A compiled object, and which manifest it comes from. A published entry is one. */
export interface CompiledEntry {
  /** metadata.generation; 0 when unknown. */
  readonly generation: number;
  /** metadata.uid; "" when unknown. */
  readonly uid: string;
  readonly object: CompiledObject;
}

/** Kept lean: there may be 100,000 of them. Empty lists are NOTHING, one for all. */
export interface ObjectState {
  readonly ref: ObjectRef;
  /** Of the manifest that is there now. */
  uid: string;
  generation: number;
  /** That manifest, when its schema is met. */
  current: SourceObject | undefined;
  /** What reading it has found. */
  reading: readonly Finding[];
  /** The newest manifest with nothing wrong by itself: the current one, or the last good one while that is invalid. */
  good: SourceObject | undefined;
  goodGeneration: number;
  /** Consumers: the last good manifest whose parents were sound, and its generation. */
  settled: SourceObject | undefined;
  settledGeneration: number;
  /** Consumers: whom the manifest that is there names as its parent. */
  parent: string | undefined;
  /** In force when there is no good manifest: what was published before this process knew the object. */
  adopted: CompiledEntry | undefined;
  /** Deleted; forgotten after the changes have been told. */
  isGone: boolean;
  /** Secrets that the current and the good manifest name. */
  secrets: readonly string[];
  /** Consumers: their keys by hash, "" for one that cannot be had. */
  keys: readonly string[];
  /** Backends: the Secret and key that the compiled credential was read from. */
  sealedFrom: string | undefined;
  /** Routes: host names that belong to another namespace. */
  refused: ReadonlySet<string>;
  /** Policies: findings that came after those of the policy itself and of its targets. */
  around: readonly Finding[];
  /** As told last. */
  findings: readonly Finding[];
  entry: CompiledEntry | undefined;
  /** Whether the object's existence, generation and findings have been told. */
  isTold: boolean;
}

export const NOTHING: readonly never[] = [];
export const NO_NAMES: ReadonlySet<string> = new Set();

export function createObjectState(ref: ObjectRef): ObjectState {
  return {
    ref,
    uid: "",
    generation: 0,
    current: undefined,
    reading: NOTHING,
    good: undefined,
    goodGeneration: 0,
    settled: undefined,
    settledGeneration: 0,
    parent: undefined,
    adopted: undefined,
    isGone: false,
    secrets: NOTHING,
    keys: NOTHING,
    sealedFrom: undefined,
    refused: NO_NAMES,
    around: NOTHING,
    findings: NOTHING,
    entry: undefined,
    isTold: false,
  };
}

export interface ObjectStore {
  find(ref: ObjectRef): ObjectState | undefined;
  /** Makes one when there is none. */
  obtain(ref: ObjectRef): ObjectState;
  drop(ref: ObjectRef): void;
  of(kind: string, namespace: string): Iterable<ObjectState>;
  all(): Iterable<ObjectState>;
  namespaces(): Iterable<string>;
}

export function createObjectStore(): ObjectStore {
  const namespaces = new Map<string, Map<string, Map<string, ObjectState>>>();
  const listOf = ({ kind, namespace }: ObjectRef): Map<string, ObjectState> | undefined =>
    namespaces.get(namespace)?.get(kind);
  return {
    find: (ref) => listOf(ref)?.get(ref.name),
    obtain(ref) {
      const kinds = namespaces.get(ref.namespace) ?? new Map<string, Map<string, ObjectState>>();
      namespaces.set(ref.namespace, kinds);
      const list = kinds.get(ref.kind) ?? new Map<string, ObjectState>();
      kinds.set(ref.kind, list);
      const state = list.get(ref.name) ?? createObjectState(ref);
      list.set(ref.name, state);
      return state;
    },
    drop(ref) {
      const list = listOf(ref);
      list?.delete(ref.name);
      if (list?.size === 0) namespaces.get(ref.namespace)?.delete(ref.kind);
      if (namespaces.get(ref.namespace)?.size === 0) namespaces.delete(ref.namespace);
    },
    of: (kind, namespace) => namespaces.get(namespace)?.get(kind)?.values() ?? NOTHING,
    *all() {
      for (const kinds of namespaces.values()) for (const list of kinds.values()) yield* list.values();
    },
    namespaces: () => namespaces.keys(),
  };
}
