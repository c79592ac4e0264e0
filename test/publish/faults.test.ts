// What may go wrong between the publisher and Redis: outages, lost answers, lost data, crashes.

import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { headKey, objectsKey } from "../../dataplane/contract/published.ts";
import { eventually } from "../helpers/clock.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import {
  aConsumer,
  changesOf,
  consumers,
  openPublisher,
  type PublisherUnderTest,
  type PublisherUnderTestOptions,
  readIndex,
  readVisible,
  type Visible,
} from "../helpers/publisher.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";

let server: RedisServer;
let proxy: FaultProxy;
let redis: Redis;
let closing: (() => unknown)[];

beforeEach(async () => {
  server = await startRedis({ aof: true });
  proxy = await startFaultProxy(server.port);
  redis = new Redis(server.url);
  redis.on("error", () => {}); // it is killed on purpose
  closing = [() => server.stop(), () => proxy.stop(), () => redis.disconnect()];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function leading(options: PublisherUnderTestOptions = {}): Promise<PublisherUnderTest> {
  const under = await openPublisher(proxy.url, options);
  closing.push(() => under.close());
  await under.publisher.lead(0);
  await under.publisher.publish(new Map([["ai", changesOf({ user1: "a", user2: "a" })]]));
  await eventually("it is listed", async () => "ai" in (await readIndex(redis, under.prefix)));
  return under;
}

const change = (groups: Record<string, string | undefined>) => new Map([["ai", changesOf(groups)]]);

async function found(under: PublisherUnderTest): Promise<Visible> {
  return (await readVisible(redis, under.prefix)) ?? { generation: "", revision: 0, groups: {} };
}

test("[redis] while Redis is away changes are merged, and published once when it is back", async () => {
  const under = await leading();
  const before = await found(under);
  proxy.refuse(true);
  proxy.cut();
  const first = under.publisher.publish(change({ user1: "b" }));
  const later = Array.from({ length: 50 }, (_, i) =>
    under.publisher.publish(change({ user1: `c${i}`, user3: `d${i}` })),
  );
  await eventually("it has failed", () =>
    under.messages.includes("publishing to Redis fails; it is tried again until it succeeds"),
  );
  expect(under.publisher.counts().waiting).toBeLessThanOrEqual(3);
  proxy.refuse(false);
  for (const outcome of await Promise.all([first, ...later])) expect(outcome.kind).toBe("published");
  const after = await found(under);
  expect(after).toMatchObject({ generation: before.generation, groups: { user1: "c49", user2: "a", user3: "d49" } });
  expect(after.revision - before.revision).toBeLessThanOrEqual(2);
  expect(under.messages).toContain("publishing to Redis works again");
  expect(new Set(under.unpublished)).toEqual(new Set(["failed"]));
});

test("[redis] a change whose answer is lost is written once", async () => {
  const under = await leading({ timeoutMs: 300 });
  await under.publisher.publish(change({ user2: "b" })); // Redis knows the script: the next call is one command
  const before = await found(under);
  proxy.swallowReplies();
  const publishing = under.publisher.publish(change({ user1: "b" }));
  await eventually("the change is there", async () => (await found(under)).groups["user1"] === "b");
  proxy.cut();
  expect((await publishing).kind).toBe("published");
  expect(await found(under)).toMatchObject({ generation: before.generation, revision: before.revision + 1 });
  expect(under.publisher.revisionOf("ai", "Consumer/user1")).toBe(before.revision + 1);
});

test.for([1, 2, 3, 4, 5])(
  "[redis] a first publish that is cut off at call %i leaves one whole generation",
  async (at) => {
    const under = await leading({ checkEveryMs: 60_000 });
    const monitor = await redis.monitor();
    closing.push(() => monitor.disconnect());
    let calls = 0;
    monitor.on("monitor", (_time: string, args: string[]) => {
      if (args[0]?.toLowerCase() !== "evalsha") return;
      calls += 1;
      if (calls === at) proxy.cut();
    });
    await under.publisher.publish(new Map([["new", changesOf({ user7: "a" })]]));
    await eventually("it is listed", async () => "new" in (await readIndex(redis, under.prefix)));
    const visible = await readVisible(redis, under.prefix, "new");
    expect(visible?.groups).toEqual({ user7: "a" });
    const keys = await redis.keys(`${under.prefix}{cfg:new}:*`);
    const expected = [headKey(under.prefix, "new"), objectsKey(under.prefix, "new", visible?.generation ?? "")];
    expect(keys.sort()).toEqual(expected.sort());
  },
);

test("[redis] a Redis that was emptied gets everything again, in a new generation with a higher revision", async () => {
  const under = await leading();
  await under.publisher.publish(new Map([["other", changesOf({ user9: "z" })]]));
  await under.publisher.publish(change({ user1: "b" }));
  const before = await found(under);
  await redis.flushall();
  await eventually("the index is back", async () => Object.keys(await readIndex(redis, under.prefix)).length === 2);
  const after = await found(under);
  expect(after.groups).toEqual({ user1: "b", user2: "a" });
  expect(after.generation).not.toBe(before.generation);
  expect(after.revision).toBeGreaterThan(before.revision);
  expect((await readVisible(redis, under.prefix, "other"))?.groups).toEqual({ user9: "z" });
  expect(under.publisher.revisionOf("ai", "Consumer/user2")).toBe(1);
});

test("[redis] an emptied Redis is met by the next change, too, which is not lost", async () => {
  const under = await leading({ checkEveryMs: 60_000 });
  await redis.flushall();
  await under.publisher.publish(change({ user1: "b" }));
  expect((await found(under)).groups).toEqual({ user1: "b", user2: "a" });
  expect(under.unpublished).toEqual(["behind"]);
});

test("[redis] the index of an emptied Redis appears whole", async () => {
  const under = await leading();
  const names = Array.from({ length: 30 }, (_, i) => `ns${i}`);
  await under.publisher.publish(new Map(names.map((name) => [name, changesOf({ user1: "a" })])));
  await eventually("all are listed", async () => Object.keys(await readIndex(redis, under.prefix)).length === 31);
  const monitor = await redis.monitor();
  closing.push(() => monitor.disconnect());
  const sizes: number[] = [];
  monitor.on("monitor", (_time: string, args: string[]) => {
    if (args[0]?.toLowerCase() === "evalsha" && args[4] === `${under.prefix}{cfg}:namespaces` && args.length > 6)
      sizes.push((args.length - 6) / 2);
  });
  await redis.flushall();
  await eventually("all are listed again", async () => Object.keys(await readIndex(redis, under.prefix)).length === 31);
  expect(sizes).toEqual([31]);
});

test.for([
  {
    name: "the objects are gone",
    break: (u: PublisherUnderTest, g: string) => redis.del(objectsKey(u.prefix, "ai", g)),
  },
  { name: "the head is gone", break: (u: PublisherUnderTest) => redis.del(headKey(u.prefix, "ai")) },
  { name: "the head is older", break: (u: PublisherUnderTest) => redis.hset(headKey(u.prefix, "ai"), "revision", 0) },
  {
    name: "the head is of another kind",
    break: (u: PublisherUnderTest) => redis.hset(headKey(u.prefix, "ai"), "generation", "0000000000000000"),
  },
])("[redis] $name: the check finds it and publishes a new generation", async (row) => {
  const under = await leading();
  const before = await found(under);
  await row.break(under, before.generation);
  await eventually("a new generation is there", async () => {
    const after = await found(under);
    return after.generation !== before.generation && after.groups["user1"] === "a" && after.revision > before.revision;
  });
});

test.for([
  {
    name: "objects of another type",
    damage: async (objects: string) => {
      await redis.del(objects);
      await redis.set(objects, "x");
    },
  },
  {
    name: "a stream that is ahead",
    damage: (objects: string) => redis.xadd(objects.replace(/objects$/, "changes"), "99-0", "f", "e"),
  },
])("[redis] $name: the next change replaces them by a new generation", async ({ damage }) => {
  const under = await leading({ checkEveryMs: 60_000 });
  const { generation } = await found(under);
  await damage(objectsKey(under.prefix, "ai", generation));
  expect((await under.publisher.publish(change({ user1: "b" }))).kind).toBe("published");
  const after = await found(under);
  expect(after.generation).not.toBe(generation);
  expect(after.groups).toEqual({ user1: "b", user2: "a" });
});

test("[redis] what is logged of a failure holds nothing of what was to be published", async () => {
  const logged: unknown[] = [];
  const note = (details: unknown, message?: string): void => void logged.push(details, message);
  const under = await leading({ checkEveryMs: 60_000, log: { info: note, warn: note, error: note } });
  await redis.config("SET", "maxmemory", "1");
  const publishing = under.publisher.publish(change({ user1: "PLANTED" }));
  await eventually("it has failed", () => logged.some((each) => JSON.stringify(each ?? "").includes("OOM")));
  await redis.config("SET", "maxmemory", "0");
  await publishing;
  expect(JSON.stringify(logged)).not.toContain("PLANTED");
});

test("[redis] an index entry that is lost comes back", async () => {
  const under = await leading();
  await redis.del(`${under.prefix}{cfg}:namespaces`);
  await eventually("it is listed again", async () => "ai" in (await readIndex(redis, under.prefix)));
});

test("[redis] a Redis put back to an older state is found out, and revisions go on", async () => {
  const dir = await mkdtemp("/tmp/airl-backup-");
  closing.push(() => rm(dir, { recursive: true, force: true }));
  const old = await startRedis();
  closing.push(() => old.stop());
  const through = await startFaultProxy(old.port);
  closing.push(() => through.stop());
  const admin = new Redis(old.url);
  closing.push(() => admin.disconnect());
  admin.on("error", () => {});
  const under = await openPublisher(through.url);
  closing.push(() => under.close());
  await under.publisher.lead(0);
  await under.publisher.publish(change({ user1: "a" }));
  await admin.save();
  const [, folder = ""] = await admin
    .config("GET", "dir")
    .then((reply) => (Array.isArray(reply) ? reply.map(String) : []));
  await copyFile(`${folder}/dump.rdb`, `${dir}/dump.rdb`);
  for (let i = 0; i < 5; i += 1) await under.publisher.publish(change({ user1: `b${i}`, user2: "a" }));
  const before = await readVisible(admin, under.prefix);
  await old.kill();
  await copyFile(`${dir}/dump.rdb`, `${folder}/dump.rdb`);
  await old.restart();
  await eventually("a new generation is there", async () => {
    const after = await readVisible(admin, under.prefix).catch(() => undefined);
    return after !== undefined && after.generation !== before?.generation && after.groups["user1"] === "b4";
  });
  expect((await readVisible(admin, under.prefix))?.revision).toBeGreaterThan(before?.revision ?? 0);
});

test("[redis] Redis killed again and again amid publishing holds in the end what is desired", {
  timeout: 60_000,
}, async () => {
  const under = await leading();
  const desired: Record<string, string> = { user1: "a", user2: "a" };
  const outcomes: Promise<unknown>[] = [];
  for (let crash = 0; crash < 4; crash += 1) {
    for (let i = 0; i < 40; i += 1) {
      const some = Object.fromEntries(
        Array.from({ length: 30 }, (_, k) => [`user${(i * 7 + k) % 90}`, `g${crash}-${i}`]),
      );
      Object.assign(desired, some);
      outcomes.push(under.publisher.publish(change(some)));
      if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually("some of it is there", async () => (await found(under)).revision > 1);
    await server.kill();
    await server.restart();
  }
  await Promise.all(outcomes);
  await eventually("all of it is there", async () => {
    const visible = await found(under).catch(() => undefined);
    const groups = visible?.groups ?? {};
    return (
      Object.keys(groups).length === Object.keys(desired).length &&
      Object.entries(desired).every(([user, group]) => groups[user] === group)
    );
  });
});

test("[redis] a publisher that dies amid a new generation leaves nothing visible, and its remains are cleared", async () => {
  const first = await leading({ checkEveryMs: 60_000, timeoutMs: 300 });
  const before = await found(first);
  const monitor = await redis.monitor();
  closing.push(() => monitor.disconnect());
  let fills = 0;
  monitor.on("monitor", (_time: string, args: string[]) => {
    if (args[0]?.toLowerCase() === "hset" && args.length > 300) fills += 1;
    if (fills === 3) {
      proxy.refuse(true);
      proxy.cut();
    }
  });
  await redis.hset(headKey(first.prefix, "ai"), "revision", 0); // so that all of it is published again
  void first.publisher.publish(new Map([["ai", consumers(3000)]]));
  await eventually("it is cut off", () => fills >= 3);
  await first.publisher.stop();
  const { next = "" } = await redis.hgetall(headKey(first.prefix, "ai"));
  expect(await redis.hlen(objectsKey(first.prefix, "ai", next))).toBeGreaterThan(0);
  expect(await found(first)).toEqual({ ...before, revision: 0 });

  const second = await openPublisher(server.url, { prefix: first.prefix });
  closing.push(() => second.close());
  await second.publisher.lead(0);
  await redis.hset(headKey(first.prefix, "ai"), "revision", 7);
  await eventually("a new generation is there", async () => (await found(first)).revision > 7);
  const { generation } = await found(first);
  expect((await redis.keys(`${first.prefix}{cfg:ai}:*:objects`)).sort()).toEqual([
    objectsKey(first.prefix, "ai", generation),
  ]);
});

test("[redis] readers amid many new generations see each whole or not at all", async () => {
  const under = await leading({ checkEveryMs: 60_000 });
  const reading = new AbortController();
  const torn: unknown[] = [];
  let reads = 0;
  const reader = (async () => {
    const own = new Redis(server.url);
    while (!reading.signal.aborted) {
      const before = await own.hgetall(headKey(under.prefix, "ai"));
      const groups = new Set<string>();
      const texts = await own.hvals(objectsKey(under.prefix, "ai", before["generation"] ?? ""));
      for (const text of texts) groups.add(/"groups":\["(\w+)"\]/.exec(text)?.[1] ?? "");
      const after = await own.hgetall(headKey(under.prefix, "ai"));
      if (after["generation"] !== before["generation"]) continue;
      reads += 1;
      if (texts.length > 2 && (groups.size !== 1 || texts.length !== 1000))
        torn.push([before, [...groups], texts.length]);
    }
    own.disconnect();
  })();
  for (let i = 0; i < 15; i += 1) {
    await redis.hset(headKey(under.prefix, "ai"), "revision", 0);
    const objects = new Map([...consumers(1000, `g${i}`), ["Consumer/user1", aConsumer("user1", `g${i}`)] as const]);
    await under.publisher.publishAll(new Map([["ai", objects]]));
  }
  reading.abort();
  await reader;
  expect(torn).toEqual([]);
  expect(reads).toBeGreaterThan(5);
});

test("[redis] Redis that is away while it is to lead is waited for", async () => {
  proxy.refuse(true);
  const under = await openPublisher(proxy.url);
  closing.push(() => under.close());
  const led = under.publisher.lead(3);
  await eventually("it has failed", () =>
    under.messages.includes("publishing to Redis fails; it is tried again until it succeeds"),
  );
  proxy.refuse(false);
  expect(await led).toMatchObject({ kind: "leading", epoch: 4 });
});

test("[redis] stopping ends what waits for a Redis that is away", async () => {
  const under = await leading();
  proxy.refuse(true);
  proxy.cut();
  const publishing = under.publisher.publish(change({ user1: "b" }));
  await under.publisher.stop();
  expect(await publishing).toEqual({ kind: "over" });
  expect(await under.publisher.publish(change({ user1: "c" }))).toEqual({ kind: "over" });
  expect(await under.publisher.lead(0)).toEqual({ kind: "over" });
});
