// Publishes 100,000 consumers to a Redis of its own, from the built program, and prints how long it takes and how long Redis
// was busy with any one command meanwhile. Run: make build && node test/bench/publish.mjs [objects]

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { createPublisher } from "../../dist/controller/publish/publisher.js";

const COUNT = Number(process.argv[2] ?? 100_000);
const PORT = 23_000 + Math.floor(Math.random() * 5000);

const server = spawn(
  "redis-server",
  ["--port", String(PORT), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
  {
    stdio: ["ignore", "pipe", "inherit"],
  },
);
for await (const line of createInterface({ input: server.stdout })) if (line.includes("eady to accept")) break;

const admin = new Redis(PORT);
await admin.config("SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "2000000");
const redis = new Redis(PORT);
const timers = {
  nowMs: () => performance.timeOrigin + performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

function open() {
  return createPublisher({
    redis,
    prefix: "airl:",
    manages: () => true,
    timers,
    random: { number: Math.random, generation: () => randomBytes(8).toString("hex") },
    log: { info() {}, warn: console.warn, error: console.error },
    observe: { published() {} },
    onDeposed() {},
  });
}

function consumer(i, group) {
  const name = `user${i}`;
  const keyHmacs = [`0011aabb.${String(i).padStart(43, "x")}`];
  const object = { kind: "Consumer", namespace: "ai", name, username: name, groups: [group] };
  return { generation: 1, uid: `0b6f4a1c-${i}`, object: { ...object, credentials: [{ name: "laptop", keyHmacs }] } };
}

function consumers(group) {
  return new Map(Array.from({ length: COUNT }, (_, i) => [`Consumer/user${i}`, consumer(i, group)]));
}

async function measure(name, act) {
  await admin.slowlog("RESET");
  const blocked = watchLoop();
  const startMs = performance.now();
  await act();
  const ms = performance.now() - startMs;
  const all = await admin.slowlog("GET", 1_000_000);
  const entries = all.filter(([, , , [command]]) => command.toLowerCase() !== "slowlog");
  const slowest = entries.map(([, , us, [command]]) => ({ us, command })).sort((a, b) => b.us - a.us)[0];
  const redisMs =
    slowest === undefined ? "-" : `${(slowest.us / 1000).toFixed(2)} ms (${slowest.command.toUpperCase()})`;
  console.log(`| ${name} | ${ms.toFixed(1)} ms | ${entries.length} | ${redisMs} | ${blocked().toFixed(0)} ms |`);
}

/** The longest time for which this process's event loop had no turn. */
function watchLoop() {
  let lastMs = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - lastMs - 5);
    lastMs = performance.now();
  }, 5);
  return () => {
    clearInterval(timer);
    return Math.max(longest, performance.now() - lastMs - 5);
  };
}

console.log(`${COUNT} consumers in one namespace\n`);
console.log("| what | took | commands | Redis busy with one, at most | this process's loop, at most |");
console.log("| --- | --- | --- | --- | --- |");
const gold = consumers("gold");
const silver = consumers("silver");
let publisher = open();
await publisher.lead(0);
await measure("first publish, as a whole", () => publisher.publishAll(new Map([["ai", gold]])));
await measure("the same again (nothing to write)", () => publisher.publishAll(new Map([["ai", gold]])));
await measure("one of them changes", () =>
  publisher.publish(new Map([["ai", new Map([["Consumer/user7", consumer(7, "bronze")]])]])),
);
await measure("all of them change", () => publisher.publishAll(new Map([["ai", silver]])));
await publisher.stop();
publisher = open();
await measure("a new leader reads them", () => publisher.lead(1));
await measure("its first pass (nothing to write)", () => publisher.publishAll(new Map([["ai", silver]])));
await admin.hset("airl:{cfg:ai}:head", "revision", 1);
await measure("a new generation", () =>
  publisher.publish(new Map([["ai", new Map([["Consumer/user7", consumer(7, "gold")]])]])),
);
console.log(
  `\nthis process: ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB resident, the two sets of consumers included`,
);
await publisher.stop();
redis.disconnect();
admin.disconnect();
server.kill();
await once(server, "exit");
