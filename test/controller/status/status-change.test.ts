// Status is written when it changes, and counts of data planes at a calm pace.

import { test } from "vitest";
import type { ObjectState, ObjectStatus } from "../../../controller/status/object-state.ts";
import { desiredStatus } from "../../../controller/status/object-status.ts";
import { COUNT_EVERY_MS, sameStatus, writeDueMs } from "../../../controller/status/status-change.ts";
import { objectStatus, policyStatus } from "../../../crds/status.ts";
import { aDataPlane, aFinding, anEnforcement, aState, NOW_MS } from "./state-builders.ts";

const BASE = desiredStatus(aState());

const withTimes = ({ conditions }: ObjectStatus) =>
  conditions.map((condition) => ({ ...condition, lastTransitionTime: "2026-01-01T12:00:00Z" }));

const planes = (...revisions: readonly number[]): Partial<ObjectState> => ({
  enforcement: anEnforcement({
    dataPlanes: revisions.map((revision, index) => aDataPlane(`gw-${String(index)}`, { revision })),
  }),
});

test("[unit] what is written is what the schema of status takes", ({ expect }) => {
  const conditions = withTimes(BASE);
  expect(policyStatus.safeParse({ ...BASE.fields, conditions }).error).toBeUndefined();
  const other = desiredStatus(aState({ enforcement: undefined, findings: [aFinding()], inForce: undefined }));
  const status = { ...other.fields, conditions: withTimes(other) };
  expect(objectStatus.safeParse(status).error).toBeUndefined();
});

const counting = desiredStatus(aState(planes(11, 11, 12)));
const last = { status: BASE, atMs: NOW_MS };

test.for([
  { name: "never written", desired: BASE, last: undefined, afterMs: 1, dueMs: 1 },
  { name: "the same", desired: desiredStatus(aState()), last, afterMs: 60_000, dueMs: undefined },
  { name: "another status", desired: counting, last, afterMs: 1, dueMs: 1 },
  { name: "another generation", desired: desiredStatus(aState({ generation: 5 })), last, afterMs: 1, dueMs: 1 },
  {
    name: "another message",
    desired: desiredStatus(aState({ findings: [aFinding({ severity: "warning", found: "1" })] })),
    last: { status: desiredStatus(aState({ findings: [aFinding({ severity: "warning" })] })), atMs: NOW_MS },
    afterMs: 1,
    dueMs: 1,
  },
  {
    name: "another count",
    desired: desiredStatus(aState(planes(11, 12, 12))),
    last: { status: counting, atMs: NOW_MS },
    afterMs: 1,
    dueMs: COUNT_EVERY_MS,
  },
  {
    name: "another count after a while",
    desired: desiredStatus(aState(planes(11, 12, 12))),
    last: { status: counting, atMs: NOW_MS },
    afterMs: COUNT_EVERY_MS + 5,
    dueMs: COUNT_EVERY_MS + 5,
  },
  {
    name: "another one that is waited for, at the same count",
    desired: desiredStatus(aState(planes(12, 11, 11))),
    last: { status: counting, atMs: NOW_MS },
    afterMs: 1,
    dueMs: COUNT_EVERY_MS,
  },
  {
    name: "a complete count",
    desired: desiredStatus(aState(planes(12, 12, 12))),
    last: { status: counting, atMs: NOW_MS },
    afterMs: 1,
    dueMs: 1,
  },
  {
    name: "one data plane more that has it",
    desired: desiredStatus(aState(planes(12, 12, 12))),
    last,
    afterMs: 1,
    dueMs: COUNT_EVERY_MS,
  },
])("[unit] $name is due after $dueMs ms", ({ desired, last: before, afterMs, dueMs }, { expect }) => {
  const due = writeDueMs(desired, before, NOW_MS + afterMs);
  expect(due === undefined ? undefined : due - NOW_MS).toBe(dueMs);
  if (before !== undefined) expect(sameStatus(desired, before.status)).toBe(dueMs === undefined);
});
