// How many counters clients may make up.

import { expect, test } from "vitest";
import { KeyCensus, MAX_WINDOWS } from "../../../dataplane/config/key-census.ts";
import type { Limit } from "../../../dataplane/core/limit.ts";
import { LimitWindow } from "../../../dataplane/core/window.ts";
import { aLimit } from "./builders.ts";

const MINUTE = 60_000;

function aCensus(): { census: KeyCensus; clock: { nowMs: number }; told: boolean[] } {
  const clock = { nowMs: 5 };
  const told: boolean[] = [];
  const census = new KeyCensus({ nowMs: () => clock.nowMs, onOverflow: (_limit, isFirst) => told.push(isFirst) });
  return { census, clock, told };
}

const limit: Limit = {
  ...aLimit(),
  window: new LimitWindow("Fixed", MINUTE, undefined),
  policy: { namespace: "default", name: "p" },
};

test("[unit] a limit has so many keys in a window; those that have a place keep it, the first beyond is told", () => {
  const { census, clock, told } = aCensus();
  expect(["a", "b", "a", "c", "d", "b"].map((key) => census.admits(limit, 2, key))).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
  ]);
  expect(told).toEqual([true, false]);
  clock.nowMs = MINUTE;
  expect(["c", "d", "a"].map((key) => census.admits(limit, 2, key))).toEqual([true, true, false]);
  expect(told).toEqual([true, false, true]);
});

test("[unit] memory holds no more keys than the limits have places", () => {
  const { census, clock } = aCensus();
  for (let i = 0; i < 10_000; i++) {
    clock.nowMs += 17;
    census.admits(limit, 50, `key ${String(i)}`);
    expect(census.size).toBeLessThanOrEqual(50);
  }
});

test("[unit] limits count apart, a limit that is gone is forgotten", () => {
  const { census } = aCensus();
  const other: Limit = { ...limit, counterId: "other" };
  const dynamic: Limit = { ...limit, counterId: `${limit.counterId}.60` };
  for (const each of [limit, other, dynamic]) expect(census.admits(each, 1, "a")).toBe(true);
  census.keep(new Set([limit.counterId]));
  expect([limit, other, dynamic].map((each) => census.admits(each, 1, "b"))).toEqual([false, true, false]);
});

test("[unit] a limit has so many window lengths, until nothing counts of one any more", () => {
  const { census, clock } = aCensus();
  for (let i = 1; i <= MAX_WINDOWS; i++) expect(census.admitsWindow(limit, i * MINUTE)).toBe(true);
  expect(census.admitsWindow(limit, 99 * MINUTE)).toBe(false);
  expect(census.admitsWindow(limit, MINUTE)).toBe(true);
  clock.nowMs += 2 * MINUTE - 1;
  expect(census.admitsWindow(limit, 99 * MINUTE)).toBe(false);
  clock.nowMs += 1;
  expect(census.admitsWindow(limit, 99 * MINUTE)).toBe(true);
  expect(census.admitsWindow(limit, MINUTE)).toBe(false);
});
