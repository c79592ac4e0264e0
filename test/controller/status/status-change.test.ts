// Status is written when it changes, counts of data planes at a calm pace, and transition times move with status only.

import { test } from "vitest";
import type { ObjectState } from "../../../controller/status/object-state.ts";
import { desiredStatus } from "../../../controller/status/object-status.ts";
import {
  COUNT_EVERY_MS,
  sameStatus,
  withTransitionTimes,
  writeDueMs,
} from "../../../controller/status/status-change.ts";
import { objectStatus, policyStatus } from "../../../crds/status.ts";
import { aDataPlane, aFinding, anEnforcement, aState, NOW_MS } from "./state-builders.ts";

const OLDER = "2025-06-01T00:00:00Z";
const NOW = "2026-01-01T12:00:00Z";
const BASE = desiredStatus(aState());

const planes = (...revisions: readonly number[]): Partial<ObjectState> => ({
  enforcement: anEnforcement({
    dataPlanes: revisions.map((revision, index) => aDataPlane(`gw-${String(index)}`, { revision })),
  }),
});

test("[unit] a first status carries the time of now in seconds", ({ expect }) => {
  const times = withTransitionTimes(BASE, [], NOW_MS + 999).map(({ lastTransitionTime }) => lastTransitionTime);
  expect(times).toEqual([NOW, NOW, NOW, NOW]);
});

test("[unit] a condition keeps its time while its status stays, and takes a new one when it changes", ({ expect }) => {
  const written = withTransitionTimes(BASE, [], Date.parse(OLDER));
  const invalid = desiredStatus(
    aState({ generation: 5, findings: [aFinding({ severity: "warning" })], ...planes(11) }),
  );
  const next = withTransitionTimes(invalid, written, NOW_MS);
  expect(
    Object.fromEntries(next.map(({ type, reason, lastTransitionTime }) => [`${type} ${reason}`, lastTransitionTime])),
  ).toEqual({
    "Accepted Invalid": OLDER,
    "ResolvedRefs ResolvedRefs": OLDER,
    "Programmed Pending": NOW,
    "Enforced Pending": NOW,
  });
});

test("[unit] what is written is what the schema of status takes", ({ expect }) => {
  const conditions = withTransitionTimes(BASE, [], NOW_MS);
  expect(policyStatus.safeParse({ ...BASE.fields, conditions }).error).toBeUndefined();
  const other = desiredStatus(aState({ enforcement: undefined, findings: [aFinding()], inForce: undefined }));
  const status = { ...other.fields, conditions: withTransitionTimes(other, [], NOW_MS) };
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
