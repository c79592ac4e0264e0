// The Instance and Rule formats: names by label alone, with a reset on every answer.

import { describe, expect, test } from "vitest";
import { INSTANCE, RULE, writeLabels } from "../../../dataplane/respond/label-headers.ts";
import type { LabelledStatus } from "../../../dataplane/respond/labelled-status.ts";
import { aStatus, headerRecord, type StatusParts, written } from "./builders.ts";

function shown(entries: readonly LabelledStatus[], as: typeof INSTANCE): Record<string, string> {
  return headerRecord(
    written((out) => {
      writeLabels(out, entries, { as, cap: entries.length });
    }),
  );
}

const instance = (parts: StatusParts = {}): LabelledStatus => aStatus({ formats: ["Instance"], ...parts });
const rule = (parts: StatusParts = {}): LabelledStatus => aStatus({ formats: ["Rule"], ...parts });

test("[unit] Instance: limit, what remains and the seconds until the whole of it is there", () => {
  const entry = instance({ label: "openai-instance", limit: 500, usage: 12, algorithm: "Fixed", passedMs: 18_000 });
  expect(shown([entry], INSTANCE)).toEqual({
    "X-AI-RateLimit-Limit-openai-instance": "500",
    "X-AI-RateLimit-Remaining-openai-instance": "488",
    "X-AI-RateLimit-Reset-openai-instance": "42",
  });
});

test("[unit] Rule: the label stands in the middle of the name", () => {
  expect(shown([rule({ label: "Test", algorithm: "Fixed" })], RULE)).toEqual({
    "X-AI-Test-RateLimit-Limit": "100",
    "X-AI-Test-RateLimit-Remaining": "100",
    "X-AI-Test-RateLimit-Reset": "60",
  });
});

test("[unit] APISIX trap 19: every limit is shown, exhausted or not, by its own label", () => {
  const entries = [rule({ label: "1", usage: 100 }), rule({ label: "2" }), rule({ label: "3", usage: 30 })];
  expect(Object.keys(shown(entries, RULE)).filter((name) => name.endsWith("-Limit"))).toEqual([
    "X-AI-1-RateLimit-Limit",
    "X-AI-2-RateLimit-Limit",
    "X-AI-3-RateLimit-Limit",
  ]);
});

test("[unit] APISIX trap 20: a label from a request that is no header's name becomes one", () => {
  const names = Object.keys(shown([rule({ label: "a: b\r\nc" })], RULE));
  expect(names[0]).toBe("X-AI-a__b__c-RateLimit-Limit");
});

describe("reset", () => {
  const rows: { name: string; parts: StatusParts; reset: string }[] = [
    { name: "fixed: the end of the window", parts: { algorithm: "Fixed", usage: 5, passedMs: 54_129 }, reset: "5.871" },
    { name: "fixed, nothing used: also", parts: { algorithm: "Fixed", passedMs: 54_129 }, reset: "5.871" },
    { name: "from first: its end", parts: { algorithm: "FixedFromFirst", usage: 5, passedMs: 16_000 }, reset: "44" },
    { name: "from first, just opened: all of it", parts: { algorithm: "FixedFromFirst" }, reset: "60" },
    { name: "sliding: until all has faded", parts: { usage: 5, passedMs: 10_000 }, reset: "110" },
    { name: "sliding, nothing used: at once", parts: { passedMs: 10_000 }, reset: "0" },
    { name: "what can never pass: until all of it is there", parts: { usage: 100, waitMs: Infinity }, reset: "120" },
    { name: "exhausted: until a request passes", parts: { usage: 100, waitMs: 40_422 }, reset: "40.422" },
  ];
  test.for(rows)("[unit] $name", ({ parts, reset }) => {
    expect(shown([instance({ label: "a", ...parts })], INSTANCE)["X-AI-RateLimit-Reset-a"]).toBe(reset);
  });
});

test("[unit] two windows of one label meet in one name: the lowest remaining is shown", () => {
  const entries = [instance({ label: "a", limit: 90 }), instance({ label: "A", seconds: 3600, limit: 80 })];
  expect(shown(entries, INSTANCE)).toMatchObject({ "X-AI-RateLimit-Limit-A": "80" });
});

test("[unit] a limit whose quota is hidden tells its reset alone", () => {
  const hidden = instance({ label: "a", usage: 100, waitMs: 9_000, hide: "Quota" });
  expect(shown([hidden, instance({ label: "b" })], INSTANCE)).toEqual({
    "X-AI-RateLimit-Reset-a": "9",
    "X-AI-RateLimit-Limit-b": "100",
    "X-AI-RateLimit-Remaining-b": "100",
    "X-AI-RateLimit-Reset-b": "0",
  });
});

test("[unit] money is shown as a decimal", () => {
  const entry = instance({ label: "a", unit: "Cost", limit: 1_500_000_000, usage: 6_300 });
  expect(shown([entry], INSTANCE)).toMatchObject({
    "X-AI-RateLimit-Limit-a": "1.5",
    "X-AI-RateLimit-Remaining-a": "1.4999937",
  });
});
