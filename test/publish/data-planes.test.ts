// Heartbeats as the controller reads them.

import { beforeEach, expect, test } from "vitest";
import { createDataPlaneReader, type DataPlaneReader } from "../../controller/publish/data-planes.ts";
import { dataPlanesKey, EVERY_NAMESPACE, type Heartbeat } from "../../dataplane/contract/published.ts";
import { useOwnRedis } from "../helpers/own-redis.ts";
import { machineTimers } from "../helpers/publisher.ts";
import { randomPrefix } from "../helpers/redis-store.ts";

const BEAT: Heartbeat = {
  schema: 1,
  version: "0.1.0",
  pod: { namespace: "airl", name: "gateway-0", uid: "u" },
  keyIds: ["0011aabb"],
  namespaces: { ai: { generation: "5f3a90c1d2e4b786", revision: 7 } },
};

const own = useOwnRedis();
let prefix: string;
let reader: DataPlaneReader;

beforeEach(() => {
  prefix = randomPrefix();
  reader = createDataPlaneReader({ redis: own.client, prefix, timers: machineTimers });
});

async function beat(scope: string, id: string, value: string): Promise<void> {
  await own.client.hset(dataPlanesKey(prefix, scope), id, value);
}

test("[redis] gateways and the sidecars of the namespaces asked for are read, with their age by Redis's clock", async () => {
  const [seconds] = await own.client.time();
  const seenMs = Number(seconds) * 1000 - 60_000;
  await beat(EVERY_NAMESPACE, "g1", `${seenMs} ${JSON.stringify(BEAT)}`);
  await beat("ai", "s1", `${seenMs + 3_600_000} ${JSON.stringify(BEAT)}`);
  await beat("other", "s2", `${seenMs} ${JSON.stringify(BEAT)}`);
  const [gateway, sidecar, ...more] = await reader.readDataPlanes(["ai"]);
  expect(gateway).toMatchObject({ scope: "*", id: "g1", heartbeat: BEAT });
  expect(gateway?.ageMs).toBeGreaterThanOrEqual(60_000);
  expect(gateway?.ageMs).toBeLessThan(90_000);
  expect(sidecar).toEqual({ scope: "ai", id: "s1", ageMs: 0, heartbeat: BEAT });
  expect(more).toEqual([]);
});

test.for([
  { name: "nothing", value: "", known: false },
  { name: "no JSON", value: "1 {", known: true },
  { name: "no time", value: JSON.stringify(BEAT), known: false },
  { name: "a time that is none", value: `NaN ${JSON.stringify(BEAT)}`, known: false },
  { name: "another schema", value: `1 ${JSON.stringify({ ...BEAT, schema: 2 })}`, known: true },
  { name: "something else", value: `1 []`, known: true },
])("[redis] a heartbeat that says $name is listed without contents", async ({ value, known }) => {
  await beat("*", "g1", value);
  await beat("*", "g2", `1 ${JSON.stringify(BEAT)}`);
  const read = [...(await reader.readDataPlanes([]))].sort((a, b) => (a.id < b.id ? -1 : 1));
  expect(read.map(({ id, heartbeat }) => [id, heartbeat])).toEqual([
    ["g1", undefined],
    ["g2", BEAT],
  ]);
  expect(Number.isFinite(read[0]?.ageMs)).toBe(known);
});

test("[redis] one that is forgotten is gone, and a hash that is too big is read in part", async () => {
  await beat("ai", "s1", `1 ${JSON.stringify(BEAT)}`);
  await reader.forgetDataPlane("ai", "s1");
  expect(await own.client.exists(dataPlanesKey(prefix, "ai"))).toBe(0);
  const many = Object.fromEntries(Array.from({ length: 12_000 }, (_, i) => [`dp${i}`, "1 {}"]));
  await own.client.hset(dataPlanesKey(prefix, "*"), many);
  expect(await reader.readDataPlanes([])).toHaveLength(10_000);
});

test("[redis] a Redis that refuses is an error", async () => {
  await own.client.set(dataPlanesKey(prefix, "*"), "text", "PX", 60_000);
  await expect(reader.readDataPlanes([])).rejects.toThrow(/WRONGTYPE/);
});
