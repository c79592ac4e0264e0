// Nobody controls for a while, masters are exchanged, and data planes come and go.

import { randomBytes } from "node:crypto";
import { copyFile, writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { z } from "zod";
import { masterId } from "../../dataplane/contract/keyring.ts";
import { SILENT_AFTER_MS } from "../../dataplane/contract/published.ts";
import { eventually } from "../helpers/clock.ts";
import { createFaultScene, type FaultScene } from "../helpers/fault-scene.ts";
import { type Product, type Running, type RunningGateway, startProduct } from "../helpers/product-under-test.ts";
import { acknowledged, type Config, publishedConfig, publishedKeyIds } from "../helpers/published-config.ts";

const LEADS = /leads publishing to Redis/;

let product: Product;
let controller: Running;
let gateways: readonly RunningGateway[];
let scene: FaultScene;
/** Key ring files of the controller and of each gateway. */
let rings: readonly string[];
/** How much of what each of them has said was read already. */
const taken = [0, 0, 0];
/** By id. */
const masters = new Map<string, Buffer>();

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) return;
  product = started;
  rings = ["controller", "first", "second"].map((who) => `${product.keyRing}.${who}`);
  for (const ring of rings) await copyFile(product.keyRing, ring);
  masters.set(masterId(product.master), product.master);
  const [, first = "", second = ""] = rings;
  scene = await createFaultScene(product);
  await startController();
  gateways = [
    await product.startGateway({ AIRL_KEYRING_FILE: first }),
    await product.startGateway({ AIRL_KEYRING_FILE: second }),
  ];
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

async function startController(): Promise<void> {
  controller = await product.startController({ AIRL_KEYRING_FILE: rings[0] ?? "" });
  await controller.process.line(LEADS);
}

async function stopController(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  controller.process.signal(signal);
  await controller.process.ended;
}

function policyYaml(name: string, duration: string): string {
  return `
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: ${name}, namespace: ${scene.namespace}}
spec: {limits: [{name: tokens, limit: 1000, window: {duration: ${duration}}}]}
`;
}

async function publishedOf(name: string): Promise<Config> {
  const key = `${scene.namespace}/AIRateLimitPolicy/${name}`;
  return new Map([...(await publishedConfig(product.redis.url))].filter(([found]) => found === key));
}

test("[e2e] a controller that was away makes up for all that changed, and keeps what is invalid now as it was", {
  timeout: 40_000,
}, async () => {
  const other = await createFaultScene(product);
  await product.apply(policyYaml("budget", "60s"));
  await scene.published();
  const kept = await publishedOf("budget");
  expect(kept.size).toBe(1);
  await stopController("SIGKILL");
  await scene.change();
  await scene.change();
  await other.clear();
  // The API server takes it: only the compiler knows that a window is at least a second long.
  await product.apply(policyYaml("budget", "0s"));
  await product.apply(policyYaml("never-valid", "0s"));
  await startController();
  await scene.published(kept);
  await scene.enforced(gateways);
  // Also when the last good version is known from Redis alone a second time.
  await stopController("SIGTERM");
  await scene.change();
  await startController();
  await scene.published(kept);
  await stopController("SIGKILL");
  await product.cluster.kubectl(["delete", "airlp", "-n", scene.namespace, "budget", "never-valid"]);
  await startController();
  await scene.published();
  await scene.enforced(gateways);
});

/** Asks all gateways all the time, with a key that is valid all the time; ends with all statuses that were answered. */
function watchSteady(): () => Promise<readonly number[]> {
  const over = new AbortController();
  const ask = async (): Promise<readonly number[]> => {
    const statuses = new Set<number>();
    while (!over.signal.aborted) {
      for (const gateway of gateways) statuses.add(await scene.steadyStatus(gateway));
      await setTimeout(10);
    }
    return [...statuses];
  };
  const asking = ask();
  return () => {
    over.abort();
    return asking;
  };
}

test.for([
  { first: "the controller", order: [0, 1, 2] },
  { first: "the data planes", order: [1, 2, 0] },
])("[e2e] a master is exchanged with no request refused: $first first", { timeout: 60_000 }, async ({ order }) => {
  const { redis } = product;
  const [before = ""] = await publishedKeyIds(redis.url);
  const old = masters.get(before) ?? Buffer.alloc(0);
  const next = newMaster();
  const answered = watchSteady();
  for (const [at, who] of order.entries()) {
    const ids = await publishedKeyIds(redis.url);
    expect(ids, "the old one stays until all know the new one").toContain(before);
    await giveRing(who, [next, old]);
    if (at < order.length - 1) await scene.change();
  }
  await eventually("only the new one is published", async () => {
    return (await publishedKeyIds(redis.url)).join() === masterId(next);
  });
  await scene.followed(gateways);
  for (const who of order.toReversed()) await giveRing(who, [next]);
  await scene.change();
  await scene.published(new Map(), [next]);
  await scene.enforced(gateways);
  expect(await answered()).toEqual([200]);
});

function newMaster(): Buffer {
  const master = randomBytes(32);
  masters.set(masterId(master), master);
  return master;
}

/** Resolves when the process has taken the file. */
async function giveRing(who: number, ring: readonly Buffer[]): Promise<void> {
  const running = who === 0 ? controller : gateways[who - 1];
  const ids = JSON.stringify(ring.map(masterId));
  await writeFile(rings[who] ?? "", ring.map((master) => `${master.toString("base64")}\n`).join(""));
  // The controller names those that it publishes under, which are fewer once all data planes have answered.
  const wanted = who === 0 ? masterId(ring[0] ?? Buffer.alloc(0)) : ids;
  const isTaken = (line: string): boolean => line.includes("the key ring has changed") && line.includes(wanted);
  const from = taken[who] ?? 0;
  await eventually("the key ring is taken", () => running?.process.lines.slice(from).some(isTaken) ?? false);
  taken[who] = running?.process.lines.length ?? 0;
}

const status = z.object({
  status: z.object({
    proxies: z.string(),
    conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })),
  }),
});

/** Example "2/2 True Enforced: ...". */
async function enforcedText(): Promise<string> {
  const path = `/apis/airatelimit.dev/v1alpha1/namespaces/${scene.namespace}/airatelimitpolicies/calls`;
  const read = status.safeParse((await product.cluster.call("GET", path)).body);
  if (!read.success) return "";
  const { proxies, conditions } = read.data.status;
  const enforced = conditions.find(({ type }) => type === "Enforced");
  return enforced === undefined ? proxies : `${proxies} ${enforced.status} ${enforced.reason}: ${enforced.message}`;
}

test("[e2e] a data plane killed is told of by name until its Pod is gone; one that says goodbye leaves at once", {
  timeout: 60_000,
}, async () => {
  const { redis } = product;
  const pod = await createPod("gateway-x");
  const [ring = ""] = rings;
  const killed = await product.startGateway({ ...pod, AIRL_KEYRING_FILE: ring });
  const leaver = await product.startGateway({ AIRL_KEYRING_FILE: ring });
  await eventually("four enforce", async () => (await enforcedText()).startsWith("4/4 True Enforced"));
  killed.process.signal("SIGKILL");
  const killedAtMs = Date.now();
  leaver.process.signal("SIGTERM");
  await eventually("the one that left is out", async () => (await acknowledged(redis.url)).length === 3);
  expect(Date.now() - killedAtMs).toBeLessThan(2_000);
  await eventually("the one that was killed is missed", async () => {
    return (await enforcedText()).startsWith("2/3 Unknown ProxySilent");
  });
  // The last heartbeat may be one interval old, and silence is looked for now and then.
  expect(Date.now() - killedAtMs).toBeLessThan(SILENT_AFTER_MS + 6_000);
  expect(await enforcedText()).toContain("no sign of gateway-x since 20");
  const path = `/api/v1/namespaces/${scene.namespace}/pods/gateway-x?gracePeriodSeconds=0`;
  expect((await product.cluster.call("DELETE", path)).status).toBe(200);
  await eventually("it counts no more", async () => (await enforcedText()).startsWith("2/2 True Enforced"));
});

/** Stored as if a kubelet ran it. What a data plane in it has in its environment. */
async function createPod(name: string): Promise<Readonly<Record<string, string>>> {
  const { namespace } = scene;
  await product.cluster.kubectl(["create", "serviceaccount", "-n", namespace, "default"]);
  const { body } = await product.cluster.call("POST", `/api/v1/namespaces/${namespace}/pods`, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "data-plane", image: "none" }], automountServiceAccountToken: false },
  });
  const { uid } = z.object({ metadata: z.object({ uid: z.string() }) }).parse(body).metadata;
  return { AIRL_POD_NAME: name, AIRL_POD_NAMESPACE: namespace, AIRL_POD_UID: uid };
}
