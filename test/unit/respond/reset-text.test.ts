// When a limit is there again, in the words of each format, read back by readers of their own.

import fc from "fast-check";
import { expect, test } from "vitest";
import { durationText, instantText, secondsText, wholeSecondsText } from "../../../dataplane/respond/reset-text.ts";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A reader of Go's durations: numbers and units, one after the other, nothing between. */
function readDuration(text: string): number {
  const pieces = text.match(/\d+(?:\.\d+)?(?:ms|h|m|s)/g) ?? [];
  expect(pieces.join("")).toBe(text);
  return pieces.reduce((ms, piece) => {
    const unit = piece.replace(/[\d.]+/, "");
    return ms + Math.round(Number.parseFloat(piece) * (UNITS_MS[unit] ?? NaN));
  }, 0);
}

test.for([
  [0, "0s"],
  [0.2, "1ms"],
  [12, "12ms"],
  [999, "999ms"],
  [1_000, "1s"],
  [8_640, "8.64s"],
  [59_999, "59.999s"],
  [60_000, "1m0s"],
  [86_400, "1m26.4s"],
  [360_000, "6m0s"],
  [3_600_000, "1h0m0s"],
  [86_400_000, "24h0m0s"],
  [31_622_400_000, "8784h0m0s"],
] as const)("[unit] %d ms are %s to OpenAI's clients", ([ms, text]) => {
  expect(durationText(ms)).toBe(text);
});

test("[unit] durations are read back as they were, in whole milliseconds", () => {
  fc.assert(
    fc.property(fc.nat(70_000_000_000), (ms) => {
      expect(readDuration(durationText(ms))).toBe(ms);
    }),
  );
});

test.for([
  [0, "0"],
  [60_000, "60"],
  [5_871.000051498, "5.872"],
  [40_422, "40.422"],
  [44_100, "44.1"],
  [31_622_400_000, "31622400"],
] as const)("[unit] %d ms are %s seconds", ([ms, text]) => {
  expect(secondsText(ms)).toBe(text);
});

test.for([
  [0, "0"],
  [1, "1"],
  [41_000, "41"],
  [41_001, "42"],
  [4e12, "2147483"],
] as const)("[unit] %d ms are %s whole seconds", ([ms, text]) => {
  expect(wholeSecondsText(ms)).toBe(text);
});

test("[unit] an instant is RFC 3339 in UTC and whole seconds, and never too early", () => {
  expect(instantText(Date.UTC(2025, 3, 18, 15, 9, 57, 1))).toBe("2025-04-18T15:09:58Z");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (atMs) => {
      const text = instantText(atMs);
      expect(text).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/);
      expect(Date.parse(text) - atMs).toBeGreaterThanOrEqual(0);
      expect(Date.parse(text) - atMs).toBeLessThan(1000);
    }),
  );
});
