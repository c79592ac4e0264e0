// Two gateway processes on one Redis: what they settle is what the provider counted, to the token, whatever happens between.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CommandProcess, startCommand } from "../helpers/command-process.ts";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";
import { call } from "../helpers/http-call.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";

const REQUESTS = 10_000;
const CONCURRENCY = 64;
/** Long fixed windows: no roll-over moves amounts while the totals are compared. */
const LIMITS = `
  - {name: total, limit: 9000000000, window: {duration: 365d, algorithm: Fixed}}
  - {name: prompt, unit: PromptTokens, limit: 9000000000, window: {duration: 365d, algorithm: Fixed}, per: [{type: Shared}]}
  - {name: completion, unit: CompletionTokens, limit: 9000000000, window: {duration: 365d, algorithm: Fixed}, per: [{type: Model}]}
  - {name: sliding, limit: 9000000000, window: {duration: 365d}}`;

let redis: RedisServer;
let upstream: FakeUpstream;
let gateways: { readonly process: CommandProcess; readonly origin: string; readonly admin: string }[] = [];
let folder: string;
const agent = new Agent({ keepAlive: true });

beforeEach(async () => {
  redis = await startRedis({ aof: true });
  upstream = await startFakeUpstream();
  folder = await mkdtemp(join(tmpdir(), "airl-two-"));
  await writeFile(join(folder, "all.yaml"), manifests(upstream.origin));
  gateways = await Promise.all([startOne(), startOne()]);
});

afterEach(async () => {
  await Promise.all(gateways.map((g) => g.process.stop()));
  await upstream.stop();
  await redis.stop();
  await rm(folder, { recursive: true });
});

async function startOne(): Promise<(typeof gateways)[number]> {
  const args = ["run", "-f", folder, "--redis", redis.url, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  const process = startCommand([...args, "--log-level", "warn"]);
  const [, origin = ""] = await process.line(/traffic +(http:\/\/\S+)/);
  const [, admin = ""] = await process.line(/admin +(http:\/\/\S+)/);
  return { process, origin, admin };
}

function manifests(endpoint: string): string {
  const consumers = Array.from(
    { length: 10 },
    (_, i) => `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: c${String(i)}}
spec: {credentials: [{name: main, apiKey: {value: key-${String(i)}}}]}
---`,
  );
  return `${consumers.join("")}
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm}
spec: {provider: OpenAICompatible, endpoint: "${endpoint}"}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all}
spec:
  matches: [{path: {type: PathPrefix, value: /}}]
  backendRefs: [{name: llm}]
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: team}
spec:
  limits:${LIMITS}
`;
}

/** Plain, streamed with and without include_usage, with an unknown key, malformed, and model listings. */
async function oneRequest(i: number): Promise<number> {
  const origin = gateways[i % 2]?.origin ?? "";
  const apikey = i % 50 === 49 ? "unknown" : `key-${String(i % 10)}`;
  if (i % 20 === 13)
    return (await call(origin, { method: "GET", path: "/v1/models", headers: { apikey } }, agent)).status;
  const body: Record<string, unknown> = {
    model: `demo-${String(1 + (i % 7))}`,
    messages: [{ role: "user", content: "word ".repeat(1 + (i % 11)) }],
  };
  if (i % 3 !== 0) body["stream"] = true;
  if (i % 3 === 2) body["stream_options"] = { include_usage: true };
  const text = i % 100 === 77 ? "{" : JSON.stringify(body);
  return (await call(origin, { path: "/v1/chat/completions", headers: { apikey }, body: text }, agent)).status;
}

async function manyRequests(
  count: number,
  onDone?: (done: number) => Promise<void> | undefined,
): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const status = await oneRequest(next++);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await onDone?.(++done);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return statuses;
}

interface Stored {
  /** Sum of all amounts by window duration and field. */
  readonly byField: Map<string, number>;
  readonly keysWithoutExpiry: string[];
}

async function stored(): Promise<Stored> {
  const client = new Redis(redis.url);
  try {
    const byField = new Map<string, number>();
    const keysWithoutExpiry: string[] = [];
    for (const key of await client.keys("*")) {
      if ((await client.pttl(key)) < 0) keysWithoutExpiry.push(key);
      if (!key.startsWith("airl:c:")) continue;
      for (const [field, value] of Object.entries(await client.hgetall(key))) {
        const [, current = 0, previous = 0] = value.split(" ").map(Number);
        byField.set(field, (byField.get(field) ?? 0) + current + previous);
      }
    }
    return { byField, keysWithoutExpiry };
  } finally {
    client.disconnect();
  }
}

/** Draining hands every charge over, so the totals are final when both have ended. */
async function endGateways(): Promise<void> {
  for (const { process } of gateways) expect(await process.stop()).toBe(0);
}

function expectTotals({ byField, keysWithoutExpiry }: Stored): void {
  const { prompt_tokens: prompt, completion_tokens: completion } = upstream.stats();
  expect(prompt).toBeGreaterThan(0);
  const sums = [...byField.values()].sort((a, b) => a - b);
  expect(sums).toEqual([prompt, completion, prompt + completion, prompt + completion].sort((a, b) => a - b));
  expect(keysWithoutExpiry).toEqual([]);
}

test("[e2e] 10,000 mixed requests over two gateways settle exactly what the provider counted", {
  timeout: 120_000,
}, async () => {
  const statuses = await manyRequests(REQUESTS);
  await endGateways();
  expect([...statuses.keys()].sort()).toEqual([200, 400, 401]);
  expectTotals(await stored());
});

test("[e2e] Redis killed and restarted in between: nothing lost, nothing double", { timeout: 120_000 }, async () => {
  const outages = new Map([
    [Math.floor(REQUESTS * 0.3), (): Promise<void> => redis.kill()],
    [Math.floor(REQUESTS * 0.5), (): Promise<void> => redis.restart()],
    [Math.floor(REQUESTS * 0.6), (): Promise<void> => redis.kill()],
    [Math.floor(REQUESTS * 0.65), (): Promise<void> => redis.restart()],
  ]);
  const statuses = await manyRequests(REQUESTS, (done) => outages.get(done)?.());
  await endGateways();
  expect([...statuses.keys()].sort()).toEqual([200, 400, 401]);
  expectTotals(await stored());
});
