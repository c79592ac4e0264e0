// What a refused client is told to wait: bounds that official SDKs can live with.

import fc from "fast-check";
import { expect, test } from "vitest";
import { drawJitterMs, retryAfterSeconds, retryHeaders } from "../../../dataplane/respond/retry-after.ts";

test.for([
  { name: "a wait of nothing is a second", waitMs: 0, headers: ["Retry-After", "1", "retry-after-ms", "1"] },
  { name: "a part of a millisecond is one", waitMs: 0.2, headers: ["Retry-After", "1", "retry-after-ms", "1"] },
  { name: "parts of milliseconds round up", waitMs: 1500.5, headers: ["Retry-After", "2", "retry-after-ms", "1501"] },
  { name: "a whole second is itself", waitMs: 1000, headers: ["Retry-After", "1", "retry-after-ms", "1000"] },
  { name: "parts of seconds round up", waitMs: 1001, headers: ["Retry-After", "2", "retry-after-ms", "1001"] },
  { name: "30 s is worth waiting for", waitMs: 30_000, headers: ["Retry-After", "30", "retry-after-ms", "30000"] },
  { name: "more than 30 s is not", waitMs: 30_001, headers: ["Retry-After", "31", "x-should-retry", "false"] },
  {
    name: "a year is cut to what a timer holds",
    waitMs: 31_536_000_000,
    headers: ["Retry-After", "2147483", "x-should-retry", "false"],
  },
  { name: "for ever is cut too", waitMs: Infinity, headers: ["Retry-After", "2147483", "x-should-retry", "false"] },
])("[unit] $name", ({ waitMs, headers }) => {
  expect(retryHeaders(waitMs)).toEqual(headers);
});

test("[unit] seconds are whole, from 1 to 2147483, and never earlier than the wait", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e13, noNaN: true }), (waitMs) => {
      const seconds = retryAfterSeconds(waitMs);
      expect(String(seconds)).toMatch(/^[1-9]\d{0,6}$/);
      expect(seconds).toBeLessThanOrEqual(2_147_483);
      expect(seconds * 1000 >= waitMs || seconds === 2_147_483).toBe(true);
      const values = retryHeaders(waitMs).filter((_, i) => i % 2 === 1);
      expect(values.every((value) => /^(\d+|false)$/.test(value))).toBe(true);
    }),
  );
});

test("[unit] jitter is a whole number of milliseconds from 0 to its bound, both included", () => {
  fc.assert(
    fc.property(fc.nat(86_400_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (maxMs, drawn) => {
      const jitterMs = drawJitterMs(maxMs, () => drawn);
      expect(Number.isInteger(jitterMs) && jitterMs >= 0 && jitterMs <= maxMs).toBe(true);
    }),
  );
  expect([drawJitterMs(5, () => 0), drawJitterMs(5, () => 1 - Number.EPSILON)]).toEqual([0, 5]);
});
