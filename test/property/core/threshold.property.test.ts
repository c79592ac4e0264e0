// Laws of thresholds: what is told in a window, whatever is charged and whenever it is looked at.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Counter } from "../../../dataplane/core/counter-store.ts";
import { thresholdsOf, windowEndMs, withAdded } from "../../../dataplane/core/threshold.ts";
import { ToldCounters } from "../../../dataplane/core/told-counters.ts";
import {
  type Algorithm,
  type CounterState,
  EMPTY_STATE,
  LimitWindow,
  usageAt,
} from "../../../dataplane/core/window.ts";
import { aGridCalendar } from "../../helpers/calendars.ts";

const START = Date.UTC(2026, 0, 1);
const step = fc.record({ afterMs: fc.integer({ min: 0, max: 900 }), amount: fc.integer({ min: 0, max: 400 }) });
const percents = fc
  .uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 })
  .map((list) => list.sort((a, b) => a - b));
const algorithm = fc.constantFrom<Algorithm>("Sliding", "Fixed", "FixedFromFirst", "Calendar");

interface Told {
  readonly atMs: number;
  readonly percent: number;
}

interface Run {
  readonly told: readonly Told[];
  /** Of every percentage and step: whether usage was at it. */
  readonly reached: readonly { readonly atMs: number; readonly percent: number; readonly windowStartMs: number }[];
}

const LIMIT = 1_000;
const WINDOW_MS = 1_000;

function run(steps: readonly { afterMs: number; amount: number }[], list: readonly number[], how: Algorithm): Run {
  const window = new LimitWindow(how, WINDOW_MS, how === "Calendar" ? aGridCalendar(WINDOW_MS) : undefined);
  const counter: Counter = { key: "k", tag: 0, field: "f", window };
  const thresholds = thresholdsOf(list, LIMIT);
  const book = new ToldCounters();
  const told: Told[] = [];
  const reached: { atMs: number; percent: number; windowStartMs: number }[] = [];
  let state: CounterState = EMPTY_STATE;
  let nowMs = START;
  for (const { afterMs, amount } of steps) {
    nowMs += afterMs;
    const after = withAdded(window, state, { nowMs, amount });
    state = after.state;
    const endMs = windowEndMs(window, state, nowMs);
    const standing = { thresholds, usage: after.usage, nowMs };
    const missing = book.missing(counter, standing);
    expect(book.knows(counter, standing)).toBe(missing.length === 0);
    for (const percent of missing) {
      told.push({ atMs: nowMs, percent });
      book.note(counter, percent, endMs);
    }
    expect(after.usage).toBe(usageAt(window, state, nowMs));
    for (const { percent, amount: from } of thresholds) {
      if (after.usage >= from) reached.push({ atMs: nowMs, percent, windowStartMs: endMs - WINDOW_MS });
    }
  }
  return { told, reached };
}

test("[unit] all but Sliding: a percentage is told exactly once in each window in which usage reaches it", () =>
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      percents,
      fc.constantFrom<Algorithm>("Fixed", "FixedFromFirst", "Calendar"),
      (...args) => {
        const { told, reached } = run(...args);
        const windows = new Set(
          reached.map(({ percent, windowStartMs }) => `${String(percent)}@${String(windowStartMs)}`),
        );
        expect(told).toHaveLength(windows.size);
      },
    ),
  ));

test("[unit] Sliding: never twice within the length of a window, and never later than the first moment after it", () =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), percents, (steps, list) => {
      const { told, reached } = run(steps, list, "Sliding");
      for (const { atMs, percent } of reached) {
        const covering = told.filter(
          (each) => each.percent === percent && each.atMs <= atMs && atMs < each.atMs + WINDOW_MS,
        );
        expect(covering).toHaveLength(1);
      }
    }),
  ));

test("[unit] nothing is told below its threshold, and of several reached at once the lowest first", () =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), percents, algorithm, (steps, list, how) => {
      const { told, reached } = run(steps, list, how);
      for (const { atMs, percent } of told) {
        expect(reached.some((each) => each.atMs === atMs && each.percent === percent)).toBe(true);
      }
      const sorted = told.toSorted((a, b) => a.atMs - b.atMs || a.percent - b.percent);
      const together = steps.every(({ afterMs }) => afterMs > 0);
      if (together) expect(told).toEqual(sorted);
    }),
  ));

test("[unit] 100 percent is the limit itself, whatever its size", () =>
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), percents, (limit, list) => {
      const thresholds = thresholdsOf(
        [...new Set([...list, 100])].sort((a, b) => a - b),
        limit,
      );
      expect(thresholds.at(-1)).toEqual({ percent: 100, amount: limit });
      for (const [i, { amount }] of thresholds.entries()) {
        expect(amount).toBeLessThanOrEqual(limit);
        expect(amount).toBeGreaterThan(i === 0 ? 0 : (thresholds[i - 1]?.amount ?? 0));
      }
    }),
  ));
