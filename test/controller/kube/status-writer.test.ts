// What the status writer sends, how often, and what it does about refusals. Sockets are real where the answer matters.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DesiredStatus } from "../../../controller/kube/conditions.ts";
import type { KubeApi } from "../../../controller/kube/kube-api.ts";
import { createKubeClient } from "../../../controller/kube/kube-client.ts";
import { type KubeObject, kubeObject } from "../../../controller/kube/kube-object.ts";
import { OWN_RESOURCES, type Resource } from "../../../controller/kube/resource.ts";
import {
  createStatusWriter,
  type StatusReport,
  type StatusTarget,
  type StatusWriter,
} from "../../../controller/kube/status-writer.ts";
import { eventually } from "../../helpers/clock.ts";
import { type FakeKubeApi, startFakeKubeApi } from "../../helpers/fake-kube-api.ts";
import { createHandClock, type HandClock } from "../../helpers/hand-clock.ts";

const [CONSUMERS = { group: "", version: "", plural: "", kind: "" }] = OWN_RESOURCES;

let fake: FakeKubeApi;
let api: KubeApi;
let clock: HandClock;
let seen: Map<string, KubeObject>;
let reports: StatusReport[];
let writer: StatusWriter;

/** Makes the object on the server, or changes it, and lets the writer see it. */
function put(name: string, status?: unknown): StatusTarget {
  const spec = { metadata: { name, namespace: "ai", generation: 1 }, ...(status === undefined ? {} : { status }) };
  const object = kubeObject.parse(fake.put("consumers", spec));
  seen.set(name, object);
  return { resource: CONSUMERS, namespace: "ai", name, uid: object.metadata.uid };
}

function wish(message: string, status: "True" | "False" = "True"): DesiredStatus {
  return { conditions: [{ type: "Accepted", status, reason: "Accepted", message, observedGeneration: 1 }] };
}

const messages = (): unknown[] => patches().map(({ body }) => /"message":"([^"]*)"/.exec(body)?.[1]);
const patches = (): FakeKubeApi["requests"] => fake.requests.filter(({ method }) => method === "PATCH");
const isDone = (): Promise<void> => eventually("nothing is pending", () => writer.pending === 0);
const isPatch = ({ method }: { method: string }): boolean => method === "PATCH";

beforeEach(async () => {
  fake = await startFakeKubeApi();
  api = createKubeClient({ kubeconfig: fake.kubeconfig });
  clock = createHandClock();
  seen = new Map();
  reports = [];
  writer = createStatusWriter({
    api,
    clock,
    random: () => 0.5,
    seen: ({ name }) => seen.get(name),
    report: (report) => void reports.push(report),
  });
});

afterEach(async () => {
  await writer.stop();
  api.close();
  await fake.close();
});

describe("writing", () => {
  test("[controller] applies the status alone, by force and as one field manager", async () => {
    const target = put("a");
    writer.set(target, { ...wish("hello"), fields: { proxies: "5/5" } });
    await isDone();
    const [patch] = patches();
    expect(patch?.path).toBe("/apis/airatelimit.dev/v1alpha1/namespaces/ai/consumers/a/status");
    expect(patch?.query).toEqual({ fieldManager: "ai-rate-limit", force: "true" });
    expect(JSON.parse(patch?.body ?? "")).toEqual({
      apiVersion: "airatelimit.dev/v1alpha1",
      kind: "Consumer",
      metadata: { namespace: "ai", name: "a" },
      status: {
        proxies: "5/5",
        conditions: [{ ...wish("hello").conditions[0], lastTransitionTime: "2026-01-01T00:00:00Z" }],
      },
    });
  });

  test("[controller] nothing is sent for a status that the object has", async () => {
    const time = { lastTransitionTime: "2025-01-01T00:00:00Z" };
    const target = put("a", { conditions: [{ ...wish("same").conditions[0], ...time }] });
    writer.set(target, wish("same"));
    expect(writer.pending).toBe(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(patches()).toEqual([]);
  });

  test("[controller] nothing is sent again while the watch has not shown the write yet, and times of change are kept", async () => {
    const target = put("a");
    writer.set(target, wish("one"));
    await isDone();
    writer.set(target, wish("one"));
    expect(writer.pending).toBe(0);
    clock.advance(60_000);
    writer.set(target, wish("two"));
    await isDone();
    expect(messages()).toEqual(["one", "two"]);
    expect(patches()[1]?.body).toContain(`"lastTransitionTime":"2026-01-01T00:00:00Z"`);
  });

  test("[controller] what somebody else made of it is put right once the watch shows it", async () => {
    const target = put("a");
    writer.set(target, wish("ours"));
    await isDone();
    put("a", { conditions: [] });
    writer.set(target, wish("ours"));
    await isDone();
    expect(messages()).toEqual(["ours", "ours"]);
  });

  test("[controller] of many wishes for one object the last is written, also while a write is under way", async () => {
    const target = put("a");
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    fake.fail(isPatch, { kind: "held", until });
    writer.set(target, wish("first"));
    await eventually("the write is under way", () => patches().length === 1);
    for (let index = 0; index < 10; index += 1) writer.set(target, wish(`wish ${index}`));
    release();
    await isDone();
    expect(messages()).toEqual(["first", "wish 9"]);
  });

  test("[controller] a wish for what the object had before the write under way is not taken for done", async () => {
    const time = { lastTransitionTime: "2025-01-01T00:00:00Z" };
    const target = put("a", { conditions: [{ ...wish("old").conditions[0], ...time }] });
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    fake.fail(isPatch, { kind: "held", until });
    writer.set(target, wish("new"));
    await eventually("the write is under way", () => patches().length === 1);
    writer.set(target, wish("old"));
    release();
    await isDone();
    expect(messages()).toEqual(["new", "old"]);
  });

  test("[controller] nothing is written for an object that is gone or has been replaced", async () => {
    const target = put("a");
    fake.remove("consumers", "ai", "a");
    put("a");
    writer.set(target, wish("for the old one"));
    writer.set({ ...target, name: "never-seen" }, wish("x"));
    await isDone();
    expect(patches()).toEqual([]);
  });
});

describe("refusals", () => {
  test.for([
    { name: "a conflict", fault: { kind: "status", code: 409, reason: "Conflict" } as const },
    { name: "a server fault", fault: { kind: "status", code: 500, reason: "InternalError" } as const },
    { name: "a reset", fault: { kind: "reset" } as const },
  ])("[controller] after $name it tries again later, with the wish of that time", async ({ fault }) => {
    const target = put("a");
    fake.fail(isPatch, fault, 2);
    writer.set(target, wish("early"));
    await eventually("failed", () => reports.length === 1);
    await eventually("a timer", () => clock.delays().length === 1);
    expect(clock.delays()).toEqual([250]);
    clock.advance(250);
    await eventually("failed again", () => reports.length === 2 && clock.delays().length === 1);
    expect(clock.delays()).toEqual([500]);
    writer.set(target, wish("late"));
    await isDone();
    expect(messages()).toEqual(["early", "early", "late"]);
  });

  test("[controller] it waits as long as an overloaded server asks", async () => {
    fake.fail(isPatch, { kind: "status", code: 429, reason: "TooManyRequests", retryAfterSeconds: 7 });
    writer.set(put("a"), wish("x"));
    await eventually("a timer", () => clock.delays().length === 1);
    expect(clock.delays()).toEqual([7_000]);
  });

  test.for([
    { name: "is gone", code: 404, reason: "NotFound" },
    { name: "cannot have this status", code: 422, reason: "Invalid" },
  ])("[controller] it gives up when the object $name", async ({ code, reason }) => {
    fake.fail(isPatch, { kind: "status", code, reason });
    writer.set(put("a"), wish("x"));
    await isDone();
    expect(reports).toMatchObject([{ kind: "dropped", error: { status: code, reason } }]);
    expect(clock.delays()).toEqual([]);
  });

  test("[controller] a forgotten object is not tried again", async () => {
    const target = put("a");
    fake.fail(isPatch, { kind: "reset" });
    writer.set(target, wish("x"));
    await eventually("a timer", () => clock.delays().length === 1);
    writer.forget(target);
    clock.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(patches()).toHaveLength(1);
    expect(writer.pending).toBe(0);
  });
});

test("[controller] 100,000 objects at once: a burst of 400, then 200 a second, and a handful of timers", async () => {
  let sent = 0;
  const many = createStatusWriter({
    api: {
      applyStatus(_resource, { namespace, name }) {
        sent += 1;
        return Promise.resolve({ metadata: { name, namespace, uid: "", resourceVersion: "2" } });
      },
    },
    clock,
    random: () => 0.5,
    seen: ({ name, uid }) => ({ metadata: { name, namespace: "ai", uid, resourceVersion: "1" } }),
  });
  for (let index = 0; index < 100_000; index += 1) {
    many.set({ resource: CONSUMERS, namespace: "ai", name: `c${index}`, uid: `u${index}` }, wish("x"));
  }
  await eventually("the burst is out", () => sent === 400 && clock.delays().length === 8);
  for (let second = 1; second <= 2; second += 1) {
    for (let step = 0; step < 200; step += 1) {
      const before = sent;
      clock.advance(5);
      await eventually("one more", () => sent > before && clock.delays().length === 8);
    }
    expect(sent).toBe(400 + 200 * second);
  }
  expect(many.pending).toBe(100_000 - sent);
  await many.stop();
  expect(clock.delays()).toEqual([]);
});

test("[controller] a policy's status goes before those of the consumers that wait, and a new consumer's before older ones", async () => {
  const sent: string[] = [];
  const many = createStatusWriter({
    api: {
      applyStatus(_resource, { namespace, name }) {
        sent.push(name);
        return Promise.resolve({ metadata: { name, namespace, uid: "", resourceVersion: "2" } });
      },
    },
    clock,
    random: () => 0.5,
    seen: ({ name, uid }) => ({ metadata: { name, namespace: "ai", uid, resourceVersion: "1" } }),
    settings: { rate: { perSecond: 1, burst: 10 }, concurrency: 1 },
  });
  const set = (resource: Resource, name: string): void => {
    many.set({ resource, namespace: "ai", name, uid: name }, wish("x"));
  };
  for (let index = 0; index < 1_000; index += 1) set(CONSUMERS, `c${String(index)}`);
  await eventually("the burst is out", () => sent.length === 10 && clock.delays().length === 1);
  set(CONSUMERS, "new");
  set({ ...CONSUMERS, plural: "airatelimitpolicies", kind: "AIRateLimitPolicy" }, "policy");
  for (let second = 1; second <= 3; second += 1) {
    clock.advance(1_000);
    await eventually("one more", () => sent.length === 10 + second && clock.delays().length === 1);
  }
  // The first of them waited for its token already.
  expect(sent.slice(11)).toEqual(["policy", "new"]);
  await many.stop();
});
