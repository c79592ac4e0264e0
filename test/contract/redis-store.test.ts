// The Redis store passes the suite of all stores, on one server and on a cluster, and leaves no key without an expiry.

import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CounterStore } from "../../dataplane/core/counter-store.ts";
import { windowIndex } from "../../dataplane/core/window.ts";
import { type RedisCluster, startRedisCluster } from "../helpers/redis-cluster.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { openStore } from "../helpers/redis-store.ts";
import { describeCounterStore, type StoreHarness } from "./counter-store.contract.ts";

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
});
afterAll(async () => {
  const lasting = await Promise.all([server, ...cluster.nodes].map(({ port }) => keysWithoutExpiry(port)));
  await Promise.all([server.stop(), cluster.stop()]);
  expect(lasting.flat()).toEqual([]);
});

function createHarness(url: () => string, isCluster: boolean) {
  return async (): Promise<StoreHarness> => {
    const client = isCluster ? new Redis.Cluster(url().split(",")) : new Redis(url());
    const stores: CounterStore[] = [];
    return {
      async open(prefix) {
        const { store } = await openStore(url(), { prefix, settings: { cluster: isCluster } });
        stores.push(store);
        return store;
      },
      async seed({ key, field, window: { algorithm, durationMs, calendar } }, windowsAgo, amount) {
        const nowMs = Date.now();
        const openedMs = nowMs - windowsAgo * durationMs;
        let index = algorithm === "FixedFromFirst" ? openedMs : windowIndex(nowMs, durationMs) - windowsAgo;
        if (calendar !== undefined) {
          index = calendar.spanAt(nowMs).startMs;
          for (let ago = 0; ago < windowsAgo; ago += 1) index = calendar.spanAt(index - 1).startMs;
        }
        await client.hset(key, field, `${String(index)} ${String(amount)} 0`);
        await client.pexpire(key, 2 * durationMs);
      },
      async close() {
        await Promise.all(stores.map((store) => store.close()));
        client.disconnect();
      },
    };
  };
}

describeCounterStore({ level: "redis", name: "one server", createHarness: createHarness(() => server.url, false) });
describeCounterStore({ level: "redis", name: "cluster of six", createHarness: createHarness(() => cluster.url, true) });

async function keysWithoutExpiry(port: number): Promise<string[]> {
  const client = new Redis({ port, host: "127.0.0.1", readOnly: true }); // replicas hold the same keys
  const keys = await client.keys("*");
  const expiries = await Promise.all(keys.map((key) => client.pttl(key)));
  client.disconnect();
  return keys.filter((_, i) => (expiries[i] ?? -1) < 0);
}

test("[redis] keys of the suite were there to be looked at", async () => {
  const client = new Redis(server.port, "127.0.0.1");
  expect(await client.dbsize()).toBeGreaterThan(50);
  client.disconnect();
});
