// Decisions in worked examples: equality refuses, the longest wait decides, shadow limits only report.

import { expect, test } from "vitest";
import { decide } from "../../../dataplane/core/decide.ts";
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
}

function decisionOn(rows: readonly Row[]): ReturnType<typeof decide> {
  const checked = rows.map(
    ({ name, used, limit = 100, mode = "Enforce", algorithm = "Fixed", durationMs = 60_000 }) => {
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
      return { limit: described, state: { index: Math.floor(NOW_MS / durationMs), current: used, previous: 0 } };
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
