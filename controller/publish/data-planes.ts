// What data planes say of themselves: their heartbeats, with their age by the clock of Redis, which also stamped them.

import { dataPlanesKey, EVERY_NAMESPACE, type Heartbeat, heartbeat } from "../../dataplane/contract/published.ts";
import { createRedisCaller, type RedisCaller, type RedisClient } from "./redis-caller.ts";
import type { Timers } from "./timers.ts";

export interface DataPlane {
  /** The one namespace that it serves, or EVERY_NAMESPACE. */
  readonly scope: string;
  readonly id: string;
  /** Since its last heartbeat, at least 0; Infinity when there is no telling. */
  readonly ageMs: number;
  /** Undefined when it cannot be read, for example because it is of another version. */
  readonly heartbeat: Heartbeat | undefined;
}

export interface DataPlaneReaderOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly timers: Timers;
  /** How long an answer of Redis is waited for. Default 5000. */
  readonly timeoutMs?: number;
}

/** Both reject when Redis refuses, is away or is silent. */
export interface DataPlaneReader {
  /** Those that serve all namespaces and those that serve one of these, at most 10,000 of each. */
  readDataPlanes(namespaces: Iterable<string>): Promise<readonly DataPlane[]>;
  /** One that is gone without a goodbye. */
  forgetDataPlane(scope: string, id: string): Promise<void>;
}

const TIMEOUT_MS = 5000;
/** What one scope may hold is up to whoever may write there: it does not fill this process's memory. */
const MAX_DATA_PLANES = 10_000;
const SCOPES_AT_ONCE = 100;

export function createDataPlaneReader(options: DataPlaneReaderOptions): DataPlaneReader {
  const { redis, prefix, timers, timeoutMs = TIMEOUT_MS } = options;
  const caller = createRedisCaller({ redis, timers, timeoutMs });
  return {
    async readDataPlanes(namespaces) {
      const scopes = [...new Set([EVERY_NAMESPACE, ...namespaces])];
      const found: DataPlane[] = [];
      for (let i = 0; i < scopes.length; i += SCOPES_AT_ONCE) {
        const some = scopes.slice(i, i + SCOPES_AT_ONCE);
        // The time after the values: none is from the future then.
        const read = await Promise.all(some.map((scope) => readScope(caller, dataPlanesKey(prefix, scope))));
        const nowMs = await readTime(caller);
        for (const [at, values] of read.entries()) {
          for (const [id, text] of values) found.push(readDataPlane({ scope: some[at] ?? "", id, text, nowMs }));
        }
      }
      return found;
    },
    async forgetDataPlane(scope, id) {
      await caller.command("hdel", dataPlanesKey(prefix, scope), id);
    },
  };
}

async function readScope(caller: RedisCaller, key: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let cursor = "0";
  do {
    const reply = await caller.command("hscan", key, cursor, "COUNT", "1000");
    const [next, pairs] = readList(reply);
    const values = readList(pairs);
    for (let i = 0; i + 1 < values.length && found.size < MAX_DATA_PLANES; i += 2) {
      found.set(String(values[i]), String(values[i + 1]));
    }
    cursor = typeof next === "string" ? next : "0";
  } while (cursor !== "0" && found.size < MAX_DATA_PLANES);
  return found;
}

async function readTime(caller: RedisCaller): Promise<number> {
  const reply = await caller.command("time");
  const [seconds, microseconds] = readList(reply);
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  if (!Number.isFinite(nowMs)) throw new Error("Redis told no time");
  return nowMs;
}

function readList(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

interface Seen {
  readonly scope: string;
  readonly id: string;
  readonly text: string;
  readonly nowMs: number;
}

function readDataPlane({ scope, id, text, nowMs }: Seen): DataPlane {
  const [, seenMs, json] = /^(\d{1,15}) (.*)$/s.exec(text) ?? [];
  const ageMs = seenMs === undefined ? Infinity : Math.max(0, nowMs - Number(seenMs));
  return { scope, id, ageMs, heartbeat: json === undefined ? undefined : readHeartbeat(json) };
}

function readHeartbeat(json: string): Heartbeat | undefined {
  try {
    return heartbeat.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined; // not JSON: written by something else, or cut off
  }
}
