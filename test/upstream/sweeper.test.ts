// The coarse timer: never early, patient after a blocked event loop, silent when nobody waits.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSweeper } from "../../dataplane/upstream/sweeper.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("[unit] tells time that advances with the clock while an item is there", () => {
  const times: number[] = [];
  const sweeper = createSweeper(100, () => vi.getMockedSystemTime()?.getTime() ?? 0);
  sweeper.add({ sweptAt: -1, sweep: (nowMs) => times.push(nowMs) });
  vi.advanceTimersByTime(350);
  expect(times).toEqual([100, 200, 300]);
});

test("[unit] counts a blocked event loop as two intervals", () => {
  const times: number[] = [];
  let nowMs = 0;
  const sweeper = createSweeper(100, () => nowMs);
  sweeper.add({ sweptAt: -1, sweep: (sweptMs) => times.push(sweptMs) });
  for (const step of [100, 5000, 100]) {
    nowMs += step;
    vi.advanceTimersByTime(100);
  }
  expect(times).toEqual([100, 300, 400]);
});

test("[unit] stops its timer when the last item is gone and starts again with the next", () => {
  const sweeper = createSweeper(100, () => 0);
  const item = { sweptAt: -1, sweep: vi.fn() };
  sweeper.add(item);
  sweeper.delete(item);
  vi.advanceTimersByTime(100);
  expect(vi.getTimerCount()).toBe(0);
  sweeper.add(item);
  vi.advanceTimersByTime(100);
  expect(item.sweep).toHaveBeenCalledTimes(1);
});

test("[unit] an item may leave while it is swept", () => {
  const sweeper = createSweeper(100, () => 0);
  const left = { sweptAt: -1, sweep: vi.fn(() => sweeper.delete(left)) };
  const other = { sweptAt: -1, sweep: vi.fn() };
  sweeper.add(left);
  sweeper.add(other);
  vi.advanceTimersByTime(300);
  expect([left.sweep.mock.calls.length, other.sweep.mock.calls.length]).toEqual([1, 3]);
});

test("[unit] items that leave in any order leave the others where they are", () => {
  const sweeper = createSweeper(100, () => 0);
  const items = Array.from({ length: 5 }, () => ({ sweptAt: -1, sweep: vi.fn() }));
  for (const item of items) sweeper.add(item);
  for (const at of [2, 4, 0, 0]) {
    const item = items[at];
    if (item) sweeper.delete(item);
  }
  vi.advanceTimersByTime(200);
  expect(items.map(({ sweep }) => sweep.mock.calls.length)).toEqual([0, 2, 0, 2, 0]);
});
