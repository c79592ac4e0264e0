// What the cluster holds, as the compiler takes it: our kinds from all their watches, and the Secrets that they name. Keeps
// the objects as seen last, and collects what changes until it is taken.

import type { ManifestChange } from "../compiler/incremental.ts";
import { API_VERSION } from "../crds/meta.ts";
import type { Clock } from "./kube/clock.ts";
import type { KubeApi } from "./kube/kube-api.ts";
import type { KubeObject, ObjectRef } from "./kube/kube-object.ts";
import { reflectNamespaces } from "./kube/reflect-namespaces.ts";
import type { Reflector, ReflectorReport, ReflectorSettings, ReflectorState } from "./kube/reflector.ts";
import { type ObjectName, OWN_RESOURCES, type Resource } from "./kube/resource.ts";
import { createSecretWatcher, type SecretState, type SecretWatcher } from "./kube/secret-watcher.ts";
import { type NamedSecretKey, secretRefs } from "./secret-refs.ts";
import { createSharedValues } from "./shared-values.ts";

export interface ClusterFeedOptions {
  readonly api: KubeApi;
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly random: () => number;
  readonly report: (kind: string, report: ReflectorReport) => void;
  readonly reflectors?: Partial<ReflectorSettings>;
}

export interface WatchState extends ReflectorState {
  readonly kind: string;
}

/** From here on everything is told to one taker: first all that is there, then what changes. */
export interface FeedSubscription {
  /**
   * Changes since the last call, up to this one, in an order that suits the compiler; may be iterated over a while. None
   * while something that `missing` names is not known.
   */
  take(): Iterable<ManifestChange>;
  /** The same without waiting for Secrets that are not known: what is not known is as it was. */
  takeKnown(): Iterable<ManifestChange>;
  close(): void;
}

export interface ClusterFeed {
  start(): void;
  stop(): Promise<void>;
  /** One at a time. `changed` is called, maybe often, when there is something to take. */
  subscribe(changed: () => void): FeedSubscription;
  /** Its metadata as far as it is checked, and its status. */
  object(kind: string, name: ObjectName): KubeObject | undefined;
  /** The manifest as it stands is in force: what only an earlier one named need not be watched any more. */
  confirm(kind: string, name: ObjectName): void;
  /** What the first state still lacks; empty when it is complete. */
  missing(): readonly string[];
  /** Changed objects that nobody has taken yet. */
  waiting(): number;
  watches(): readonly WatchState[];
}

/** Kept lean: there may be 100,000 of them. */
interface Entry {
  readonly uid: string;
  readonly generation: number | undefined;
  /** As JSON: a fraction of what the objects take that it is read into. */
  readonly spec: string;
  /** Milliseconds since 1970; NaN when unknown. */
  readonly createdMs: number;
  resourceVersion: string;
  /** Shared with equal ones. */
  status: unknown;
  /** Named by the manifest as it stands. */
  readonly refs: readonly NamedSecretKey[];
  /** Named by the last manifest that was in force, when that is another one. */
  earlier: readonly NamedSecretKey[];
}

interface Pending {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

const NO_REFS: readonly NamedSecretKey[] = [];
const STATUSES_SHARED = 5_000;
const ORDER = ["Secret", ...OWN_RESOURCES.map(({ kind }) => kind)];

export function createClusterFeed(options: ClusterFeedOptions): ClusterFeed {
  return new Feed(options);
}

class Feed implements ClusterFeed {
  readonly #entries = new Map<string, Entry>();
  readonly #statuses = createSharedValues<unknown>(STATUSES_SHARED);
  readonly #pending = new Map<string, Pending>();
  readonly #reflectors = new Map<string, Reflector>();
  readonly #secrets: SecretWatcher;
  readonly #unsynced = new Set<string>();
  #changed: (() => void) | undefined;

  constructor({ api, namespaces, clock, random, report, reflectors = {} }: ClusterFeedOptions) {
    for (const resource of OWN_RESOURCES) {
      this.#unsynced.add(resource.kind);
      const handler = this.#handlerOf(resource);
      const shared = { api, namespaces, clock, random, handler, settings: reflectors };
      const reflector = reflectNamespaces({
        ...shared,
        resource,
        report: (told) => {
          report(resource.kind, told);
        },
      });
      this.#reflectors.set(resource.kind, reflector);
    }
    this.#secrets = createSecretWatcher({
      api,
      clock,
      random,
      settings: reflectors,
      changed: (namespace, name) => {
        this.#note({ kind: "Secret", namespace, name });
      },
      settled: () => {
        this.#wake();
      },
      report: (told) => {
        report("Secret", told);
      },
    });
  }

  start(): void {
    for (const reflector of this.#reflectors.values()) reflector.start();
  }

  async stop(): Promise<void> {
    this.#changed = undefined;
    await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.stop()));
    await this.#secrets.stop();
  }

  subscribe(changed: () => void): FeedSubscription {
    this.#changed = changed;
    this.#pending.clear();
    for (const [key, { refs }] of this.#entries) {
      const [kind = "", namespace = "", name = ""] = key.split("/");
      this.#note({ kind, namespace, name });
      for (const ref of refs) this.#note({ kind: "Secret", namespace, name: ref.name });
    }
    return {
      take: () => (this.missing().length > 0 ? [] : this.#take()),
      takeKnown: () => (this.#unsynced.size > 0 ? [] : this.#take()),
      close: () => {
        if (this.#changed === changed) this.#changed = undefined;
      },
    };
  }

  object(kind: string, { namespace, name }: ObjectName): KubeObject | undefined {
    const entry = this.#entries.get(keyOf({ kind, namespace, name }));
    if (entry === undefined) return undefined;
    const { uid, resourceVersion, generation, status } = entry;
    return { kind, metadata: { namespace, name, uid, resourceVersion, generation }, status };
  }

  confirm(kind: string, { namespace, name }: ObjectName): void {
    const key = keyOf({ kind, namespace, name });
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.earlier === NO_REFS) return;
    entry.earlier = NO_REFS;
    this.#secrets.refer(key, entry.refs);
  }

  missing(): readonly string[] {
    const kinds = [...this.#unsynced].map((kind) => `${kind} objects`);
    return this.#secrets.isSettled() ? kinds : [...kinds, "Secrets"];
  }

  waiting(): number {
    return this.#pending.size;
  }

  watches(): readonly WatchState[] {
    return [...this.#reflectors].map(([kind, reflector]) => ({ kind, ...reflector.state() }));
  }

  #handlerOf({ kind }: Resource) {
    return {
      upsert: (object: KubeObject) => {
        this.#upsert(kind, object);
      },
      remove: (ref: ObjectRef) => {
        this.#remove(kind, ref);
      },
      synced: () => {
        this.#unsynced.delete(kind);
        // All references are known by then: one list for each namespace brings their Secrets.
        if (this.#unsynced.size === 0) this.#secrets.start();
        this.#wake();
      },
    };
  }

  #upsert(kind: string, object: KubeObject): void {
    const { namespace, name } = object.metadata;
    const ref = { kind, namespace, name };
    const key = keyOf(ref);
    const refs = secretRefs(object, namespace);
    const before = this.#entries.get(key);
    const { resourceVersion } = object.metadata;
    const status = object["status"] && this.#statuses.share(object["status"]);
    if (before !== undefined && isSameManifest(before, object)) {
      before.resourceVersion = resourceVersion;
      before.status = status;
      return;
    }
    const { uid, generation } = object.metadata;
    const earlier = before === undefined || sameRefs(before.refs, refs) ? NO_REFS : earlierOf(before);
    const createdMs = Date.parse(String(object.metadata["creationTimestamp"]));
    const known = { uid, generation, spec: specText(object), createdMs, resourceVersion, status };
    this.#entries.set(key, { ...known, refs: refs.length === 0 ? NO_REFS : refs, earlier });
    this.#secrets.refer(key, [...refs, ...earlier]);
    this.#note(ref);
  }

  #remove(kind: string, { namespace, name }: ObjectRef): void {
    const ref = { kind, namespace, name };
    this.#entries.delete(keyOf(ref));
    this.#secrets.refer(keyOf(ref), []);
    this.#note(ref);
  }

  #note(pending: Pending): void {
    if (this.#changed === undefined) return;
    this.#pending.set(keyOf(pending), pending);
    this.#wake();
  }

  #wake(): void {
    if (this.#pending.size > 0) this.#changed?.();
  }

  /**
   * What others refer to comes first. As it stands now, whatever comes before it is iterated; read only then: of 100,000
   * only a few are there as objects at a time.
   */
  #take(): Iterable<ManifestChange> {
    const pending = [...this.#pending.values()].sort((a, b) => rankOf(a) - rankOf(b));
    this.#pending.clear();
    return changesOf(pending.map((one) => this.#stateOf(one)));
  }

  #stateOf(pending: Pending): TakenState {
    const { kind, namespace, name } = pending;
    if (kind === "Secret") return { pending, secret: this.#secrets.read(namespace, name) };
    return { pending, entry: this.#entries.get(keyOf(pending)) };
  }
}

type TakenState =
  | { readonly pending: Pending; readonly secret: SecretState }
  | { readonly pending: Pending; readonly entry: Entry | undefined };

function* changesOf(taken: readonly TakenState[]): Iterable<ManifestChange> {
  for (const state of taken) {
    const { pending } = state;
    const change = "secret" in state ? secretChange(pending, state.secret) : objectChange(pending, state.entry);
    if (change !== undefined) yield change;
  }
}

function objectChange(pending: Pending, entry: Entry | undefined): ManifestChange {
  return entry === undefined
    ? { type: "Delete", ref: pending }
    : { type: "Upsert", manifest: manifestOf(pending, entry) };
}

function rankOf({ kind }: Pending): number {
  return ORDER.indexOf(kind);
}

/** A generation has one spec: only status and metadata that no compiler asks for have changed. */
function isSameManifest({ uid, generation }: Entry, { metadata }: KubeObject): boolean {
  return uid === metadata.uid && generation !== undefined && generation === metadata.generation;
}

/** null for none, which reads as what is no spec. */
function specText({ spec }: KubeObject): string {
  return JSON.stringify(spec ?? null);
}

/** All that the compiler asks for. */
function manifestOf({ kind, namespace, name }: Pending, { uid, generation, spec, createdMs }: Entry): unknown {
  const read: unknown = JSON.parse(spec);
  const metadata = { name, namespace, uid, generation, creationTimestamp: new Date(createdMs) };
  return { apiVersion: API_VERSION, kind, metadata, spec: read };
}

/** Several changes before one is in force: what was in force named those of the first. */
function earlierOf(before: Entry): readonly NamedSecretKey[] {
  return before.earlier === NO_REFS ? before.refs : before.earlier;
}

function sameRefs(a: readonly NamedSecretKey[], b: readonly NamedSecretKey[]): boolean {
  const texts = (refs: readonly NamedSecretKey[]): string => JSON.stringify(refs.map(({ name, key }) => [name, key]));
  return texts(a) === texts(b);
}

function secretChange({ namespace, name }: Pending, state: SecretState): ManifestChange | undefined {
  switch (state.kind) {
    case "present": {
      const data = Object.fromEntries(state.data);
      return { type: "Upsert", manifest: { apiVersion: "v1", kind: "Secret", metadata: { namespace, name }, data } };
    }
    case "absent":
      return { type: "Delete", ref: { kind: "Secret", namespace, name } };
    case "unknown":
      return undefined;
  }
}

function keyOf({ kind, namespace, name }: Pending): string {
  return `${kind}/${namespace}/${name}`;
}
