// The publisher as it runs outside of tests: with a user of its own that may do no more than docs/redis.md says, on a
// cluster; and what somebody finds who gets hold of Redis's files.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createNotificationStore } from "../../controller/notify/notification-store.ts";
import { createDataPlaneReader } from "../../controller/publish/data-planes.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { dataPlanesKey, headKey, namespacesKey, objectField } from "../../dataplane/contract/published.ts";
import { eventually } from "../helpers/clock.ts";
import { changesOf, consumers, machineTimers, openPublisher, type PublisherUnderTest } from "../helpers/publisher.ts";
import { startRedisCluster } from "../helpers/redis-cluster.ts";
import { startRedis } from "../helpers/redis-server.ts";

let closing: (() => unknown)[];
beforeEach(() => {
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

/** The line of docs/redis.md, with a password. */
async function aclOf(user: string): Promise<readonly string[]> {
  const page = await readFile("docs/redis.md", "utf8");
  const line = new RegExp(`\`\`\`acl ${user}\n(.*)\n`).exec(page)?.[1] ?? "";
  return line.replace("PASSWORD", "p4ss").split(" ");
}

/** Everything that a publisher ever does. */
async function goThroughAll(under: PublisherUnderTest, admin: Redis | Cluster): Promise<void> {
  const { publisher, prefix } = under;
  await publisher.lead(0);
  await publisher.publish(new Map(["ai", "b", "c"].map((name) => [name, consumers(300)])));
  await publisher.publish(new Map([["ai", changesOf({ user1: "x", user2: undefined })]]));
  await eventually("all are listed", async () => (await admin.hlen(namespacesKey(prefix))) === 3);
  await publisher.lead(0);
  await admin.del(headKey(prefix, "ai"));
  await eventually("it is there again", async () => (await admin.hexists(headKey(prefix, "ai"), "generation")) === 1);
  await admin.hset(headKey(prefix, "b"), "revision", 0);
  await eventually("it is replaced", async () => (await admin.hget(headKey(prefix, "b"), "revision")) !== "0");
  await publisher.publishAll(new Map([["ai", consumers(1)]]));
}

test("[redis] the controller's user of docs/redis.md may do all that it does, and nothing that it does not", async () => {
  const server = await startRedis();
  closing.push(() => server.stop());
  const admin = new Redis(server.url);
  closing.push(() => admin.disconnect());
  const acl = await aclOf("controller");
  const [command = "", ...args] = acl;
  await admin.call(command, ...args);
  let offsetMs = 0;
  const timers = { ...machineTimers, nowMs: () => Date.now() + offsetMs };
  const settings = { username: "airl-controller", password: "p4ss" };
  const under = await openPublisher(server.url, { prefix: "airl:", settings, timers });
  closing.push(() => under.close());
  await goThroughAll(under, admin);
  offsetMs = 70_000;
  await eventually("the empty ones are gone", async () => (await admin.hlen("airl:{cfg}:namespaces")) === 1);
  const reader = createDataPlaneReader({ redis: under.client, prefix: "airl:", timers });
  await admin.hset(dataPlanesKey("airl:", "ai"), "s1", "1 {}");
  expect(await reader.readDataPlanes(["ai"])).toHaveLength(1);
  await reader.forgetDataPlane("ai", "s1");
  const notifications = createNotificationStore({
    redis: under.client,
    prefix: "airl:",
    systemNamespace: "default",
    timers,
  });
  expect((await notifications.readAfter("ai", await notifications.position("ai", "events"), 10)).isFull).toBe(false);
  await notifications.save("ai", "events", { id: "1-1", number: 1 });

  expect(under.messages.filter((message) => /fails|NOPERM/.test(message))).toEqual([]);
  const refused = await admin.call("ACL", "LOG");
  // A new connection offers its client's name, which is refused without harm.
  const objects = (Array.isArray(refused) ? refused : []).map((entry) =>
    String(Array.isArray(entry) ? entry[7] : entry),
  );
  expect(objects.filter((object) => !object.startsWith("client"))).toEqual([]);
  const stats = await admin.info("commandstats");
  const allowed = acl.filter((word) => word.startsWith("+")).map((word) => word.slice(1));
  expect(allowed.filter((name) => !stats.includes(`cmdstat_${name}:`))).toEqual([]);

  const user = new Redis(server.url, settings);
  closing.push(() => user.disconnect());
  await expect(user.hset("airl:c:{7f}:x", "f", "1")).rejects.toThrow(/NOPERM|permission/);
  await expect(user.flushall()).rejects.toThrow(/NOPERM|permission/);
  await expect(user.keys("*")).rejects.toThrow(/NOPERM|permission/);
});

test("[redis] on a cluster that user does the same, through a fail-over too", { timeout: 120_000 }, async () => {
  const cluster = await startRedisCluster();
  closing.push(() => cluster.stop());
  const admin = new Cluster(cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port })));
  admin.on("error", () => {});
  closing.push(() => admin.disconnect());
  const acl = [...(await aclOf("controller")), "+cluster|slots", "+cluster|info"];
  for (const node of cluster.nodes) await cluster.cli(node, ...acl);
  const settings = { cluster: true, username: "airl-controller", password: "p4ss" };
  const under = await openPublisher(cluster.url, { settings, prefix: "airl:" });
  closing.push(() => under.close());
  await goThroughAll(under, admin);
  await (await cluster.masterOf(headKey("airl:", "ai"))).kill();
  const outcome = await under.publisher.publish(new Map([["ai", changesOf({ user7: "late" })]]));
  expect(outcome.kind).toBe("published");
  const generation = (await admin.hget(headKey("airl:", "ai"), "generation")) ?? "";
  expect(Object.keys(await admin.hgetall(`airl:{cfg:ai}:${generation}:objects`)).sort()).toEqual([
    "Consumer/user0",
    "Consumer/user7",
  ]);
});

test("[redis] no key or credential can be read in a dump", async () => {
  const planted = ["sk-consumer-key-PLANTED-1", "sk-provider-key-PLANTED-2"];
  const kinds = [
    { kind: "Consumer", spec: { credentials: [{ name: "laptop", apiKey: { value: planted[0] } }] } },
    { kind: "AIBackend", spec: { provider: "OpenAI", auth: { type: "APIKey", apiKey: { value: planted[1] } } } },
  ];
  const manifests = kinds.map(({ kind, spec }) => ({
    apiVersion: "airatelimit.dev/v1alpha1",
    kind,
    metadata: { name: "one", namespace: "ai" },
    spec,
  }));
  const master = Buffer.alloc(32, 7);
  const { objects } = compile({ manifests, ringFor: createRing([master]), systemNamespace: "default" });
  expect(objects).toHaveLength(2);
  const server = await startRedis({ settings: ["--rdbcompression", "no"] });
  closing.push(() => server.stop());
  const admin = new Redis(server.url);
  closing.push(() => admin.disconnect());
  const under = await openPublisher(server.url);
  closing.push(() => under.close());
  await under.publisher.lead(0);
  const desired = new Map(objects.map((object) => [objectField(object), { generation: 1, uid: "u", object }]));
  await under.publisher.publish(new Map([["ai", desired]]));
  await admin.save();
  const dir: unknown = await admin.config("GET", "dir");
  const dump = await readFile(join(Array.isArray(dir) ? String(dir[1]) : "", "dump.rdb"));
  expect(dump.includes("AIBackend/one")).toBe(true);
  const forms = [...planted.map((text) => Buffer.from(text)), master].flatMap((bytes) => [
    bytes,
    Buffer.from(bytes.toString("base64").replace(/=+$/, "")),
    Buffer.from(bytes.toString("hex")),
  ]);
  for (const form of forms) expect(dump.includes(form)).toBe(false);
});
