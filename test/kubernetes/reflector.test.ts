// The controller's side of Kubernetes against a real API server that dies, forgets, and is fought over: real time, real
// TLS, real resourceVersions. The kind is the test's own.

import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, inject, onTestFinished, test } from "vitest";
import { machineClock } from "../../controller/kube/clock.ts";
import { createEventRecorder } from "../../controller/kube/event-recorder.ts";
import type { KubeApi } from "../../controller/kube/kube-api.ts";
import { createKubeClient } from "../../controller/kube/kube-client.ts";
import type { KubeObject } from "../../controller/kube/kube-object.ts";
import { createLeaderElection, type Leadership } from "../../controller/kube/leader-election.ts";
import { createReflector, type Reflector, type ReflectorReport } from "../../controller/kube/reflector.ts";
import type { Resource } from "../../controller/kube/resource.ts";
import { createSecretWatcher } from "../../controller/kube/secret-watcher.ts";
import { createStatusWriter } from "../../controller/kube/status-writer.ts";
import { eventually } from "../helpers/clock.ts";
import { startFaultProxy } from "../helpers/fault-proxy.ts";
import { type KubeControlPlane, startControlPlane } from "../helpers/kube-control-plane.ts";
import { findKubePrograms } from "../helpers/kube-programs.ts";

const WIDGETS: Resource = { group: "airl.test", version: "v1", plural: "widgets", kind: "Widget" };
const random = Math.random;

let started: KubeControlPlane | undefined;
let api: KubeApi;
let namespace = "";

beforeAll(async () => {
  const found = findKubePrograms("control-plane");
  if ("missing" in found) return;
  started = await startControlPlane(found.paths);
  const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const condition = { type: "object", required: ["type"], properties: { type: { type: "string" } } };
  const conditions = {
    type: "array",
    items: { ...condition, "x-kubernetes-preserve-unknown-fields": true },
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
  };
  const status = { ...anything, properties: { conditions } };
  const openAPIV3Schema = { type: "object", properties: { spec: anything, status } };
  const version = {
    name: "v1",
    served: true,
    storage: true,
    subresources: { status: {} },
    schema: { openAPIV3Schema },
  };
  const names = { kind: "Widget", listKind: "WidgetList", plural: "widgets", singular: "widget" };
  await started.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.airl.test" },
    spec: { group: "airl.test", scope: "Namespaced", names, versions: [version] },
  });
  await started.kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd/widgets.airl.test"]);
  api = createKubeClient({ kubeconfig: started.kubeconfig });
}, 60_000);

afterAll(async () => {
  if (started === undefined) return;
  api.close();
  await started.stop();
});

beforeEach(async ({ skip }) => {
  const shared = inject("kubernetes");
  if ("missing" in shared) return skip(`needs ${shared.missing}`);
  namespace = await plane().newNamespace();
});

function plane(): KubeControlPlane {
  if (started === undefined) throw new Error("no control plane");
  return started;
}

async function put(name: string, spec: object = {}): Promise<KubeObject> {
  const old = await api.get(WIDGETS, { namespace, name });
  const metadata = { name, namespace, resourceVersion: old?.metadata.resourceVersion };
  const widget = { apiVersion: "airl.test/v1", kind: "Widget", metadata, spec };
  return old === undefined
    ? api.create(WIDGETS, namespace, widget)
    : api.replace(WIDGETS, { namespace, name }, { ...old, spec });
}

async function remove(name: string): Promise<void> {
  const { status } = await plane().call("DELETE", `/apis/airl.test/v1/namespaces/${namespace}/widgets/${name}`);
  expect(status).toBe(200);
}

interface Reflected {
  readonly reflector: Reflector;
  /** Specs by name, as the handler was told. */
  readonly objects: Map<string, unknown>;
  readonly reports: ReflectorReport[];
}

function reflect(through: KubeApi = api, pageSize = 500): Reflected {
  const objects = new Map<string, unknown>();
  const reports: ReflectorReport[] = [];
  const reflector = createReflector({
    api: through,
    scope: { resource: WIDGETS, namespace },
    clock: machineClock,
    random,
    report: (report) => void reports.push(report),
    handler: {
      upsert: (object) => objects.set(object.metadata.name, object["spec"]),
      remove: ({ name }) => objects.delete(name),
      synced: () => {},
    },
    settings: { pageSize, backOff: { minMs: 100, maxMs: 500 } },
  });
  onTestFinished(() => reflector.stop());
  reflector.start();
  return { reflector, objects, reports };
}

const synced = ({ reflector }: Reflected): Promise<void> => eventually("synced", () => reflector.state().synced);

test("[kubernetes] a list in pages and a watch hand over what is there and what changes", async () => {
  for (let index = 0; index < 25; index += 1) await put(`w${index}`);
  const reflected = reflect(api, 10);
  await synced(reflected);
  expect(reflected.objects.size).toBe(25);
  await put("w3", { changed: true });
  await remove("w4");
  await put("new");
  await eventually("all arrives", () => reflected.objects.has("new") && !reflected.objects.has("w4"));
  expect(reflected.objects.get("w3")).toEqual({ changed: true });
  expect(reflected.reports).toEqual([]);
});

test("[kubernetes] a server killed in mid-watch and started again is watched on", { timeout: 60_000 }, async () => {
  await put("before");
  const reflected = reflect();
  await synced(reflected);
  await plane().apiServer.kill();
  await eventually("the loss is noticed", () => reflected.reports.length > 0);
  await plane().apiServer.start();
  await put("after");
  await eventually("after arrives", () => reflected.objects.has("after"));
  expect([...reflected.objects.keys()]).toEqual(["before", "after"]);
});

test("[kubernetes] versions compacted in etcd while it was cut off make it list again", {
  timeout: 60_000,
}, async () => {
  const { url, etcdUrl, kubeconfig, apiServer } = plane();
  const proxy = await startFaultProxy(Number(new URL(url).port));
  onTestFinished(() => proxy.stop());
  const detour = `${kubeconfig}.detour`;
  const text = await readFile(kubeconfig, "utf8");
  await writeFile(detour, text.replace(url, `https://127.0.0.1:${proxy.port}`));
  const through = createKubeClient({ kubeconfig: detour });
  onTestFinished(() => through.close());
  for (const name of ["kept", "changed", "gone"]) await put(name);
  const reflected = reflect(through);
  await synced(reflected);
  proxy.refuse(true);
  proxy.cut();
  await put("changed", { now: 2 });
  await remove("gone");
  const { metadata } = await put("new");
  const compaction = JSON.stringify({ revision: metadata.resourceVersion, physical: true });
  const compacted = await fetch(`${etcdUrl}/v3/kv/compaction`, { method: "POST", body: compaction });
  expect(compacted.status).toBe(200);
  // Its watch cache would still serve the past.
  await apiServer.kill();
  await apiServer.start();
  proxy.refuse(false);
  await eventually("listed again", () => reflected.reflector.state().relists === 1);
  const expired = reflected.reports.filter((report) => report.kind === "failed" && report.error.isExpired);
  expect(expired).toHaveLength(1);
  expect(Object.fromEntries(reflected.objects)).toEqual({ kept: {}, changed: { now: 2 }, new: {} });
});

test("[kubernetes] Secrets referred to are known, followed, and read when first referred to later", async () => {
  const secret = (name: string, value: string): Promise<string> =>
    plane().kubectl(["-n", namespace, "create", "secret", "generic", name, `--from-literal=key=${value}`]);
  await secret("one", "first");
  await secret("other", "x");
  const watcher = createSecretWatcher({ api, clock: machineClock, random, changed: () => {}, settled: () => {} });
  onTestFinished(() => watcher.stop());
  const value = (name: string): unknown => {
    const state = watcher.read(namespace, name);
    return state.kind === "present" ? Buffer.from(state.data.get("key") ?? "", "base64").toString() : state.kind;
  };
  watcher.refer("Consumer/x/one", [{ namespace, name: "one", key: "key" }]);
  watcher.start();
  await eventually("settled", () => watcher.isSettled());
  expect(value("one")).toBe("first");
  watcher.refer("Consumer/x/other", [{ namespace, name: "other", key: "key" }]);
  await eventually("settled", () => watcher.isSettled());
  expect(value("other")).toBe("x");
  await plane().kubectl(["-n", namespace, "delete", "secret", "one"]);
  await eventually("gone", () => value("one") === "absent");
});

test("[kubernetes] status is applied beside the conditions of others, and leaves spec and generation alone", async () => {
  const widget = await put("w", { keep: "me" });
  const foreign = { type: "Foreign", status: "True", reason: "Other", message: "" };
  const path = `/apis/airl.test/v1/namespaces/${namespace}/widgets/w/status`;
  await plane().call("PUT", path, { ...widget, status: { conditions: [foreign], theirs: 1 } });
  let seen = await api.get(WIDGETS, { namespace, name: "w" });
  const writer = createStatusWriter({ api, clock: machineClock, random, seen: () => seen });
  onTestFinished(() => writer.stop());
  const target = { resource: WIDGETS, namespace, name: "w", uid: widget.metadata.uid };
  const wish = (message: string): void => {
    const condition = { type: "Accepted", status: "True" as const, reason: "Accepted", message, observedGeneration: 1 };
    writer.set(target, { conditions: [condition], fields: { proxies: "5/5" } });
  };
  wish("one");
  await eventually("written", () => writer.pending === 0);
  seen = await api.get(WIDGETS, { namespace, name: "w" });
  expect(seen?.["status"]).toMatchObject({
    theirs: 1,
    proxies: "5/5",
    conditions: [foreign, { type: "Accepted", message: "one" }],
  });
  expect(seen?.["spec"]).toEqual({ keep: "me" });
  expect(seen?.metadata.generation).toBe(1);
  const { resourceVersion } = seen?.metadata ?? {};
  wish("one");
  expect(writer.pending).toBe(0);
  const same = await api.get(WIDGETS, { namespace, name: "w" });
  expect(same?.metadata.resourceVersion).toBe(resourceVersion);
});

test("[kubernetes] a status for an object that is gone is a 404 and makes no object", async () => {
  const name = { namespace, name: "never" };
  await expect(api.applyStatus(WIDGETS, name, { conditions: [] })).rejects.toMatchObject({ status: 404 });
  expect(await api.get(WIDGETS, name)).toBeUndefined();
});

test("[kubernetes] an Event is told once and found at its object", async () => {
  const widget = await put("w");
  const recorder = createEventRecorder({ api, clock: machineClock, instance: "test" });
  const regarding = { kind: "Widget", namespace, name: "w", uid: widget.metadata.uid };
  const event = {
    resource: WIDGETS,
    regarding,
    type: "Warning",
    reason: "Invalid",
    action: "Accept",
    note: "no",
  } as const;
  recorder.record(event);
  recorder.record(event);
  await eventually("told or lost", () => recorder.counts().told + recorder.counts().lost === 1);
  expect(recorder.counts()).toEqual({ told: 1, repeated: 1, lost: 0 });
  const events = await plane().kubectl(["-n", namespace, "events", "--for", "widgets.airl.test/w", "--no-headers"]);
  expect(events.trim().split("\n")).toHaveLength(1);
  expect(events).toMatch(/Warning\s+Invalid\s+Widget\/w\s+no/);
});

test("[kubernetes] of two electors one leads; the other follows its release; a dead server ends the term in time", {
  timeout: 60_000,
}, async () => {
  const terms: { readonly who: string; readonly term: Leadership }[] = [];
  const elect = (who: string): { stop: () => Promise<void>; client: KubeApi } => {
    const client = createKubeClient({ kubeconfig: plane().kubeconfig });
    const election = createLeaderElection({
      api: client,
      lease: { namespace, name: "leader" },
      identity: who,
      clock: machineClock,
      random,
      settings: { leaseMs: 3_000, renewDeadlineMs: 2_000, retryMs: 300 },
      lead: (term) => {
        expect(terms.filter((other) => other.term.isHeld())).toEqual([]);
        terms.push({ who, term });
        return new Promise((resolve) => term.signal.addEventListener("abort", () => resolve()));
      },
    });
    election.start();
    return { stop: () => election.stop(), client };
  };
  const a = elect("a");
  await eventually("a leads", () => terms.length === 1);
  const b = elect("b");
  onTestFinished(async () => {
    await b.stop();
    b.client.close();
  });
  const releasedAtMs = machineClock.monotonicMs();
  await a.stop();
  a.client.close();
  await eventually("b leads", () => terms.length === 2);
  expect(machineClock.monotonicMs() - releasedAtMs).toBeLessThan(2_900);
  expect(terms.map(({ who, term }) => [who, term.transitions])).toEqual([
    ["a", 0],
    ["b", 1],
  ]);
  // The server's death ends the term by its deadline, and its return brings the next one.
  await plane().apiServer.kill();
  await eventually("b has stopped leading", () => terms[1]?.term.signal.aborted === true);
  await plane().apiServer.start();
  await eventually("b leads again", () => terms.length === 3);
  expect(terms[2]?.term.transitions).toBe(2);
});
