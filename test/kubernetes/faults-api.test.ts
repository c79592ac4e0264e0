// The API server dies, cuts, forgets, fails and falls silent under a running product. What changes meanwhile is published
// afterwards as if nothing had happened, and data planes serve all the time.

import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, inject, test, vi } from "vitest";
import { eventually } from "../helpers/clock.ts";
import { type FailingFront, startFailingFront } from "../helpers/failing-front.ts";
import { type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { createFaultScene, type FaultScene } from "../helpers/fault-scene.ts";
import { type Product, type Running, type RunningGateway, startProduct } from "../helpers/product-under-test.ts";

// An API server takes ten seconds to end and to begin anew, and more where other work goes on.
vi.setConfig({ testTimeout: 90_000 });

let product: Product;
/** The controllers' way to the API server: front, proxy, server. */
let front: FailingFront;
let proxy: FaultProxy;
let controller: Running;
let gateways: readonly RunningGateway[];
let scene: FaultScene;
let detour: Readonly<Record<string, string>>;

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) return;
  product = started;
  const { url } = product.cluster;
  proxy = await startFaultProxy(Number(new URL(url).port));
  front = await startFailingFront({ ...product.cluster, url: `https://127.0.0.1:${proxy.port}` });
  const KUBECONFIG = `${product.kubeconfig}.detour`;
  const text = await readFile(product.kubeconfig, "utf8");
  await writeFile(
    KUBECONFIG,
    text.replace(url, front.url).replace(/"certificate-authority-data":"[^"]*"/, `"insecure-skip-tls-verify":true`),
  );
  detour = { KUBECONFIG, AIRL_WATCH_SILENCE: "3s" };
  scene = await createFaultScene(product);
  controller = await product.startController(detour);
  gateways = [await product.startGateway()];
  await recovered();
}, 60_000);
afterAll(async () => {
  await product.stop();
  await front.stop();
  await proxy.stop();
});
beforeEach(({ skip }) => {
  const shared = inject("kubernetes");
  if ("missing" in shared) return skip(`needs ${shared.missing}`);
});

async function serving(): Promise<void> {
  for (const gateway of gateways) expect(await scene.steadyStatus(gateway)).toBe(200);
}

async function recovered(): Promise<void> {
  await scene.published();
  await scene.enforced(gateways);
}

/** Resolves with the next line from now on that matches. */
function nextLine({ process }: Running, pattern: RegExp): Promise<void> {
  const from = process.lines.length;
  return eventually(`${String(pattern)} is said`, () => process.lines.slice(from).some((line) => pattern.test(line)));
}

test("[e2e] watches reset again and again while everything changes", async () => {
  for (let at = 0; at < 3; at += 1) {
    proxy.cut();
    await scene.change();
  }
  await recovered();
});

test("[e2e] the API server killed and started again", async () => {
  await product.cluster.apiServer.kill();
  await serving();
  await product.cluster.apiServer.start();
  await scene.change();
  await recovered();
});

test("[e2e] history compacted away (410) while the controller was cut off", async () => {
  const { etcdUrl, apiServer } = product.cluster;
  proxy.refuse(true);
  proxy.cut();
  await scene.change();
  await scene.change();
  const revision = await scene.version();
  const compaction = JSON.stringify({ revision, physical: true });
  const compacted = await fetch(`${etcdUrl}/v3/kv/compaction`, { method: "POST", body: compaction });
  expect(compacted.status).toBe(200);
  // Its watch cache would still serve the past.
  await apiServer.kill();
  await apiServer.start();
  const expired = nextLine(controller, /"doing":"watch".*410/);
  proxy.refuse(false);
  await expired;
  await recovered();
});

test("[e2e] an API server whose store is gone", async () => {
  const ended = nextLine(controller, /"stopped-leading"/);
  await product.cluster.etcd.kill();
  await ended;
  await serving();
  await product.cluster.etcd.start();
  await scene.change();
  await recovered();
});

test("[e2e] an API server that answers with errors, also to a controller that starts just then", async () => {
  front.fail(500);
  const late = await product.startController(detour);
  await eventually("lists and watches are refused", () => front.failed() > 20);
  await scene.change();
  await serving();
  front.fail(undefined);
  await recovered();
  // The one that started late sees the same.
  controller.process.signal("SIGKILL");
  await scene.change();
  await recovered();
  controller = late;
});

test("[e2e] connections to the API server that are open and dead", async () => {
  proxy.swallowReplies();
  await scene.change();
  await serving();
  await recovered();
});
