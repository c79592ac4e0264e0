// Redis dies, is emptied, replaced, and put back to an older state under a running product. The API server holds the truth:
// afterwards Redis holds what a compilation of it gives, and data planes have never stopped serving.

import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, inject, onTestFinished, test } from "vitest";
import { createFaultScene, type FaultScene } from "../helpers/fault-scene.ts";
import { type Product, type RunningGateway, startProduct } from "../helpers/product-under-test.ts";
import { publishedNamespaces } from "../helpers/published-config.ts";

let product: Product;
let gateways: readonly RunningGateway[];
let scene: FaultScene;

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) return;
  product = started;
  scene = await createFaultScene(product);
  await product.startController();
  gateways = [await product.startGateway(), await product.startGateway()];
  await scene.published();
  await scene.enforced(gateways);
}, 60_000);
afterAll(async () => {
  await product.stop();
});
beforeEach(({ skip }) => {
  const shared = inject("kubernetes");
  if ("missing" in shared) return skip(`needs ${shared.missing}`);
});

async function serving(): Promise<void> {
  for (const gateway of gateways) expect(await scene.steadyStatus(gateway)).toBe(200);
}

/** What must hold again after each fault. */
async function recovered(): Promise<void> {
  await scene.published();
  await scene.enforced(gateways);
}

async function command(...args: readonly [string, ...string[]]): Promise<void> {
  const redis = new Redis(product.redis.url);
  await redis.call(...args);
  redis.disconnect();
}

async function revisions(): Promise<Record<string, number>> {
  const found = await publishedNamespaces(product.redis.url);
  return Object.fromEntries(Array.from(found, ([namespace, { revision }]) => [namespace, revision]));
}

test("[e2e] Redis killed and started again with what it had written", async () => {
  await product.redis.kill();
  await scene.change();
  await serving();
  await product.redis.restart();
  await recovered();
});

test("[e2e] Redis silent for a while, with its connections open", async () => {
  product.redis.pause();
  await scene.change();
  await serving();
  product.redis.resume();
  await recovered();
});

test("[e2e] Redis emptied by FLUSHALL, with changes before it is noticed", async () => {
  const before = await revisions();
  await command("FLUSHALL");
  await scene.change();
  await serving();
  await recovered();
  expect((await revisions())[scene.namespace]).toBeGreaterThan(before[scene.namespace] ?? Infinity);
});

test("[e2e] Redis emptied by FLUSHALL while nothing changes", async () => {
  await command("FLUSHALL");
  await serving();
  await scene.published();
  await serving();
});

test("[e2e] Redis replaced by an empty one at the same address", async () => {
  await product.redis.kill();
  for (const name of await readdir(product.redis.dir)) await rm(join(product.redis.dir, name), { recursive: true });
  await scene.change();
  await serving();
  await product.redis.restart();
  await recovered();
});

test("[e2e] Redis put back to an older state: keys revoked since stay revoked", async () => {
  const { redis } = product;
  const backup = `${redis.dir}-backup`;
  await redis.kill();
  await cp(redis.dir, backup, { recursive: true });
  onTestFinished(() => rm(backup, { recursive: true, force: true }));
  await redis.restart();
  await scene.change();
  await scene.published();
  await scene.followed(gateways);
  const before = await revisions();
  await redis.kill();
  await rm(redis.dir, { recursive: true });
  await cp(backup, redis.dir, { recursive: true });
  await redis.restart();
  const wereRefused = watchRevoked();
  await recovered();
  expect(await wereRefused()).toBe(true);
  expect((await revisions())[scene.namespace]).toBeGreaterThan(before[scene.namespace] ?? Infinity);
});

/** Asks all the time, until the result is called, whether the key that was revoked last is let in. */
function watchRevoked(): () => Promise<boolean> {
  const over = new AbortController();
  const ask = async (): Promise<ReadonlySet<number>> => {
    const statuses = new Set<number>();
    do for (const gateway of gateways) statuses.add(await scene.revokedStatus(gateway));
    while (!over.signal.aborted);
    return statuses;
  };
  const asking = ask();
  return async () => {
    over.abort();
    return [...(await asking)].join() === "401";
  };
}

test.for([
  {
    what: "the objects of a namespace are deleted",
    damage: (tag, generation) => ["DEL", `${tag}:${generation}:objects`],
  },
  { what: "the stream of changes is deleted", damage: (tag, generation) => ["DEL", `${tag}:${generation}:changes`] },
  { what: "a head is deleted", damage: (tag) => ["DEL", `${tag}:head`] },
  { what: "the index is deleted", damage: () => ["DEL", "airl:{cfg}:namespaces"] },
  { what: "the index's epoch is deleted", damage: () => ["DEL", "airl:{cfg}:epoch"] },
] satisfies readonly Damage[])("[e2e] Redis damaged: $what", async ({ damage }) => {
  const { generation } = (await publishedNamespaces(product.redis.url)).get(scene.namespace) ?? { generation: "" };
  await command(...damage(`airl:{cfg:${scene.namespace}}`, generation));
  await scene.change();
  await recovered();
});

interface Damage {
  readonly what: string;
  readonly damage: (tag: string, generation: string) => readonly [string, ...string[]];
}
