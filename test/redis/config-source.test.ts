// Configuration in Redis as a data plane reads it: loaded, followed, and kept through everything that can happen to Redis.

import { afterEach, beforeEach, expect, test } from "vitest";
import { CLUSTER_PART, changesKey, headKey, namespacesKey, objectsKey } from "../../dataplane/contract/published.ts";
import { eventually } from "../helpers/clock.ts";
import { type ConfigWriter, createConfigWriter, nameOf } from "../helpers/config-writer.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { type FollowedConfig, type FollowOptions, follow } from "../helpers/followed-config.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { aBackend, aConsumer, aPolicy, aRoute, ringFor } from "../unit/config/builders.ts";

const PREFIX = "t:";
const FAST = { pollMs: 20, goneMs: 50 };

let server: RedisServer;
let writer: ConfigWriter;
let opened: FollowedConfig[] = [];
let proxy: FaultProxy | undefined;

beforeEach(async () => {
  server = await startRedis({ aof: true });
  writer = createConfigWriter(server.url, PREFIX);
});
afterEach(async () => {
  await Promise.all(opened.map((each) => each.close()));
  opened = [];
  writer.close();
  await proxy?.stop();
  proxy = undefined;
  await server.stop();
});

function start(options: Partial<FollowOptions> = {}): FollowedConfig {
  const followed = follow({ url: server.url, prefix: PREFIX, ringFor, ...options });
  opened.push(followed);
  return followed;
}

async function loaded(options: Partial<FollowOptions> = {}): Promise<FollowedConfig> {
  const followed = start(options);
  await eventually("it is loaded", () => followed.source.missing() === undefined);
  return followed;
}

const alice = aConsumer({ namespace: "ai", name: "alice" });
const bob = aConsumer({ namespace: "ai", name: "bob" });
const whole = [alice, aRoute({ namespace: "ai" }), aBackend({ namespace: "ai" }), aPolicy({ namespace: "ai" })];

test("[redis] what is published is loaded, and only then is nothing missing", async () => {
  const followed = start();
  await eventually("it says what is missing", () => followed.source.missing() === "Redis holds no configuration");
  await writer.publish("ai", whole);
  await eventually("it is loaded", () => followed.source.missing() === undefined);
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
  expect(followed.config().snapshot.policiesOf("ai")).toHaveLength(1);
  const found = followed
    .config()
    .snapshot.routes.find({ method: "POST", host: "", path: "/", header: () => undefined });
  expect(found?.route.balancer.pick()?.name).toBe("openai");
  expect(followed.source.positions().get("ai")).toEqual({ generation: writer.generation("ai"), revision: 1 });
  expect(followed.seen.loaded).toBe(1);
});

test("[redis] an index that is there and names nothing counts as loaded", async () => {
  await writer.client.set("t:{cfg}:epoch", "1");
  const followed = await loaded();
  expect(followed.source.positions().size).toBe(0);
});

test("[redis] changes are in force at once, by what has changed alone; a revoked key is refused", async () => {
  await writer.publish("ai", whole);
  const followed = await loaded();
  for (let i = 0; i < 20; i += 1) {
    await writer.change("ai", [bob]);
    await eventually("the new key identifies", () => followed.who("ai", "bob-key") === "ai/bob");
    const revision = await writer.change("ai", [], [nameOf("ai", "Consumer/bob")]);
    await eventually("it does not any more", () => followed.who("ai", "bob-key") === undefined);
    expect(followed.source.positions().get("ai")?.revision).toBe(revision);
  }
  expect(followed.reads.filter((kind) => kind === "full")).toHaveLength(1);
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
});

test("[redis] a change without word of it is found by looking", async () => {
  await writer.publish("ai", whole);
  const followed = await loaded({ intervals: FAST });
  await writer.changeSilently("ai", [bob]);
  await eventually("it is found", () => followed.who("ai", "bob-key") === "ai/bob");
  expect(followed.reads).toEqual(["full", "incremental"]);
});

test("[redis] a stream that was trimmed past what is in force means one whole reading, which also removes", async () => {
  await writer.publish("ai", [...whole, bob]);
  const followed = await loaded();
  await writer.changeAndTrim("ai", [], [nameOf("ai", "Consumer/bob")]);
  await writer.change("ai", [aConsumer({ namespace: "ai", name: "carol" })]);
  await eventually("it is read", () => followed.who("ai", "carol-key") === "ai/carol");
  await eventually("bob is gone", () => followed.who("ai", "bob-key") === undefined);
  expect(followed.reads.slice(0, 2)).toEqual(["full", "full"]);
});

test("[redis] a stream that is gone does not hide that the head moved on", async () => {
  await writer.publish("ai", whole);
  const followed = await loaded({ intervals: FAST });
  await writer.changeSilently("ai", [bob]);
  await writer.client.del(changesKey(PREFIX, "ai", writer.generation("ai")));
  await eventually("it is read", () => followed.who("ai", "bob-key") === "ai/bob");
});

test("[redis] a new generation replaces all: what it does not hold is gone, equal objects stay the records they are", async () => {
  await writer.publish("ai", [...whole, bob]);
  const followed = await loaded();
  const { snapshot } = followed.config();
  const record = snapshot.identify("ai", "alice-key")?.consumer;
  expect(record).toBeDefined();
  await writer.publish("ai", whole);
  await eventually("bob is gone", () => followed.who("ai", "bob-key") === undefined);
  expect(followed.config().snapshot).toBe(snapshot);
  expect(followed.config().snapshot.identify("ai", "alice-key")?.consumer).toBe(record);
});

test("[redis] an emptied Redis takes nothing away; what is published then is followed", async () => {
  await writer.publish("ai", whole);
  const followed = await loaded({ intervals: FAST });
  const { checked } = followed.seen;
  await writer.client.flushall();
  await eventually("it is noticed", () => followed.messages.some((text) => text.includes("Redis holds no")));
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
  expect(followed.source.missing()).toBeUndefined();
  await writer.publish("ai", [bob]);
  await eventually("it is followed again", () => followed.who("ai", "bob-key") === "ai/bob");
  await eventually("alice is gone", () => followed.who("ai", "alice-key") === undefined);
  await eventually("all is in force", () => followed.seen.checked > checked);
});

test("[redis] a Redis that is killed and comes back is followed again", async () => {
  await writer.publish("ai", whole);
  const followed = await loaded();
  await server.kill();
  await eventually("it is away", () => writer.client.status !== "ready");
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
  await server.restart();
  await writer.change("ai", [bob]);
  await eventually("it is followed", () => followed.who("ai", "bob-key") === "ai/bob");
});

test("[redis] a Redis that is missing at the start is waited for", async () => {
  await writer.publish("ai", whole);
  await server.kill();
  const followed = start({ intervals: FAST });
  await eventually("it says so", () => followed.messages.length > 0);
  expect(followed.source.missing()).toBeDefined();
  await server.restart();
  await eventually("it is loaded", () => followed.source.missing() === undefined);
});

test("[redis] what changed while only the subscriber was cut off is found when it is back", async () => {
  await writer.publish("ai", whole);
  proxy = await startFaultProxy(server.port);
  const followed = await loaded({ subscriberUrl: proxy.url });
  await writer.change("ai", [bob]);
  await eventually("word comes", () => followed.who("ai", "bob-key") === "ai/bob");
  proxy.refuse(true);
  proxy.cut();
  await writer.change("ai", [], [nameOf("ai", "Consumer/bob")]);
  proxy.refuse(false);
  await eventually("it is found", () => followed.who("ai", "bob-key") === undefined);
});

test("[redis] an unknown schema leaves what is in force, says so, and is followed once it is known", async () => {
  await writer.publish("ai", whole);
  await writer.publish("other", [aConsumer({ namespace: "other", name: "olga" })]);
  const followed = await loaded({ intervals: FAST });
  await writer.client.hset(headKey(PREFIX, "ai"), "schema", "2");
  await writer.change("ai", [bob]);
  await eventually("it is told", () => followed.seen.schemaUnknown === 1);
  expect(followed.messages.join("\n")).toContain('schema \\"2\\", this version reads 1');
  expect(followed.who("ai", "bob-key")).toBeUndefined();
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
  await writer.change("other", [aConsumer({ namespace: "other", name: "oskar" })]);
  await eventually("others are followed", () => followed.who("other", "oskar-key") === "other/oskar");
  await writer.client.hset(headKey(PREFIX, "ai"), "schema", "1");
  await eventually("it is followed", () => followed.who("ai", "bob-key") === "ai/bob");
  await eventually("that is told", () => followed.seen.schemaUnknown === 0);
});

test("[redis] a schema that is unknown from the start is missing, and said", async () => {
  await writer.publish("ai", whole);
  await writer.client.hset(headKey(PREFIX, "ai"), "schema", "2");
  const followed = start({ intervals: FAST });
  await eventually("it says so", () => followed.source.missing()?.includes('schema "2"') === true);
});

test.for([
  { name: "no JSON", entry: "{" },
  { name: "another shape", entry: `{"revision":1,"generation":1,"uid":"","object":{"kind":"Consumer","key":"hush"}}` },
  {
    name: "an unknown key",
    entry: JSON.stringify({ revision: 1, generation: 1, uid: "", object: { ...bob, hush: 1 } }),
  },
  { name: "another name", entry: JSON.stringify({ revision: 1, generation: 1, uid: "", object: bob }) },
  {
    name: "another namespace",
    entry: JSON.stringify({ revision: 1, generation: 1, uid: "", object: { ...alice, namespace: "system" } }),
  },
])(
  "[redis] an object that is $name is left out, its last good version stays, and nothing of it is told",
  async ({ entry }) => {
    await writer.publish("ai", whole);
    const followed = await loaded();
    await writer.changeRaw("ai", { "Consumer/alice": entry, "Nothing/x": entry });
    await writer.change("ai", [aConsumer({ namespace: "ai", name: "carol" })]);
    await eventually("others are followed", () => followed.who("ai", "carol-key") === "ai/carol");
    expect(followed.seen.rejected).toBe(2);
    expect(followed.who("ai", "alice-key")).toBe("ai/alice");
    expect(followed.who("ai", "bob-key")).toBeUndefined();
    expect(followed.messages.join("\n")).toContain("Consumer/alice");
    expect(followed.messages.join("\n")).not.toContain("hush");
  },
);

test("[redis] an object that cannot be read keeps its last good version through a whole reading too", async () => {
  await writer.publish("ai", whole);
  const followed = await loaded();
  await writer.changeRaw("ai", { "Consumer/alice": "{" });
  await eventually("it is read", () => followed.seen.rejected === 1);
  await writer.changeAndTrim("ai", [bob]);
  await writer.change("ai", [aConsumer({ namespace: "ai", name: "carol" })]);
  await eventually("all is read", () => followed.reads.filter((kind) => kind === "full").length === 2);
  expect(followed.who("ai", "bob-key")).toBe("ai/bob");
  expect(followed.seen.rejected).toBe(2);
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
});

test("[redis] replies of another type keep what is in force", async () => {
  await writer.publish("ai", whole);
  const followed = await loaded({ intervals: FAST });
  await writer.client.multi().del(namespacesKey(PREFIX)).set(namespacesKey(PREFIX), "x").exec();
  await eventually("it is told", () => followed.messages.some((text) => text.includes("WRONGTYPE")));
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
});

test("[redis] a namespace that leaves the index is removed after a while, and no sooner", async () => {
  await writer.publish("ai", whole);
  await writer.publish("other", [aConsumer({ namespace: "other", name: "olga" })]);
  const followed = await loaded({ intervals: FAST });
  await writer.client.hdel(namespacesKey(PREFIX), "other");
  await eventually("it is gone", () => followed.who("other", "olga-key") === undefined);
  expect(followed.source.positions().has("other")).toBe(false);
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
});

test("[redis] a namespace that is missing in the index for less than that stays", async () => {
  await writer.publish("ai", whole);
  const followed = await loaded({ intervals: { pollMs: 10, goneMs: 600_000 } });
  await writer.client.hdel(namespacesKey(PREFIX), "ai");
  const { checked } = followed.seen;
  await eventually("it has looked", () => followed.seen.checked > checked + 5);
  expect(followed.who("ai", "alice-key")).toBe("ai/alice");
});

test("[redis] a data plane of some namespaces reads and hears of no others", async () => {
  await writer.publish("ai", whole);
  await writer.publish("other", [aConsumer({ namespace: "other", name: "olga" })]);
  const followed = await loaded({ namespaces: ["ai"] });
  await writer.change("other", [aConsumer({ namespace: "other", name: "oskar" })]);
  await writer.change("ai", [bob]);
  await eventually("its own is followed", () => followed.who("ai", "bob-key") === "ai/bob");
  expect([...followed.source.positions().keys()]).toEqual(["ai"]);
  expect(followed.who("other", "olga-key")).toBeUndefined();
});

test("[redis] a store that fell back takes no revocation back; the next that publishes is followed", async () => {
  await writer.publish("ai", [...whole, bob]);
  const followed = await loaded({ intervals: FAST });
  await writer.change("ai", [], [nameOf("ai", "Consumer/bob")]);
  await eventually("bob is gone", () => followed.who("ai", "bob-key") === undefined);
  const { checked } = followed.seen;
  const generation = writer.generation("ai");
  const entry = JSON.stringify({ revision: 1, generation: 1, uid: "", object: bob });
  await writer.client
    .multi()
    .hset(headKey(PREFIX, "ai"), "revision", "1")
    .del(changesKey(PREFIX, "ai", generation))
    .hset(objectsKey(PREFIX, "ai", generation), "Consumer/bob", entry)
    .exec();
  await eventually("it has looked", () => followed.seen.checked > checked + 3);
  expect(followed.who("ai", "bob-key")).toBeUndefined();
  await writer.client.hdel(objectsKey(PREFIX, "ai", generation), "Consumer/bob");
  await writer.changeSilently("ai", [aConsumer({ namespace: "ai", name: "carol" })]);
  await writer.client.hset(headKey(PREFIX, "ai"), "revision", "2");
  await eventually("it is followed", () => followed.who("ai", "carol-key") === "ai/carol");
});

test("[redis] changes amid a whole reading are not lost", async () => {
  const many = Array.from({ length: 3000 }, (_, i) => aConsumer({ namespace: "ai", name: `c${String(i)}` }));
  await writer.publish("ai", many);
  const followed = start();
  let revision = 0;
  for (let i = 0; i < 200; i += 1) {
    revision = await writer.change(
      "ai",
      [aConsumer({ namespace: "ai", name: `n${String(i)}` })],
      [nameOf("ai", `Consumer/c${String(i)}`)],
    );
  }
  await eventually("all is followed", () => followed.source.positions().get("ai")?.revision === revision);
  for (let i = 0; i < 200; i += 1) {
    expect(followed.who("ai", `n${String(i)}-key`)).toBe(`ai/n${String(i)}`);
    expect(followed.who("ai", `c${String(i)}-key`)).toBeUndefined();
  }
  expect(followed.live.counts().get("Consumer")).toBe(3000);
});

const cap = aPolicy({ namespace: "system", name: "cap", scope: "Cluster" });

test("[redis] what is for all namespaces is in force in each of them, and follows its changes", async () => {
  await writer.publish("ai", whole);
  await writer.publish(CLUSTER_PART, [cap]);
  const followed = await loaded();
  const names = (namespace: string): string[] =>
    followed
      .config()
      .snapshot.policiesOf(namespace)
      .map(({ compiled }) => compiled.name);
  expect([names("ai"), names("other")]).toEqual([["cap", "policy"], ["cap"]]);
  await writer.change(CLUSTER_PART, [], [{ namespace: CLUSTER_PART, kind: "AIRateLimitPolicy", name: "cap" }]);
  await eventually("it is gone", () => names("other").length === 0);
  expect(names("ai")).toEqual(["policy"]);
});

test("[redis] a data plane of one namespace reads it too, there from the start, come later, or never published", async () => {
  await writer.publish("ai", whole);
  await writer.publish("other", [aPolicy({ namespace: "other", name: "theirs" })]);
  const followed = await loaded({ namespaces: ["ai"] });
  const names = (): string[] =>
    followed
      .config()
      .snapshot.policiesOf("ai")
      .map(({ compiled }) => compiled.name);
  expect(names()).toEqual(["policy"]);
  await writer.publish(CLUSTER_PART, [cap]);
  await eventually("it is in force", () => names().includes("cap"));
  expect([...followed.source.positions().keys()]).toEqual(["ai", CLUSTER_PART]);
  const second = await loaded({ namespaces: ["ai"] });
  expect(second.config().snapshot.policiesOf("ai")).toHaveLength(2);
  expect(second.config().snapshot.policiesOf("other")).toHaveLength(1);
});

test("[redis] a policy lies where its scope says, or is left out", async () => {
  await writer.publish("ai", [cap, ...whole]);
  await writer.publish(CLUSTER_PART, [aPolicy({ namespace: "ai", name: "stray" })]);
  const followed = await loaded();
  expect(followed.seen.rejected).toBe(2);
  expect(
    followed
      .config()
      .snapshot.policiesOf("ai")
      .map(({ compiled }) => compiled.name),
  ).toEqual(["policy"]);
});
