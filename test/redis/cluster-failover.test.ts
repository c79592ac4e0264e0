// Charges on a cluster whose masters die or hand over: exact, as the replica lacks at most the writes of a moment.

import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../helpers/clock.ts";
import { type RedisCluster, startRedisCluster } from "../helpers/redis-cluster.ts";
import { aCheck, aCounter, admit, charge, openStore, type StoreUnderTest, total } from "../helpers/redis-store.ts";

const FLUSH_MS = 20_000;

let cluster: RedisCluster;
let under: StoreUnderTest;

beforeAll(async () => {
  cluster = await startRedisCluster();
  under = await openStore(cluster.url, { settings: { cluster: true } });
});
afterAll(async () => {
  await under.store.close();
  await cluster.stop();
});

/** Charges every counter one, turn after turn, while `fault` runs and until requests are decided on the store again. */
async function chargesDuring(values: string, fault: () => Promise<void>): Promise<{ sums: number[]; rounds: number }> {
  const on = Array.from({ length: 60 }, (_, i) => aCounter({ prefix: under.prefix, values: `${values}${String(i)}` }));
  const stopping = new AbortController();
  let rounds = 0;
  const traffic = (async () => {
    while (!stopping.signal.aborted) {
      rounds += 1;
      await charge(under.store, ...on.map((counter) => ({ counter, amount: 1 })));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  await eventually("traffic flows", () => rounds > 100);
  await fault();
  const back = rounds;
  await eventually("every counter is read from the store", async () => {
    const admission = await admit(
      under.store,
      on.map((counter) => aCheck(counter)),
    );
    return admission.source === "store" && rounds > back + 50;
  });
  stopping.abort();
  await traffic;
  await under.store.flush(FLUSH_MS);
  return { sums: await Promise.all(on.map((counter) => total(under.store, counter))), rounds };
}

test("[redis] a master that hands over to its replica loses and doubles nothing", { timeout: 60_000 }, async () => {
  const key = aCounter({ prefix: under.prefix, values: "planned0" }).key;
  const before = await cluster.masterOf(key);
  const { sums, rounds } = await chargesDuring("planned", async () => {
    const id = (await cluster.cli(before, "cluster", "myid")).trim();
    const line = (await cluster.cli(before, "cluster", "nodes"))
      .split("\n")
      .find((each) => each.includes(`slave ${id}`));
    const replica = cluster.nodes.find(({ port }) => line?.includes(`:${String(port)}@`));
    if (replica === undefined) throw new Error("no replica");
    expect(await cluster.cli(replica, "cluster", "failover")).toContain("OK");
    await eventually("the replica is the master", async () => (await cluster.masterOf(key)) === replica);
  });
  expect(sums).toEqual(sums.map(() => rounds));
});

test("[redis] a master that is killed loses and doubles nothing, and the others go on", {
  timeout: 60_000,
}, async () => {
  const dead = await cluster.masterOf(aCounter({ prefix: under.prefix, values: "killed0" }).key);
  const { sums, rounds } = await chargesDuring("killed", () => dead.kill());
  expect(sums).toEqual(sums.map(() => rounds));
  expect(under.lost).toBe(0);
});
