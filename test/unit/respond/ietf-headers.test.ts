// The IETF format of limit headers, read back with an independent reader of Structured Fields.

import fc from "fast-check";
import { parseList } from "structured-headers";
import { describe, expect, test } from "vitest";
import { writeIetf, writeRefusedIetf } from "../../../dataplane/respond/ietf-headers.ts";
import type { LabelledStatus } from "../../../dataplane/respond/labelled-status.ts";
import { writeLimitHeaders, writeRefusedLimitHeaders } from "../../../dataplane/respond/limit-headers.ts";
import { retryAfterSeconds } from "../../../dataplane/respond/retry-after.ts";
import { aStatus, headerRecord, type StatusParts, written } from "./builders.ts";

function ietfHeaders(entries: readonly LabelledStatus[]): string[] {
  return written((out) => {
    writeIetf(out, entries, entries.length);
  });
}

function ietfRefusalHeaders(entries: readonly LabelledStatus[]): string[] {
  return written((out) => {
    writeRefusedIetf(out, entries, entries.length);
  });
}

function limitHeaders(entries: readonly LabelledStatus[]): string[] {
  return written((out) => writeLimitHeaders(out, entries));
}

function refusedLimitHeaders(entries: readonly LabelledStatus[], waitMs: number): string[] {
  return written((out) => {
    writeRefusedLimitHeaders(out, entries, { waitMs, jitterMs: 0 });
  });
}

/** Name -> parameters. */
function read(text: string | undefined): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    parseList(text ?? "").map(([name, parameters]) => [String(name), Object.fromEntries(parameters)]),
  );
}

function fieldsOf(headers: readonly string[]): { policy: ReturnType<typeof read>; limit: ReturnType<typeof read> } {
  const record = headerRecord(headers);
  return { policy: read(record["RateLimit-Policy"]), limit: read(record["RateLimit"]) };
}

test("[unit] a limit is named by namespace, policy and limit, with quota, window and unit, and what remains", () => {
  expect(
    ietfHeaders([aStatus({ policy: "team", limit: 500, usage: 12.3, passedMs: 20_000, algorithm: "Fixed" })]),
  ).toEqual([
    "RateLimit-Policy",
    '"ai/team/minute";q=500;w=60;qu="tokens"',
    "RateLimit",
    '"ai/team/minute";r=488;t=40',
  ]);
});

test.for([
  { unit: "TotalTokens", qu: "tokens" },
  { unit: "PromptTokens", qu: "tokens" },
  { unit: "CompletionTokens", qu: "tokens" },
  { unit: "Requests", qu: undefined },
] as const)("[unit] the quota unit of $unit is $qu", ({ unit, qu }) => {
  expect(fieldsOf(ietfHeaders([aStatus({ unit })])).policy["ai/policy/minute"]?.["qu"]).toBe(qu);
});

describe("t: seconds until r rises if nothing more is used", () => {
  const rows: { name: string; parts: StatusParts; t: number | undefined }[] = [
    { name: "nothing while the whole limit remains", parts: { usage: 0.9 }, t: undefined },
    { name: "fixed: the end of the window", parts: { algorithm: "Fixed", usage: 5, passedMs: 59_001 }, t: 1 },
    {
      name: "from first: the end of the open window",
      parts: { algorithm: "FixedFromFirst", usage: 5, passedMs: 14_000 },
      t: 46,
    },
    { name: "sliding: the first moment of the next window", parts: { usage: 5, passedMs: 30_000 }, t: 31 },
    { name: "exhausted: the wait", parts: { usage: 100, waitMs: 41_200 }, t: 42 },
    { name: "at most what a timer of Node can wait", parts: { usage: 100, waitMs: 4e9 }, t: 2_147_483 },
  ];
  test.for(rows)("[unit] $name", ({ parts, t }) => {
    expect(fieldsOf(ietfHeaders([aStatus(parts)])).limit["ai/policy/minute"]?.["t"]).toBe(t);
  });
});

test.for([
  { name: "quotes and backslashes are escaped", policy: 'a"b\\c', shown: 'ai/a"b\\c/minute' },
  { name: "a line break is replaced", policy: "a\r\nSet-Cookie: x", shown: "ai/a__Set-Cookie: x/minute" },
  { name: "other scripts are replaced", policy: "é", shown: "ai/_/minute" },
])("[unit] in names $name", ({ policy, shown }) => {
  const { policy: policies, limit } = fieldsOf(ietfHeaders([aStatus({ policy })]));
  expect([Object.keys(policies), Object.keys(limit)]).toEqual([[shown], [shown]]);
});

test("[unit] figures stop at the 15 digits that the syntax allows", () => {
  const { policy, limit } = fieldsOf(ietfHeaders([aStatus({ limit: Number.MAX_SAFE_INTEGER })]));
  expect(policy["ai/policy/minute"]?.["q"]).toBe(999_999_999_999_999);
  expect(limit["ai/policy/minute"]?.["r"]).toBe(999_999_999_999_999);
});

test("[unit] of more than four limits those with the least share remaining are shown, in both fields", () => {
  const statuses = [0, 10, 50, 90, 100, 30].map((usage) => aStatus({ name: `used${String(usage)}`, usage }));
  const { policy, limit } = fieldsOf(ietfHeaders(statuses));
  const shown = [100, 90, 50, 30].map((usage) => `ai/policy/used${String(usage)}`);
  expect([Object.keys(policy), Object.keys(limit)]).toEqual([shown, shown]);
});

test("[unit] no limit shows nothing", () => {
  expect(ietfHeaders([])).toEqual([]);
});

test("[unit] on a refusal only exhausted limits have a t", () => {
  const statuses = [aStatus({ name: "day", usage: 5, seconds: 86_400 }), aStatus({ usage: 100, waitMs: 2_001 })];
  const { limit } = fieldsOf(ietfRefusalHeaders(statuses));
  expect(limit).toEqual({ "ai/policy/day": { r: 95 }, "ai/policy/minute": { r: 0, t: 3 } });
});

test("[unit] whatever the limits, the fields can be read, nothing is negative, and Retry-After is not before any t", () => {
  const status = fc.record({
    name: fc.string({ unit: "binary", maxLength: 20 }),
    policy: fc.constantFrom("a", "b"),
    limit: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    usage: fc.oneof(fc.double({ min: 0, max: 2e9, noNaN: true }), fc.constant(Number.MAX_SAFE_INTEGER)),
    waitMs: fc.integer({ min: 1, max: 70_000_000_000 }),
    seconds: fc.constantFrom(1, 60, 31_622_400),
    algorithm: fc.constantFrom("Sliding" as const, "Fixed" as const, "FixedFromFirst" as const),
  });
  fc.assert(
    fc.property(fc.array(status, { minLength: 1, maxLength: 9 }), (list) => {
      const statuses = list.map((parts) => aStatus({ ...parts, formats: ["IETF"] }));
      const waits = statuses.map((each) => each.status.waitMs);
      const retryAfter = retryAfterSeconds(Math.max(...waits));
      const record = headerRecord(refusedLimitHeaders(statuses, Math.max(...waits)));
      const items = parseList(record["RateLimit"] ?? "");
      expect(items).toHaveLength(Math.min(4, list.length));
      expect(parseList(record["RateLimit-Policy"] ?? "")).toHaveLength(items.length);
      for (const [, parameters] of items) {
        expect(Number(parameters.get("r"))).toBeGreaterThanOrEqual(0);
        expect(Number(parameters.get("t") ?? 0)).toBeLessThanOrEqual(retryAfter);
      }
      for (const [, parameters] of parseList(headerRecord(ietfHeaders(statuses))["RateLimit"] ?? "")) {
        expect(Number(parameters.get("t") ?? 0)).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

describe("formats", () => {
  const mixed = [
    aStatus({ name: "both", usage: 100, waitMs: 5_000, formats: ["Window", "IETF"] }),
    aStatus({ name: "window", formats: ["Window"] }),
    aStatus({ name: "ietf", usage: 100, waitMs: 9_000, formats: ["IETF"] }),
    aStatus({ name: "none", usage: 100, waitMs: 9_000, formats: [] }),
  ];

  test("[unit] each limit is shown in the formats of its own policy", () => {
    const headers = limitHeaders(mixed);
    const windows = Object.keys(headerRecord(headers)).filter((name) => name.startsWith("X-AI-RateLimit-Limit-"));
    expect(windows).toEqual(["X-AI-RateLimit-Limit-minute-both", "X-AI-RateLimit-Limit-minute-window"]);
    expect(Object.keys(fieldsOf(headers).limit)).toEqual(["ai/policy/both", "ai/policy/ietf"]);
  });

  test("[unit] a refusal tells resets of limits in the Window format, and the longest wait of all", () => {
    const record = headerRecord(refusedLimitHeaders(mixed, 9_000));
    expect(record).toMatchObject({ "X-AI-RateLimit-Reset": "9", "X-AI-RateLimit-Reset-minute-both": "5" });
    expect(Object.keys(record).filter((name) => name.includes("Reset-minute"))).toHaveLength(1);
  });

  test("[unit] where no limit in the Window format refuses there is no reset in it", () => {
    const record = headerRecord(refusedLimitHeaders(mixed.slice(1), 9_000));
    expect(Object.keys(record)).toEqual([
      "X-AI-RateLimit-Limit-minute-window",
      "X-AI-RateLimit-Remaining-minute-window",
      "RateLimit-Policy",
      "RateLimit",
    ]);
  });

  test("[unit] without formats there are no limit headers", () => {
    expect([...limitHeaders(mixed.slice(3)), ...refusedLimitHeaders(mixed.slice(3), 9_000)]).toEqual([]);
  });
});
