// The model: whatever commands come, the Redis store and the memory store end equal. The memory store's clock is set from
// the time that the Redis store reports; passing windows are played by moving Redis's counters back.

import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check, Counter, CounterStore } from "../../dataplane/core/counter-store.ts";
import { stateAt } from "../../dataplane/core/window.ts";
import { createMemoryStore } from "../../dataplane/store/memory-store.ts";
import { aGridCalendar } from "../helpers/calendars.ts";
import { createFakeClock } from "../helpers/clock.ts";
import { type RedisCluster, startRedisCluster } from "../helpers/redis-cluster.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { aCheck, aCounter, admit, charge, HOUR_MS, openStore, type StoreUnderTest } from "../helpers/redis-store.ts";

/** Long, so that no window of Redis's own clock ends during a run. */
const WINDOW_MS = 240 * HOUR_MS;

type Step =
  | { readonly kind: "charge"; readonly charges: readonly { readonly at: number; readonly amount: number }[] }
  | {
      readonly kind: "admit";
      readonly checks: readonly { readonly at: number; readonly ask: number; readonly refuseAt: number }[];
    }
  | { readonly kind: "flush" }
  | { readonly kind: "windows pass"; readonly count: number };

const at = fc.nat({ max: 11 });
/** Large, but a whole run stays below 2^53: where amounts stop, giving back is not the inverse of taking. */
const amount = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 20 }) }, fc.constant(2 ** 45 + 1));
const refuseAt = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(Infinity));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("charge" as const), charges: fc.array(fc.record({ at, amount }), { maxLength: 6 }) }),
  fc.record({
    kind: fc.constant("admit" as const),
    checks: fc.array(fc.record({ at, ask: fc.nat({ max: 2 }), refuseAt }), { maxLength: 6 }),
  }),
  fc.constant({ kind: "flush" as const }),
  fc.record({ kind: fc.constant("windows pass" as const), count: fc.integer({ min: 1, max: 3 }) }),
);

/** Twelve counters in three hashes, in different tags; of each hash one of each algorithm. */
function countersOf(prefix: string): Counter[] {
  const run = randomUUID();
  return [0, 1, 2].flatMap((hash) =>
    (["Sliding", "Fixed", "FixedFromFirst", "Calendar"] as const).map((algorithm) =>
      aCounter({
        prefix,
        values: `${run}${String(hash)}`,
        algorithm,
        durationMs: WINDOW_MS,
        ...(algorithm === "Calendar" && { calendar: aGridCalendar(WINDOW_MS) }),
      }),
    ),
  );
}

interface Raw {
  hgetall(key: string): Promise<Record<string, string>>;
  hset(key: string, field: string, value: string): Promise<number>;
}

class Run {
  readonly counters: readonly Counter[];
  readonly #redis: CounterStore;
  readonly #raw: Raw;
  readonly #clock = createFakeClock();
  readonly #memory = createMemoryStore(this.#clock);
  #passed = 0;

  constructor(under: StoreUnderTest, raw: Raw) {
    this.counters = countersOf(under.prefix);
    this.#redis = under.store;
    this.#raw = raw;
  }

  async play(steps: readonly Step[]): Promise<void> {
    await this.compare([]);
    for (const each of steps) await this.#step(each);
    await this.#redis.flush(5000);
    await this.compare(this.counters.map((counter) => aCheck(counter)));
  }

  async #step(each: Step): Promise<void> {
    switch (each.kind) {
      case "charge": {
        const charges = each.charges.flatMap(({ at: i, amount: added }) => {
          const counter = this.counters[i];
          return counter === undefined ? [] : [{ counter, amount: added }];
        });
        await Promise.all([charge(this.#redis, ...charges), charge(this.#memory, ...charges)]);
        return;
      }
      case "admit":
        return this.compare(
          each.checks.flatMap(({ at: i, ...rest }) => {
            const counter = this.counters[i];
            return counter === undefined ? [] : [aCheck(counter, rest)];
          }),
        );
      case "flush":
        return this.#redis.flush(5000);
      case "windows pass":
        await this.#redis.flush(5000);
        this.#passed += each.count;
        this.#clock.advance(each.count * WINDOW_MS);
        return this.#age(each.count);
    }
  }

  /** Asks both and expects the same answer. */
  async compare(checks: readonly Check[]): Promise<void> {
    const told = await admit(this.#redis, checks);
    expect(told.source).toBe(checks.length === 0 ? told.source : "store");
    const nowMs = told.nowMs + this.#passed * WINDOW_MS;
    this.#clock.set(nowMs);
    const expected = await admit(this.#memory, checks);
    expect(told.taken).toBe(expected.taken);
    told.states.forEach((state, i) => {
      const window = checks[i]?.counter.window ?? { algorithm: "Sliding", durationMs: WINDOW_MS };
      const { index, ...amounts } = stateAt(state, told.nowMs, window);
      const { index: modelIndex, ...modelAmounts } = stateAt(expected.states[i] ?? state, nowMs, window);
      expect(amounts).toEqual(modelAmounts);
      if (window.algorithm === "Calendar") expect(index + this.#passed * WINDOW_MS).toBe(modelIndex);
      else if (window.algorithm !== "FixedFromFirst") expect(index + this.#passed).toBe(modelIndex);
      // Each store takes the moment of an opening by its own clock.
      else expect(Math.abs(index + this.#passed * WINDOW_MS - modelIndex)).toBeLessThan(30_000);
    });
  }

  async #age(count: number): Promise<void> {
    for (const { key, field, window } of this.counters) {
      const value = (await this.#raw.hgetall(key))[field];
      if (value === undefined) continue;
      const [index = "0", ...rest] = value.split(" ");
      const isMoment = window.algorithm === "FixedFromFirst" || window.algorithm === "Calendar";
      const passed = isMoment ? count * WINDOW_MS : count;
      await this.#raw.hset(key, field, [String(Number(index) - passed), ...rest].join(" "));
    }
  }
}

describe("model", () => {
  let server: RedisServer;
  let cluster: RedisCluster;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    [server, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
  });
  afterAll(async () => {
    for (const close of closing) await close();
    await Promise.all([server.stop(), cluster.stop()]);
  });

  async function check(under: StoreUnderTest, raw: Raw, numRuns: number): Promise<void> {
    const steps = fc.array(step, { maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(steps, (each) => new Run(under, raw).play(each)),
      { numRuns },
    );
  }

  test("[redis] random commands on one server and on the memory store end equal", { timeout: 60_000 }, async () => {
    const under = await openStore(server.url);
    const raw = new Redis(server.url);
    closing.push(
      async () => under.store.close(),
      async () => raw.disconnect(),
    );
    await check(under, raw, 150);
  });

  test("[redis] random commands on a cluster and on the memory store end equal", { timeout: 60_000 }, async () => {
    const under = await openStore(cluster.url, { settings: { cluster: true } });
    const raw = new Redis.Cluster(cluster.url.split(","));
    closing.push(
      async () => under.store.close(),
      async () => raw.disconnect(),
    );
    await check(under, raw, 40);
  });
});
