// Usage, remaining and waits in worked examples, some of them from published transcripts of Kong (spec: sliding windows on
// the epoch grid, weight = share of the last window still in view).

import { expect, test } from "vitest";
import { decide } from "../../../dataplane/core/decide.ts";
import type { Limit } from "../../../dataplane/core/limit.ts";
import {
  type Algorithm,
  addAt,
  EMPTY_STATE,
  isSpent,
  MAX_AMOUNT,
  stateAt,
  usageAt,
  waitMs,
} from "../../../dataplane/core/window.ts";

const MINUTE_MS = 60_000;
/** 20:18:00 of some day: the start of a minute. */
const START_MS = Date.UTC(2025, 5, 3, 20, 18);
const INDEX = START_MS / MINUTE_MS;

function aLimit(limit: number, algorithm: Algorithm = "Sliding"): Limit {
  return {
    name: "minute",
    counterId: "minute",
    policy: { namespace: "ai", name: "p" },
    mode: "Enforce",
    when: [],
    per: [{ type: "Consumer" }],
    unit: "TotalTokens",
    limit,
    window: { algorithm, durationMs: MINUTE_MS },
    label: { kind: "fixed", text: "openai" },
  };
}

test.for([
  {
    name: "297 of the last minute at 55.4 s leave 478 of 500",
    seconds: 55.4,
    ago: 1,
    current: 297,
    previous: 0,
    remaining: 478,
  },
  {
    name: "what is two windows back leaves everything",
    seconds: 55.4,
    ago: 2,
    current: 297,
    previous: 0,
    remaining: 500,
  },
  {
    name: "86 of the last minute at 15 s and 12 of this one make 76.5",
    seconds: 15,
    ago: 0,
    current: 12,
    previous: 86,
    remaining: 424,
  },
  { name: "an empty counter leaves everything", seconds: 0, ago: 0, current: 0, previous: 0, remaining: 500 },
  {
    name: "usage above the limit leaves nothing, not less",
    seconds: 30,
    ago: 0,
    current: 800,
    previous: 0,
    remaining: 0,
  },
])("[unit] remaining: $name", ({ seconds, ago, current, previous, remaining }) => {
  const state = { index: INDEX - ago, current, previous };
  const { statuses } = decide([{ limit: aLimit(500), state }], START_MS + seconds * 1000);
  expect(statuses[0]?.remaining).toBe(remaining);
});

test.for([
  // Kong's transcripts print resets in whole seconds; the counts between these bounds are those that two replies add up to.
  { name: "3 s left and 540 in this minute: 8 s", left: 3, current: 540, previous: 0, seconds: 8 },
  { name: "15 s left and 645 in this minute: 29 s", left: 15, current: 645, previous: 0, seconds: 29 },
  { name: "8 s left and 505 in this minute: 9 s", left: 8, current: 505, previous: 0, seconds: 9 },
  { name: "500 exactly: one millisecond into the next minute", left: 10, current: 500, previous: 0, seconds: 11 },
  { name: "the last minute fades below it within this one", left: 40, current: 400, previous: 200, seconds: 11 },
])("[unit] sliding reset: $name", ({ left, current, previous, seconds }) => {
  const nowMs = START_MS + MINUTE_MS - left * 1000;
  const ms = waitMs(aLimit(500).window, { index: INDEX, current, previous }, { limit: 500, nowMs });
  expect(Math.ceil(ms / 1000)).toBe(seconds);
});

test.for([
  { name: "the end of the window", current: 10, nowMs: START_MS + 1, wait: MINUTE_MS - 1 },
  { name: "nothing below the limit", current: 9, nowMs: START_MS + 1, wait: 0 },
  { name: "nothing once the window is over", current: 10, nowMs: START_MS + MINUTE_MS, wait: 0 },
])("[unit] fixed reset: $name", ({ current, nowMs, wait }) => {
  expect(waitMs(aLimit(10, "Fixed").window, { index: INDEX, current, previous: 99 }, { limit: 10, nowMs })).toBe(wait);
});

const FROM_FIRST = { algorithm: "FixedFromFirst", durationMs: MINUTE_MS } as const;
/** Opened 7 ms after some minute began: its end is on no grid. */
const OPENED_MS = START_MS + 7;

test.for([
  { name: "in the millisecond of its opening", passedMs: 0, usage: 5, wait: MINUTE_MS },
  { name: "across a minute of the clock", passedMs: MINUTE_MS - 5, usage: 5, wait: 5 },
  { name: "in its last millisecond", passedMs: MINUTE_MS - 1, usage: 5, wait: 1 },
  { name: "not at its end", passedMs: MINUTE_MS, usage: 0, wait: 0 },
  { name: "not much later", passedMs: 90 * MINUTE_MS, usage: 0, wait: 0 },
  { name: "by a clock behind the one that opened it", passedMs: -3, usage: 5, wait: MINUTE_MS + 3 },
])("[unit] from first: an amount counts $name", ({ passedMs, usage, wait }) => {
  const state = addAt(EMPTY_STATE, OPENED_MS, { window: FROM_FIRST, amount: 5 });
  const nowMs = OPENED_MS + passedMs;
  expect(usageAt(FROM_FIRST, state, nowMs)).toBe(usage);
  expect(waitMs(FROM_FIRST, state, { limit: 5, nowMs })).toBe(wait);
  expect(isSpent(state, nowMs, FROM_FIRST)).toBe(usage === 0);
});

test.for([
  { name: "in the open window", passedMs: MINUTE_MS - 1, then: { index: OPENED_MS, current: 12, previous: 0 } },
  {
    name: "late in one of its own",
    passedMs: MINUTE_MS,
    then: { index: OPENED_MS + MINUTE_MS, current: 7, previous: 0 },
  },
])("[unit] from first: a charge counts $name", ({ passedMs, then }) => {
  const state = addAt(EMPTY_STATE, OPENED_MS, { window: FROM_FIRST, amount: 5 });
  expect(addAt(state, OPENED_MS + passedMs, { window: FROM_FIRST, amount: 7 })).toEqual(then);
});

test("[unit] a limit of 1 in 10 s: a second after the next window has begun it still refuses, after 20 s it passes", () => {
  const window = { algorithm: "Sliding", durationMs: 10_000 } as const;
  const state = addAt(EMPTY_STATE, START_MS, { window, amount: 297 });
  const usages = [0, 9.999, 11, 19.9, 20].map((seconds) => usageAt(window, state, START_MS + seconds * 1000));
  expect(usages.map((usage) => usage >= 1)).toEqual([true, true, true, true, false]);
});

test.for([
  { name: "in the same window nothing moves", passed: 0, then: { index: INDEX, current: 5, previous: 7 } },
  { name: "in the next window it is the last one", passed: 1, then: { index: INDEX + 1, current: 0, previous: 5 } },
  { name: "two windows on it is gone", passed: 2, then: { index: INDEX + 2, current: 0, previous: 0 } },
  {
    name: "a clock behind the one that wrote reads it as of that one's window",
    passed: -1,
    then: { index: INDEX, current: 5, previous: 7 },
  },
])("[unit] a state: $name", ({ passed, then }) => {
  const state = { index: INDEX, current: 5, previous: 7 };
  expect(stateAt(state, START_MS + passed * MINUTE_MS, aLimit(1).window)).toEqual(then);
});

test("[unit] amounts stop at 2^53 - 1", () => {
  const state = { index: INDEX, current: MAX_AMOUNT - 1, previous: 0 };
  expect(addAt(state, START_MS, { window: aLimit(1).window, amount: 9 }).current).toBe(MAX_AMOUNT);
});
