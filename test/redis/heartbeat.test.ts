// Data planes tell that they live, count each other, and share what is left of a limit while Redis is away.

import { afterEach, beforeEach, expect, test } from "vitest";
import type { Heartbeat } from "../../dataplane/contract/published.ts";
import { type HeartbeatSender, startHeartbeat } from "../../dataplane/redis/config/heartbeat.ts";
import { createRedisClient } from "../../dataplane/redis/connection.ts";
import { createRedisStore } from "../../dataplane/redis/redis-store.ts";
import { eventually, machineClock } from "../helpers/clock.ts";
import { type ConfigWriter, createConfigWriter } from "../helpers/config-writer.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { aCheck, aCounter, admit, charge, randomId } from "../helpers/redis-store.ts";

const PREFIX = "t:";
const KEY = "t:{dp:*}:seen";
const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

let server: RedisServer;
let writer: ConfigWriter;
let closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  server = await startRedis();
  writer = createConfigWriter(server.url, PREFIX);
});
afterEach(async () => {
  await Promise.all(closers.map((close) => close()));
  closers = [];
  writer.close();
  await server.stop();
});

interface Sending {
  readonly sender: HeartbeatSender;
  readonly id: string;
  readonly counts: number[];
  says: Heartbeat;
}

function send(intervalMs = 20): Sending {
  const client = createRedisClient({ url: server.url, cluster: false }, () => {});
  const id = randomId();
  const counts: number[] = [];
  const says: Heartbeat = { schema: 1, version: "1.2.3", keyIds: ["0a1b2c3d"], namespaces: {} };
  const sending = { id, counts, says };
  const sender = startHeartbeat({
    client,
    prefix: PREFIX,
    scope: "*",
    dataPlaneId: id,
    heartbeat: () => sending.says,
    counted: (count) => void counts.push(count),
    log: SILENT,
    random: () => 0,
    intervalMs,
  });
  client.connect().catch(() => {});
  closers.push(async () => {
    await sender.goodbye(1000);
    client.disconnect();
  });
  return Object.assign(sending, { sender });
}

test("[redis] data planes count each other, and one that leaves is out of the count's source at once", async () => {
  const [first, second] = [send(), send()];
  await eventually("both count two", () => [first, second].every(({ counts }) => counts.at(-1) === 2));
  expect([...(await writer.heartbeats()).keys()].sort()).toEqual([first.id, second.id].sort());
  expect((await writer.heartbeats()).get(first.id)).toEqual(first.says);
  expect(await writer.client.pttl(KEY)).toBeGreaterThan(80_000_000);
  await second.sender.goodbye(1000);
  expect([...(await writer.heartbeats()).keys()]).toEqual([first.id]);
});

test("[redis] what changed is told at once, changes of one moment together", async () => {
  const sending = send(600_000);
  await eventually("the first is sent", () => sending.counts.length === 1);
  sending.says = { ...sending.says, namespaces: { ai: { generation: "g", revision: 7 } } };
  for (let i = 0; i < 10; i += 1) sending.sender.prompt();
  await eventually("it is told", async () => {
    return (await writer.heartbeats()).get(sending.id)?.namespaces["ai"]?.revision === 7;
  });
  await eventually("its answer has come", () => sending.counts.length === 2);
});

test.for([
  { name: "one that has been silent for 21 s does not count", agoMs: 21_000, live: 1, kept: true },
  { name: "one that was heard 10 s ago counts", agoMs: 10_000, live: 2, kept: true },
  { name: "one that has been silent for a day is forgotten", agoMs: 86_500_000, live: 1, kept: false },
])("[redis] $name", async ({ agoMs, live, kept }) => {
  await writer.client.hset(KEY, "other", `${String(Date.now() - agoMs)} {}`, "garbage", "x");
  const sending = send();
  await eventually("it has counted", () => sending.counts.length > 0);
  expect(sending.counts[0]).toBe(live);
  expect(await writer.client.hexists(KEY, "other")).toBe(kept ? 1 : 0);
  expect(await writer.client.hexists(KEY, "garbage")).toBe(0);
});

test("[redis] the count does not fall at once when Redis has lost its memory", async () => {
  const [first, second] = [send(), send()];
  await eventually("both count two", () => [first, second].every(({ counts }) => counts.at(-1) === 2));
  await writer.client.flushall();
  const before = first.counts.length;
  await eventually("it counts on", () => first.counts.length > before + 3);
  expect(new Set(first.counts.slice(before))).toEqual(new Set([2]));
});

test.for([
  { name: "a limit that nobody used", used: 0, limit: 90, each: 30 },
  { name: "what is left of a limit", used: 60, limit: 90, each: 10 },
  { name: "one at least", used: 89, limit: 90, each: 1 },
  { name: "nothing of what is used up", used: 90, limit: 90, each: 0 },
])("[redis] three data planes share, while Redis is away: $name", async ({ used, limit, each }) => {
  const counter = aCounter({ prefix: PREFIX, algorithm: "Fixed" });
  const stores = [1, 2, 3].map(() =>
    createRedisStore({
      client: createRedisClient({ url: server.url, cluster: false }, () => {}),
      dataPlaneId: randomId(),
      prefix: PREFIX,
      clock: machineClock,
      timeouts: { admitMs: 2000, chargeMs: 2000 },
      observe: { admitMs: () => {}, breaker: () => {}, lost: () => {} },
      log: SILENT,
    }),
  );
  closers.push(async () => {
    await Promise.all(stores.map((store) => store.close()));
  });
  for (const store of stores) {
    store.setDataPlanes(3);
    await eventually("it answers", async () => (await admit(store, [aCheck(counter)])).source === "store");
  }
  const [first] = stores;
  if (first === undefined) throw new Error("no store");
  await charge(first, { counter, amount: used });
  await first.flush(5000);
  const check = aCheck(counter, { ask: 1, refuseAt: limit });
  for (const store of stores) await admit(store, [aCheck(counter, { refuseAt: limit })]);
  await server.kill();
  for (const store of stores) {
    let passed = 0;
    for (let i = 0; i < 2 * limit; i += 1) {
      const admission = await admit(store, [check]);
      expect(admission.source).toBe("local");
      if (admission.taken) passed += 1;
    }
    expect(passed).toBe(each);
  }
});
