// Publishes compiled configuration to Redis while this process leads: only what has changed, nothing twice, nothing lost
// while Redis is away. Data planes follow it; docs/redis.md shows what they see.

import type { Logger } from "pino";
import { type ConfigStore, createConfigStore } from "./config-store.ts";
import type { PublishableObject } from "./entry-text.ts";
import { readRevision } from "./entry-text.ts";
import {
  abandon,
  addChanges,
  createNamespaceState,
  fieldsOf,
  type NamespaceChanges,
  type NamespaceState,
  waitingOf,
} from "./namespace-state.ts";
import type { Leadership, PublishObserver } from "./publish-namespace.ts";
import { createRedisCaller, type RedisClient } from "./redis-caller.ts";
import { Retry } from "./retry.ts";
import { type Taken, takeLead } from "./take-lead.ts";
import type { Timers } from "./timers.ts";
import { Writer } from "./writer.ts";

export interface PublisherOptions {
  /** Made by createRedisClient of dataplane/redis/connection.ts; connected and closed by the caller. */
  readonly redis: RedisClient;
  /** Example "airl:". */
  readonly prefix: string;
  /** Namespaces that this controller publishes; all others are left alone. */
  readonly manages: (namespace: string) => boolean;
  readonly timers: Timers;
  readonly random: {
    /** In [0, 1). */
    number(): number;
    /** 16 hex digits, never the same twice. */
    generation(): string;
  };
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  readonly observe: PublishObserver;
  /** Another leader has taken over: nothing more is written. Called at most once for each `lead`. */
  readonly onDeposed: () => void;
  /** How often Redis is compared with what was published. Default 5000. */
  readonly checkEveryMs?: number;
  /** How long an answer of Redis is waited for. Default 5000. */
  readonly timeoutMs?: number;
}

/** By namespace. */
export type Changes = ReadonlyMap<string, NamespaceChanges>;
/** All that is to be published, by namespace and object field. */
export type Desired = ReadonlyMap<string, ReadonlyMap<string, PublishableObject>>;

export type LeadOutcome =
  | {
      readonly kind: "leading";
      readonly epoch: number;
      /** Namespace -> object field -> text of its entry, unchecked. Changes as soon as something is published. */
      readonly published: ReadonlyMap<string, ReadonlyMap<string, string>>;
    }
  /** Another leads now, or `resign` or `stop` was called. */
  | { readonly kind: "over" };

export type PublishOutcome =
  | { readonly kind: "published"; readonly namespaces: ReadonlyMap<string, PublishedNamespace> }
  /** This process leads no more; whether the changes are in Redis is not known. */
  | { readonly kind: "over" };

export interface PublishedNamespace {
  readonly generation: string;
  readonly revision: number;
  /** Of each object that was given and is there: field -> revision in which it changed last. */
  readonly revisions: ReadonlyMap<string, number>;
}

export interface PublishCounts {
  readonly namespaces: number;
  readonly objects: number;
  /** Changes that are not known to be in Redis. */
  readonly waiting: number;
}

export interface Publisher {
  /**
   * To be called on becoming leader, before anything is published. Tries until Redis answers. May be called again after the
   * leadership was over.
   */
  lead(leaseTransitions: number): Promise<LeadOutcome>;
  /** Resolves once the changes, or later ones of the same objects, are in Redis. Never rejects. */
  publish(changes: Changes): Promise<PublishOutcome>;
  /** As `publish`, and removes what is published in managed namespaces and not desired. */
  publishAll(desired: Desired): Promise<PublishOutcome>;
  /** Revision in which a published object changed last; undefined when it is not published. */
  revisionOf(namespace: string, field: string): number | undefined;
  /** What data planes acknowledge when they have all of it; undefined when nothing is published there. */
  positionOf(namespace: string): Omit<PublishedNamespace, "revisions"> | undefined;
  counts(): PublishCounts;
  /** Those that are published. */
  namespaces(): Iterable<string>;
  /** The lease is lost: nothing more is written from here on, except for one call that may be under way. */
  resign(): void;
  /** As `resign`, for good. Resolves when no call is under way any more. */
  stop(): Promise<void>;
}

const CHECK_EVERY_MS = 5000;
const TIMEOUT_MS = 5000;
const REASON_LENGTH = 300;

export function createPublisher(options: PublisherOptions): Publisher {
  return new RedisPublisher(options);
}

/** From winning the lease to losing it. */
interface Term {
  isOver: boolean;
  /** Ends what runs for it. */
  readonly closing: (() => void)[];
}

class RedisPublisher implements Publisher {
  readonly #options: PublisherOptions;
  readonly #store: ConfigStore;
  #states = new Map<string, NamespaceState>();
  #term: Term | undefined;
  #writer: Writer | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  #isFailing = false;

  constructor(options: PublisherOptions) {
    const { redis, prefix, timers, timeoutMs = TIMEOUT_MS } = options;
    this.#options = options;
    this.#store = createConfigStore(createRedisCaller({ redis, timers, timeoutMs }), prefix);
  }

  async lead(leaseTransitions: number): Promise<LeadOutcome> {
    this.resign();
    const term: Term = { isOver: this.#isStopped, closing: [] };
    this.#term = term;
    await this.#running;
    const taken = await this.#takeLead(term, leaseTransitions);
    if (taken === undefined || term.isOver) return { kind: "over" };
    this.#states = taken.states;
    this.#start(term, taken.epoch);
    const readable = [...taken.states.values()].filter(({ generation, isBehind }) => generation !== "" && !isBehind);
    this.#options.log.info({ epoch: taken.epoch, ...this.counts() }, "leads publishing to Redis");
    return {
      kind: "leading",
      epoch: taken.epoch,
      published: new Map(readable.map(({ namespace, entries }) => [namespace, entries])),
    };
  }

  publish(changes: Changes): Promise<PublishOutcome> {
    const term = this.#term;
    const writer = this.#writer;
    if (term === undefined || term.isOver || writer === undefined) return Promise.resolve({ kind: "over" });
    const settled = [...changes].map(([namespace, some]) => this.#add(namespace, some));
    writer.wake();
    return Promise.all(settled).then((namespaces) => {
      const published = namespaces.filter((each) => each !== undefined);
      if (published.length < namespaces.length) return { kind: "over" };
      return { kind: "published", namespaces: new Map(published) };
    });
  }

  publishAll(desired: Desired): Promise<PublishOutcome> {
    const changes = new Map<string, Map<string, PublishableObject | undefined>>();
    for (const [namespace, objects] of desired) changes.set(namespace, new Map(objects));
    for (const state of this.#states.values()) {
      const some = changes.get(state.namespace) ?? new Map<string, PublishableObject | undefined>();
      changes.set(state.namespace, some);
      for (const field of fieldsOf(state)) if (!some.has(field)) some.set(field, undefined);
    }
    return this.publish(changes);
  }

  revisionOf(namespace: string, field: string): number | undefined {
    const text = this.#states.get(namespace)?.entries.get(field);
    return text === undefined ? undefined : readRevision(text);
  }

  positionOf(namespace: string): Omit<PublishedNamespace, "revisions"> | undefined {
    const state = this.#states.get(namespace);
    if (state === undefined || state.generation === "") return undefined;
    return { generation: state.generation, revision: state.revision };
  }

  *namespaces(): Iterable<string> {
    for (const [namespace, { generation }] of this.#states) if (generation !== "") yield namespace;
  }

  counts(): PublishCounts {
    const states = [...this.#states.values()];
    return {
      namespaces: states.filter(({ generation }) => generation !== "").length,
      objects: states.reduce((sum, { entries }) => sum + entries.size, 0),
      waiting: states.reduce((sum, state) => sum + waitingOf(state), 0),
    };
  }

  resign(): void {
    const term = this.#term;
    if (term === undefined || term.isOver) return;
    term.isOver = true;
    for (const close of term.closing) close();
    this.#writer?.wake();
    this.#writer = undefined;
    for (const state of this.#states.values()) abandon(state);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.resign();
    await this.#running;
  }

  /** Undefined when another leads, or the term is over. */
  async #takeLead(term: Term, leaseTransitions: number): Promise<Taken | undefined> {
    const { manages, timers, random } = this.#options;
    const retry = new Retry();
    while (!term.isOver) {
      try {
        const taken = await takeLead({ store: this.#store, leaseTransitions, manages, nowMs: () => timers.nowMs() });
        this.#succeeded();
        return taken;
      } catch (error) {
        this.#failed(error);
        retry.failed(timers.nowMs(), random.number());
        await new Promise<void>((resolve) => {
          const cancel = timers.after(retry.atMs - timers.nowMs(), resolve);
          term.closing.push(cancel, resolve);
        });
        term.closing.length = 0;
      }
    }
    return undefined;
  }

  #start(term: Term, epoch: number): void {
    const { redis, timers, random, log, observe, onDeposed, checkEveryMs = CHECK_EVERY_MS } = this.#options;
    const leadership: Leadership = {
      epoch,
      store: this.#store,
      newGeneration: () => random.generation(),
      nowMs: () => timers.nowMs(),
      isOver: () => term.isOver,
      observe,
    };
    const writer = new Writer({
      leadership,
      states: this.#states,
      timers,
      random: () => random.number(),
      onFailure: (error) => this.#failed(error),
      onSuccess: () => this.#succeeded(),
      onBehind: (namespace) =>
        log.warn({ namespace }, "Redis lost what was published; it is published again as a whole"),
      onFenced: () => {
        this.resign();
        log.error({ epoch }, "another leader publishes to Redis; this one writes nothing more");
        onDeposed();
      },
    });
    this.#writer = writer;
    const check = (): void => writer.check();
    // A Redis that comes back may have lost its last writes.
    redis.on("ready", check);
    let cancel = timers.after(checkEveryMs, tick);
    function tick(): void {
      cancel = timers.after(checkEveryMs, tick);
      check();
    }
    term.closing.push(
      () => cancel(),
      () => redis.off("ready", check),
    );
    this.#running = writer.run();
  }

  /** Undefined when the leadership is over before it is published. */
  #add(namespace: string, changes: NamespaceChanges): Promise<[string, PublishedNamespace] | undefined> {
    if (!this.#options.manages(namespace)) throw new RangeError(`namespace ${namespace} is not one to publish`);
    const state = this.#states.get(namespace) ?? createNamespaceState(namespace);
    this.#states.set(namespace, state);
    return new Promise((resolve) => {
      addChanges(state, changes, (how) => {
        resolve(how === "over" ? undefined : [namespace, publishedOf(state, changes.keys())]);
      });
    });
  }

  #failed(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.log.warn(
      { reason: reasonOf(error) },
      "publishing to Redis fails; it is tried again until it succeeds",
    );
  }

  #succeeded(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.log.info({}, "publishing to Redis works again");
  }
}

/** The message alone: ioredis hangs the whole command on its errors, with every entry that was to be published. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const last: unknown = "lastNodeError" in error ? error.lastNodeError : undefined;
  const text = last instanceof Error ? `${error.message}: ${last.message}` : error.message;
  return text.slice(0, REASON_LENGTH);
}

function publishedOf(state: NamespaceState, fields: Iterable<string>): PublishedNamespace {
  const { generation, revision, entries } = state;
  const revisions = new Map<string, number>();
  for (const field of fields) {
    const found = readRevision(entries.get(field) ?? "");
    if (found !== undefined) revisions.set(field, found);
  }
  return { generation, revision, revisions };
}
