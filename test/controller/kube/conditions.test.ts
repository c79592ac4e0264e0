import { expect, test } from "vitest";
import { type DesiredCondition, statusToWrite } from "../../../controller/kube/conditions.ts";

const NOW_MS = Date.UTC(2026, 5, 1, 12, 0, 0, 789);
const NOW = "2026-06-01T12:00:00Z";
const BEFORE = "2026-01-01T00:00:00Z";

function accepted(changes: Partial<DesiredCondition> = {}): DesiredCondition {
  return { type: "Accepted", status: "True", reason: "Accepted", message: "", observedGeneration: 3, ...changes };
}

const seen = { conditions: [{ ...accepted(), lastTransitionTime: BEFORE }], proxies: "5/5" };

test.for([
  { name: "the same conditions and fields", desired: { conditions: [accepted()], fields: { proxies: "5/5" } } },
  { name: "fewer fields than somebody else has set", desired: { conditions: [accepted()] } },
])("[unit] nothing is written for $name", ({ desired }) => {
  expect(statusToWrite(desired, { ...seen, other: 1 }, NOW_MS)).toBeUndefined();
});

test.for([
  { name: "reason", changes: { reason: "Other" }, time: BEFORE },
  { name: "message", changes: { message: "other" }, time: BEFORE },
  { name: "observed generation", changes: { observedGeneration: 4 }, time: BEFORE },
  { name: "status, with the time of the change", changes: { status: "False" as const }, time: NOW },
])("[unit] a condition is written for another $name", ({ changes, time }) => {
  const condition = accepted(changes);
  expect(statusToWrite({ conditions: [condition] }, seen, NOW_MS)).toEqual({
    conditions: [{ ...condition, lastTransitionTime: time }],
  });
});

test("[unit] a changed field brings all conditions along, because an apply names all that it owns", () => {
  const written = statusToWrite({ conditions: [accepted()], fields: { proxies: "4/5" } }, seen, NOW_MS);
  expect(written).toEqual({ proxies: "4/5", conditions: seen.conditions });
});

test("[unit] conditions of others are neither compared nor written", () => {
  const foreign = { type: "Foreign", status: "True", reason: "R", message: "", lastTransitionTime: BEFORE };
  const both = { ...seen, conditions: [foreign, ...seen.conditions] };
  expect(statusToWrite({ conditions: [accepted()] }, both, NOW_MS)).toBeUndefined();
});

test.for([{ status: undefined }, { status: null }, { status: "text" }, { status: { conditions: "x" } }])(
  "[unit] a status without conditions ($status) gets them",
  ({ status }) => {
    expect(statusToWrite({ conditions: [accepted()] }, status, NOW_MS)?.conditions).toEqual([
      { ...accepted(), lastTransitionTime: NOW },
    ]);
  },
);

test("[unit] a message is cut at what the API allows, and then counts as the same", () => {
  const desired = { conditions: [accepted({ message: "x".repeat(40_000) })] };
  const written = statusToWrite(desired, {}, NOW_MS);
  expect(written?.conditions[0]?.message).toHaveLength(32_768);
  expect(statusToWrite(desired, written, NOW_MS)).toBeUndefined();
});
