// The data plane as a cluster runs it: a process, set by its environment, configured and counting in Redis.

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { compile } from "../../compiler/compile.ts";
import type { CompiledObject } from "../../dataplane/contract/compiled.ts";
import { createRing, masterId } from "../../dataplane/contract/keyring.ts";
import { notificationsKey } from "../../dataplane/contract/notifications.ts";
import { CLUSTER_PART, dataPlanesKey, objectsKey } from "../../dataplane/contract/published.ts";
import { eventually } from "../helpers/clock.ts";
import { type CommandProcess, startProgram } from "../helpers/command-process.ts";
import { type ConfigWriter, createConfigWriter, nameOf } from "../helpers/config-writer.ts";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";

const PREFIX = "airl:";
const MAIN = "dist/dataplane/main.js";

interface Running {
  readonly process: CommandProcess;
  readonly origin: string;
  readonly admin: string;
}

let redis: RedisServer;
let upstream: FakeUpstream;
let writer: ConfigWriter;
let folder: string;
let running: CommandProcess[] = [];
let masters: readonly Buffer[];

beforeEach(async () => {
  redis = await startRedis({ aof: true });
  upstream = await startFakeUpstream({ requireKey: true });
  writer = createConfigWriter(redis.url, PREFIX);
  folder = await mkdtemp(join(tmpdir(), "airl-dp-"));
  masters = [randomBytes(32)];
  await writeRing(masters);
});
afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()));
  running = [];
  writer.close();
  await upstream.stop();
  await redis.stop();
  await rm(folder, { recursive: true });
});

/** As a mounted Secret changes: the file is behind a link, which is replaced. */
async function writeRing(keys: readonly Buffer[]): Promise<void> {
  const data = join(folder, `data-${randomBytes(4).toString("hex")}`);
  await writeFile(data, `# newest first\n${keys.map((key) => key.toString("base64")).join("\n")}\n`);
  await symlink(data, `${data}-link`);
  await rename(`${data}-link`, join(folder, "keyring"));
}

function environment(): Record<string, string> {
  return {
    AIRL_REDIS_URL: redis.url,
    AIRL_LISTEN: "127.0.0.1:0",
    AIRL_ADMIN_LISTEN: "127.0.0.1:0",
    AIRL_KEYRING_FILE: join(folder, "keyring"),
    AIRL_EGRESS_ALLOW: "127.0.0.0/8",
    AIRL_SYSTEM_NAMESPACE: "system",
    AIRL_DRAIN_DELAY: "0s",
    AIRL_POD_NAMESPACE: "ai",
    AIRL_POD_NAME: "gw-0",
    AIRL_POD_UID: "u-1",
  };
}

async function start(env: Record<string, string> = {}): Promise<Running> {
  const process = startProgram(MAIN, [], { ...environment(), ...env });
  running.push(process);
  const [, traffic = "", admin = ""] = await process.line(
    /"traffic":\{"host":"127.0.0.1","port":(\d+)\},"admin":\{"host":"127.0.0.1","port":(\d+)\}/,
  );
  return { process, origin: `http://127.0.0.1:${traffic}`, admin: `http://127.0.0.1:${admin}` };
}

async function ready(gateway: Running): Promise<Running> {
  await eventually("it is ready", async () => (await fetch(`${gateway.admin}/readyz`)).status === 200);
  return gateway;
}

function compiled(limit: number, endpoint = upstream.origin): CompiledObject[] {
  const yaml = `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: alice, namespace: ai}
spec: {credentials: [{name: main, apiKey: {value: key-alice}}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: openai, namespace: ai}
spec: {provider: OpenAI, endpoint: "${endpoint}", auth: {type: APIKey, apiKey: {value: sk-provider}}}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: chat, namespace: ai}
spec: {matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: openai}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: team, namespace: ai}
spec: {limits: [{name: day, unit: Requests, limit: ${String(limit)}, window: {duration: 365d, algorithm: Fixed}}]}
`;
  const manifests: unknown[] = parseAllDocuments(yaml).map((document) => z.unknown().parse(document.toJS()));
  return [...compile({ manifests, ringFor: createRing(masters), systemNamespace: "system" }).objects];
}

function chat({ origin }: Running, key = "key-alice") {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  return call(origin, { path: "/v1/chat/completions", headers, body: CHAT_BODY });
}

test("[e2e] limits are enforced, changes and revocations taken over, and the end is announced", async () => {
  const gateway = await start();
  const missing = await fetch(`${gateway.admin}/readyz`);
  expect([missing.status, await missing.text()]).toEqual([503, "not ready: Redis holds no configuration\n"]);
  expect((await chat(gateway)).status).toBe(503);
  await writer.publish("ai", compiled(2));
  await ready(gateway);
  const statuses = [await chat(gateway), await chat(gateway), await chat(gateway)].map(({ status }) => status);
  expect(statuses).toEqual([200, 200, 429]);

  const policies = compiled(4).filter(({ kind }) => kind === "AIRateLimitPolicy");
  const revision = await writer.change("ai", policies);
  await eventually("it is acknowledged", async () => {
    const [beat] = (await writer.heartbeats()).values();
    return beat?.namespaces["ai"]?.revision === revision;
  });
  const [beat] = (await writer.heartbeats()).values();
  expect(beat).toMatchObject({
    keyIds: masters.map(masterId),
    pod: { namespace: "ai", name: "gw-0", uid: "u-1" },
    namespaces: { ai: { generation: writer.generation("ai") } },
  });
  expect((await chat(gateway)).status).toBe(200);

  await writer.change("ai", [], [nameOf("ai", "Consumer/alice")]);
  await eventually("the key is refused", async () => (await chat(gateway)).status === 401);

  const code = await gateway.process.stop();
  expect(code).toBe(0);
  expect(await writer.client.hlen(dataPlanesKey(PREFIX, "*"))).toBe(0);
  expect(gateway.process.lines.join("\n")).not.toContain("sk-provider");
});

test("[e2e] told to stop it serves on by the newest configuration until the delay has passed; a second signal ends it", async () => {
  await writer.publish("ai", compiled(1));
  const gateway = await ready(await start({ AIRL_DRAIN_DELAY: "1h" }));
  expect((await chat(gateway)).status).toBe(200);
  gateway.process.signal("SIGTERM");
  await eventually("it is not ready", async () => (await fetch(`${gateway.admin}/readyz`)).status === 503);
  expect((await chat(gateway)).status).toBe(429);
  const policies = compiled(2).filter(({ kind }) => kind === "AIRateLimitPolicy");
  await writer.change("ai", policies);
  await eventually("the change is in force", async () => (await chat(gateway)).status === 200);
  expect((await writer.heartbeats()).size).toBe(1);
  gateway.process.signal("SIGTERM");
  expect(await gateway.process.ended).toBe(143);
});

test("[e2e] it starts without Redis, says so, and serves on when Redis goes away again", async () => {
  await writer.publish("ai", compiled(1000));
  await redis.kill();
  const gateway = await start();
  expect((await fetch(`${gateway.admin}/readyz`)).status).toBe(503);
  await redis.restart();
  await ready(gateway);
  expect((await chat(gateway)).status).toBe(200);
  await redis.kill();
  expect((await chat(gateway)).status).toBe(200);
  expect((await fetch(`${gateway.admin}/readyz`)).status).toBe(200);
  await redis.restart();
});

test("[e2e] a credential does not follow its backend to another endpoint: the request is refused", async () => {
  const stolen = await startFakeUpstream();
  try {
    await writer.publish("ai", compiled(1000));
    const gateway = await ready(await start());
    const backend = compiled(1000).find(({ kind }) => kind === "AIBackend");
    if (backend?.kind !== "AIBackend") throw new Error("no backend");
    const entry = JSON.stringify({
      revision: 2,
      generation: 1,
      uid: "",
      object: { ...backend, origin: stolen.origin },
    });
    await writer.changeRaw("ai", { "AIBackend/openai": entry });
    await eventually("it is in force", async () => (await chat(gateway)).status !== 200);
    const answer = await chat(gateway);
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('"code":"backend_locked"');
    expect(stolen.stats().requests).toBe(0);
  } finally {
    await stolen.stop();
  }
});

test("[e2e] a changed key ring is taken over and told", async () => {
  await writer.publish("ai", compiled(1000));
  const gateway = await ready(await start());
  const old = masters;
  masters = [randomBytes(32), ...old];
  await writeRing(masters);
  await eventually("it is told", async () => {
    const [beat] = (await writer.heartbeats()).values();
    return beat?.keyIds.length === 2;
  });
  expect((await chat(gateway)).status).toBe(200);
  masters = masters.slice(0, 1);
  await writer.publish("ai", compiled(1000));
  await writeRing(masters);
  await eventually("it is told", async () => {
    const [beat] = (await writer.heartbeats()).values();
    return beat?.keyIds.length === 1;
  });
  expect((await chat(gateway)).status).toBe(200);
});

test("[e2e] the Redis user of data planes counts and tells of itself, and can write no configuration", async () => {
  const user = "dataplane on >hush resetkeys resetchannels -@all";
  const rules =
    "~airl:c:* ~airl:s:* ~airl:{dp:* %R~airl:{cfg* &airl:cfg:* " +
    "+@connection +@scripting -script +time +hmget +hget +hset +hlen +hdel +hgetall +get +set +pttl +pexpire " +
    "+hkeys +hscan +exists +xrange +psubscribe +subscribe +punsubscribe +unsubscribe +ping +info";
  await writer.client.call("acl", "setuser", ...user.split(" "), ...rules.split(" "));
  await writer.publish("ai", compiled(1));
  const url = redis.url.replace("redis://", "redis://dataplane@");
  const gateway = await ready(await start({ AIRL_REDIS_URL: url, AIRL_REDIS_PASSWORD: "hush" }));
  expect([(await chat(gateway)).status, (await chat(gateway)).status]).toEqual([200, 429]);
  await eventually("it tells of itself", async () => (await writer.heartbeats()).size === 1);
  const intruder = writer.client.duplicate({ username: "dataplane", password: "hush" });
  const key = objectsKey(PREFIX, "ai", writer.generation("ai"));
  await expect(intruder.hset(key, "Consumer/mallory", "{}")).rejects.toThrow("NOPERM");
  await expect(intruder.publish("airl:other", "x")).rejects.toThrow("NOPERM");
  intruder.disconnect();
  expect(gateway.process.lines.join("\n")).not.toContain("hush");
});

/** What docs/redis-dataplane.md gives a data plane of one namespace, on top of the commands of all. */
const ONE_NAMESPACE = [
  "%R~airl:{cfg:ai}* ~airl:{dp:ai}* ~airl:{ntf:ai}* &airl:cfg:ai ~airl:c:*:ai:* ~airl:s:*",
  "%R~airl:{cfg:Cluster}* &airl:cfg:Cluster ~airl:{ntf:Cluster}* ~airl:c:*:Cluster:*",
];

test("[e2e] a data plane whose Redis user sees one namespace counts for the policies of all of them", async () => {
  const page = await readFile("docs/redis-dataplane.md", "utf8");
  for (const pattern of ONE_NAMESPACE.join(" ").split(" ")) {
    if (pattern !== "~airl:s:*")
      expect(page).toContain(`\`${pattern.replace("ai}", "NAMESPACE}").replace(":ai", ":NAMESPACE")}\``);
  }
  const commands =
    "+@connection +@scripting -script +time +hmget +hget +hset +hlen +hdel +hgetall +get +set +pttl +pexpire " +
    "+incr +xadd +hkeys +hscan +exists +xrange +subscribe +unsubscribe +ping +info";
  const user = `sidecar on >hush resetkeys resetchannels -@all ${ONE_NAMESPACE.join(" ")} ${commands}`;
  await writer.client.call("acl", "setuser", ...user.split(" "));
  await writer.publish("ai", compiled(1000));
  await writer.publish("other", compiled(1000));
  const [cap] = compiled(1).filter(({ kind }) => kind === "AIRateLimitPolicy");
  if (cap?.kind !== "AIRateLimitPolicy") throw new Error("no policy");
  await writer.publish(CLUSTER_PART, [{ ...cap, namespace: "system", name: "cap", scope: "Cluster" }]);
  const env = { AIRL_REDIS_URL: redis.url.replace("redis://", "redis://sidecar@"), AIRL_REDIS_PASSWORD: "hush" };
  const gateway = await ready(await start({ ...env, AIRL_NAMESPACES: "ai" }));
  expect([(await chat(gateway)).status, (await chat(gateway)).status]).toEqual([200, 429]);
  expect((await chat(gateway)).body).toContain("of policy system/cap reached");
  await eventually("it tells of itself, and of what it has", async () => {
    const [beat] = (await writer.heartbeats("ai")).values();
    return beat?.namespaces[CLUSTER_PART]?.revision === 1;
  });
  await eventually(
    "what it told of the counter",
    async () => (await writer.client.exists(notificationsKey(PREFIX, CLUSTER_PART))) === 1,
  );
  expect(gateway.process.lines.join("\n")).not.toContain("NOPERM");
});

test.for([
  { name: "no Redis", env: { AIRL_REDIS_URL: "" }, line: /^AIRL_REDIS_URL is not set: wanted redis/, code: 2 },
  {
    name: "a Redis of another kind",
    env: { AIRL_REDIS_URL: "http://u:hush@x" },
    line: /AIRL_REDIS_URL: found a value that is not told/,
    code: 2,
  },
  { name: "no address", env: { AIRL_LISTEN: "8o80" }, line: /AIRL_LISTEN: found "8o80", wanted HOST:PORT/, code: 2 },
  {
    name: "a key ring that is not there",
    env: { AIRL_KEYRING_FILE: "/nowhere/ring" },
    line: /cannot start: .*\/nowhere\/ring/,
    code: 1,
  },
])("[e2e] with $name it ends and says why", async ({ env, line, code }) => {
  const process = startProgram(MAIN, [], { ...environment(), ...env });
  await process.line(line);
  expect(await process.ended).toBe(code);
  expect(process.lines.join("\n")).not.toContain("hush");
});

test("[e2e] --help lists every setting, --version tells the version", async () => {
  const help = startProgram(MAIN, ["--help"], {});
  expect(await help.ended).toBe(0);
  for (const name of ["AIRL_REDIS_URL", "AIRL_LISTEN", "AIRL_KEYRING_FILE", "AIRL_EGRESS_ALLOW"])
    expect(help.lines.join("\n")).toContain(name);
  const version = startProgram(MAIN, ["--version"], {});
  expect(await version.ended).toBe(0);
  expect(version.lines.join("")).toMatch(/^\d+\.\d+\.\d+$/);
});
