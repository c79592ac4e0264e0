// One Secret, several replicas, and whatever happens to what they share.

import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { SECRETS, WEBHOOK_CONFIGURATIONS } from "../../../controller/kube/resource.ts";
import { asRecord } from "../../compiler/manifest-builders.ts";
import { blocksOf, isTrustedBy } from "../../helpers/webhook-secret.ts";
import { CONFIGURATION, type KeeperScene, type Replica, SECRET, startKeeperScene } from "./keeper-scene.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function changesOf({ told }: Replica): readonly string[] {
  return told.flatMap((report) => (report.kind === "written" ? [report.change] : []));
}

function isTrusted(scene: KeeperScene, replica: Replica): boolean {
  return isTrustedBy(scene.bundle(), replica.pair()?.cert ?? "", scene.clock.wallMs());
}

async function started(count: number): Promise<{ scene: KeeperScene; replicas: readonly Replica[]; first: Replica }> {
  const scene = startKeeperScene();
  const replicas = Array.from({ length: count }, () => scene.startReplica());
  await scene.settle();
  const [first] = replicas;
  if (first === undefined) throw new Error("wanted a replica");
  return { scene, replicas, first };
}

test("[unit] replicas that start together agree on one Secret, serve it, and the caBundle is set", async () => {
  const { scene, replicas, first } = await started(3);
  expect(replicas.flatMap(changesOf)).toEqual(["made"]);
  expect(replicas.map((replica) => replica.pair()?.cert)).toEqual(
    Array.from({ length: 3 }, () => scene.text("tls.crt")),
  );
  expect(first.pair()?.key).toBe(scene.text("tls.key"));
  expect(scene.bundle()).toBe(scene.text("ca.crt"));
  expect(replicas.every((replica) => isTrusted(scene, replica))).toBe(true);
  const secret = asRecord(scene.api.find(SECRETS, SECRET));
  expect(secret["type"]).toBe("kubernetes.io/tls");
  expect(asRecord(secret["metadata"])["ownerReferences"]).toEqual([
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      name: CONFIGURATION.name,
      uid: scene.api.find(WEBHOOK_CONFIGURATIONS, CONFIGURATION)?.metadata.uid,
    },
  ]);
});

test("[unit] nothing is asked of the API server while nothing happens, but for a look every ten minutes", async () => {
  const { scene } = await started(1);
  const before = scene.api.calls;
  await scene.pass(10 * MINUTE_MS - 1);
  expect(scene.api.calls).toBe(before);
  await scene.pass(1);
  expect(scene.api.calls).toBe(before + 2);
});

test("[unit] at two thirds of its life the next pair is announced, used after five minutes, and the old authority dropped after an hour", async () => {
  const { scene, replicas, first } = await started(2);
  const [old, authority] = [scene.text("tls.crt"), scene.text("ca.crt")];
  await scene.pass(60 * DAY_MS - MINUTE_MS, DAY_MS);
  expect(scene.text("next.crt")).toBe("");
  await scene.pass(11 * MINUTE_MS);
  const next = scene.text("next.crt");
  expect([next, scene.text("tls.crt"), first.pair()?.cert]).toEqual([expect.stringContaining("BEGIN"), old, old]);
  expect(blocksOf(scene.bundle())).toHaveLength(2);
  await scene.pass(4 * MINUTE_MS);
  expect(first.pair()?.cert).toBe(old);
  await scene.pass(MINUTE_MS);
  expect(scene.text("tls.crt")).toBe(next);
  expect(replicas.map((replica) => replica.pair()?.cert)).toEqual([next, next]);
  expect([scene.text("next.crt"), scene.text("next.key")]).toEqual(["", ""]);
  await scene.pass(59 * MINUTE_MS);
  expect(blocksOf(scene.bundle())).toHaveLength(2);
  await scene.pass(2 * MINUTE_MS);
  expect(blocksOf(scene.bundle())).toHaveLength(1);
  expect(scene.bundle()).not.toBe(authority);
  expect(replicas.flatMap(changesOf).toSorted()).toEqual(["announced", "made", "promoted", "tidied"]);
  expect(isTrusted(scene, first)).toBe(true);
});

test("[unit] a replica that starts between two steps of a renewal goes on with it", async () => {
  const { scene, first } = await started(1);
  const old = first.pair()?.cert;
  await scene.pass(60 * DAY_MS - MINUTE_MS, DAY_MS);
  await scene.pass(11 * MINUTE_MS);
  const next = scene.text("next.crt");
  expect(next).toContain("BEGIN");
  await first.stop();
  await scene.pass(HOUR_MS);
  const second = scene.startReplica();
  await scene.settle();
  expect(second.pair()?.cert).toBe(old);
  await scene.pass(5 * MINUTE_MS);
  expect(second.pair()?.cert).toBe(next);
});

test("[unit] while the caBundle cannot be set, no new certificate is used, until the old one has expired", async () => {
  const { scene, first } = await started(1);
  const old = first.pair()?.cert;
  first.cut([WEBHOOK_CONFIGURATIONS]);
  await scene.pass(89 * DAY_MS, 12 * HOUR_MS);
  expect(scene.text("next.crt")).not.toBe("");
  expect(first.pair()?.cert).toBe(old);
  expect(first.told.some(({ kind }) => kind === "failed")).toBe(true);
  await scene.pass(2 * DAY_MS, 12 * HOUR_MS);
  expect(first.pair()?.cert).not.toBe(old);
  first.cut([]);
  await scene.pass(HOUR_MS);
  expect(isTrusted(scene, first)).toBe(true);
});

test("[unit] without any configuration there is nobody to wait for", async () => {
  const { scene, first } = await started(1);
  const old = first.pair()?.cert;
  scene.api.remove(WEBHOOK_CONFIGURATIONS, CONFIGURATION);
  await scene.pass(60 * DAY_MS + HOUR_MS, 12 * HOUR_MS);
  expect(first.pair()?.cert).not.toBe(old);
  scene.wipeBundle();
  await scene.pass(MINUTE_MS, 10_000);
  expect(isTrusted(scene, first)).toBe(true);
});

test("[unit] a caBundle that somebody wipes or breaks is repaired at once", async () => {
  const { scene, replicas } = await started(2);
  const bundle = scene.bundle();
  scene.wipeBundle();
  expect(scene.bundle()).toBe("");
  await scene.settle();
  expect(scene.bundle()).toBe(bundle);
  const configuration = asRecord(scene.api.find(WEBHOOK_CONFIGURATIONS, CONFIGURATION));
  const webhooks: readonly unknown[] = Array.isArray(configuration["webhooks"]) ? configuration["webhooks"] : [];
  const broken = webhooks.map((webhook) => ({ ...asRecord(webhook), clientConfig: { caBundle: "AAAA" } }));
  scene.api.put(WEBHOOK_CONFIGURATIONS, { ...configuration, webhooks: [...broken, ...broken] });
  await scene.settle();
  expect(scene.bundle()).toBe(bundle);
  expect(JSON.stringify(scene.api.find(WEBHOOK_CONFIGURATIONS, CONFIGURATION))).not.toContain("AAAA");
  expect(replicas.flatMap(changesOf)).toEqual(["made"]);
});

test.for([
  { name: "the certificate", texts: { "tls.crt": "planted" }, problem: "the certificate cannot be read" },
  { name: "the key", texts: { "tls.key": "planted" }, problem: "the key cannot be read" },
  { name: "the authority", texts: { "ca.crt": "" }, problem: "no authority beside it has signed the certificate" },
  {
    name: "everything",
    texts: { "tls.crt": "", "tls.key": "", "ca.crt": "" },
    problem: "the certificate cannot be read",
  },
])(
  "[unit] a Secret whose $name was edited is repaired, and what is served stays trusted meanwhile",
  async ({ texts, problem }) => {
    const { scene, replicas, first } = await started(2);
    const old = first.pair()?.cert;
    scene.edit(texts);
    await scene.settle();
    const repairs = replicas.flatMap(({ told }) => told).filter((report) => report.kind === "written");
    expect(repairs).toEqual([
      { kind: "written", change: "made", problem: "there is no Secret" },
      { kind: "written", change: "repaired", problem },
    ]);
    expect(scene.text("tls.crt")).not.toBe(old);
    expect(replicas.map((replica) => replica.pair()?.cert)).toEqual([old, old]);
    expect(replicas.every((replica) => isTrusted(scene, replica))).toBe(true);
    await scene.pass(5 * MINUTE_MS);
    expect(replicas.map((replica) => replica.pair()?.cert)).toEqual([scene.text("tls.crt"), scene.text("tls.crt")]);
    expect(replicas.every((replica) => isTrusted(scene, replica))).toBe(true);
    await scene.pass(61 * MINUTE_MS);
    expect(blocksOf(scene.bundle())).toHaveLength(1);
    expect(isTrusted(scene, first)).toBe(true);
  },
);

test("[unit] a Secret that was deleted is made anew with other keys, and nobody is refused meanwhile", async () => {
  const { scene, replicas } = await started(2);
  const [old, oldKey] = [scene.text("tls.crt"), scene.text("tls.key")];
  scene.deleteSecret();
  await scene.settle();
  expect(scene.text("tls.key")).not.toBe(oldKey);
  expect(replicas.map((replica) => replica.pair()?.cert)).toEqual([old, old]);
  expect(blocksOf(scene.bundle())).toHaveLength(2);
  await scene.pass(5 * MINUTE_MS);
  expect(replicas.map((replica) => replica.pair()?.key)).toEqual([scene.text("tls.key"), scene.text("tls.key")]);
});

test("[unit] replicas that disagree about the names write once a minute each, after the first ten", async () => {
  const scene = startKeeperScene();
  const [one, other] = [scene.startReplica(["a.system.svc"]), scene.startReplica(["b.system.svc"])];
  await scene.settle();
  await scene.pass(10 * MINUTE_MS, 10_000);
  expect([...changesOf(one), ...changesOf(other)].length).toBeLessThanOrEqual(2 * (10 + 10));
});

test("[unit] releases that disagree about the Secret set the caBundle once a minute each, after the first ten", async () => {
  const scene = startKeeperScene();
  const replicas = [scene.startReplica(), scene.startReplica(["webhook.system.svc"], "another")];
  await scene.settle();
  await scene.pass(10 * MINUTE_MS, 10_000);
  const published = replicas.flatMap(({ told }) => told).filter(({ kind }) => kind === "published");
  expect(published.length).toBeGreaterThan(10);
  expect(published.length).toBeLessThanOrEqual(2 * (10 + 10));
});

test("[unit] an API server that is away costs nothing but news: what is served goes on", async () => {
  const { scene, first } = await started(1);
  const old = first.pair()?.cert;
  first.cut([SECRETS, WEBHOOK_CONFIGURATIONS]);
  await scene.pass(HOUR_MS, MINUTE_MS);
  expect(first.pair()?.cert).toBe(old);
  scene.deleteSecret();
  first.cut([]);
  await scene.pass(MINUTE_MS, 10_000);
  expect(scene.text("tls.crt")).not.toBe("");
});

test("[unit] a replica that starts while the API server is away has a certificate as soon as it is back", async () => {
  const scene = startKeeperScene();
  const replica = scene.startReplica();
  replica.cut([SECRETS, WEBHOOK_CONFIGURATIONS]);
  await scene.settle();
  await scene.pass(MINUTE_MS, 10_000);
  expect(replica.pair()).toBeUndefined();
  replica.cut([]);
  await scene.pass(MINUTE_MS, 10_000);
  expect(isTrusted(scene, replica)).toBe(true);
});

test("[unit] no report holds a key or a certificate", async () => {
  const { scene, first } = await started(1);
  scene.edit({ "tls.crt": "planted", "tls.key": "-----BEGIN PRIVATE KEY-----\nplanted" });
  await scene.settle();
  expect(JSON.stringify(first.told)).not.toMatch(/planted|BEGIN/);
  expect(new X509Certificate(scene.text("tls.crt")).subject).not.toContain("planted");
});
