// Laws of the window arithmetic, for all inputs that can occur.

import fc from "fast-check";
import { test } from "vitest";
import {
  addAt,
  type CounterState,
  isSpent,
  LimitWindow,
  MAX_AMOUNT,
  spanAt,
  stateAt,
  usageAt,
  type Window,
  waitMs,
  windowIndex,
} from "../../../dataplane/core/window.ts";
import { aGridCalendar } from "../../helpers/calendars.ts";

const YEAR_MS = 31_536_000_000;
const moment = fc.integer({ min: 0, max: 140 * YEAR_MS });
const durationMs = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 1, max: YEAR_MS }),
  fc.constantFrom(1000, 60_000, 3_600_000),
);
const window: fc.Arbitrary<Window> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ algorithm: fc.constantFrom("Sliding", "Fixed", "FixedFromFirst"), durationMs }) },
  {
    weight: 1,
    arbitrary: durationMs
      .filter((length) => length > 1)
      .map((length) => new LimitWindow("Calendar", length, aGridCalendar(length))),
  },
);
const amount = fc.oneof(fc.nat({ max: 1000 }), fc.integer({ min: 0, max: MAX_AMOUNT }));
/**
 * A counter as a store may hold it: last written up to three windows ago, or a window ahead by a clock that is. `into` is
 * the share of its window that had passed when one from the first request opened.
 */
const held = fc.record({
  window,
  nowMs: moment,
  into: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  ago: fc.integer({ min: -1, max: 3 }),
  current: amount,
  previous: amount,
});

type Held = typeof held extends fc.Arbitrary<infer T> ? T : never;

function stateOf({
  window: { algorithm, durationMs: length },
  nowMs,
  into,
  ago,
  current,
  previous,
}: Held): CounterState {
  if (algorithm === "FixedFromFirst") return { index: nowMs - Math.floor((ago + into) * length), current, previous: 0 };
  const index = windowIndex(nowMs, length) - ago;
  if (algorithm === "Calendar") return { index: index * length, current, previous: 0 };
  return { index, current, previous };
}

test("[unit] a moment belongs to exactly one window: [index * w, (index + 1) * w)", () => {
  fc.assert(
    fc.property(moment, durationMs, (nowMs, length) => {
      const index = windowIndex(nowMs, length);
      const [startMs, endMs] = [index * length, (index + 1) * length];
      return startMs <= nowMs && nowMs < endMs && windowIndex(endMs, length) === index + 1;
    }),
  );
});

test("[unit] without charges usage never grows as time passes, within a window or across any number of them", () => {
  fc.assert(
    fc.property(held, fc.nat({ max: 4 * YEAR_MS }), (each, laterMs) => {
      const state = stateOf(each);
      return usageAt(each.window, state, each.nowMs + laterMs) <= usageAt(each.window, state, each.nowMs);
    }),
  );
});

test("[unit] usage lies between the present window's amount and that with all of the last one", () => {
  fc.assert(
    fc.property(held, (each) => {
      const { current, previous } = stateAt(stateOf(each), each.nowMs, each.window);
      const usage = usageAt(each.window, stateOf(each), each.nowMs);
      return current <= usage && usage <= current + previous;
    }),
  );
});

test("[unit] a state that is rolled over first means the same", () => {
  fc.assert(
    fc.property(held, fc.nat({ max: 2 * YEAR_MS }), fc.nat({ max: 2 * YEAR_MS }), (each, firstMs, thenMs) => {
      const state = stateOf(each);
      const midMs = each.nowMs + firstMs;
      const endMs = midMs + thenMs;
      fc.pre(each.window.algorithm !== "FixedFromFirst" || !isSpent(state, midMs, each.window));
      const rolled = stateAt(state, midMs, each.window);
      const [once, twice] = [state, rolled].map((from) => stateAt(from, endMs, each.window));
      const amountsOf = (told: CounterState | undefined): string =>
        [told?.index, told?.current, told?.previous].join(" ");
      return (
        amountsOf(once) === amountsOf(twice) &&
        usageAt(each.window, state, endMs) === usageAt(each.window, rolled, endMs)
      );
    }),
  );
});

test("[unit] an amount raises usage by exactly itself, up to 2^53 - 1", () => {
  fc.assert(
    fc.property(held, fc.nat({ max: 1_000_000 }), (each, added) => {
      const before = stateAt(stateOf(each), each.nowMs, each.window);
      const after = addAt(stateOf(each), each.nowMs, { window: each.window, amount: added });
      const isSameWindow = after.index === before.index && after.previous === before.previous;
      return isSameWindow && after.current === Math.min(MAX_AMOUNT, before.current + added);
    }),
  );
});

test("[unit] the wait ends at the first millisecond at which usage is below the limit, and not one earlier", () => {
  fc.assert(
    fc.property(
      held,
      fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: MAX_AMOUNT })),
      (each, limit) => {
        const state = stateOf(each);
        const ms = waitMs(each.window, state, { limit, nowMs: each.nowMs });
        const below = (atMs: number): boolean => usageAt(each.window, state, atMs) < limit;
        return below(each.nowMs + ms) && (ms === 0 || !below(each.nowMs + ms - 1));
      },
    ),
    { numRuns: 2000 },
  );
});

test("[unit] what counts now counts to the end of its window and no longer, but for Sliding", () => {
  fc.assert(
    fc.property(held, (each) => {
      const state = stateAt(stateOf(each), each.nowMs, each.window);
      fc.pre(each.window.algorithm !== "Sliding" && state.current > 0);
      const { startMs, endMs } = spanAt(each.window, state, each.nowMs);
      const isWhole =
        usageAt(each.window, state, endMs - 1) === state.current && usageAt(each.window, state, endMs) === 0;
      return endMs - startMs === each.window.durationMs && isWhole;
    }),
  );
});

test("[unit] nobody waits longer than two windows", () => {
  fc.assert(
    fc.property(held, fc.integer({ min: 1, max: 2000 }), (each, limit) => {
      fc.pre(each.ago >= 0);
      return waitMs(each.window, stateOf(each), { limit, nowMs: each.nowMs }) <= 2 * each.window.durationMs;
    }),
  );
});

test("[unit] what is spent counts nothing, now and at any later time", () => {
  fc.assert(
    fc.property(held, fc.nat({ max: 4 * YEAR_MS }), (each, laterMs) => {
      const state = stateOf(each);
      if (!isSpent(state, each.nowMs, each.window)) return true;
      return usageAt(each.window, state, each.nowMs) === 0 && usageAt(each.window, state, each.nowMs + laterMs) === 0;
    }),
  );
});

test("[unit] from first: any charges lie in windows of exactly the duration, opened by a charge, that do not overlap", () => {
  const gaps = fc.array(fc.tuple(fc.nat({ max: 3000 }), fc.integer({ min: 1, max: 100 })), { maxLength: 40 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), gaps, (length, charges) => {
      const fromFirst: Window = { algorithm: "FixedFromFirst", durationMs: length };
      let state: CounterState = { index: 0, current: 0, previous: 0 };
      let nowMs = 2000;
      for (const [gapMs, added] of charges) {
        nowMs += gapMs;
        const wasOpen = nowMs < state.index + length;
        const next = addAt(state, nowMs, { window: fromFirst, amount: added });
        const expected = wasOpen
          ? { index: state.index, current: state.current + added }
          : { index: nowMs, current: added };
        if (next.index !== expected.index || next.current !== expected.current) return false;
        state = next;
      }
      return true;
    }),
  );
});
