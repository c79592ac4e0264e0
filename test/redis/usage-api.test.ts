// The usage API over a real Redis: the figures of the next answer, one round trip, and not a byte written.

import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { eventually } from "../helpers/clock.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { openStore } from "../helpers/redis-store.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const UNITS = ["Requests", "PromptTokens", "CompletionTokens", "TotalTokens"];
const ALGORITHMS = ["Sliding", "Fixed", "FixedFromFirst"];
const LIMITS = UNITS.flatMap((unit) =>
  ALGORITHMS.map((algorithm) => ({ unit, algorithm, name: `${unit}-${algorithm}`.toLowerCase() })),
);

let redis: RedisServer;
let client: Redis;
let upstream: ScriptedUpstream;
let gateway: GatewayUnderTest;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
});

beforeEach(async () => {
  client = new Redis(redis.url);
  await client.flushall();
  upstream = await startScriptedUpstream(answersChat());
  const { store } = await openStore(redis.url, { prefix: "airl:" });
  // A day at the most: no window of the test ends within it, but around midnight (UTC), where figures are compared all the same.
  const limits = LIMITS.map(
    ({ unit, algorithm, name }) =>
      `  - {name: ${name}, unit: ${unit}, limit: 1000, window: {duration: 24h, algorithm: ${algorithm}}}`,
  );
  const yaml = basics({
    endpoint: upstream.origin,
    limits: limits.slice(0, 4).join("\n"),
    // Four at a time: that is how many a header shows.
  });
  const rest = [limits.slice(4, 8), limits.slice(8)].map(
    (part, i) => `
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: more${String(i)}}
spec:
  response: {headers: {formats: []}}
  limits:
${part.join("\n")}
`,
  );
  gateway = await startGateway(yaml + rest.join(""), { store });
});

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
  client.disconnect();
});

const told = z.looseObject({
  source: z.string(),
  limits: z.array(z.looseObject({ name: z.string(), used: z.number(), remaining: z.number() })),
});

const ask = (): ReturnType<typeof call> =>
  call(gateway.origin, { method: "GET", path: "/.airl/usage", headers: { apikey: "key-alice" } });

async function usage(): Promise<z.output<typeof told>> {
  const answer = await ask();
  expect(answer.status, answer.body).toBe(200);
  return told.parse(JSON.parse(answer.body));
}

/** Undefined when it was asked too often. */
async function sourceNow(): Promise<string | undefined> {
  const { status, body } = await ask();
  return status === 200 ? told.parse(JSON.parse(body)).source : undefined;
}

const chat = (): ReturnType<typeof call> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: "key-alice" }, body: CHAT_BODY });

/** Every key with what it holds and when it expires, to the second. */
async function dump(): Promise<string> {
  const keys = (await client.keys("*")).filter((key) => !key.startsWith("airl:s:")).sort();
  const values = await Promise.all(
    keys.map(async (key) => [key, await client.hgetall(key), await client.expiretime(key)]),
  );
  return JSON.stringify(values);
}

test("[redis] every unit in every kind of window: used so far, and what the next answer says remains", async () => {
  await chat();
  await chat();
  const { limits, source } = await usage();
  expect(source).toBe("store");
  const used: Record<string, number> = { Requests: 2, PromptTokens: 10, CompletionTokens: 14, TotalTokens: 24 };
  expect(Object.fromEntries(limits.map(({ name, used: counted }) => [name, counted]))).toEqual(
    Object.fromEntries(LIMITS.map(({ name, unit }) => [name, used[unit]])),
  );
  const { headers } = await chat();
  for (const { name } of LIMITS.slice(0, 4)) {
    const remaining = limits.find((limit) => limit.name === name)?.remaining;
    expect(headers[`x-ai-ratelimit-remaining-day-${name}`]).toBe(String(remaining));
  }
});

test("[redis] asking writes nothing, and reads all counters of a consumer by one command", async () => {
  await chat();
  await usage();
  const before = await dump();
  const commands = async (): Promise<number> =>
    Number(/cmdstat_hmget:calls=(\d+)/.exec(await client.info("commandstats"))?.[1]);
  const count = await commands();
  for (let i = 0; i < 5; i += 1) await usage();
  expect(await dump()).toBe(before);
  expect((await commands()) - count).toBe(5);
});

test("[redis] a consumer that has used nothing gets zeros, and leaves no key", async () => {
  await client.flushall();
  const { limits } = await usage();
  expect(new Set(limits.map(({ used }) => used))).toEqual(new Set([0]));
  expect((await client.keys("*")).filter((key) => key.includes("c:{"))).toEqual([]);
});

test("[redis] with Redis away it says so, and tells what was last seen here", async () => {
  await chat();
  await usage();
  await redis.kill();
  await eventually("the store is away", async () => (await sourceNow()) === "local");
  await eventually("it may be asked again", async () => {
    const { status, body } = await ask();
    if (status !== 200) return false;
    const { limits } = told.parse(JSON.parse(body));
    expect(limits.find(({ name }) => name === "totaltokens-fixed")?.used).toBe(12);
    return true;
  });
  await redis.restart();
  await eventually("the store is back", async () => (await sourceNow()) === "store");
});
