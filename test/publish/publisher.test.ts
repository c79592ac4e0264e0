// The publisher on a real Redis: what data planes find there after each thing that may happen to it.

import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  CLUSTER_PART,
  changeChannels,
  headKey,
  namespacesKey,
  objectsKey,
} from "../../dataplane/contract/published.ts";
import { eventually } from "../helpers/clock.ts";
import {
  changesOf,
  consumers,
  openPublisher,
  type PublisherUnderTest,
  type PublisherUnderTestOptions,
  readChanges,
  readIndex,
  readVisible,
} from "../helpers/publisher.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";

let server: RedisServer;
let redis: Redis;
let closing: (() => unknown)[];

beforeEach(async () => {
  closing = [];
  server = await startRedis({ aof: true });
  redis = new Redis(server.url);
  redis.on("error", () => {}); // it is killed on purpose
  closing.push(
    () => server.stop(),
    () => redis.disconnect(),
  );
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function open(options: PublisherUnderTestOptions = {}): Promise<PublisherUnderTest> {
  const under = await openPublisher(server.url, options);
  closing.push(() => under.close());
  return under;
}

/** One that leads, with `user1` and `user2` published in namespace ai. */
async function leading(options: PublisherUnderTestOptions = {}): Promise<PublisherUnderTest> {
  const under = await open(options);
  await under.publisher.lead(0);
  await under.publisher.publish(new Map([["ai", changesOf({ user1: "a", user2: "a" })]]));
  return under;
}

async function callsOf(command: string): Promise<number> {
  const stats = await redis.info("commandstats");
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

async function visible(under: PublisherUnderTest, namespace = "ai"): Promise<Record<string, string | undefined>> {
  return (await readVisible(redis, under.prefix, namespace))?.groups ?? {};
}

describe("changes", () => {
  test("[redis] a first publish makes a namespace visible, with its index entry, and answers with revisions", async () => {
    const under = await leading();
    const found = await readVisible(redis, under.prefix);
    expect(found).toMatchObject({ revision: 1, groups: { user1: "a", user2: "a" } });
    expect(found?.generation).toMatch(/^[0-9a-f]{16}$/);
    await eventually("it is listed", async () => (await readIndex(redis, under.prefix))["ai"] === found?.generation);
    expect(under.publisher.revisionOf("ai", "Consumer/user1")).toBe(1);
    expect(under.publisher.positionOf("ai")).toEqual({ generation: found?.generation, revision: 1 });
    expect(under.publisher.counts()).toEqual({ namespaces: 1, objects: 2, waiting: 0 });
  });

  test("[redis] a change is one revision: object, stream entry, head and word together", async () => {
    const under = await leading();
    const words: string[] = [];
    const listener = new Redis(server.url);
    closing.push(() => listener.disconnect());
    await listener.psubscribe(changeChannels(under.prefix));
    listener.on("pmessage", (_pattern, channel, word) => words.push(`${channel} ${word}`));
    const outcome = await under.publisher.publish(
      new Map([["ai", changesOf({ user1: "b", user2: undefined, user3: "c" })]]),
    );
    const generation = under.publisher.positionOf("ai")?.generation ?? "";
    const revisions = new Map([
      ["Consumer/user1", 2],
      ["Consumer/user3", 2],
    ]);
    expect(outcome).toEqual({
      kind: "published",
      namespaces: new Map([["ai", { generation, revision: 2, revisions }]]),
    });
    expect(await visible(under)).toEqual({ user1: "b", user3: "c" });
    expect(await readChanges(redis, under.prefix, generation)).toEqual(
      new Map([["2-0", { user1: "b", user2: undefined, user3: "c" }]]),
    );
    await eventually("the word is heard", () => words.length > 0);
    expect(words).toEqual([`${under.prefix}cfg:ai ${generation} 2`]);
  });

  test("[redis] what is published already is not written again, and keeps its revision", async () => {
    const under = await leading();
    const before = await callsOf("evalsha");
    await under.publisher.publish(new Map([["ai", changesOf({ user1: "a", ghost: undefined })]]));
    expect(await callsOf("evalsha")).toBe(before);
    await under.publisher.publish(new Map([["ai", changesOf({ user1: "a", user2: "b" })]]));
    expect(under.publisher.revisionOf("ai", "Consumer/user1")).toBe(1);
    expect(under.publisher.revisionOf("ai", "Consumer/user2")).toBe(2);
  });

  test.for([
    { name: "one object", objects: 1, calls: 1 },
    { name: "two hundred", objects: 200, calls: 1 },
    { name: "a thousand", objects: 1000, calls: 5 },
  ])("[redis] a change of $name among five thousand is $calls calls, each a revision", async ({ objects, calls }) => {
    const under = await leading({ checkEveryMs: 60_000 });
    await under.publisher.publish(new Map([["ai", consumers(5000)]]));
    await under.publisher.publish(new Map([["ai", changesOf({ user1: "x" })]])); // all scripts are known from here on
    const revision = under.publisher.positionOf("ai")?.revision ?? 0;
    const before = [await callsOf("evalsha"), await callsOf("eval"), await callsOf("hgetall"), await callsOf("hscan")];
    await under.publisher.publish(new Map([["ai", consumers(objects, "silver")]]));
    const after = [await callsOf("evalsha"), await callsOf("eval"), await callsOf("hgetall"), await callsOf("hscan")];
    expect(after.map((count, i) => count - (before[i] ?? 0))).toEqual([calls, 0, 0, 0]);
    expect(under.publisher.positionOf("ai")?.revision).toBe(revision + calls);
  });

  test("[redis] a call stays below a megabyte", async () => {
    const under = await leading();
    const big = "g".repeat(300_000);
    await under.publisher.publish(
      new Map([["ai", changesOf(Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`big${i}`, big])))]]),
    );
    expect(under.publisher.positionOf("ai")?.revision).toBe(1 + 3); // 3 + 3 + 1
  });

  test("[redis] the stream keeps about the last thousand changes", async () => {
    const under = await leading();
    for (let i = 0; i < 1300; i += 1) await under.publisher.publish(new Map([["ai", changesOf({ user1: `g${i}` })]]));
    const generation = under.publisher.positionOf("ai")?.generation ?? "";
    const kept = [...(await readChanges(redis, under.prefix, generation)).keys()];
    expect(kept.length).toBeGreaterThanOrEqual(1000);
    expect(kept.length).toBeLessThan(1200);
    expect(kept.at(-1)).toBe("1301-0");
  });
});

test("[redis] of big changes the stream keeps fewer, so that it stays small", async () => {
  const under = await leading();
  const big = "g".repeat(1_000_000);
  for (let i = 0; i < 45; i += 1) await under.publisher.publish(new Map([["ai", changesOf({ user1: `${big}${i}` })]]));
  const generation = under.publisher.positionOf("ai")?.generation ?? "";
  const kept = [...(await readChanges(redis, under.prefix, generation)).keys()];
  expect(kept.length).toBeGreaterThan(25);
  expect(kept.length).toBeLessThan(40);
});

describe("everything", () => {
  test("[redis] what is published and not desired is removed, and no more than that is written", async () => {
    const under = await leading({ checkEveryMs: 60_000 });
    await under.publisher.publish(new Map([["other", changesOf({ user9: "a" })]]));
    const objects = changesOf({ user2: "a", user3: "a" });
    await under.publisher.publishAll(new Map([["ai", new Map([...objects].flatMap(([f, o]) => (o ? [[f, o]] : [])))]]));
    expect(await visible(under)).toEqual({ user2: "a", user3: "a" });
    expect(await visible(under, "other")).toEqual({});
    expect(under.publisher.revisionOf("ai", "Consumer/user2")).toBe(1);
  });

  test("[redis] a new leader finds what is published and writes only what differs", async () => {
    const first = await leading();
    await eventually("it is listed", async () => Object.keys(await readIndex(redis, first.prefix)).length === 1);
    await first.close();
    const second = await open({ prefix: first.prefix });
    const led = await second.publisher.lead(0);
    if (led.kind !== "leading") throw new Error("it does not lead");
    expect([...(led.published.get("ai")?.keys() ?? [])].sort()).toEqual(["Consumer/user1", "Consumer/user2"]);
    const desired = new Map([
      ["ai", new Map([...changesOf({ user1: "a", user2: "z" })].flatMap(([f, o]) => (o ? [[f, o]] : [])))],
    ]);
    await second.publisher.publishAll(desired);
    expect(second.publisher.revisionOf("ai", "Consumer/user1")).toBe(1);
    expect(second.publisher.revisionOf("ai", "Consumer/user2")).toBe(2);
    expect(second.publisher.positionOf("ai")).toEqual({ ...first.publisher.positionOf("ai"), revision: 2 });
  });

  test("[redis] namespaces that it does not manage are left alone", async () => {
    const first = await leading();
    await first.publisher.publish(new Map([["theirs", changesOf({ user1: "a" })]]));
    await eventually("both are listed", async () => Object.keys(await readIndex(redis, first.prefix)).length === 2);
    await first.close();
    const second = await open({ prefix: first.prefix, manages: (namespace) => namespace === "ai" });
    const led = await second.publisher.lead(0);
    expect(led.kind === "leading" && [...led.published.keys()]).toEqual(["ai"]);
    await second.publisher.publishAll(new Map());
    expect(await visible(second)).toEqual({});
    expect(await visible(second, "theirs")).toEqual({ user1: "a" });
    expect(() => second.publisher.publish(new Map([["theirs", changesOf({ user1: "b" })]]))).toThrow(/theirs/);
  });

  test("[redis] what has another schema is replaced by a new generation with a higher revision", async () => {
    const first = await leading();
    await eventually("it is listed", async () => Object.keys(await readIndex(redis, first.prefix)).length === 1);
    const { generation = "" } = first.publisher.positionOf("ai") ?? {};
    await first.close();
    await redis.hset(headKey(first.prefix, "ai"), { schema: "2", revision: "41" });
    const second = await open({ prefix: first.prefix });
    const led = await second.publisher.lead(0);
    expect(led.kind === "leading" && [...led.published.keys()]).toEqual([]);
    await second.publisher.publish(new Map([["ai", changesOf({ user5: "a" })]]));
    const found = await readVisible(redis, first.prefix);
    expect(found?.revision).toBeGreaterThan(41);
    expect(found?.generation).not.toBe(generation);
    expect(await redis.exists(objectsKey(first.prefix, "ai", generation))).toBe(0);
  });

  test("[redis] a namespace without objects stays for a minute, then goes; the last one stays", async () => {
    let offsetMs = 0;
    const timers = {
      nowMs: () => Date.now() + offsetMs,
      after(delayMs: number, run: () => void) {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const under = await leading({ timers, checkEveryMs: 20 });
    const publish = (ns: string, group?: string) =>
      under.publisher.publish(new Map([[ns, changesOf({ user1: group, user2: group })]]));
    await publish("other", "a");
    await publish("ai");
    expect(await visible(under)).toEqual({});
    expect(await readIndex(redis, under.prefix)).toHaveProperty("ai");
    offsetMs = 61_000;
    await eventually("it is gone", async () => !("ai" in (await readIndex(redis, under.prefix))));
    expect(await redis.keys(`${under.prefix}{cfg:ai}:*`)).toEqual([headKey(under.prefix, "ai")]);
    expect(await redis.pttl(headKey(under.prefix, "ai"))).toBeGreaterThan(0);

    await publish("other");
    offsetMs = 200_000;
    await publish("ai", "b");
    await publish("ai");
    offsetMs = 400_000;
    await eventually("one of two is left", async () => (await redis.hlen(namespacesKey(under.prefix))) === 1);
    expect(Object.keys(await readIndex(redis, under.prefix))).toHaveLength(1);
  });

  test("[redis] what is for all namespaces stays for ever once it is there, without objects too", async () => {
    let offsetMs = 0;
    const timers = {
      nowMs: () => Date.now() + offsetMs,
      after(delayMs: number, run: () => void) {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const under = await leading({ timers, checkEveryMs: 20 });
    for (const part of [CLUSTER_PART, "gone"]) {
      await under.publisher.publish(new Map([[part, changesOf({ user1: "a" })]]));
      await under.publisher.publish(new Map([[part, changesOf({ user1: undefined })]]));
    }
    offsetMs = 61_000;
    await eventually("the other is gone", async () => !("gone" in (await readIndex(redis, under.prefix))));
    expect(await readIndex(redis, under.prefix)).toHaveProperty(CLUSTER_PART);
    expect((await readVisible(redis, under.prefix, CLUSTER_PART))?.groups).toEqual({});
  });

  test("[redis] a namespace that comes back goes on counting revisions", async () => {
    const under = await leading();
    await under.close();
    await redis.hdel(headKey(under.prefix, "ai"), "generation");
    await redis.hset(headKey(under.prefix, "ai"), "revision", "17");
    await redis.pexpire(headKey(under.prefix, "ai"), 60_000);
    const again = await open({ prefix: under.prefix });
    await again.publisher.lead(0);
    await again.publisher.publish(new Map([["ai", changesOf({ user1: "a" })]]));
    expect((await readVisible(redis, under.prefix))?.revision).toBe(18);
    expect(await redis.pttl(headKey(under.prefix, "ai"))).toBe(-1);
  });
});
