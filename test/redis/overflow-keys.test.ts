// Clients that make up key values: neither Redis nor the data plane's memory grows with them.

import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../helpers/clock.ts";
import { startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { openStore } from "../helpers/redis-store.ts";
import { answersChat, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
});

const VALUES = 60;
const MAX_KEYS = 5;

test.for([
  { name: "a header", per: "[{type: Header, name: x-id}]", also: `maxKeys: ${String(MAX_KEYS)}` },
  {
    name: "a template",
    per: '[{type: Template, value: "${http_x_id}-${arg_q}"}]',
    also: `maxKeys: ${String(MAX_KEYS)}`,
  },
  { name: "a header beside the consumer", per: "[{type: Consumer}, {type: Header, name: x-id}]", also: "maxKeys: 5" },
])("[redis] $name: as many counters as maxKeys says and one more, each with an expiry", async ({ per, also }) => {
  const client = new Redis(redis.url);
  await client.flushall();
  const upstream = await startScriptedUpstream(answersChat());
  const { store } = await openStore(redis.url, { prefix: "airl:" });
  const limits = `  - {name: l, limit: 1000, window: {duration: 24h}, per: ${per}, ${also}}
  - {name: r, unit: Requests, limit: 1000, window: {duration: 24h}, per: ${per}, ${also}}`;
  const gateway = await startGateway(basics({ endpoint: upstream.origin, limits }), { store });
  for (let i = 0; i < VALUES; i++) {
    const headers = { apikey: "key-alice", "x-id": `${String(i)}${"é".repeat(i * 20)}` };
    expect(
      (await call(gateway.origin, { path: `/v1/chat/completions?q=${String(i)}`, headers, body: CHAT_BODY })).status,
    ).toBe(200);
  }
  const keysOf = (): Promise<string[]> => client.keys("airl:c:*");
  // Both limits have the same values: five hashes; and a counter beyond for each of the two.
  await eventually("the charges are in Redis", async () => (await keysOf()).length === MAX_KEYS + 2);
  for (const key of await keysOf()) expect(await client.pttl(key)).toBeGreaterThan(0);
  expect(await gateway.metric("airl_limit_overflow_total", { limit: "l" })).toBe(VALUES - MAX_KEYS);
  await gateway.stop();
  await upstream.close();
  client.disconnect();
});
