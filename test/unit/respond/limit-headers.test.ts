// All limit headers of an answer together: what is hidden, how many limits are shown, how many bytes there are at most.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HeaderFormat } from "../../../dataplane/contract/compiled.ts";
import type { LabelledStatus } from "../../../dataplane/respond/labelled-status.ts";
import { writeLimitHeaders, writeRefusedLimitHeaders } from "../../../dataplane/respond/limit-headers.ts";
import { aStatus, headerRecord, type StatusParts, written } from "./builders.ts";

const EVERY: HeaderFormat[] = ["Window", "Instance", "Rule", "IETF", "IETFDraft03", "OpenAI", "Anthropic"];

const LIMIT_HEADER_BYTES = 12_288;

const passed = (entries: readonly LabelledStatus[]): string[] => written((out) => writeLimitHeaders(out, entries));

const refused = (entries: readonly LabelledStatus[], waitMs = 1_000): string[] =>
  written((out) => {
    writeRefusedLimitHeaders(out, entries, { waitMs, jitterMs: 0 });
  });

const names = (headers: readonly string[]): string[] => Object.keys(headerRecord(headers));

describe("hide", () => {
  const open = (parts: StatusParts): LabelledStatus => aStatus({ label: "a", formats: EVERY, ...parts });
  const spent = (parts: StatusParts): LabelledStatus => aStatus({ label: "b", formats: EVERY, usage: 100, ...parts });

  test("[unit] None: every format is on an answer that is passed on, without waits", () => {
    expect(names(passed([open({})]))).toEqual([
      "X-AI-RateLimit-Limit-minute-a",
      "X-AI-RateLimit-Remaining-minute-a",
      "RateLimit-Policy",
      "RateLimit",
      "X-AI-RateLimit-Limit-a",
      "X-AI-RateLimit-Remaining-a",
      "X-AI-RateLimit-Reset-a",
      "X-AI-a-RateLimit-Limit",
      "X-AI-a-RateLimit-Remaining",
      "X-AI-a-RateLimit-Reset",
      "RateLimit-Limit",
      "RateLimit-Remaining",
      "RateLimit-Reset",
      "x-ratelimit-limit-tokens",
      "x-ratelimit-remaining-tokens",
      "x-ratelimit-reset-tokens",
      "anthropic-ratelimit-tokens-limit",
      "anthropic-ratelimit-tokens-remaining",
      "anthropic-ratelimit-tokens-reset",
    ]);
  });

  test("[unit] Kong list 1, trap 30: with Quota an answer tells nothing, a refusal resets and waits of what is exhausted", () => {
    const hide = "Quota";
    expect(passed([open({ hide })])).toEqual([]);
    expect(names(refused([open({ hide }), spent({ hide })]))).toEqual([
      "X-AI-RateLimit-Reset",
      "X-AI-RateLimit-Retry-After",
      "X-AI-RateLimit-Reset-minute-b",
      "X-AI-RateLimit-Retry-After-minute-b",
      "X-AI-RateLimit-Reset-b",
      "X-AI-b-RateLimit-Reset",
      "RateLimit-Reset",
      "x-ratelimit-reset-tokens",
      "anthropic-ratelimit-tokens-reset",
    ]);
  });

  test("[unit] All: nothing at all", () => {
    const hide = "All";
    expect([...passed([open({ hide })]), ...refused([open({ hide }), spent({ hide })])]).toEqual([]);
  });

  test("[unit] hides the limits of its own policy alone", () => {
    const shown = names(refused([spent({ hide: "All" }), open({ policy: "other" })]));
    expect(shown).toContain("X-AI-RateLimit-Limit-minute-a");
    expect(shown.filter((name) => /-b\b/.test(name))).toEqual([]);
  });
});

describe("maxLimits", () => {
  const many = (count: number, parts: StatusParts = {}): LabelledStatus[] =>
    Array.from({ length: count }, (_, i) =>
      aStatus({ label: `l${String(i)}`, name: `l${String(i)}`, usage: i, ...parts }),
    );
  const labels = (headers: readonly string[]): string[] =>
    names(headers).flatMap((name) => /-Limit-minute-(.*)/.exec(name)?.[1] ?? []);

  test("[unit] as many as the policy says, the fullest first", () => {
    expect(labels(passed(many(9, { maxLimits: 2 })))).toEqual(["l8", "l7"]);
  });

  test("[unit] all of them in their own order when there are no more", () => {
    expect(labels(passed(many(9, { maxLimits: 64 })))).toEqual(many(9).map(({ words }) => words.label));
  });

  test("[unit] a limit is shown where fewer than its own policy's number have less left", () => {
    const entries = [...many(6, { maxLimits: 64 }), ...many(6, { policy: "other", maxLimits: 2 })].map((entry, i) =>
      i < 6 ? entry : aStatus({ label: `o${String(i - 6)}`, usage: (i - 6) * 10, maxLimits: 2, policy: "other" }),
    );
    expect(labels(passed(entries))).toEqual(["o5", "o4", "l5", "l4", "l3", "l2", "l1", "l0"]);
  });
});

test("[unit] labels of two formats that make one name: it is there once", () => {
  const entries = [
    aStatus({ label: "x", formats: ["Window", "Instance"] }),
    aStatus({ label: "Minute-X", name: "other", seconds: 3_600, limit: 50, formats: ["Window", "Instance"] }),
  ];
  expect(headerRecord(passed(entries))["X-AI-RateLimit-Limit-minute-x"]).toBe("100");
  expect(names(refused([...entries, aStatus({ usage: 100, label: "y" })]))).toContain("X-AI-RateLimit-Reset-x");
});

const bytesOf = (headers: readonly string[]): number => {
  let bytes = 0;
  for (const [i, text] of headers.entries())
    bytes += Buffer.byteLength(`${text}${i % 2 === 0 ? ": " : "\r\n"}`, "latin1");
  return bytes;
};

describe("the bound of bytes", () => {
  test("[unit] 64 limits with long labels in every format stay within it, and the fullest are those that are left", () => {
    const entries = Array.from({ length: 64 }, (_, i) =>
      aStatus({
        label: `${"a".repeat(60)}${String(i).padStart(3, "0")}`,
        name: "n".repeat(63),
        policy: `${"p".repeat(240)}${String(i)}`,
        limit: Number.MAX_SAFE_INTEGER,
        usage: i * 1e14,
        formats: EVERY,
        maxLimits: 64,
      }),
    );
    for (const headers of [
      passed(entries),
      refused([...entries, aStatus({ usage: 100, formats: EVERY, maxLimits: 64 })]),
    ]) {
      expect(bytesOf(headers)).toBeLessThanOrEqual(LIMIT_HEADER_BYTES);
      expect(bytesOf(headers)).toBeGreaterThan(LIMIT_HEADER_BYTES / 2);
    }
    expect(names(passed(entries))[0]).toBe(`X-AI-RateLimit-Limit-minute-${"a".repeat(60)}063`);
  });

  test("[unit] 64 limits with labels of ordinary length are all shown", () => {
    const entries = Array.from({ length: 64 }, (_, i) =>
      aStatus({ label: `instance-${String(i)}`, limit: 100_000, formats: ["Instance"], maxLimits: 64 }),
    );
    expect(names(passed(entries))).toHaveLength(3 * 64);
  });

  test("[unit] whatever the limits: within the bound, no name twice, and the tightest is told", () => {
    const status = fc.record({
      label: fc.oneof(
        fc.constantFrom("a", "A", "minute-a", "RateLimit-Limit-a", "x".repeat(80)),
        fc.string({ maxLength: 70 }),
      ),
      policy: fc.constantFrom("p", "q".repeat(253)),
      seconds: fc.constantFrom(60, 3_600, 7),
      limit: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
      usage: fc.nat(1_000),
      unit: fc.constantFrom("TotalTokens" as const, "Requests" as const, "Cost" as const, "CompletionTokens" as const),
      formats: fc.uniqueArray(fc.constantFrom(...EVERY)),
      hide: fc.constantFrom(undefined, "Quota" as const, "All" as const),
      maxLimits: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(fc.array(status, { maxLength: 64 }), (list) => {
        const entries = list.map(({ hide, ...parts }) => aStatus({ ...parts, ...(hide && { hide }) }));
        for (const headers of [passed(entries), refused(entries)]) {
          headerRecord(headers);
          expect(bytesOf(headers)).toBeLessThanOrEqual(LIMIT_HEADER_BYTES);
        }
        const shown = entries.filter(({ words }) => words.rules.shown !== 0);
        expect(passed(entries).length > 0).toBe(
          shown.some(({ status: { limit }, words }) => limit.unit !== "Cost" || (words.rules.shown & 7) !== 0),
        );
      }),
    );
  });
});
