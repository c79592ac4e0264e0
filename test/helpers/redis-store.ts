// A Redis store under test with all that it says about itself, and counters to try it on.

import { randomBytes } from "node:crypto";
import { counterId, counterKey } from "../../dataplane/contract/keys.ts";
import type { Calendar } from "../../dataplane/core/calendar.ts";
import type { Admission, Charge, Check, Counter, CounterStore } from "../../dataplane/core/counter-store.ts";
import { type Algorithm, LimitWindow } from "../../dataplane/core/window.ts";
import { createRedisClient, type RedisSettings } from "../../dataplane/redis/connection.ts";
import { createRedisStore } from "../../dataplane/redis/redis-store.ts";
import type { StoreTimeouts } from "../../dataplane/redis/store-context.ts";
import { eventually, machineClock } from "./clock.ts";

export const HOUR_MS = 3_600_000;

export interface StoreUnderTest {
  readonly store: CounterStore;
  readonly prefix: string;
  /** What the breaker has been since the store answered first. */
  readonly breaker: boolean[];
  readonly latencies: number[];
  lost: number;
  readonly messages: string[];
}

export interface StoreUnderTestOptions {
  readonly prefix?: string;
  readonly settings?: Partial<RedisSettings>;
  readonly timeouts?: Partial<StoreTimeouts>;
  /** Default: waits until Redis answers. */
  readonly wait?: boolean;
}

export function randomId(): string {
  return randomBytes(8).toString("hex");
}

export function randomPrefix(): string {
  return `t${randomId()}:`;
}

export async function openStore(url: string, options: StoreUnderTestOptions = {}): Promise<StoreUnderTest> {
  const { prefix = randomPrefix(), settings = {}, timeouts, wait = true } = options;
  const messages: string[] = [];
  const note = (_details: object, message: string): void => void messages.push(message);
  const client = createRedisClient({ url, cluster: false, ...settings }, (error) => messages.push(error.message));
  const under: Omit<StoreUnderTest, "store"> = { prefix, breaker: [], latencies: [], lost: 0, messages };
  const store = createRedisStore({
    client,
    dataPlaneId: randomId(),
    prefix,
    clock: machineClock,
    // Generous, as test machines are slow: what a test wants to be late it makes late.
    timeouts: timeouts ?? { admitMs: 2000, chargeMs: 2000 },
    observe: {
      admitMs: (ms) => void under.latencies.push(ms),
      breaker: (open) => void under.breaker.push(open),
      lost: (charges) => {
        under.lost += charges;
      },
    },
    log: { info: note, warn: note, error: note },
  });
  const probe = aCounter({ prefix, values: "probe" });
  if (wait) await eventually("the store answers", async () => (await admit(store, [aCheck(probe)])).source === "store");
  if (wait) under.breaker.length = 0; // what it said before there was a connection
  return Object.assign(under, { store });
}

export interface CounterShape {
  readonly prefix: string;
  readonly values?: string;
  readonly limit?: string;
  readonly algorithm?: Algorithm;
  readonly durationMs?: number;
  /** With algorithm Calendar. */
  readonly calendar?: Calendar;
}

/** Counters with other `values` lie in other hashes, and mostly in other tags; other `limit`s are other fields. */
export function aCounter({ prefix, values = "user1", limit = "minute", ...window }: CounterShape): Counter {
  const { calendar, algorithm = calendar === undefined ? "Sliding" : "Calendar", durationMs = HOUR_MS } = window;
  const identity = { namespace: "ai", policy: "p", unit: "TotalTokens", per: ["Consumer"] };
  const field = counterId({ ...identity, limit, window: `${algorithm}/${String(durationMs)}` });
  return {
    ...counterKey(prefix, "ai", [["Consumer", values]]),
    field,
    window: new LimitWindow(algorithm, durationMs, calendar),
  };
}

/** A check that only reads, unless told otherwise. */
export function aCheck(
  counter: Counter,
  { ask = 0, refuseAt = Infinity, ...rest }: Partial<Omit<Check, "counter">> = {},
): Check {
  return { counter, ask, refuseAt, ...rest };
}

export function admit(store: CounterStore, checks: readonly Check[]): Promise<Admission> {
  return new Promise((resolve) => {
    store.admit(checks, resolve);
  });
}

export function charge(store: CounterStore, ...charges: readonly Charge[]): Promise<void> {
  return new Promise((resolve) => {
    store.charge(charges, resolve);
  });
}

/** What the counter holds in the present and the previous window together. */
export async function total(store: CounterStore, counter: Counter): Promise<number> {
  const { states } = await admit(store, [aCheck(counter)]);
  return (states[0]?.current ?? 0) + (states[0]?.previous ?? 0);
}
