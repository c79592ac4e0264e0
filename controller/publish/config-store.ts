// Configuration in Redis, one method for each thing that is done to it. Keys and formats are the contract's; what may be
// written when, is the scripts'. Knows no state of ours: publish-namespace.ts decides what to do.

import {
  changeChannel,
  changesKey,
  epochKey,
  headKey,
  namespacesKey,
  objectsKey,
  SCHEMA,
} from "../../dataplane/contract/published.ts";
import type { Change } from "./chunks.ts";
import type { RedisCaller } from "./redis-caller.ts";
import { BEGIN, CLAIM_HEAD, CLAIM_INDEX, FILL, FLIP, FORGET, INDEX, loadScript, PUBLISH } from "./scripts.ts";

/** As text, because it is compared with what Redis holds; "" = absent. */
export interface Head {
  readonly schema: string;
  readonly epoch: string;
  readonly generation: string;
  readonly revision: string;
  readonly next: string;
}

/** "fenced": a leader with a higher epoch writes now. "behind": the head is not what the caller took it for. */
export interface HeadAnswer {
  readonly kind: "done" | "fenced" | "behind";
  readonly head: Head;
}

export interface IndexAnswer {
  readonly kind: "done" | "fenced";
  /** The epoch found; 0 = none. */
  readonly found: number;
}

export interface Position {
  readonly namespace: string;
  readonly generation: string;
  readonly revision: number;
}

/** What flips, and from what: `head` as `claimHead` found it. */
export interface Flip {
  readonly to: Position;
  readonly from: Head;
  /** Objects written. */
  readonly size: number;
}

/** All methods reject when Redis refuses, is away or is silent. */
export interface ConfigStore {
  readEpoch(): Promise<number>;
  readIndex(): Promise<ReadonlyMap<string, string>>;
  claimIndex(epoch: number): Promise<IndexAnswer>;
  /** Namespace -> generation, or "" to remove it. */
  changeIndex(epoch: number, entries: ReadonlyMap<string, string>): Promise<IndexAnswer>;
  claimHead(epoch: number, namespace: string): Promise<HeadAnswer>;
  readHead(namespace: string): Promise<Head>;
  countObjects(position: Position): Promise<number>;
  /** Calls back for each object of a namespace; maybe more than once for one. */
  scanObjects(position: Position, each: (field: string, entry: string) => void): Promise<void>;
  /** `from` is what the caller takes the head for; the revision after it is that one plus 1. */
  publish(epoch: number, from: Position, changes: readonly Change[]): Promise<HeadAnswer>;
  begin(epoch: number, begun: Position, found: Head): Promise<HeadAnswer>;
  fill(epoch: number, begun: Position, changes: readonly Change[]): Promise<HeadAnswer>;
  flip(epoch: number, flip: Flip): Promise<HeadAnswer>;
  forget(epoch: number, position: Position): Promise<HeadAnswer>;
}

/** Of a stream, about: entries, and bytes when they are big. Who is further behind reads everything. */
const KEEP_CHANGES = 1000;
const KEEP_BYTES = 32 * 1024 * 1024;
const SCAN_COUNT = "1000";
/** A namespace that comes back within a day goes on counting revisions where it was. */
const FORGOTTEN_HEAD_MS = String(24 * 3_600_000);
const SCHEMA_TEXT = String(SCHEMA);

export function createConfigStore(caller: RedisCaller, prefix: string): ConfigStore {
  return { ...indexMethods(caller, prefix), ...readMethods(caller, prefix), ...writeMethods(caller, prefix) };
}

type IndexMethods = Pick<ConfigStore, "readEpoch" | "readIndex" | "claimIndex" | "changeIndex">;

function indexMethods(caller: RedisCaller, prefix: string): IndexMethods {
  const claim = loadScript(CLAIM_INDEX);
  const change = loadScript(INDEX);
  return {
    readEpoch: async () => Number(readText(await caller.command("get", epochKey(prefix)))) || 0,
    readIndex: async () => readPairs(await caller.command("hgetall", namespacesKey(prefix))),
    claimIndex: async (epoch) => readIndexAnswer(await caller.script(claim, [epochKey(prefix)], [String(epoch)])),
    async changeIndex(epoch, entries) {
      const keys = [epochKey(prefix), namespacesKey(prefix)];
      return readIndexAnswer(await caller.script(change, keys, [String(epoch), ...[...entries].flat()]));
    },
  };
}

type ReadMethods = Pick<ConfigStore, "claimHead" | "readHead" | "countObjects" | "scanObjects">;

function readMethods(caller: RedisCaller, prefix: string): ReadMethods {
  const claim = loadScript(CLAIM_HEAD);
  const objectsOf = ({ namespace, generation }: Position): string => objectsKey(prefix, namespace, generation);
  return {
    async claimHead(epoch, namespace) {
      return readHeadAnswer(await caller.script(claim, [headKey(prefix, namespace)], [String(epoch)]));
    },
    async readHead(namespace) {
      const fields = ["schema", "epoch", "generation", "revision", "next"];
      return readHead(readList(await caller.command("hmget", headKey(prefix, namespace), ...fields)));
    },
    countObjects: async (position) => Number(await caller.command("hlen", objectsOf(position))),
    async scanObjects(position, each) {
      let cursor = "0";
      do {
        const reply = await caller.command("hscan", objectsOf(position), cursor, "COUNT", SCAN_COUNT);
        const [next, pairs] = readList(reply);
        for (const [field, entry] of readPairs(pairs)) each(field, entry);
        cursor = readText(next);
      } while (cursor !== "0");
    },
  };
}

type WriteMethods = Pick<ConfigStore, "publish" | "begin" | "fill" | "flip" | "forget">;

function writeMethods(caller: RedisCaller, prefix: string): WriteMethods {
  const [publish, begin, fill, flip, forget] = [PUBLISH, BEGIN, FILL, FLIP, FORGET].map(loadScript);
  const keysOf = ({ namespace, generation }: { readonly namespace: string; readonly generation: string }) => ({
    head: headKey(prefix, namespace),
    // A key that stands for none is the head's own: every key of a call is one that the caller may touch.
    objects: generation === "" ? headKey(prefix, namespace) : objectsKey(prefix, namespace, generation),
    changes: generation === "" ? headKey(prefix, namespace) : changesKey(prefix, namespace, generation),
  });
  async function run(script: typeof publish, keys: readonly string[], args: readonly string[]): Promise<HeadAnswer> {
    if (script === undefined) throw new Error("a script is missing");
    return readHeadAnswer(await caller.script(script, keys, args));
  }
  return {
    publish(epoch, from, changes) {
      const { head, objects, changes: stream } = keysOf(from);
      const known = [SCHEMA_TEXT, from.generation, String(from.revision), String(from.revision + 1)];
      const args = [String(epoch), ...known, keepOf(changes), changeChannel(prefix, from.namespace)];
      return run(publish, [head, objects, stream], [...args, ...flatten(changes)]);
    },
    begin(epoch, { namespace, generation }, found) {
      const left = keysOf({ namespace, generation: found.next });
      const known = [found.generation, found.revision, found.next];
      return run(begin, [left.head, left.objects], [String(epoch), ...known, generation]);
    },
    fill(epoch, begun, changes) {
      const { head, objects } = keysOf(begun);
      return run(fill, [head, objects], [String(epoch), begun.generation, ...flatten(changes)]);
    },
    flip(epoch, { to, from, size }) {
      const { head, objects } = keysOf(to);
      const old = keysOf({ namespace: to.namespace, generation: from.generation });
      const known = [String(epoch), SCHEMA_TEXT, from.generation, from.revision];
      const args = [...known, to.generation, String(to.revision), String(size), changeChannel(prefix, to.namespace)];
      return run(flip, [head, objects, old.objects, old.changes], args);
    },
    forget(epoch, position) {
      const { head, objects, changes } = keysOf(position);
      const args = [String(epoch), position.generation, String(position.revision), FORGOTTEN_HEAD_MS];
      return run(forget, [head, objects, changes], args);
    },
  };
}

function flatten(changes: readonly Change[]): string[] {
  return changes.flatMap(({ field, entry }) => [field, entry]);
}

function keepOf(changes: readonly Change[]): string {
  const bytes = changes.reduce((sum, { entry }) => sum + entry.length, 1);
  return String(Math.max(1, Math.min(KEEP_CHANGES, Math.floor(KEEP_BYTES / bytes))));
}

const INDEX_KINDS = ["done", "fenced"] as const;
const HEAD_KINDS = ["done", "fenced", "behind"] as const;

function readIndexAnswer(reply: unknown): IndexAnswer {
  const [status, found] = readList(reply);
  const kind = INDEX_KINDS[Number(status)];
  if (kind === undefined) throw new Error("Redis answered what no script of ours answers");
  return { kind, found: Number(found) };
}

function readHeadAnswer(reply: unknown): HeadAnswer {
  const [status, ...rest] = readList(reply);
  const kind = HEAD_KINDS[Number(status)];
  if (kind === undefined) throw new Error("Redis answered what no script of ours answers");
  return { kind, head: readHead(rest) };
}

function readHead(values: readonly unknown[]): Head {
  const [schema = "", epoch = "", generation = "", revision = "", next = ""] = values.map(readText);
  return { schema, epoch, generation, revision, next };
}

function readList(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

/** Absent reads as "". */
function readText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Flat pairs, or what ioredis makes of them: an object for HGETALL, a Map with RESP3. */
function readPairs(reply: unknown): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  if (Array.isArray(reply)) {
    const list = readList(reply);
    for (let i = 0; i + 1 < list.length; i += 2) pairs.set(readText(list[i]), readText(list[i + 1]));
  } else if (typeof reply === "object" && reply !== null) {
    const entries: Iterable<[unknown, unknown]> = reply instanceof Map ? reply : Object.entries(reply);
    for (const [field, value] of entries) pairs.set(readText(field), readText(value));
  }
  return pairs;
}
