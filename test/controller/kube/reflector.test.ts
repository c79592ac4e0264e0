// The reflector against an API server that breaks in every way known: what its handler has heard always ends as what is
// there. Time is moved by hand; the sockets are real.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KubeApi } from "../../../controller/kube/kube-api.ts";
import { createKubeClient } from "../../../controller/kube/kube-client.ts";
import { reflectNamespaces } from "../../../controller/kube/reflect-namespaces.ts";
import type { Reflector, ReflectorReport, ReflectorSettings } from "../../../controller/kube/reflector.ts";
import { OWN_RESOURCES } from "../../../controller/kube/resource.ts";
import { eventually } from "../../helpers/clock.ts";
import { type FakeKubeApi, type Fault, startFakeKubeApi } from "../../helpers/fake-kube-api.ts";
import { createHandClock, type HandClock } from "../../helpers/hand-clock.ts";

const [CONSUMERS = { group: "", version: "", plural: "", kind: "" }] = OWN_RESOURCES;

let fake: FakeKubeApi;
let api: KubeApi;
let clock: HandClock;
let running: Reflector[] = [];

/** Everything heard, and what follows from it. */
interface Heard {
  readonly reflector: Reflector;
  readonly log: string[];
  readonly objects: Map<string, unknown>;
  readonly reports: ReflectorReport[];
}

function reflect(settings: Partial<ReflectorSettings> = {}, namespaces?: readonly string[], throws = ""): Heard {
  const heard: Omit<Heard, "reflector"> = { log: [], objects: new Map(), reports: [] };
  const handler = {
    upsert(object: { metadata: { namespace: string; name: string; uid: string }; [field: string]: unknown }): void {
      const { namespace, name, uid } = object.metadata;
      heard.log.push(`upsert ${namespace}/${name} ${uid}`);
      if (name === throws) throw new Error("planted");
      heard.objects.set(`${namespace}/${name}`, object["spec"]);
    },
    remove({ namespace, name, uid }: { namespace: string; name: string; uid: string }): void {
      heard.log.push(`remove ${namespace}/${name} ${uid}`);
      heard.objects.delete(`${namespace}/${name}`);
    },
    synced: () => heard.log.push("synced"),
  };
  const report = (entry: ReflectorReport): void => void heard.reports.push(entry);
  const random = (): number => 0.5;
  const reflector = reflectNamespaces({
    api,
    resource: CONSUMERS,
    namespaces,
    handler,
    clock,
    random,
    report,
    settings,
  });
  running.push(reflector);
  reflector.start();
  return { ...heard, reflector };
}

function put(name: string, spec: unknown = {}, namespace = "ai"): void {
  fake.put("consumers", { metadata: { name, namespace }, spec });
}

const watching = (): Promise<void> => eventually("a watch is open", () => fake.openWatches("consumers") === 1);
const isWatch = ({ query }: { query: Readonly<Record<string, string>> }): boolean => query["watch"] === "true";
const isList = (request: { query: Readonly<Record<string, string>> }): boolean => !isWatch(request);
const lists = (): number => fake.requests.filter(isList).length;

/** Waits for a failure to be reported, then lets its back-off pass. */
async function passBackOff(heard: Heard, failures: number): Promise<void> {
  await eventually(`${failures} failures`, () => heard.reports.length >= failures);
  clock.advance(30_000);
}

beforeEach(async () => {
  fake = await startFakeKubeApi();
  api = createKubeClient({ kubeconfig: fake.kubeconfig });
  clock = createHandClock();
});

afterEach(async () => {
  await Promise.all(running.map((reflector) => reflector.stop()));
  running = [];
  api.close();
  await fake.close();
});

describe("in good weather", () => {
  test("[controller] hands over what is there page by page, says synced, then every change", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) put(name);
    const { log, objects } = reflect({ pageSize: 2 });
    await watching();
    put("b", { changed: true });
    put("f");
    fake.remove("consumers", "ai", "a");
    await eventually("the removal arrives", () => log.includes("remove ai/a uid-1"));
    expect(log).toEqual([
      ...["a", "b", "c", "d", "e"].map((name, index) => `upsert ai/${name} uid-${index + 1}`),
      "synced",
      "upsert ai/b uid-2",
      "upsert ai/f uid-6",
      "remove ai/a uid-1",
    ]);
    expect(objects.get("ai/b")).toEqual({ changed: true });
    expect(fake.requests.map(({ query }) => query["limit"] ?? "watch")).toEqual(["2", "2", "2", "watch"]);
  });

  test("[controller] asks for bookmarks, and for an end within 240 to 300 s", async () => {
    reflect();
    await watching();
    const query = fake.requests.find(isWatch)?.query;
    expect(query).toMatchObject({ allowWatchBookmarks: "true", timeoutSeconds: "270", resourceVersion: "100" });
  });

  test("[controller] drops managedFields and kubectl's copy, and keeps other annotations", async () => {
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}", mine: "kept" };
    fake.put("consumers", { metadata: { name: "a", namespace: "ai", annotations, managedFields: [{}] } });
    const seen: unknown[] = [];
    const handler = { upsert: (object: unknown) => void seen.push(object), remove: () => {}, synced: () => {} };
    const random = (): number => 0;
    const reflector = reflectNamespaces({ api, resource: CONSUMERS, namespaces: ["ai"], handler, clock, random });
    running.push(reflector);
    reflector.start();
    await eventually("the object arrives", () => seen.length === 1);
    expect(seen[0]).toMatchObject({ kind: "Consumer", apiVersion: "airatelimit.dev/v1alpha1" });
    expect(seen[0]).toHaveProperty("metadata.annotations", { mine: "kept" });
    expect(seen[0]).not.toHaveProperty("metadata.managedFields");
  });

  test("[controller] of several namespaces it says synced once all are there, and looks at no other", async () => {
    for (const namespace of ["one", "two", "three"]) put("a", {}, namespace);
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    fake.fail(({ path }) => path.includes("/two/"), { kind: "held", until });
    const { log, reflector } = reflect({}, ["one", "two"]);
    await eventually("one has arrived", () => log.length === 1);
    expect(reflector.state().synced).toBe(false);
    release();
    await eventually("synced", () => log.includes("synced"));
    expect(log.toSorted()).toEqual(["synced", "upsert one/a uid-1", "upsert two/a uid-2"]);
  });
});

describe("when a watch ends", () => {
  test.for<{ readonly name: string; readonly end: () => void }>([
    { name: "in good order", end: () => fake.endWatches() },
    { name: "by a reset in the middle of a line", end: () => fake.cutWatches() },
    { name: "by an ERROR 500 in the stream", end: () => fake.errorInWatches(500, "InternalError") },
  ])("[controller] $name, it goes on from the last version without a new list", async ({ end }) => {
    put("a");
    const heard = reflect();
    await watching();
    put("b");
    await eventually("b arrives", () => heard.objects.has("ai/b"));
    end();
    put("c");
    await eventually("a failure, or c", () => heard.reports.length > 0 || heard.objects.has("ai/c"));
    clock.advance(30_000);
    await eventually("c arrives", () => heard.objects.has("ai/c"));
    expect(heard.log).toEqual(["upsert ai/a uid-1", "synced", "upsert ai/b uid-2", "upsert ai/c uid-3"]);
    expect(lists()).toBe(1);
    expect(fake.requests.filter(isWatch).map(({ query }) => query["resourceVersion"])).toEqual(["101", "102"]);
  });

  test("[controller] a bookmark moves the version from which it goes on", async () => {
    const { reflector } = reflect();
    await watching();
    fake.put("secrets", { metadata: { name: "unrelated", namespace: "ai" } });
    fake.bookmark();
    await eventually("the bookmark arrives", () => reflector.state().lastEventAtMs !== undefined);
    fake.endWatches();
    await eventually("a second watch", () => fake.requests.filter(isWatch).length >= 2);
    expect(fake.requests.filter(isWatch).at(1)?.query["resourceVersion"]).toBe("101");
  });

  test("[controller] a server that ends each watch at once is not asked in a tight loop", async () => {
    const heard = reflect();
    await watching();
    fake.endWatches();
    await eventually("the short watch counts as failed", () => heard.reports.length === 1);
    expect(fake.requests.filter(isWatch)).toHaveLength(1);
    expect(clock.delays()).toEqual([250]);
  });
});

describe("when the version is compacted away", () => {
  test.for<{ readonly name: string; readonly strike: () => void }>([
    { name: "by an ERROR in the stream", strike: () => fake.endWatches() },
    {
      name: "by the status of the answer",
      strike: () => {
        fake.fail(isWatch, { kind: "status", code: 410, reason: "Gone" });
        fake.endWatches();
      },
    },
  ])(
    "[controller] said $name, it lists again and reports what vanished, changed and was replaced meanwhile",
    async ({ strike }) => {
      for (const name of ["kept", "changed", "gone", "replaced"]) put(name);
      const heard = reflect();
      await watching();
      fake.bookmark();
      await eventually("the bookmark arrives", () => heard.log.includes("synced"));
      fake.muteWatches();
      put("changed", { now: 2 });
      fake.remove("consumers", "ai", "gone");
      fake.remove("consumers", "ai", "replaced");
      put("replaced", { again: true });
      put("new");
      fake.compact();
      heard.log.length = 0;
      strike();
      await eventually("listed again", () => {
        clock.advance(30_000);
        return heard.reflector.state().relists === 1;
      });
      expect(heard.log).toEqual([
        "upsert ai/changed uid-2",
        "remove ai/replaced uid-4",
        "upsert ai/replaced uid-5",
        "upsert ai/new uid-6",
        "remove ai/gone uid-3",
      ]);
      expect([...heard.objects.keys()].toSorted()).toEqual(["ai/changed", "ai/kept", "ai/new", "ai/replaced"]);
    },
  );

  test("[controller] between two pages, it starts the list over and forgets what the first pass saw", async () => {
    for (const name of ["a", "b", "c", "d"]) put(name);
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    fake.fail(({ query }) => query["continue"] !== undefined, { kind: "held", until });
    const heard = reflect({ pageSize: 2 });
    await eventually("the first page is there", () => heard.log.length === 2);
    fake.remove("consumers", "ai", "a");
    fake.compact();
    release();
    await passBackOff(heard, 1);
    await eventually("synced", () => heard.log.includes("synced"));
    expect([...heard.objects.keys()]).toEqual(["ai/b", "ai/c", "ai/d"]);
    expect(heard.log.filter((line) => line.startsWith("remove"))).toEqual(["remove ai/a uid-1"]);
  });
});

describe("when the server is in trouble", () => {
  const troubles: readonly { readonly name: string; readonly fault: Fault }[] = [
    { name: "resets", fault: { kind: "reset" } },
    { name: "500s", fault: { kind: "status", code: 500, reason: "InternalError" } },
    { name: "403s", fault: { kind: "status", code: 403, reason: "Forbidden" } },
    { name: "429s", fault: { kind: "status", code: 429, reason: "TooManyRequests" } },
  ];

  test.for(troubles)("[controller] a list survives $name, later and later", async ({ fault }) => {
    put("a");
    fake.fail(isList, fault, 8);
    const heard = reflect();
    for (let failures = 1; failures <= 8; failures += 1) await passBackOff(heard, failures);
    await eventually("synced", () => heard.log.includes("synced"));
    expect(heard.reports.map((report) => (report.kind === "failed" ? report.delayMs : 0))).toEqual([
      250, 500, 1_000, 2_000, 2_500, 2_500, 2_500, 2_500,
    ]);
  });

  test.for(troubles)("[controller] a watch survives $name", async ({ fault }) => {
    fake.fail(isWatch, fault, 5);
    const heard = reflect();
    for (let failures = 1; failures <= 5; failures += 1) await passBackOff(heard, failures);
    await watching();
    put("a");
    await eventually("a arrives", () => heard.objects.has("ai/a"));
  });

  test("[controller] a version that the server keeps refusing is doubted: all is listed again", async () => {
    fake.fail(isWatch, { kind: "status", code: 504, reason: "Timeout" }, 3);
    const heard = reflect();
    for (let failures = 1; failures <= 3; failures += 1) await passBackOff(heard, failures);
    await watching();
    expect(lists()).toBe(2);
  });

  test("[controller] it waits at least as long as the server asks", async () => {
    fake.fail(isList, { kind: "status", code: 429, reason: "TooManyRequests", retryAfterSeconds: 20 });
    const heard = reflect();
    await eventually("the refusal is reported", () => heard.reports.length === 1);
    expect(clock.delays()).toEqual([20_000]);
  });

  test("[controller] an event is a sign of life: the back-off begins anew", async () => {
    fake.fail(isWatch, { kind: "reset" }, 4);
    const heard = reflect();
    for (let failures = 1; failures <= 4; failures += 1) await passBackOff(heard, failures);
    await watching();
    put("a");
    await eventually("a arrives", () => heard.objects.has("ai/a"));
    fake.cutWatches();
    await eventually("the reset is reported", () => heard.reports.length === 5);
    expect(heard.reports.at(-1)).toMatchObject({ doing: "watch", delayMs: 250 });
  });

  test("[controller] a connection that went dead without a word is given up after the stall time", async () => {
    const heard = reflect({ stallMs: 90_000 });
    await watching();
    fake.muteWatches();
    put("a");
    clock.advance(60_000);
    expect(fake.requests.filter(isWatch)).toHaveLength(1);
    clock.advance(30_000);
    await passBackOff(heard, 1);
    await eventually("a arrives", () => heard.objects.has("ai/a"));
    expect(heard.reports).toMatchObject([{ kind: "failed", doing: "watch", error: { reason: "TimedOut" } }]);
    expect(lists()).toBe(1);
  });

  test("[controller] connections that go dead one after another are not waited for longer each time", async () => {
    const heard = reflect({ stallMs: 90_000 });
    for (let stalls = 1; stalls <= 4; stalls += 1) {
      await watching();
      fake.muteWatches();
      clock.advance(90_000);
      await passBackOff(heard, stalls);
    }
    const delays = heard.reports.map((report) => (report.kind === "failed" ? report.delayMs : 0));
    expect(delays).toEqual([250, 250, 250, 250]);
  });

  test("[controller] bookmarks keep a quiet watch from being given up", async () => {
    const heard = reflect({ stallMs: 90_000 });
    await watching();
    for (let minute = 1; minute <= 5; minute += 1) {
      clock.advance(60_000);
      fake.bookmark();
      const nowMs = clock.monotonicMs();
      await eventually("the bookmark arrives", () => heard.reflector.state().lastEventAtMs === nowMs);
    }
    expect(heard.reports).toEqual([]);
    expect(fake.openWatches("consumers")).toBe(1);
  });

  test("[controller] a server that takes the connection and never answers is given up by the client", async () => {
    api.close();
    api = createKubeClient({ kubeconfig: fake.kubeconfig, timeoutMs: 50 });
    put("a");
    fake.fail(isList, { kind: "silent" });
    const heard = reflect();
    await passBackOff(heard, 1);
    await eventually("synced", () => heard.log.includes("synced"));
    expect(heard.reports).toMatchObject([{ kind: "failed", doing: "list", error: { status: 0, reason: "TimedOut" } }]);
  });
});

test("[controller] a handler that throws is reported and stops nothing", async () => {
  for (const name of ["a", "bad", "c"]) put(name);
  const heard = reflect({}, undefined, "bad");
  await watching();
  put("bad", { again: true });
  put("d");
  await eventually("d arrives", () => heard.objects.has("ai/d"));
  expect([...heard.objects.keys()]).toEqual(["ai/a", "ai/c", "ai/d"]);
  expect(heard.reports).toMatchObject([
    { kind: "handler-failed", ref: { kind: "Consumer", namespace: "ai", name: "bad" } },
    { kind: "handler-failed", ref: { name: "bad" } },
  ]);
});

test("[controller] stopped, it hears nothing more and leaves no timer behind", async () => {
  const heard = reflect();
  await watching();
  await heard.reflector.stop();
  put("a");
  await eventually("the watch is closed", () => fake.openWatches("consumers") === 0);
  expect(heard.log).toEqual(["synced"]);
  expect(clock.delays()).toEqual([]);
  expect(heard.reports).toEqual([]);
});

test("[controller] no text of the server and no token reaches an error", async () => {
  fake.fail(isList, { kind: "status", code: 403, reason: "Forbidden" });
  const heard = reflect({}, ["ai"]);
  await eventually("the refusal is reported", () => heard.reports.length === 1);
  const [report] = heard.reports;
  const error = report?.kind === "failed" ? report.error : undefined;
  expect(error?.message).toBe("GET /apis/airatelimit.dev/v1alpha1/namespaces/ai/consumers: 403 Forbidden");
  expect(JSON.stringify(error) + String(error?.stack) + String(error?.cause)).not.toContain("planted-token");
});
