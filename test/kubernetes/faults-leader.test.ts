// Two controllers of which one leads: killed, frozen, stopped, and both away. What changes meanwhile is published by
// whoever leads next, and by nobody else.

import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { eventually } from "../helpers/clock.ts";
import { createFaultScene, type FaultScene } from "../helpers/fault-scene.ts";
import { type Product, type Running, type RunningGateway, startProduct } from "../helpers/product-under-test.ts";
import { publishedConfig, publishedNamespaces } from "../helpers/published-config.ts";

/** AIRL_LEASE_DURATION of the product under test. */
const LEASE_MS = 4_000;
/** As in controller/program.ts; up to a fifth more by chance while another holds the lease. */
const RETRY_MS = ((LEASE_MS * 0.75 * 2) / 15) * 1.2;
/** From holding the lease to having published, on a machine that has other things to do. */
const PROCESSING_MS = 1_500;
const PUBLISHED_MS = LEASE_MS + PROCESSING_MS;

let product: Product;
let leader: Running;
let follower: Running;
let gateways: readonly RunningGateway[];
let scene: FaultScene;

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) return;
  product = started;
  scene = await createFaultScene(product);
  leader = await product.startController({ AIRL_POD_NAME: "one" });
  await says(leader, LEADS);
  follower = await product.startController({ AIRL_POD_NAME: "two" });
  await says(follower, /"following"/);
  gateways = [await product.startGateway(), await product.startGateway()];
  await recovered();
}, 60_000);
afterAll(async () => {
  await product.stop();
});
beforeEach(({ skip }) => {
  const shared = inject("kubernetes");
  if ("missing" in shared) return skip(`needs ${shared.missing}`);
});

const LEADS = /leads publishing to Redis/;

async function says({ process }: Running, pattern: RegExp): Promise<void> {
  await process.line(pattern);
}

/** How often it has said so. */
function count({ process }: Running, pattern: RegExp): number {
  return process.lines.filter((line) => pattern.test(line)).length;
}

async function recovered(): Promise<void> {
  await scene.published();
  await scene.enforced(gateways);
}

async function epoch(): Promise<number> {
  return (await publishedNamespaces(product.redis.url)).get(scene.namespace)?.epoch ?? 0;
}

/** The other one leads now; a new one follows it. */
async function replaceLeader(name: string): Promise<void> {
  leader = follower;
  follower = await product.startController({ AIRL_POD_NAME: name });
  await says(follower, /"following"/);
}

test("[e2e] a leader killed is followed within the lease, and nothing that changed meanwhile is lost", async ({
  annotate,
}) => {
  const before = await epoch();
  const killedAtMs = Date.now();
  leader.process.signal("SIGKILL");
  await scene.change();
  await says(follower, LEADS);
  const ledMs = Date.now() - killedAtMs;
  await scene.published();
  const tookMs = Date.now() - killedAtMs;
  await annotate(`led ${ledMs} ms and published ${tookMs} ms after the leader was killed; lease ${LEASE_MS} ms`);
  expect(ledMs).toBeLessThanOrEqual(LEASE_MS);
  expect(tookMs).toBeLessThan(PUBLISHED_MS);
  expect(await epoch()).toBe(before + 1);
  await scene.enforced(gateways);
  await replaceLeader("three");
});

test("[e2e] a frozen leader that wakes up after the takeover writes nothing and steps down", async () => {
  const before = await epoch();
  leader.process.signal("SIGSTOP");
  // It has seen none of this; what it publishes when it wakes would be of the past.
  await scene.change();
  await recovered();
  const after = await epoch();
  expect(after).toBeGreaterThan(before);
  const held = await publishedConfig(product.redis.url);
  const [led, stopped] = [count(leader, LEADS), count(leader, /"stopped-leading"/)];
  leader.process.signal("SIGCONT");
  await eventually("it has stepped down", () => count(leader, /"stopped-leading"/) > stopped);
  expect(await publishedConfig(product.redis.url)).toEqual(held);
  await scene.change();
  await recovered();
  expect(await epoch()).toBe(after);
  expect(count(leader, LEADS)).toBe(led);
  await eventually("it follows", () => count(leader, /"following"/) > 0);
  leader.process.signal("SIGKILL");
  await leader.process.ended;
  await replaceLeader("four");
});

test("[e2e] a leader that is asked to stop is followed at once", async ({ annotate }) => {
  const stoppedAtMs = Date.now();
  leader.process.signal("SIGTERM");
  await scene.change();
  await scene.published();
  const tookMs = Date.now() - stoppedAtMs;
  await annotate(`published ${tookMs} ms after SIGTERM; bound ${RETRY_MS + PROCESSING_MS} ms`);
  expect(tookMs).toBeLessThan(RETRY_MS + PROCESSING_MS);
  expect(await leader.process.ended).toBe(0);
  await scene.enforced(gateways);
  await replaceLeader("five");
});
