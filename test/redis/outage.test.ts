// What the store does while Redis is slow, gone, back, or has forgotten: requests are answered in time, and every charge
// counts exactly once.

import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Counter } from "../../dataplane/core/counter-store.ts";
import { eventually } from "../helpers/clock.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import {
  aCheck,
  aCounter,
  admit,
  charge,
  openStore,
  type StoreUnderTest,
  type StoreUnderTestOptions,
  total,
} from "../helpers/redis-store.ts";

const SHORT = { admitMs: 50, chargeMs: 1000 };
const FLUSH_MS = 10_000;

let opened: StoreUnderTest[] = [];
let server: RedisServer;
let proxy: FaultProxy | undefined;

beforeEach(async () => {
  server = await startRedis({ aof: true });
});
afterEach(async () => {
  await Promise.all(opened.map(({ store }) => store.close()));
  opened = [];
  await proxy?.stop();
  proxy = undefined;
  await server.stop();
});

async function open(options: StoreUnderTestOptions = {}, url = server.url): Promise<StoreUnderTest> {
  const under = await openStore(url, options);
  opened.push(under);
  return under;
}

function counters(prefix: string, count = 20): Counter[] {
  return Array.from({ length: count }, (_, i) => aCounter({ prefix, values: `user${String(i)}` }));
}

/** Charges one to each counter, turn after turn, until told to stop; resolves with how often. */
function traffic(
  { store }: StoreUnderTest,
  on: readonly Counter[],
): { rounds: () => number; stop: () => Promise<number> } {
  const stopping = new AbortController();
  let rounds = 0;
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      rounds += 1;
      await charge(store, ...on.map((counter) => ({ counter, amount: 1 })));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return {
    rounds: () => rounds,
    async stop() {
      stopping.abort();
      await ended;
      return rounds;
    },
  };
}

/** What Redis itself holds, apart from any store. */
async function inRedis(on: readonly Counter[], url = server.url): Promise<number[]> {
  const client = new Redis(url);
  const values = await Promise.all(on.map(({ key, field }) => client.hget(key, field)));
  client.disconnect();
  return values.map((value) => {
    const [, current = 0, previous = 0] = (value ?? "").split(" ").map(Number);
    return current + previous;
  });
}

test.for([
  { name: "and comes back with its append-only file", aof: true },
  { name: "and comes back with nothing", aof: false },
])("[redis] charges are exact when Redis is killed amid them $name", async ({ aof }) => {
  if (!aof) {
    await server.stop();
    server = await startRedis({ aof });
  }
  const under = await open();
  const on = counters(under.prefix);
  const running = traffic(under, on);
  for (let i = 0; i < 2; i += 1) {
    const before = running.rounds();
    await eventually("traffic flows", () => running.rounds() > before + 50);
    await server.kill();
    const during = running.rounds();
    await eventually("traffic goes on without Redis", () => running.rounds() > during + 50);
    await server.restart();
    await eventually(
      "the store is back",
      async () => (await admit(under.store, [aCheck(on[0] ?? aCounter(under))])).source === "store",
    );
  }
  const rounds = await running.stop();
  await under.store.flush(FLUSH_MS);
  expect(await inRedis(on)).toEqual(on.map(() => rounds));
  expect(under.lost).toBe(0);
});

test("[redis] a batch that was applied but never acknowledged is not applied twice", async () => {
  proxy = await startFaultProxy(server.port);
  const under = await open({}, proxy.url);
  const on = counters(under.prefix);
  for (let i = 1; i <= 5; i += 1) {
    proxy.swallowReplies();
    await charge(under.store, ...on.map((counter) => ({ counter, amount: 1 })));
    await eventually("Redis has applied it", async () => (await inRedis(on)).every((held) => held === i));
    expect(proxy.swallowed()).toBeGreaterThan(0);
    proxy.cut();
    await under.store.flush(FLUSH_MS);
  }
  expect(await inRedis(on)).toEqual(on.map(() => 5));
  expect(await Promise.all(on.map((counter) => total(under.store, counter)))).toEqual(on.map(() => 5));
});

test("[redis] a batch that never arrived is sent again", async () => {
  proxy = await startFaultProxy(server.port);
  const under = await open({}, proxy.url);
  const on = counters(under.prefix);
  await charge(under.store, ...on.map((counter) => ({ counter, amount: 1 })));
  await under.store.flush(FLUSH_MS);
  proxy.refuse(true);
  proxy.cut();
  await charge(under.store, ...on.map((counter) => ({ counter, amount: 2 })));
  await eventually(
    "the store has noticed",
    async () => (await admit(under.store, [aCheck(aCounter(under))])).source === "local",
  );
  await charge(under.store, ...on.map((counter) => ({ counter, amount: 4 })));
  await expect(under.store.flush(50)).rejects.toThrow(/20 counters .* within 50 ms/);
  proxy.refuse(false);
  await under.store.flush(FLUSH_MS);
  expect(await inRedis(on)).toEqual(on.map(() => 7));
});

test("[redis] while Redis stands still a request waits for one time-out, then none waits at all (apisix trap 39)", async () => {
  const under = await open({ timeouts: SHORT });
  const counter = aCounter(under);
  await charge(under.store, { counter, amount: 30 });
  await under.store.flush(FLUSH_MS);
  server.pause();
  const startedMs = performance.now();
  const first = await Promise.all([1, 2, 3].map(() => admit(under.store, [aCheck(counter, { refuseAt: 50 })])));
  const waitedMs = performance.now() - startedMs;
  expect(first.map(({ source }) => source)).toEqual(["local", "local", "local"]);
  expect(waitedMs).toBeGreaterThanOrEqual(45);
  expect(waitedMs).toBeLessThan(1000);
  expect(first[0]?.states[0]?.current).toBe(30);
  expect(under.breaker).toEqual([true]);

  let isAnswered = false;
  under.store.admit([aCheck(counter, { refuseAt: 50 })], () => (isAnswered = true));
  expect(isAnswered).toBe(true);

  await charge(under.store, { counter, amount: 20 });
  expect(await admit(under.store, [aCheck(counter, { refuseAt: 50 })])).toMatchObject({
    source: "local",
    taken: false,
  });
  server.resume();
  await eventually("the breaker closes", () => under.breaker.at(-1) === false);
  expect(await admit(under.store, [aCheck(counter, { refuseAt: 50 })])).toMatchObject({
    source: "store",
    taken: false,
  });
  await under.store.flush(FLUSH_MS);
  expect(await inRedis([counter])).toEqual([50]);
});

test("[redis] a Redis that goes while nothing is on its way opens the breaker with the next request", async () => {
  const under = await open();
  const counter = aCounter(under);
  await charge(under.store, { counter, amount: 1 });
  await under.store.flush(FLUSH_MS);
  await server.kill();
  await eventually(
    "the connection is gone",
    async () => (await admit(under.store, [aCheck(counter)])).source === "local",
  );
  expect(under.breaker).toEqual([true]);
  await server.restart();
  await eventually("the breaker closes", () => under.breaker.at(-1) === false);
  expect((await admit(under.store, [aCheck(counter)])).source).toBe("store");
});

test("[redis] requests asked for while Redis stands still count exactly once, taken late or kept (kong trap 22)", async () => {
  const under = await open({ timeouts: SHORT, settings: { replyTimeoutMs: 5000 } });
  const counter = aCounter(under);
  const ask = aCheck(counter, { ask: 1, refuseAt: 10 });
  expect((await admit(under.store, [ask])).taken).toBe(true);
  server.pause();
  const late = await Promise.all(Array.from({ length: 4 }, () => admit(under.store, [ask])));
  const kept = await Promise.all(Array.from({ length: 10 }, () => admit(under.store, [ask])));
  const sources = new Set([...late, ...kept].map(({ source }) => source));
  expect(sources).toEqual(new Set(["local"]));
  expect(late.filter(({ taken }) => taken)).toHaveLength(4);
  expect(kept.filter(({ taken }) => taken)).toHaveLength(5);
  server.resume();
  await eventually("the breaker closes", () => under.breaker.at(-1) === false);
  await under.store.flush(FLUSH_MS);
  expect(await inRedis([counter])).toEqual([10]);
  expect((await admit(under.store, [ask])).taken).toBe(false);
});

test("[redis] a request that was refused without Redis gives back what Redis takes late", async () => {
  const under = await open({ timeouts: SHORT, settings: { replyTimeoutMs: 5000 } });
  const [tokens, requests] = counters(under.prefix, 2);
  if (tokens === undefined || requests === undefined) throw new Error("no counter");
  server.pause();
  const sent = charge(under.store, { counter: tokens, amount: 100 });
  const refused = await admit(under.store, [
    aCheck(tokens, { refuseAt: 100 }),
    aCheck(requests, { ask: 1, refuseAt: 10 }),
  ]);
  expect(refused).toMatchObject({ source: "local", taken: false });
  await sent;
  server.resume();
  await eventually("the breaker closes", () => under.breaker.at(-1) === false);
  await under.store.flush(FLUSH_MS);
  await eventually("it is given back", async () => (await inRedis([requests]))[0] === 0);
  expect(await inRedis([tokens])).toEqual([100]);
});

test.for([
  { name: "the store", timeouts: { admitMs: 50, chargeMs: 200 }, replyTimeoutMs: 60_000 },
  { name: "the connection itself", timeouts: { admitMs: 50, chargeMs: 60_000 }, replyTimeoutMs: 200 },
])(
  "[redis] a connection that stays silent is closed by $name, and charges go over a new one",
  async ({ timeouts, replyTimeoutMs }) => {
    proxy = await startFaultProxy(server.port);
    const under = await open({ timeouts, settings: { replyTimeoutMs } }, proxy.url);
    const counter = aCounter(under);
    proxy.swallowReplies();
    await charge(under.store, { counter, amount: 5 });
    await under.store.flush(FLUSH_MS);
    expect(proxy.swallowed()).toBeGreaterThan(0);
    expect(await inRedis([counter])).toEqual([5]);
  },
);

test("[redis] a Redis that was emptied amid traffic gets back what was charged in the last ten seconds", async () => {
  const under = await open();
  const on = counters(under.prefix);
  const running = traffic(under, on);
  const client = new Redis(server.url);
  for (let i = 0; i < 3; i += 1) {
    const before = running.rounds();
    await eventually("traffic flows", () => running.rounds() > before + 50);
    await client.flushall();
    await client.script("FLUSH");
  }
  client.disconnect();
  const rounds = await running.stop();
  await under.store.flush(FLUSH_MS);
  await charge(under.store, ...on.map((counter) => ({ counter, amount: 1 })));
  await under.store.flush(FLUSH_MS);
  expect(await inRedis(on)).toEqual(on.map(() => rounds + 1));
});

test("[redis] what a Redis lost when it was killed is put back without waiting for the next charge", async () => {
  await server.stop();
  server = await startRedis({ aof: false });
  const under = await open();
  const on = counters(under.prefix);
  await charge(under.store, ...on.map((counter) => ({ counter, amount: 6 })));
  await under.store.flush(FLUSH_MS);
  await server.kill();
  await server.restart();
  await eventually("it is put back", async () => (await inRedis(on)).every((held) => held === 6));
});

test("[redis] two data planes on one Redis add up, and each sees the other's charges", async () => {
  const first = await open();
  const second = await open({ prefix: first.prefix });
  const on = counters(first.prefix);
  const running = [traffic(first, on), traffic(second, on)];
  await eventually("traffic flows", () => running.every(({ rounds }) => rounds() > 50));
  const rounds = (await Promise.all(running.map(({ stop }) => stop()))).reduce((sum, each) => sum + each, 0);
  await Promise.all([first.store.flush(FLUSH_MS), second.store.flush(FLUSH_MS)]);
  expect(await inRedis(on)).toEqual(on.map(() => rounds));
  expect(await total(second.store, on[0] ?? aCounter(first))).toBe(rounds);
});

test("[redis] a Redis that is missing at the start is no obstacle, and its charges wait for it", async () => {
  await server.kill();
  const under = await open({ wait: false });
  const counter = aCounter(under);
  await charge(under.store, { counter, amount: 3 });
  expect(await admit(under.store, [aCheck(counter, { ask: 1, refuseAt: 5 })])).toMatchObject({
    source: "local",
    taken: true,
  });
  expect(await admit(under.store, [aCheck(counter, { ask: 1, refuseAt: 4 })])).toMatchObject({
    source: "local",
    taken: false,
  });
  await server.restart();
  await under.store.flush(FLUSH_MS);
  expect(await inRedis([counter])).toEqual([4]);
});

test("[redis] a Redis whose memory is full refuses charges; they are kept, and reads go on", async () => {
  const under = await open();
  const counter = aCounter(under);
  await charge(under.store, { counter, amount: 3 });
  await under.store.flush(FLUSH_MS);
  const client = new Redis(server.url);
  await client.config("SET", "maxmemory", "1");
  await charge(under.store, { counter, amount: 4 });
  await eventually("it was refused", () => under.messages.some((message) => message.includes("refuses charges")));
  expect(await admit(under.store, [aCheck(counter, { refuseAt: 8 })])).toMatchObject({ source: "store", taken: true });
  expect(await total(under.store, counter)).toBe(7);
  await client.config("SET", "maxmemory", "0");
  client.disconnect();
  await under.store.flush(FLUSH_MS);
  expect(await inRedis([counter])).toEqual([7]);
});
