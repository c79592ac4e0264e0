// What the watcher knows of Secrets that are referred to, and that it keeps nothing of others.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KubeApi } from "../../../controller/kube/kube-api.ts";
import { createKubeClient } from "../../../controller/kube/kube-client.ts";
import { createSecretWatcher, type SecretWatcher } from "../../../controller/kube/secret-watcher.ts";
import { eventually } from "../../helpers/clock.ts";
import { type FakeKubeApi, startFakeKubeApi } from "../../helpers/fake-kube-api.ts";
import { createHandClock, type HandClock } from "../../helpers/hand-clock.ts";

let fake: FakeKubeApi;
let api: KubeApi;
let clock: HandClock;
let watcher: SecretWatcher;
let changes: string[];
let settled: number;

const key = (name: string, of = "key", namespace = "ai"): { namespace: string; name: string; key: string } => ({
  namespace,
  name,
  key: of,
});

function put(name: string, data: Readonly<Record<string, string>>, namespace = "ai"): void {
  fake.put("secrets", { metadata: { name, namespace }, type: "Opaque", data });
}

function known(name: string, namespace = "ai"): unknown {
  const state = watcher.read(namespace, name);
  return state.kind === "present" ? Object.fromEntries(state.data) : state.kind;
}

const requests = (path: string): number => fake.requests.filter((request) => request.path.endsWith(path)).length;
/** Events come in order: when a change of the Secret a has arrived, so has all before it. */
async function passedBy(): Promise<void> {
  put("a", { key: "bWFyaw==" });
  await eventually("the mark arrives", () => changes.includes("ai/a"));
}
const isSettled = (): Promise<void> => eventually("settled", () => watcher.isSettled());

beforeEach(async () => {
  fake = await startFakeKubeApi();
  api = createKubeClient({ kubeconfig: fake.kubeconfig });
  clock = createHandClock();
  changes = [];
  settled = 0;
  watcher = createSecretWatcher({
    api,
    clock,
    random: () => 0.5,
    changed: (namespace, name) => changes.push(`${namespace}/${name}`),
    settled: () => (settled += 1),
  });
});

afterEach(async () => {
  await watcher.stop();
  api.close();
  await fake.close();
});

describe("Secrets referred to before the start", () => {
  test("[controller] are unknown until their namespace has been listed, then present or absent", async () => {
    put("there", { key: "djE=", other: "eA==" });
    put("unrelated", { key: "eA==" });
    watcher.refer("Consumer/ai/a", [key("there"), key("missing")]);
    expect(known("there")).toBe("unknown");
    expect(watcher.isSettled()).toBe(false);
    watcher.start();
    await isSettled();
    expect(known("there")).toEqual({ key: "djE=" });
    expect(known("missing")).toBe("absent");
    expect(known("unrelated")).toBe("unknown");
    expect(settled).toBe(1);
    expect(watcher.state()).toEqual({ namespaces: 1, secrets: 2, unknown: 0 });
  });

  test("[controller] in one namespace cost one list and one watch, whatever their number; Helm's releases stay out", async () => {
    const count = 20_000;
    for (let index = 0; index < count; index += 1) {
      put(`s${index}`, { key: "djE=" });
      watcher.refer(`Consumer/ai/c${index}`, [key(`s${index}`)]);
    }
    watcher.start();
    await isSettled();
    await eventually("the watch", () => fake.openWatches("secrets") === 1);
    expect(watcher.state().secrets).toBe(count);
    expect(requests("/secrets")).toBe(count / 100 + 1);
    expect(new Set(fake.requests.map(({ path }) => path)).size).toBe(1);
    expect(fake.requests.every(({ query }) => query["fieldSelector"] === "type!=helm.sh/release.v1")).toBe(true);
  });

  test("[controller] nobody refers to any: settled at once, and nothing is asked", () => {
    watcher.start();
    expect(watcher.isSettled()).toBe(true);
    expect(settled).toBe(1);
    expect(fake.requests).toEqual([]);
  });
});

describe("changes", () => {
  beforeEach(async () => {
    put("a", { key: "djE=", second: "czE=" });
    watcher.refer("Consumer/ai/a", [key("a")]);
    watcher.start();
    await isSettled();
    await eventually("the watch", () => fake.openWatches("secrets") === 1);
    changes.length = 0;
  });

  test("[controller] of a value referred to are told; of another value, and of another Secret, not", async () => {
    put("a", { key: "djE=", second: "czI=" });
    put("b", { key: "eA==" });
    put("a", { key: "djI=", second: "czI=" });
    await eventually("the change arrives", () => changes.length > 0);
    expect(changes).toEqual(["ai/a"]);
    expect(known("a")).toEqual({ key: "djI=" });
  });

  test("[controller] a Secret that goes is absent, and comes back as it is then", async () => {
    fake.remove("secrets", "ai", "a");
    await eventually("the removal arrives", () => changes.length === 1);
    expect(known("a")).toBe("absent");
    put("a", { key: "bmV3" });
    await eventually("the return arrives", () => changes.length === 2);
    expect(known("a")).toEqual({ key: "bmV3" });
  });

  test("[controller] a Secret first referred to later is read by name, and is unknown until then", async () => {
    put("b", { key: "Yg==" });
    await passedBy();
    watcher.refer("Consumer/ai/b", [key("b"), key("c")]);
    expect(known("b")).toBe("unknown");
    expect(watcher.isSettled()).toBe(false);
    await isSettled();
    expect(known("b")).toEqual({ key: "Yg==" });
    expect(known("c")).toBe("absent");
    expect(settled).toBe(2);
    put("c", { key: "Yw==" });
    await eventually("c arrives by the watch", () => changes.includes("ai/c") && known("c") !== "absent");
    expect(requests("/secrets/c")).toBe(1);
  });

  test("[controller] a further key of a known Secret is read too", async () => {
    watcher.refer("AIBackend/ai/x", [key("a", "second")]);
    await isSettled();
    expect(known("a")).toEqual({ key: "djE=", second: "czE=" });
  });

  test("[controller] what the watch brings goes before a read that was slower", async () => {
    put("b", { key: "b2xk" });
    await passedBy();
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    fake.fail(({ path }) => path.endsWith("/secrets/b"), { kind: "answer-held", until });
    watcher.refer("Consumer/ai/b", [key("b")]);
    await eventually("the read is under way", () => requests("/secrets/b") === 1);
    put("b", { key: "bmV3" });
    await isSettled();
    fake.remove("secrets", "ai", "b");
    await eventually("the removal arrives", () => known("b") === "absent");
    put("b", { key: "bGFzdA==" });
    await eventually("the return arrives", () => known("b") !== "absent");
    release();
    // A read that is asked for after the answer to the slow one.
    watcher.refer("Consumer/ai/c", [key("c")]);
    await isSettled();
    expect(known("c")).toBe("absent");
    expect(known("b")).toEqual({ key: "bGFzdA==" });
  });

  test("[controller] a read that fails is tried again", async () => {
    put("b", { key: "Yg==" });
    fake.fail(({ path }) => path.endsWith("/secrets/b"), { kind: "status", code: 500, reason: "InternalError" }, 2);
    watcher.refer("Consumer/ai/b", [key("b")]);
    await eventually("read in the end", () => {
      clock.advance(30_000);
      return watcher.isSettled();
    });
    expect(known("b")).toEqual({ key: "Yg==" });
  });
});

describe("references that go", () => {
  test("[controller] take the values with them, the last of a namespace its watch too", async () => {
    put("a", { key: "djE=", second: "czE=" });
    watcher.refer("Consumer/ai/one", [key("a"), key("a", "second")]);
    watcher.refer("Consumer/ai/two", [key("a")]);
    watcher.start();
    await isSettled();
    watcher.refer("Consumer/ai/one", []);
    expect(known("a")).toEqual({ key: "djE=" });
    watcher.refer("Consumer/ai/two", []);
    expect(known("a")).toBe("unknown");
    expect(watcher.state()).toEqual({ namespaces: 0, secrets: 0, unknown: 0 });
    await eventually("the watch is closed", () => fake.openWatches("secrets") === 0);
    expect(watcher.isSettled()).toBe(true);
  });

  test("[controller] and come back at once begin with a new list, undisturbed by the old watch", async () => {
    put("a", { key: "djE=" });
    watcher.refer("Consumer/ai/one", [key("a")]);
    watcher.start();
    watcher.refer("Consumer/ai/one", []);
    watcher.refer("Consumer/ai/one", [key("a")]);
    await isSettled();
    expect(known("a")).toEqual({ key: "djE=" });
    expect(watcher.state()).toEqual({ namespaces: 1, secrets: 1, unknown: 0 });
  });

  test("[controller] of an object that refers to another Secret of its namespace keep the watch", async () => {
    put("a", { key: "djE=" });
    put("b", { key: "Yg==" });
    watcher.refer("Consumer/ai/one", [key("a")]);
    watcher.start();
    await isSettled();
    watcher.refer("Consumer/ai/one", [key("b")]);
    await isSettled();
    expect(known("a")).toBe("unknown");
    expect(known("b")).toEqual({ key: "Yg==" });
    expect(requests("/secrets/b")).toBe(1);
  });
});
