// Measures a data plane with many consumers: cold load from Redis, memory, the cost of one change, and how soon it is in
// force. Usage: node test/bench/config-load.mjs [consumers]. Needs `make build` and redis-server.

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { LiveConfig } from "../../dist/dataplane/config/gateway-config.js";
import { createRing, hashKey, keyHmac } from "../../dist/dataplane/contract/keyring.js";
import {
  changeChannel,
  changesKey,
  epochKey,
  headKey,
  namespacesKey,
  objectsKey,
} from "../../dist/dataplane/contract/published.js";

const COUNT = Number(process.argv[2] ?? 100_000);
const NAMESPACE = "ai";
const GENERATION = "5f3a90c1d2e4b786";
const PREFIX = "airl:";
const master = randomBytes(32);
const [keys] = createRing([master])(NAMESPACE);

function consumer(i, key = `key-${i}`) {
  const credentials = [{ name: "main", keyHmacs: [keyHmac(keys, hashKey(key))] }];
  return {
    kind: "Consumer",
    namespace: NAMESPACE,
    name: `user-${i}`,
    username: `user-${i}`,
    groups: [`group-${i % 10}`],
    credentials,
  };
}

function entry(object, revision) {
  const uid = createHash("md5").update(object.name).digest("hex");
  return JSON.stringify({ revision, generation: 1, uid, object });
}

const folder = mkdtempSync(join(tmpdir(), "airl-load-"));
const port = 23_000 + Math.floor(Math.random() * 5_000);
const server = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder], {
  stdio: ["ignore", "pipe", "ignore"],
});
await new Promise((resolve) =>
  createInterface({ input: server.stdout }).on("line", (line) => line.includes("Ready to accept") && resolve()),
);
const redis = new Redis(port);
let gateway;
try {
  for (let at = 0; at < COUNT; at += 1000) {
    const page = Array.from({ length: Math.min(1000, COUNT - at) }, (_, i) => consumer(at + i));
    await redis.hset(
      objectsKey(PREFIX, NAMESPACE, GENERATION),
      ...page.flatMap((each) => [`Consumer/${each.name}`, entry(each, 1)]),
    );
  }
  await redis.hset(headKey(PREFIX, NAMESPACE), { schema: 1, epoch: 1, generation: GENERATION, revision: 1 });
  await redis.set(epochKey(PREFIX), "1");
  await redis.hset(namespacesKey(PREFIX), NAMESPACE, GENERATION);
  writeFileSync(join(folder, "keyring"), master.toString("base64"));
  await coldLoad();
} finally {
  gateway?.kill("SIGTERM");
  redis.disconnect();
  server.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
changeCost();

async function coldLoad() {
  const env = {
    ...process.env,
    AIRL_REDIS_URL: `redis://127.0.0.1:${port}`,
    AIRL_KEYRING_FILE: join(folder, "keyring"),
    AIRL_LISTEN: "127.0.0.1:0",
    AIRL_ADMIN_LISTEN: "127.0.0.1:0",
  };
  const startedMs = performance.now();
  gateway = spawn(process.execPath, ["dist/dataplane/main.js"], { env, stdio: ["ignore", "ignore", "pipe"] });
  const lines = createInterface({ input: gateway.stderr });
  const admin = await new Promise((resolve) => {
    lines.on("line", (line) => {
      const { msg, admin: address } = JSON.parse(line);
      if (msg === "listening") resolve(`http://${address.host}:${address.port}`);
    });
  });
  const upMs = performance.now();
  while ((await fetch(`${admin}/readyz`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
  const readyMs = performance.now();
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  const of = (name) =>
    metrics
      .split("\n")
      .find((line) => line.startsWith(name))
      ?.split(" ")
      .at(-1);
  const rss = rssOf(gateway.pid);
  console.log(`consumers                     ${of('airl_config_objects{kind="Consumer"}')}`);
  console.log(`start to listening            ${((upMs - startedMs) / 1000).toFixed(2)} s`);
  console.log(`start to ready                ${((readyMs - startedMs) / 1000).toFixed(2)} s`);
  console.log(`RSS when ready, peak          ${rss.now} MB, ${rss.peak} MB`);
  await followChanges();
  const after = await (await fetch(`${admin}/metrics`)).text();
  const sum = after
    .split("\n")
    .find((line) => line.startsWith("airl_config_follow_seconds_sum"))
    ?.split(" ")
    .at(-1);
  const count = after
    .split("\n")
    .find((line) => line.startsWith("airl_config_follow_seconds_count"))
    ?.split(" ")
    .at(-1);
  console.log(
    `word of a change to in force  ${((Number(sum) / Number(count)) * 1000).toFixed(2)} ms, mean of ${count}`,
  );
  await newGeneration(admin);
  const later = rssOf(gateway.pid);
  console.log(`RSS at the end, peak          ${later.now} MB, ${later.peak} MB`);
}

/** Everything is read again beside traffic: how long is the event loop held up? The delay is that since the last scrape. */
async function newGeneration(admin) {
  const next = "0123456789abcdef";
  await redis.copy(objectsKey(PREFIX, NAMESPACE, GENERATION), objectsKey(PREFIX, NAMESPACE, next));
  const startedMs = performance.now();
  await redis
    .multi()
    .hset(headKey(PREFIX, NAMESPACE), "generation", next, "revision", 202)
    .publish(changeChannel(PREFIX, NAMESPACE), `${next} 202`)
    .exec();
  await fetch(`${admin}/metrics`);
  const of = (text, name) =>
    text
      .split("\n")
      .find((line) => line.startsWith(name))
      ?.split(" ")
      .at(-1);
  let delayMs = 0;
  let text = "";
  while (of(text, 'airl_config_reads_total{kind="full"}') !== "2") {
    await new Promise((resolve) => setTimeout(resolve, 100));
    text = await (await fetch(`${admin}/metrics`)).text();
    delayMs = Math.max(delayMs, Number(of(text, "nodejs_eventloop_lag_max_seconds")) * 1000);
  }
  console.log(
    `all read anew                 ${((performance.now() - startedMs) / 1000).toFixed(2)} s, event loop held up for ${delayMs.toFixed(1)} ms at most (timer of 10 ms included)`,
  );
}

async function followChanges() {
  for (let revision = 2; revision <= 201; revision += 1) {
    const changed = consumer(revision * 7, `new-${revision}`);
    const text = entry(changed, revision);
    await redis
      .multi()
      .hset(objectsKey(PREFIX, NAMESPACE, GENERATION), `Consumer/${changed.name}`, text)
      .xadd(changesKey(PREFIX, NAMESPACE, GENERATION), `${revision}-0`, `Consumer/${changed.name}`, text)
      .hset(headKey(PREFIX, NAMESPACE), "revision", revision)
      .publish(changeChannel(PREFIX, NAMESPACE), `${GENERATION} ${revision}`)
      .exec();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function rssOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mb = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  return { now: mb("VmRSS"), peak: mb("VmHWM") };
}

function changeCost() {
  const live = new LiveConfig({
    ringFor: createRing([master]),
    systemNamespace: "system",
    prefix: PREFIX,
    onLocked: () => {},
  });
  live.replace(Array.from({ length: COUNT }, (_, i) => consumer(i)));
  const { snapshot } = live.current();
  for (let i = 0; i < 10_000; i += 1) snapshot.identify(NAMESPACE, `key-${i}`);
  const changed = Array.from({ length: 2_000 }, (_, i) => consumer(i, `other-${i}`));
  const times = changed.map((each) => {
    const startedMs = performance.now();
    live.change({ set: [each], removed: [] });
    live.current();
    return performance.now() - startedMs;
  });
  times.sort((a, b) => a - b);
  const at = (share) => (times[Math.floor(times.length * share)] * 1000).toFixed(0);
  console.log(`one change of a used key      p50 ${at(0.5)} us, p99 ${at(0.99)} us, max ${at(0.9999)} us`);
}
