// Which data planes count: by heartbeat, by Pod, and without either.

import { test } from "vitest";
import {
  dataPlanes,
  FORGET_WITHOUT_POD_MS,
  hasTakenOver,
  type Pod,
  type SeenEntry,
  serving,
} from "../../../controller/status/data-planes.ts";
import { shadowOf } from "../../../controller/status/enforced.ts";
import { SILENT_AFTER_MS } from "../../../dataplane/contract/published.ts";
import { aLimit, aPolicy, compiled } from "../../compiler/manifest-builders.ts";
import { aDataPlane, CONFIG, NOW_MS } from "./state-builders.ts";

const POD: Pod = { namespace: "gateways", name: "gw-1", uid: "u1" };
const acknowledged = { ai: { generation: CONFIG, revision: 7 } };

function anEntry(changes: Partial<SeenEntry> & { readonly pod?: Pod } = {}): SeenEntry {
  const { pod, ...others } = changes;
  const heartbeat = {
    schema: 1 as const,
    version: "0.1.0",
    keyIds: [],
    namespaces: acknowledged,
    ...(pod === undefined ? {} : { pod }),
  };
  return { scope: "*", id: "a1", seenMs: NOW_MS, heartbeat, ...others };
}

const everyPod = (): boolean => true;
const noPod = (): boolean => false;

test.for([
  { name: "one just heard from is present", entry: anEntry({ pod: POD }), pods: everyPod, is: "present" },
  {
    name: "one heard from at the edge of silence is present",
    entry: anEntry({ pod: POD, seenMs: NOW_MS - SILENT_AFTER_MS }),
    pods: everyPod,
    is: "present",
  },
  {
    name: "one not heard from while its Pod exists is silent",
    entry: anEntry({ pod: POD, seenMs: NOW_MS - SILENT_AFTER_MS - 1 }),
    pods: everyPod,
    is: "silent",
  },
  {
    name: "one not heard from for days while its Pod exists is silent",
    entry: anEntry({ pod: POD, seenMs: NOW_MS - 86_400_000 }),
    pods: everyPod,
    is: "silent",
  },
  { name: "one whose Pod is gone is gone", entry: anEntry({ pod: POD }), pods: noPod, is: "gone" },
  {
    name: "one without a Pod that is not heard from is silent",
    entry: anEntry({ seenMs: NOW_MS - FORGET_WITHOUT_POD_MS }),
    pods: noPod,
    is: "silent",
  },
  {
    name: "one without a Pod that is not heard from for long is gone",
    entry: anEntry({ seenMs: NOW_MS - FORGET_WITHOUT_POD_MS - 1 }),
    pods: noPod,
    is: "gone",
  },
  {
    name: "one whose heartbeat cannot be read is present",
    entry: anEntry({ heartbeat: undefined }),
    pods: noPod,
    is: "present",
  },
])("[unit] $name", ({ entry, pods, is }, { expect }) => {
  const { present, gone } = dataPlanes([entry], NOW_MS, pods);
  expect(gone).toEqual(is === "gone" ? [{ scope: "*", id: "a1" }] : []);
  expect(present.map(({ silentSinceMs }) => silentSinceMs)).toEqual(
    is === "gone" ? [] : [is === "silent" ? entry.seenMs : undefined],
  );
});

test("[unit] a data plane is called by its Pod, and by its id where it has none", ({ expect }) => {
  const { present } = dataPlanes([anEntry(), anEntry({ id: "b2", pod: POD })], NOW_MS, everyPod);
  expect(present.map(({ name }) => name)).toEqual(["a1", "gw-1"]);
});

test("[unit] of two processes of one Pod the later one counts, whichever is told first", ({ expect }) => {
  const crashed = anEntry({ id: "old", pod: POD, seenMs: NOW_MS - 60_000 });
  const running = anEntry({ id: "new", pod: POD });
  for (const entries of [
    [crashed, running],
    [running, crashed],
  ]) {
    const { present, gone } = dataPlanes(entries, NOW_MS, everyPod);
    expect(present.map(({ id }) => id)).toEqual(["new"]);
    expect(gone).toEqual([{ scope: "*", id: "old" }]);
  }
});

test("[unit] a namespace is served by gateways and by its own sidecars", ({ expect }) => {
  const planes = [aDataPlane("gw"), aDataPlane("mine", { scope: "ai" }), aDataPlane("theirs", { scope: "other" })];
  expect(serving(planes, "ai").map(({ name }) => name)).toEqual(["gw", "mine"]);
});

test.for([
  { name: "the revision itself", plane: aDataPlane("gw", { revision: 12 }), has: true },
  { name: "a later revision", plane: aDataPlane("gw", { revision: 13 }), has: true },
  { name: "an earlier revision", plane: aDataPlane("gw", { revision: 11 }), has: false },
  {
    name: "a later revision of another generation",
    plane: aDataPlane("gw", { acknowledged: { ai: { generation: "x", revision: 13 } } }),
    has: false,
  },
  { name: "nothing", plane: aDataPlane("gw", { acknowledged: {} }), has: false },
  { name: "the revision, before it fell silent,", plane: aDataPlane("gw", { silentSinceMs: NOW_MS }), has: false },
])("[unit] one that acknowledged $name has taken it over: $has", ({ plane, has }, { expect }) => {
  expect(hasTakenOver(plane, "ai", { generation: CONFIG, revision: 12 })).toBe(has);
});

test.for([
  { name: "no", spec: {}, shadow: { limits: [], isWhole: false } },
  { name: "every", spec: { mode: "Shadow" }, shadow: { limits: ["minute"], isWhole: true } },
  {
    name: "one",
    spec: { limits: [aLimit({ mode: "Shadow" }), aLimit({ name: "day", window: { duration: "24h" } })] },
    shadow: { limits: ["minute"], isWhole: false },
  },
])("[unit] a policy with $name limit in Shadow is known as such", ({ spec, shadow }, { expect }) => {
  const [policy] = compiled(aPolicy({}, spec)).objects;
  expect(policy?.kind === "AIRateLimitPolicy" && shadowOf(policy)).toEqual(shadow);
});
