import { expect, test } from "vitest";
import {
  createEventRecorder,
  type EventRecorder,
  type EventRecorderSettings,
  type RecordedEvent,
} from "../../../controller/kube/event-recorder.ts";
import type { KubeApi } from "../../../controller/kube/kube-api.ts";
import { KubeError } from "../../../controller/kube/kube-error.ts";
import { OWN_RESOURCES } from "../../../controller/kube/resource.ts";
import { eventually } from "../../helpers/clock.ts";
import { createHandClock, type HandClock } from "../../helpers/hand-clock.ts";

const [CONSUMERS = { group: "", version: "", plural: "", kind: "" }] = OWN_RESOURCES;

interface Bench {
  readonly recorder: EventRecorder;
  readonly clock: HandClock;
  readonly created: { readonly namespace: string; readonly event: Readonly<Record<string, unknown>> }[];
  failing: boolean;
}

function bench(settings: Partial<EventRecorderSettings> = {}): Bench {
  const clock = createHandClock();
  const state: Omit<Bench, "recorder"> = { clock, created: [], failing: false };
  const create: KubeApi["create"] = async (_resource, namespace, event) => {
    if (state.failing) throw new KubeError({ status: 500, reason: "InternalError", call: "POST" });
    state.created.push({ namespace, event });
    return { metadata: { name: "x", namespace, uid: "e", resourceVersion: "1" } };
  };
  return Object.assign(state, {
    recorder: createEventRecorder({ api: { create }, clock, instance: "pod-1", settings }),
  });
}

function invalid(note: string, uid = "u1"): RecordedEvent {
  const regarding = { kind: "Consumer", namespace: "ai", name: "user1", uid };
  return { resource: CONSUMERS, regarding, type: "Warning", reason: "Invalid", action: "Accept", note };
}

const done = ({ recorder }: Bench, total: number): Promise<void> =>
  eventually("all are told or lost", () => recorder.counts().told + recorder.counts().lost === total);

test("[unit] an event says what of which object was refused, to events.k8s.io/v1", async () => {
  const b = bench();
  b.recorder.record(invalid("spec.groups: wrong"));
  await done(b, 1);
  expect(b.created).toEqual([
    {
      namespace: "ai",
      event: {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        metadata: { namespace: "ai", generateName: "user1-" },
        eventTime: "2026-01-01T00:00:00.000000Z",
        reportingController: "airatelimit.dev/controller",
        reportingInstance: "pod-1",
        regarding: {
          apiVersion: "airatelimit.dev/v1alpha1",
          kind: "Consumer",
          namespace: "ai",
          name: "user1",
          uid: "u1",
        },
        type: "Warning",
        reason: "Invalid",
        action: "Accept",
        note: "spec.groups: wrong",
      },
    },
  ]);
});

test("[unit] the same of the same object is told once an hour; another note, or object, at once", async () => {
  const b = bench();
  for (let times = 0; times < 3; times += 1) b.recorder.record(invalid("one"));
  b.recorder.record(invalid("two"));
  b.recorder.record(invalid("one", "u2"));
  await done(b, 3);
  b.clock.advance(3_599_000);
  b.recorder.record(invalid("one"));
  expect(b.recorder.counts()).toEqual({ told: 3, repeated: 3, lost: 0 });
  b.clock.advance(1_000);
  b.recorder.record(invalid("one"));
  await done(b, 4);
  expect(b.recorder.counts()).toEqual({ told: 4, repeated: 3, lost: 0 });
});

test("[unit] a note is cut at 1024 characters", async () => {
  const b = bench();
  b.recorder.record(invalid("x".repeat(5_000)));
  await done(b, 1);
  expect(String(b.created[0]?.event["note"])).toHaveLength(1024);
});

test("[unit] a burst goes out, the rest at the agreed rate, and what has no room to wait is counted as lost", async () => {
  const b = bench({ rate: { perSecond: 5, burst: 10 }, waiting: 20 });
  for (let index = 0; index < 100; index += 1) b.recorder.record(invalid(`note ${index}`));
  expect(b.recorder.counts().lost).toBe(80);
  await eventually("the burst is out", () => b.created.length === 10 && b.clock.delays().length === 2);
  for (let told = 11; told <= 20; told += 1) {
    b.clock.advance(200);
    await eventually("one more", () => b.created.length === told && b.clock.delays().length === Math.min(2, 20 - told));
  }
  expect(b.clock.monotonicMs()).toBe(1_000 + 10 * 200);
});

test("[unit] a failing server costs the event, not the next one of the same kind", async () => {
  const b = bench();
  b.failing = true;
  b.recorder.record(invalid("one"));
  await done(b, 1);
  b.failing = false;
  b.recorder.record(invalid("one"));
  await done(b, 2);
  expect(b.recorder.counts()).toEqual({ told: 1, repeated: 0, lost: 1 });
});

test("[unit] remembers no more than agreed; the oldest is forgotten first", async () => {
  const b = bench({ remembered: 2 });
  for (const note of ["one", "two", "three"]) b.recorder.record(invalid(note));
  await done(b, 3);
  b.recorder.record(invalid("three"));
  b.recorder.record(invalid("one"));
  await done(b, 4);
  expect(b.recorder.counts()).toEqual({ told: 4, repeated: 1, lost: 0 });
});

test("[unit] stopped, it tells no more and leaves no timer", async () => {
  const b = bench({ rate: { perSecond: 5, burst: 0 } });
  b.recorder.record(invalid("one"));
  await eventually("it waits", () => b.clock.delays().length === 1);
  await b.recorder.stop();
  b.recorder.record(invalid("two"));
  expect(b.created).toEqual([]);
  expect(b.clock.delays()).toEqual([]);
});
