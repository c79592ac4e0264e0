// Certificates that the controllers make themselves, as a real API server meets them: through the product's own
// configuration, by the name of the Service, with the rights of the controller's account and no others.

import { afterAll, beforeAll, expect, test } from "vitest";
import { webhookConfiguration } from "../../controller/webhook/configuration.ts";
import { aLimit, aPolicy, asRecord } from "../compiler/manifest-builders.ts";
import { eventually } from "../helpers/clock.ts";
import { type Product, type Running, SYSTEM, startProduct } from "../helpers/product-under-test.ts";
import { blocksOf, bundleText, secretText } from "../helpers/webhook-secret.ts";
import { applyLocalService, certificateOf, kubectlWords } from "../helpers/webhook-under-test.ts";

const SECRET = "ai-rate-limit-webhook-cert";
const WEBHOOK = "ai-rate-limit-webhook";
const CONFIGURATION_PATH = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${WEBHOOK}`;
const SECRET_PATH = `/api/v1/namespaces/${SYSTEM}/secrets/${SECRET}`;
/** The schema takes it, the webhook does not. */
const INVALID = JSON.stringify(
  aPolicy({ namespace: "default", name: "wrong" }, { limits: [aLimit({ window: { duration: "0s" } })] }),
);

let product: Product;
let controllers: readonly (Running & { readonly port: number })[] = [];

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) throw new Error(`needs ${started.missing}`);
  product = started;
  controllers = await Promise.all(["one", "other"].map(startOne));
  await applyLocalService(product.cluster, SYSTEM, WEBHOOK);
});
afterAll(async () => {
  await product.stop();
});

async function startOne(name: string): Promise<Running & { readonly port: number }> {
  const running = await product.startController({
    AIRL_POD_NAME: name,
    AIRL_WEBHOOK_LISTEN: "127.0.0.1:0",
    AIRL_WEBHOOK_CERT_SECRET: SECRET,
    AIRL_WEBHOOK_SERVICE: WEBHOOK,
    AIRL_WEBHOOK_CONFIGURATION: WEBHOOK,
  });
  const [, port = ""] = await running.process.line(/"webhookPort":(\d+)/);
  return { ...running, port: Number(port) };
}

async function keyOfSecret(key: string): Promise<string> {
  const { status, body } = await product.cluster.call("GET", SECRET_PATH);
  return status === 200 ? secretText(body, key) : "";
}

async function bundle(): Promise<string> {
  return bundleText((await product.cluster.call("GET", CONFIGURATION_PATH)).body);
}

async function isRefused(): Promise<boolean> {
  const args = ["apply", "--dry-run=server", "-f", "-"];
  const words = await kubectlWords(product.cluster, args, INVALID);
  return words.includes('admission webhook "validate.airatelimit.dev" denied the request');
}

/** As it is installed: without a caBundle. */
async function applyConfiguration(): Promise<void> {
  const service = { namespace: SYSTEM, name: WEBHOOK, port: controllers[0]?.port ?? 0 };
  const configuration = webhookConfiguration({ name: WEBHOOK, service });
  await product.cluster.kubectl(["apply", "-f", "-"], JSON.stringify(configuration));
}

async function edit(path: string, change: object): Promise<void> {
  expect((await product.cluster.call("PATCH", path, change)).status).toBe(200);
}

async function untilBundleIsThatOfTheSecret(): Promise<void> {
  await eventually("the caBundle", async () => {
    const wanted = await keyOfSecret("ca.crt");
    return wanted !== "" && wanted === (await bundle());
  });
}

test("[e2e] two controllers that start together agree on one Secret, and tell when its certificate expires", async () => {
  for (const { admin } of controllers) {
    await eventually("ready", async () => (await fetch(`${admin}/readyz`)).status === 200);
  }
  const [cert, ca] = [await keyOfSecret("tls.crt"), await keyOfSecret("ca.crt")];
  for (const { port, admin } of controllers) {
    expect(await certificateOf({ port, ca, servername: `${WEBHOOK}.${SYSTEM}.svc` })).toBe(cert);
    const metrics = await (await fetch(`${admin}/metrics`)).text();
    const [, seconds] = /^airl_controller_webhook_certificate_expiry_timestamp_seconds (\S+)$/m.exec(metrics) ?? [];
    const daysLeft = (Number(seconds) * 1000 - Date.now()) / 86_400_000;
    expect(daysLeft).toBeGreaterThan(89);
    expect(daysLeft).toBeLessThanOrEqual(90);
  }
  const { body } = await product.cluster.call("GET", SECRET_PATH);
  expect(body["type"]).toBe("kubernetes.io/tls");
  expect(Object.keys(asRecord(body["data"])).toSorted()).toEqual(["ca.crt", "tls.crt", "tls.key"]);
});

test("[e2e] an invalid object is refused through the Service, by the certificate that the controllers made", async () => {
  await applyConfiguration();
  await untilBundleIsThatOfTheSecret();
  await eventually("a refusal", isRefused);
});

test("[e2e] a caBundle that was wiped is repaired", async () => {
  const before = await bundle();
  const { body } = await product.cluster.call("GET", CONFIGURATION_PATH);
  const webhooks: readonly unknown[] = Array.isArray(body["webhooks"]) ? body["webhooks"] : [];
  const wiped = webhooks.map((webhook) => {
    const { caBundle: _caBundle, ...clientConfig } = asRecord(asRecord(webhook)["clientConfig"]);
    return { ...asRecord(webhook), clientConfig };
  });
  await edit(CONFIGURATION_PATH, { webhooks: wiped });
  await eventually("the caBundle again", async () => (await bundle()) === before);
  await eventually("a refusal", isRefused);
});

test("[e2e] a Secret that was edited by hand, or deleted, is repaired, and the webhook goes on meanwhile", async () => {
  const planted = Buffer.from("planted-4711").toString("base64");
  for (const spoil of [
    () => edit(SECRET_PATH, { data: { "tls.key": planted } }),
    () => edit(SECRET_PATH, { data: { "tls.crt": planted, "ca.crt": planted } }),
    () => product.cluster.call("DELETE", SECRET_PATH),
  ]) {
    const before = await keyOfSecret("tls.crt");
    await spoil();
    await eventually("another certificate", async () => {
      const [cert, key] = [await keyOfSecret("tls.crt"), await keyOfSecret("tls.key")];
      return cert !== before && cert.includes("BEGIN CERTIFICATE") && key.includes("BEGIN PRIVATE KEY");
    });
    await untilBundleIsThatOfTheSecret();
    expect(blocksOf(await bundle()).length).toBeGreaterThan(1);
    expect(await isRefused()).toBe(true);
  }
});

test("[e2e] no key leaves the Secret, and nothing was forbidden", async () => {
  const key = (await keyOfSecret("tls.key")).split("\n")[1] ?? "";
  expect(key.length).toBeGreaterThan(32);
  const said: string[] = [];
  for (const { process: running, admin } of controllers) {
    said.push(...running.lines, await (await fetch(`${admin}/metrics`)).text());
  }
  const all = said.join("\n");
  expect(all).not.toMatch(/BEGIN|planted|forbidden/i);
  expect(all).not.toContain(key);
  expect(all).toContain("was of no use; a new one was made");
});
