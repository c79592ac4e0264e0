// Configuration from Redis: loads what is published, follows it, and keeps what it has when Redis is away, emptied, or
// speaks another schema. Tells what is in force, and what is missing until everything is there.

import type { Cluster, Redis } from "ioredis";
import { CLUSTER_PART, SCHEMA } from "../../contract/published.ts";
import type { StoreLog } from "../store-context.ts";
import { openChangeFeed } from "./change-feed.ts";
import { ConfigCommands, type Position } from "./config-commands.ts";
import { NamespaceFollower, type Trouble } from "./namespace-follower.ts";
import { type ConfigSink, removeWhole } from "./namespace-reader.ts";
import { createTaskQueue } from "./task-queue.ts";

export interface ConfigSourceOptions {
  /** Both from connection.ts, not connected; the source owns them. The second one subscribes. */
  readonly clients: { readonly reader: Redis | Cluster; readonly subscriber: Redis | Cluster };
  readonly prefix: string;
  /** Undefined: all that the index names. Else these and what is for all namespaces, whatever the index says. */
  readonly namespaces: readonly string[] | undefined;
  readonly sink: ConfigSink;
  readonly observe: ConfigObserver;
  readonly log: StoreLog;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly intervals?: Partial<SourceIntervals> | undefined;
}

export interface SourceIntervals {
  /** Between two looks at all heads; between this and twice this, drawn anew each time. */
  readonly pollMs: number;
  /** A namespace that is missing in the index for this long is gone. An index that is being written anew names some later than others. */
  readonly goneMs: number;
}

export interface ConfigObserver {
  /** A reading is in force. */
  applied(kind: "full" | "incremental"): void;
  /** Everything that is published is in force for the first time. */
  loaded(): void;
  /** Redis has been asked and all that it publishes is in force here. */
  checked(): void;
  /** An object that does not meet the contract was left out. */
  rejected(): void;
  /** Namespaces whose schema this version cannot read. */
  schemaUnknown(namespaces: number): void;
  /** From word of a change until it was in force. */
  followed(ms: number): void;
}

const INTERVALS: SourceIntervals = { pollMs: 2_000, goneMs: 30_000 };
const RETRY_MS = 100;
const WHOLE_READINGS = 2;

export class ConfigSource {
  readonly #options: ConfigSourceOptions;
  readonly #intervals: SourceIntervals;
  /** Undefined: all that the index names. */
  readonly #parts: readonly string[] | undefined;
  readonly #commands: ConfigCommands;
  readonly #followers = new Map<string, NamespaceFollower>();
  readonly #queue = createTaskQueue(WHOLE_READINGS);
  /** Since when a namespace has not been in the index. */
  readonly #missingSinceMs = new Map<string, number>();
  /** What was said last of each namespace; of Redis itself under "". */
  readonly #said = new Map<string, string>();
  readonly #feed: { check(): void; close(): void };
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #isPollDue = false;
  #failures = 0;
  #isLoaded = false;
  #isClosed = false;

  /** Connects, and goes on trying for as long as it takes. */
  constructor(options: ConfigSourceOptions) {
    this.#options = options;
    this.#intervals = { ...INTERVALS, ...options.intervals };
    const { clients, prefix } = options;
    this.#parts = options.namespaces === undefined ? undefined : [...options.namespaces, CLUSTER_PART];
    this.#commands = new ConfigCommands(clients.reader, prefix);
    const pollNow = (): void => {
      this.#poll();
    };
    clients.reader.on("ready", pollNow);
    clients.reader.connect().catch(() => {}); // failures reach its error listener, and it goes on trying
    this.#feed = openChangeFeed({
      client: clients.subscriber,
      prefix,
      namespaces: this.#parts,
      changed: (namespace) => {
        this.#changed(namespace);
      },
      listening: pollNow,
      failed: (error) => {
        this.#say("", `no word of changes: ${error.message}`);
      },
    });
    this.#pollLater();
  }

  /** What is in force, by namespace. */
  positions(): ReadonlyMap<string, Position> {
    const positions = new Map<string, Position>();
    for (const { namespace, position } of this.#followers.values()) {
      if (position !== undefined) positions.set(namespace, position);
    }
    return positions;
  }

  /** Undefined once everything that is published has been loaded; what comes later is no matter of readiness. */
  missing(): string | undefined {
    if (this.#isLoaded) return undefined;
    const [said] = this.#said.values();
    return said ?? "the configuration is being loaded";
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#feed.close();
    this.#options.clients.reader.disconnect();
    await this.#polling;
    await Promise.all([...this.#followers.values()].map((follower) => follower.look()));
  }

  /** Word of a namespace that is not known yet is a reason to read the index. */
  #changed(namespace: string): void {
    if (this.#isClosed) return;
    const follower = this.#followers.get(namespace);
    if (follower === undefined) {
      this.#poll();
      return;
    }
    const startedMs = performance.now();
    const before = follower.position;
    void follower.look().then(() => {
      if (follower.position !== before) this.#options.observe.followed(performance.now() - startedMs);
    });
  }

  #poll(): void {
    if (this.#isClosed) return;
    this.#isPollDue = true;
    this.#polling ??= this.#pollWhileDue().finally(() => {
      this.#polling = undefined;
      this.#pollLater();
    });
  }

  #pollLater(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const base = this.#failures === 0 ? this.#intervals.pollMs : RETRY_MS * 2 ** Math.min(this.#failures, 10);
    const delayMs = Math.min(base, this.#intervals.pollMs) * (1 + this.#options.random());
    this.#timer = setTimeout(() => {
      this.#feed.check();
      this.#poll();
    }, delayMs);
  }

  async #pollWhileDue(): Promise<void> {
    while (this.#isPollDue && !this.#isClosed) {
      this.#isPollDue = false;
      const problem = await this.#lookAtAll().catch((error: unknown) => errorText(error));
      this.#failures = problem === undefined ? 0 : this.#failures + 1;
      this.#say("", problem);
    }
  }

  /** Undefined when all is in force, else what is the matter. */
  async #lookAtAll(): Promise<string | undefined> {
    const { observe } = this.#options;
    const published = this.#parts ?? (await this.#commands.namespaces());
    if (published === undefined) return "Redis holds no configuration";
    for (const namespace of published) this.#follower(namespace);
    await this.#removeGone(new Set(published));
    const followers = [...this.#followers.values()];
    await Promise.all(followers.map((follower) => follower.look()));
    observe.schemaUnknown(followers.filter(({ trouble }) => trouble?.kind === "schema").length);
    const failed = followers.find(({ trouble }) => trouble?.kind === "failed")?.trouble;
    if (failed?.kind === "failed") return failed.error.message;
    if (followers.some(({ trouble }) => trouble !== undefined)) return undefined;
    observe.checked();
    if (!this.#isLoaded) {
      this.#isLoaded = true;
      this.#options.log.info({ namespaces: followers.length }, "the configuration is loaded");
      observe.loaded();
    }
    return undefined;
  }

  #follower(namespace: string): void {
    if (this.#followers.has(namespace)) return;
    const { sink, observe } = this.#options;
    const follower = new NamespaceFollower(namespace, {
      commands: this.#commands,
      sink,
      queue: this.#queue,
      rejected: (_namespace, field) => {
        observe.rejected();
        this.#options.log.error(
          { namespace, object: field.slice(0, 300) },
          "a published object does not meet the contract and is left out; what was in force of it stays",
        );
      },
      applied: (kind) => {
        observe.applied(kind);
      },
      troubled: (trouble) => {
        this.#say(namespace, troubleText(namespace, trouble));
      },
    });
    this.#followers.set(namespace, follower);
  }

  async #removeGone(published: ReadonlySet<string>): Promise<void> {
    const nowMs = performance.now();
    for (const namespace of this.#followers.keys()) {
      if (published.has(namespace)) {
        this.#missingSinceMs.delete(namespace);
        continue;
      }
      const sinceMs = this.#missingSinceMs.get(namespace) ?? nowMs;
      this.#missingSinceMs.set(namespace, sinceMs);
      if (nowMs - sinceMs < this.#intervals.goneMs) continue;
      await this.#followers.get(namespace)?.look(); // whatever it was reading is in force before it goes
      this.#followers.delete(namespace);
      this.#missingSinceMs.delete(namespace);
      this.#said.delete(namespace);
      await removeWhole(this.#options.sink, namespace);
      this.#options.log.info({ namespace }, "the namespace is not published any more; its configuration is removed");
      this.#options.observe.applied("full");
    }
  }

  /** Trouble is told once, and so is its end. */
  #say(about: string, problem: string | undefined): void {
    if (this.#said.get(about) === problem || this.#isClosed) return;
    const details = about === "" ? {} : { namespace: about };
    if (problem === undefined) {
      this.#said.delete(about);
      this.#options.log.info(details, "the configuration is followed again");
    } else {
      this.#said.set(about, problem);
      this.#options.log.warn(
        { ...details, reason: problem },
        "the configuration cannot be followed; what is in force stays",
      );
    }
  }
}

function troubleText(namespace: string, trouble: Trouble | undefined): string | undefined {
  if (trouble === undefined) return undefined;
  if (trouble.kind === "absent") return `namespace ${namespace} is not published`;
  if (trouble.kind === "failed") return `namespace ${namespace}: ${trouble.error.message}`;
  const wanted = String(SCHEMA);
  return `namespace ${namespace} is published in schema ${JSON.stringify(trouble.found)}, this version reads ${wanted}`;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
