// Decisions in worked examples: equality refuses, the longest wait decides, shadow limits only report.

import { expect, test } from "vitest";
import { type Asked, decide } from "../../../dataplane/core/decide.ts";
import type { Limit, Mode } from "../../../dataplane/core/limit.ts";
import type { Algorithm } from "../../../dataplane/core/window.ts";

const NOW_MS = Date.UTC(2026, 0, 1, 12, 20);

interface Row {
  readonly name: string;
  readonly used: number;
  readonly limit?: number;
  readonly mode?: Mode;
  readonly algorithm?: Algorithm;
  readonly durationMs?: number;
  readonly previous?: number;
  readonly asked?: Asked;
}

function decisionOn(rows: readonly Row[]): ReturnType<typeof decide> {
  const checked = rows.map(
    ({ name, used, previous = 0, asked, limit = 100, mode = "Enforce", algorithm = "Fixed", durationMs = 60_000 }) => {
      const described: Limit = {
        name,
        counterId: name,
        policy: { namespace: "ai", name: "p" },
        mode,
        when: [],
        per: [{ type: "Consumer" }],
        unit: "TotalTokens",
        limit,
        window: { algorithm, durationMs },
        label: { kind: "fixed", text: name },
      };
      const state = { index: Math.floor(NOW_MS / durationMs), current: used, previous };
      return { limit: described, state, asked };
    },
  );
  return decide(checked, NOW_MS);
}

test.for([
  { name: "one below the limit passes", used: 99, kind: "allow" },
  { name: "the limit itself refuses", used: 100, kind: "deny" },
  { name: "beyond the limit refuses", used: 101, kind: "deny" },
])("[unit] $name", ({ used, kind }) => {
  expect(decisionOn([{ name: "a", used }]).kind).toBe(kind);
});

test("[unit] without limits a request passes", () => {
  expect(decisionOn([])).toEqual({ kind: "allow", statuses: [], shadowed: [] });
});

test.for([
  {
    name: "the longest wait decides",
    rows: [
      { name: "minute", used: 100 },
      { name: "hour", used: 100, durationMs: 3_600_000 },
    ],
    by: "hour",
  },
  {
    name: "of equal waits the first in policy order decides",
    rows: [
      { name: "first", used: 100 },
      { name: "second", used: 500 },
    ],
    by: "first",
  },
  {
    name: "a limit that is not exhausted decides nothing",
    rows: [
      { name: "free", used: 1, durationMs: 3_600_000 },
      { name: "full", used: 100 },
    ],
    by: "full",
  },
  {
    name: "a shadow limit decides nothing, however long its wait",
    rows: [
      { name: "shadow", used: 100, mode: "Shadow", durationMs: 3_600_000 },
      { name: "full", used: 100 },
    ],
    by: "full",
  },
] satisfies { name: string; rows: Row[]; by: string }[])("[unit] $name", ({ rows, by }) => {
  const decision = decisionOn(rows);
  expect(decision.kind === "deny" ? decision.decidedBy.limit.name : undefined).toBe(by);
});

test("[unit] an exhausted shadow limit alone is reported and lets pass", () => {
  const decision = decisionOn([{ name: "shadow", used: 100, mode: "Shadow" }]);
  expect([decision.kind, decision.shadowed.map(({ limit }) => limit.name)]).toEqual(["allow", ["shadow"]]);
});

test.for([
  { name: "kong trap 9: an ask that fills the limit passes", used: 70, ask: 30, kind: "allow" },
  { name: "kong trap 9: one more is refused", used: 70, ask: 31, kind: "deny" },
  { name: "an ask of nothing passes at the limit", used: 100, ask: 0, kind: "allow" },
  { name: "and is refused above it", used: 101, ask: 0, kind: "deny" },
])("[unit] what has to fit: $name", ({ used, ask, kind }) => {
  expect(decisionOn([{ name: "a", used, asked: { ask, mustFit: true } }]).kind).toBe(kind);
});

test("[unit] one request is asked at the limit as before: a fraction below it passes", () => {
  // Half of the last window's 199 is in view: 99.5.
  const row = { name: "a", used: 0, previous: 199, algorithm: "Sliding", durationMs: 2_400_000 } as const;
  expect(decisionOn([{ ...row, asked: { ask: 1 } }]).kind).toBe("allow");
  expect(decisionOn([{ ...row, asked: { ask: 1, mustFit: true } }]).kind).toBe("deny");
});

test("[unit] the wait is until the ask fits, not until one would", () => {
  // Half of the last window's 180 is in view, and 0.075 of it fade each second.
  const row = { name: "a", used: 0, previous: 180, algorithm: "Sliding", durationMs: 2_400_000 } as const;
  const small = decisionOn([{ ...row, asked: { ask: 11, mustFit: true } }]);
  const large = decisionOn([{ ...row, asked: { ask: 55, mustFit: true } }]);
  expect([small.statuses[0]?.waitMs, large.statuses[0]?.waitMs]).toEqual([13_334, 600_000]);
});

test("[unit] an ask as large as the limit waits until nothing is used, a larger one for ever", () => {
  const whole = decisionOn([{ name: "a", used: 1, asked: { ask: 100, mustFit: true } }]);
  expect(whole.statuses[0]?.waitMs).toBe(60_000);
  const more = decisionOn([
    { name: "never", used: 0, asked: { ask: 101, mustFit: true } },
    { name: "later", used: 100 },
  ]);
  expect(more).toMatchObject({
    kind: "deny",
    decidedBy: { limit: { name: "never" }, waitMs: Infinity, remaining: 100 },
  });
});

test("[unit] kong trap 1: what remains is after an estimate that counts, and before what is counted otherwise", () => {
  const rows = [
    { name: "estimated", used: 40, asked: { ask: 25, mustFit: true, isProvisional: true } },
    { name: "prompt", used: 40, asked: { ask: 25, mustFit: true } },
    { name: "calls", used: 40, asked: { ask: 1 } },
    { name: "tokens", used: 40 },
  ];
  expect(decisionOn(rows).statuses.map(({ remaining }) => remaining)).toEqual([35, 60, 60, 60]);
  const refused = decisionOn([...rows, { name: "full", used: 100 }]);
  expect(refused.statuses.map(({ remaining }) => remaining)).toEqual([60, 60, 60, 60, 0]);
});

test("[unit] in Shadow an estimate beyond the limit is reported, and what remains is not below 0", () => {
  const asked = { ask: 30, mustFit: true, isProvisional: true };
  const decision = decisionOn([{ name: "a", used: 90, mode: "Shadow", asked }]);
  expect(decision).toMatchObject({ kind: "allow", shadowed: [{ limit: { name: "a" } }], statuses: [{ remaining: 0 }] });
});
