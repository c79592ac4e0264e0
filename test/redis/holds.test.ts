// Estimates on one Redis by several data planes: no more pass at once than fit, and when all have ended the counters hold
// the true sum, whatever happened to Redis in between.

import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Admission, Counter } from "../../dataplane/core/counter-store.ts";
import { eventually } from "../helpers/clock.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import {
  aCheck,
  aCounter,
  admit,
  charge,
  openStore,
  randomPrefix,
  type StoreUnderTest,
} from "../helpers/redis-store.ts";

const FLUSH_MS = 10_000;
const ALGORITHMS = ["Sliding", "Fixed", "FixedFromFirst"] as const;

let opened: StoreUnderTest[] = [];
let server: RedisServer;
let prefix: string;

beforeEach(async () => {
  server = await startRedis({ aof: true });
  prefix = randomPrefix();
});
afterEach(async () => {
  await Promise.all(opened.map(({ store }) => store.close()));
  opened = [];
  await server.stop();
});

async function open(): Promise<StoreUnderTest> {
  const under = await openStore(server.url, { prefix });
  opened.push(under);
  return under;
}

async function inRedis({ key, field }: Counter): Promise<number> {
  const client = new Redis(server.url);
  const [, current = 0, previous = 0] = ((await client.hget(key, field)) ?? "").split(" ").map(Number);
  client.disconnect();
  return current + previous;
}

function estimate(counter: Counter, ask: number, refuseAt = 1_000_000): ReturnType<typeof aCheck> {
  return aCheck(counter, { ask, refuseAt, mustFit: true, isProvisional: true });
}

function settle({ store }: StoreUnderTest, counter: Counter, { holds }: Admission, amount: number): Promise<void> {
  return charge(store, { counter, amount, replaces: holds[0] });
}

async function atOnce<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => make(i)));
}

test.for(ALGORITHMS)(
  "[redis] kong trap 23: of many requests at two data planes as many pass as fit, %s",
  async (algorithm) => {
    const planes = [await open(), await open()] as const;
    const counter = aCounter({ prefix, algorithm });
    const planeOf = (i: number): StoreUnderTest => planes[i % 2 === 0 ? 0 : 1];
    const told = await atOnce(100, (i) => admit(planeOf(i).store, [estimate(counter, 30, 1000)]));
    expect(told.filter(({ taken }) => taken)).toHaveLength(33);
    // Truths from 0 to 99: below the estimate and above it.
    await Promise.all(told.map((each, i) => (each.taken ? settle(planeOf(i), counter, each, i) : Promise.resolve())));
    await Promise.all(planes.map(({ store }) => store.flush(FLUSH_MS)));
    const truth = told.reduce((sum, { taken }, i) => sum + (taken ? i : 0), 0);
    expect(await inRedis(counter)).toBe(truth);
  },
);

test.for(ALGORITHMS)(
  "[redis] what began before, in and after an outage counts its truth once, %s",
  async (algorithm) => {
    const under = await open();
    const counter = aCounter({ prefix, algorithm });
    const begin = (count: number): Promise<Admission[]> =>
      atOnce(count, () => admit(under.store, [estimate(counter, 100)]));
    const end = (admissions: readonly Admission[], amount: number): Promise<unknown> =>
      Promise.all(admissions.map((each) => settle(under, counter, each, amount)));
    const before = await begin(30);
    await server.kill();
    await eventually("it has noticed", async () => (await admit(under.store, [aCheck(counter)])).source === "local");
    await end(before.slice(0, 10), 7);
    const during = await begin(30);
    expect(during.every(({ source, taken }) => source === "local" && taken)).toBe(true);
    await end(during.slice(0, 10), 250);
    // What is seen here meanwhile: 20 of the first still count as estimated, and 20 of the second.
    const { states } = await admit(under.store, [aCheck(counter)]);
    expect((states[0]?.current ?? 0) + (states[0]?.previous ?? 0)).toBe(20 * 100 + 10 * 7 + 20 * 100 + 10 * 250);
    await server.restart();
    await eventually("it is back", async () => (await admit(under.store, [aCheck(counter)])).source === "store");
    await end(before.slice(10, 20), 40);
    await end(during.slice(10, 20), 40);
    const after = await begin(10);
    await end([...before.slice(20), ...during.slice(20), ...after], 0);
    await under.store.flush(FLUSH_MS);
    expect(await inRedis(counter)).toBe(10 * 7 + 10 * 250 + 20 * 40);
    expect(under.lost).toBe(0);
  },
);

test("[redis] what is asked while Redis stands still is released, whatever it answers later", async () => {
  const under = await openStore(server.url, {
    prefix,
    timeouts: { admitMs: 50, chargeMs: 1000 },
    settings: { replyTimeoutMs: 5000 },
  });
  opened.push(under);
  const counter = aCounter({ prefix });
  await charge(under.store, { counter, amount: 5 });
  await under.store.flush(FLUSH_MS);
  server.pause();
  const told = await atOnce(10, () => admit(under.store, [estimate(counter, 100)]));
  expect(told.every(({ source, taken }) => source === "local" && taken)).toBe(true);
  for (const { holds } of told.slice(0, 5)) holds[0]?.release();
  server.resume();
  await eventually("it is back", async () => (await admit(under.store, [aCheck(counter)])).source === "store");
  for (const { holds } of told.slice(5)) holds[0]?.release();
  await under.store.flush(FLUSH_MS);
  await eventually("nothing but the charge is left", async () => (await inRedis(counter)) === 5);
});

test("[redis] what a data plane had estimated when it died stays counted", async () => {
  const dying = await open();
  const counter = aCounter({ prefix });
  await admit(dying.store, [estimate(counter, 100)]);
  await dying.store.close();
  expect(await inRedis(counter)).toBe(100);
});
