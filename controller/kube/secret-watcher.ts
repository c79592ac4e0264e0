// Knows the Secrets that objects refer to, and keeps nothing of any other. One watch for each namespace with a reference
// (docs/decisions.md, "Secrets are watched by namespace"); of each Secret the keys that are referred to. Values never leave
// except by read().

import type { BackOffRange } from "./back-off.ts";
import type { Clock } from "./clock.ts";
import type { KubeApi } from "./kube-api.ts";
import type { KubeObject, ObjectRef } from "./kube-object.ts";
import { createReflector, type Reflector, type ReflectorReport, type ReflectorSettings } from "./reflector.ts";
import { SECRETS } from "./resource.ts";
import { createSecretReferences, type SecretRef } from "./secret-references.ts";
import { createWorkQueue, type WorkQueue } from "./work-queue.ts";

export type SecretState =
  /** Not looked at yet: whoever depends on it waits. */
  | { readonly kind: "unknown" }
  | { readonly kind: "absent" }
  /** Base64 by key, as the API has it; only the keys referred to, and of these only those that exist. */
  | { readonly kind: "present"; readonly data: ReadonlyMap<string, string> };

export interface SecretWatcherOptions {
  readonly api: Pick<KubeApi, "list" | "watch" | "get">;
  readonly clock: Clock;
  readonly random: () => number;
  /** A Secret's state or the value of a key referred to has changed. */
  readonly changed: (namespace: string, name: string) => void;
  /** Nothing is unknown any more; called each time that becomes so. */
  readonly settled: () => void;
  readonly report?: (report: ReflectorReport) => void;
  readonly settings?: Partial<ReflectorSettings>;
}

export interface SecretWatcher {
  /**
   * Says what an object ("Consumer/ai/user1") refers to from now on; none: nothing. Before start() it is only noted, so that
   * the references of all objects known by then are served by one list for each namespace.
   */
  refer(owner: string, refs: readonly SecretRef[]): void;
  start(): void;
  stop(): Promise<void>;
  read(namespace: string, name: string): SecretState;
  isSettled(): boolean;
  state(): { readonly namespaces: number; readonly secrets: number; readonly unknown: number };
}

/** Helm keeps its releases in Secrets of up to a megabyte each, and nobody refers to them. */
const SELECTOR = "type!=helm.sh/release.v1";
/** A Secret can be a megabyte; pages stay within what is read at once. */
const PAGE_SIZE = 100;
const READS_AT_ONCE = 4;
const READ_BACK_OFF: BackOffRange = { minMs: 500, maxMs: 30_000 };
const UNKNOWN: SecretState = { kind: "unknown" };
const ABSENT: SecretState = { kind: "absent" };

export function createSecretWatcher(options: SecretWatcherOptions): SecretWatcher {
  return new Watcher(options);
}

interface Namespace {
  readonly reflector: Reflector;
  synced: boolean;
}

class Watcher implements SecretWatcher {
  readonly #options: SecretWatcherOptions;
  readonly #references = createSecretReferences();
  readonly #namespaces = new Map<string, Namespace>();
  /** By "namespace/name", of those referred to; none: unknown. */
  readonly #states = new Map<string, SecretState>();
  /** Unknown although their namespace is watched: the list came by before they were referred to. */
  readonly #unread = new Set<string>();
  readonly #reads: WorkQueue;
  readonly #stopping = new Set<Promise<void>>();
  #unsynced = 0;
  #started = false;

  constructor(options: SecretWatcherOptions) {
    this.#options = options;
    const { clock, random } = options;
    this.#reads = createWorkQueue({
      clock,
      random,
      work: (key) => this.#readOne(key),
      concurrency: READS_AT_ONCE,
      backOff: READ_BACK_OFF,
      failed: () => 0,
    });
  }

  refer(owner: string, refs: readonly SecretRef[]): void {
    const { added, removed } = this.#references.replace(owner, refs);
    if (!this.#started) return;
    const wasSettled = this.isSettled();
    for (const ref of removed) this.#dropKey(ref);
    const fresh = new Set<string>();
    for (const { namespace } of added) if (this.#watchNamespace(namespace)) fresh.add(namespace);
    // A namespace that is watched from now on will bring them itself.
    for (const ref of added) if (!fresh.has(ref.namespace)) this.#readLater(keyOf(ref));
    if (!wasSettled && this.isSettled()) this.#options.settled();
  }

  start(): void {
    this.#started = true;
    for (const namespace of this.#references.namespaces()) this.#watchNamespace(namespace);
    if (this.isSettled()) this.#options.settled();
  }

  async stop(): Promise<void> {
    this.#started = false;
    const reflectors = [...this.#namespaces.values()].map(({ reflector }) => reflector.stop());
    await Promise.all([...reflectors, ...this.#stopping, this.#reads.stop()]);
  }

  read(namespace: string, name: string): SecretState {
    return this.#states.get(keyOf({ namespace, name })) ?? UNKNOWN;
  }

  isSettled(): boolean {
    return this.#started && this.#unsynced === 0 && this.#unread.size === 0;
  }

  state(): { readonly namespaces: number; readonly secrets: number; readonly unknown: number } {
    return { namespaces: this.#namespaces.size, secrets: this.#states.size, unknown: this.#unread.size };
  }

  /** True when it was not watched before. */
  #watchNamespace(namespace: string): boolean {
    if (this.#namespaces.has(namespace)) return false;
    const { api, clock, random, report, settings } = this.#options;
    const handler = {
      upsert: (secret: KubeObject) => this.#arrived(namespace, secret),
      remove: ({ name }: ObjectRef) => this.#settle({ namespace, name }, ABSENT),
      synced: () => this.#synced(namespace),
    };
    const reflector = createReflector({
      api,
      clock,
      random,
      handler,
      ...(report === undefined ? {} : { report }),
      scope: { resource: SECRETS, namespace, fieldSelector: SELECTOR },
      keep: (secret) => secret,
      settings: { pageSize: PAGE_SIZE, ...settings },
    });
    this.#namespaces.set(namespace, { reflector, synced: false });
    this.#unsynced += 1;
    reflector.start();
    return true;
  }

  #synced(namespace: string): void {
    const watched = this.#namespaces.get(namespace);
    if (watched === undefined || watched.synced) return;
    watched.synced = true;
    for (const name of this.#references.namesIn(namespace)) {
      const key = keyOf({ namespace, name });
      if (!this.#states.has(key) && !this.#unread.has(key)) this.#settle({ namespace, name }, ABSENT);
    }
    this.#unsynced -= 1;
    if (this.isSettled()) this.#options.settled();
  }

  #arrived(namespace: string, secret: KubeObject): void {
    const { name } = secret.metadata;
    const keys = this.#references.keysOf(namespace, name);
    if (keys !== undefined) this.#settle({ namespace, name }, present(secret, keys));
  }

  #settle(ref: { readonly namespace: string; readonly name: string }, state: SecretState): void {
    if (this.#references.keysOf(ref.namespace, ref.name) === undefined) return;
    const key = keyOf(ref);
    const before = this.#states.get(key) ?? UNKNOWN;
    this.#states.set(key, state);
    const wasUnread = this.#unread.delete(key);
    if (!isSame(before, state)) this.#options.changed(ref.namespace, ref.name);
    if (wasUnread && this.isSettled()) this.#options.settled();
  }

  #readLater(key: string): void {
    this.#states.delete(key);
    this.#unread.add(key);
    this.#reads.add(key);
  }

  /** What the watch brings meanwhile goes before: it is newer, or newer follows. */
  async #readOne(key: string): Promise<void> {
    if (!this.#unread.has(key)) return;
    const slash = key.indexOf("/");
    const ref = { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
    const secret = await this.#options.api.get(SECRETS, ref);
    if (!this.#unread.has(key)) return;
    if (secret === undefined) this.#settle(ref, ABSENT);
    else this.#arrived(ref.namespace, secret);
  }

  #dropKey(ref: SecretRef): void {
    const key = keyOf(ref);
    const keys = this.#references.keysOf(ref.namespace, ref.name);
    const state = this.#states.get(key);
    if (keys !== undefined) {
      if (state?.kind === "present") this.#states.set(key, withKeys(state.data, keys));
      return;
    }
    this.#states.delete(key);
    this.#unread.delete(key);
    this.#reads.remove(key);
    if (!hasAny(this.#references.namesIn(ref.namespace))) this.#unwatch(ref.namespace);
  }

  #unwatch(namespace: string): void {
    const watched = this.#namespaces.get(namespace);
    if (watched === undefined) return;
    this.#namespaces.delete(namespace);
    if (!watched.synced) this.#unsynced -= 1;
    const stopping = watched.reflector.stop();
    this.#stopping.add(stopping);
    void stopping.then(() => this.#stopping.delete(stopping));
  }
}

function present(secret: KubeObject, keys: ReadonlySet<string>): SecretState {
  const { data } = secret;
  const all = typeof data === "object" && data !== null ? new Map<string, unknown>(Object.entries(data)) : new Map();
  return withKeys(all, keys);
}

function withKeys(data: ReadonlyMap<string, unknown>, keys: ReadonlySet<string>): SecretState {
  const kept = new Map<string, string>();
  for (const key of keys) {
    const value = data.get(key);
    if (typeof value === "string") kept.set(key, value);
  }
  return { kind: "present", data: kept };
}

function isSame(a: SecretState, b: SecretState): boolean {
  if (a.kind !== "present" || b.kind !== "present") return a.kind === b.kind;
  return a.data.size === b.data.size && [...a.data].every(([key, value]) => b.data.get(key) === value);
}

function hasAny(values: Iterable<string>): boolean {
  for (const _value of values) return true;
  return false;
}

function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
