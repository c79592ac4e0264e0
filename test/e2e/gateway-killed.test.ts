// A gateway killed -9 amid traffic: what is missing afterwards is at most what its requests in flight would have charged.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CommandProcess, startCommand } from "../helpers/command-process.ts";
import { call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const TOKENS = 12;
const CONCURRENCY = 32;
const KILL_AFTER = 1_000;
const LIMITS = "  - {name: total, limit: 9000000000, window: {duration: 365d, algorithm: Fixed}}";

let redis: RedisServer;
let upstream: ScriptedUpstream;
let gateway: CommandProcess;
let folder: string;

beforeEach(async () => {
  redis = await startRedis();
  upstream = await startScriptedUpstream(answersChat());
  folder = await mkdtemp(join(tmpdir(), "airl-killed-"));
  await writeFile(join(folder, "all.yaml"), basics({ endpoint: upstream.origin, limits: LIMITS }));
});

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
  await redis.stop();
  await rm(folder, { recursive: true });
});

async function chargedTokens(): Promise<number> {
  const client = new Redis(redis.url);
  try {
    let sum = 0;
    for (const key of await client.keys("airl:c:*")) {
      for (const value of Object.values(await client.hgetall(key))) sum += Number(value.split(" ")[1]);
    }
    return sum;
  } finally {
    client.disconnect();
  }
}

test("[e2e] kill -9 amid traffic: every answered request is charged, and of those in flight at most theirs are missing", async () => {
  const listen = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "warn"];
  gateway = startCommand(["run", "-f", folder, "--redis", redis.url, ...listen]);
  const [, origin = ""] = await gateway.line(/traffic +(http:\/\/\S+)/);
  let answered = 0;
  let killed = false;
  const body = '{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}';
  const worker = async (): Promise<void> => {
    while (!killed) {
      const options = { path: "/v1/chat/completions", headers: { apikey: "key-alice" }, body };
      const answer = await call(origin, options).catch(() => undefined);
      if (answer?.status !== 200 || answer.broken) continue;
      answered++;
      if (answered === KILL_AFTER) {
        killed = true;
        gateway.signal("SIGKILL");
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  expect(await gateway.ended).toBe("SIGKILL");
  const provided = upstream.received.length * TOKENS;
  const charged = await chargedTokens();
  // The charge is sent before the last byte, so whoever has an answer has been charged for it.
  expect(charged).toBeGreaterThanOrEqual(answered * TOKENS);
  expect(charged).toBeLessThanOrEqual(provided);
  expect(provided - charged).toBeLessThanOrEqual(CONCURRENCY * TOKENS);
});
