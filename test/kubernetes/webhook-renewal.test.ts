// A renewal while a real API server, and clients that know an older or a newer caBundle, call the webhook all the time.

import type { ExpectStatic } from "vitest";
import { issuePair } from "../../controller/certificates/issue-pair.ts";
import { machineClock } from "../../controller/kube/clock.ts";
import { createKubeClient } from "../../controller/kube/kube-client.ts";
import { WEBHOOK_CONFIGURATIONS } from "../../controller/kube/resource.ts";
import { bundlePatch } from "../../controller/webhook/ca-bundles.ts";
import { createCertificateKeeper } from "../../controller/webhook/certificate-keeper.ts";
import { webhookConfiguration } from "../../controller/webhook/configuration.ts";
import { startWebhookServer, type WebhookServer } from "../../controller/webhook/server.ts";
import { aLimit, aPolicy, asRecord } from "../compiler/manifest-builders.ts";
import { eventually } from "../helpers/clock.ts";
import type { KubeCluster } from "../helpers/kube-cluster.ts";
import { blocksOf, bundleText } from "../helpers/webhook-secret.ts";
import { applyLocalService, certificateOf } from "../helpers/webhook-under-test.ts";
import { test } from "./cluster-test.ts";
import { installCrds } from "./install-crds.ts";

const DAY_MS = 86_400_000;
const SECRET = "webhook-cert";
const SERVICE = "webhook";
const SETTLE_MS = 2_500;
/** Below the above: for so long a client goes on with an older caBundle. */
const LAG_MS = 2_000;
const TIMES = { lifeMs: 90 * DAY_MS, settleMs: SETTLE_MS, retireMs: 4_000 };

interface Scene {
  readonly cluster: KubeCluster;
  readonly namespace: string;
  readonly configurationPath: string;
  readonly ports: readonly number[];
}

test("[kubernetes] a renewal refuses nobody: no API server, and no client with an old or a new caBundle", {
  timeout: 90_000,
}, async ({ cluster, expect, onTestFinished }) => {
  await installCrds(cluster);
  const namespace = await cluster.newNamespace();
  const old = anOldPair(namespace);
  const servers = await Promise.all([startServer(old), startServer(old)]);
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.close()));
  });
  const scene = await prepare({ cluster, namespace, ports: servers.map(({ port }) => port) }, old);
  onTestFinished(async () => {
    await cluster.call("DELETE", scene.configurationPath);
  });
  await eventually("the first refusal", async () => (await apply(scene)) === "refused");

  const api = createKubeClient({ kubeconfig: cluster.kubeconfig });
  const keepers = servers.map((server) =>
    createCertificateKeeper({
      api,
      clock: machineClock,
      random: Math.random,
      secret: { namespace, name: SECRET },
      configuration: configurationOf(namespace),
      names: [`${SERVICE}.${namespace}.svc`],
      use: (pair) => {
        server.use(pair);
      },
      report: () => undefined,
      times: TIMES,
    }),
  );
  onTestFinished(async () => {
    await Promise.all(keepers.map((keeper) => keeper.stop()));
    api.close();
  });
  for (const keeper of keepers) keeper.start();

  const { answers, bundles, refusals, served } = await callUntilRenewed(scene, old.authority);
  expect(answers).toEqual(new Set(["refused"]));
  expect(refusals).toEqual([]);
  expect(bundles.map((bundle) => blocksOf(bundle).length)).toEqual([1, 2, 1]);
  expect(served.size).toBe(2);
  await expectOld(scene, old.authority, expect);
});

test("[kubernetes] a caBundle is not set in a configuration that has changed since it was read", async ({
  cluster,
  expect,
  onTestFinished,
}) => {
  const name = { namespace: "", name: `stale-${await cluster.newNamespace()}` };
  const service = { namespace: "none", name: SERVICE, port: 443 };
  const configuration = webhookConfiguration({ name: name.name, service, namespaces: ["none"] });
  await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(configuration));
  const api = createKubeClient({ kubeconfig: cluster.kubeconfig });
  onTestFinished(async () => {
    api.close();
    await cluster.kubectl(["delete", "validatingwebhookconfiguration", name.name]);
  });
  const { authority } = anOldPair("none");
  const read = await api.get(WEBHOOK_CONFIGURATIONS, name);
  if (read === undefined) throw new Error("wanted a configuration");
  await cluster.kubectl(["label", "validatingwebhookconfiguration", name.name, "changed=yes"]);
  const late = api.patch(WEBHOOK_CONFIGURATIONS, name, bundlePatch(read, authority));
  await expect(late).rejects.toMatchObject({ status: 409 });
  const again = await api.get(WEBHOOK_CONFIGURATIONS, name);
  await api.patch(WEBHOOK_CONFIGURATIONS, name, again === undefined ? [] : bundlePatch(again, authority));
  expect(bundleText(await api.get(WEBHOOK_CONFIGURATIONS, name))).toBe(authority);
});

/** Two thirds of its life are over. */
function anOldPair(namespace: string): ReturnType<typeof issuePair> {
  const nowMs = Date.now();
  const names = [`${SERVICE}.${namespace}.svc`];
  return issuePair({ names, notBeforeMs: nowMs - 70 * DAY_MS, notAfterMs: nowMs + 20 * DAY_MS });
}

async function startServer(pair: ReturnType<typeof issuePair>): Promise<WebhookServer> {
  const nothing = (): void => {};
  const server = await startWebhookServer({
    host: "127.0.0.1",
    port: 0,
    systemNamespace: "default",
    reviewed: nothing,
    failed: nothing,
  });
  server.use(pair);
  return server;
}

function configurationOf(namespace: string): string {
  return `renewal-${namespace}`;
}

/** Everything as it is two thirds of a life after the start. */
async function prepare(
  found: Omit<Scene, "configurationPath">,
  { cert, key, authority }: ReturnType<typeof issuePair>,
): Promise<Scene> {
  const { cluster, namespace, ports } = found;
  const data = Object.entries({ "tls.crt": cert, "tls.key": key, "ca.crt": authority }).map(
    ([name, text]) => [name, Buffer.from(text).toString("base64")] as const,
  );
  const metadata = { namespace, name: SECRET };
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata,
    type: "kubernetes.io/tls",
    data: Object.fromEntries(data),
  };
  await cluster.call("POST", `/api/v1/namespaces/${namespace}/secrets`, secret);
  await applyLocalService(cluster, namespace, SERVICE);
  const configuration = webhookConfiguration({
    name: configurationOf(namespace),
    service: { namespace, name: SERVICE, port: ports[0] ?? 0 },
    caBundle: authority,
    namespaces: [namespace],
  });
  const webhooks: readonly unknown[] = Array.isArray(configuration["webhooks"]) ? configuration["webhooks"] : [];
  // What cannot be asked is to be seen.
  const strict = webhooks.map((webhook) => ({ ...asRecord(webhook), failurePolicy: "Fail" }));
  const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
  await cluster.call("POST", path, { ...configuration, webhooks: strict });
  return { ...found, configurationPath: `${path}/${configurationOf(namespace)}` };
}

/** "refused" by the webhook, or what the API server says instead. */
async function apply({ cluster, namespace }: Scene): Promise<string> {
  const wrong = aPolicy({ namespace, name: "wrong" }, { limits: [aLimit({ window: { duration: "0s" } })] });
  const path = `/apis/airatelimit.dev/v1alpha1/namespaces/${namespace}/airatelimitpolicies?dryRun=All`;
  const { status, body } = await cluster.call("POST", path, wrong);
  const message = String(body["message"]);
  return message.includes("denied the request") ? "refused" : `${String(status)}: ${message}`;
}

interface Calls {
  readonly answers: ReadonlySet<string>;
  /** In their order. */
  readonly bundles: readonly string[];
  readonly refusals: readonly string[];
  /** Certificates that clients met. */
  readonly served: ReadonlySet<string>;
}

/** A caBundle, and the start of the last look that saw it. */
interface SeenBundle {
  readonly bundle: string;
  lookedAtMs: number;
}

async function callUntilRenewed(scene: Scene, oldAuthority: string): Promise<Calls> {
  const answers = new Set<string>();
  const refusals: string[] = [];
  const served = new Set<string>();
  const seen: SeenBundle[] = [];
  await eventually("the old authority is dropped", async () => {
    answers.add(await apply(scene));
    const lookedAtMs = performance.now();
    const bundle = bundleText((await scene.cluster.call("GET", scene.configurationPath)).body);
    const last = seen.at(-1);
    if (last?.bundle === bundle) last.lookedAtMs = lookedAtMs;
    else seen.push({ bundle, lookedAtMs });
    for (const known of seen) await shakeHands(scene, known, { served, refusals });
    return !bundle.includes(oldAuthority);
  });
  return { answers, bundles: seen.map(({ bundle }) => bundle), refusals, served };
}

/** With every server, as a client that may still know this caBundle. One that is done too late proves nothing. */
async function shakeHands(
  { ports, namespace }: Scene,
  known: SeenBundle,
  { served, refusals }: { readonly served: Set<string>; readonly refusals: string[] },
): Promise<void> {
  for (const port of ports) {
    if (performance.now() - known.lookedAtMs > LAG_MS) return;
    try {
      served.add(await certificateOf({ port, ca: known.bundle, servername: `${SERVICE}.${namespace}.svc` }));
    } catch (error) {
      if (performance.now() - known.lookedAtMs <= LAG_MS) refusals.push(String(error));
    }
  }
}

/** The proof that a refusal would have been seen: who knows only the old authority is refused by now. */
async function expectOld({ ports, namespace }: Scene, authority: string, expect: ExpectStatic): Promise<void> {
  for (const port of ports) {
    const handshake = certificateOf({ port, ca: authority, servername: `${SERVICE}.${namespace}.svc` });
    await expect(handshake).rejects.toThrow(/unable to (verify|get)/);
  }
}
