// The figures that published transcripts and documents of Kong's AI Rate Limiting Advanced show, from counts to what a
// client is told. Transcripts print whole seconds, so a reset belongs to a range of counts.

import { describe, expect, test } from "vitest";
import type { Counter } from "../../../dataplane/core/counter-store.ts";
import { type CheckedLimit, decide, type LimitStatus } from "../../../dataplane/core/decide.ts";
import type { Limit } from "../../../dataplane/core/limit.ts";
import { type Algorithm, type CounterState, LimitWindow } from "../../../dataplane/core/window.ts";
import { retryAfterSeconds } from "../../../dataplane/respond/retry-after.ts";
import { createMemoryStore } from "../../../dataplane/store/memory-store.ts";
import { createFakeClock } from "../../helpers/clock.ts";
import { aCheck, aCounter, admit, charge } from "../../helpers/redis-store.ts";
import { aLimit } from "../config/builders.ts";

const MINUTE_MS = 60_000;
/** The start of a minute. */
const START_MS = Date.UTC(2025, 5, 3, 20, 18);
const INDEX = START_MS / MINUTE_MS;

function limitOf(limit: number, seconds: number, algorithm: Algorithm = "Sliding"): Limit {
  const window = new LimitWindow(algorithm, seconds * 1000, undefined);
  return { ...aLimit({ limit }), policy: { namespace: "ai", name: "p" }, window };
}

function statusOf(checked: CheckedLimit, nowMs: number): LimitStatus {
  const [status] = decide([checked], nowMs).statuses;
  if (status === undefined) throw new Error("no status");
  return status;
}

/** 500 tokens a minute, `seconds` into a minute. */
function at(seconds: number, counted: Omit<CounterState, "index">, index = INDEX): LimitStatus {
  return statusOf({ limit: limitOf(500, 60), state: { index, ...counted } }, START_MS + seconds * 1000);
}

describe("what remains of a sliding window", () => {
  test("[unit] 297 tokens of the minute before, 55.4 s into this one, count 22.77 and leave 478 of 500", () => {
    const { usage, remaining } = at(55.4, { current: 0, previous: 297 });
    expect(usage).toBeCloseTo(22.77, 2);
    expect(remaining).toBe(478);
  });

  test("[unit] tokens of two minutes before leave 500 of 500", () => {
    expect(at(0.5, { current: 297, previous: 0 }, INDEX - 2)).toMatchObject({ usage: 0, remaining: 500 });
  });

  test("[unit] a quarter into the window, 86 before and 12 now count 86 * 0.75 + 12 = 76.5", () => {
    expect(at(15, { current: 12, previous: 86 }).usage).toBe(76.5);
  });

  test("[unit] the share of the window before fades by the millisecond, not by the second", () => {
    const usages = [15, 15.001, 15.5].map((seconds) => at(seconds, { current: 0, previous: 60_000 }).usage);
    expect(usages).toEqual([45_000, 44_999, 44_500]);
  });

  test("[unit] never less than nothing remains, and all that a refusal shows is 0", () => {
    expect(at(57, { current: 540, previous: 0 })).toMatchObject({ remaining: 0, exhausted: true });
  });
});

describe("the reset of a sliding window", () => {
  test.for([
    { left: 3, reset: 8, from: 536, to: 545 },
    { left: 15, reset: 29, from: 639, to: 652 },
    { left: 8, reset: 9, from: 500, to: 508 },
  ])(
    "[unit] $left s before the minute ends $reset s are told for $from to $to of 500, and for no others",
    ({ left, reset, from, to }) => {
      const told = (current: number): number => {
        const status = at(60 - left, { current, previous: 0 });
        return status.exhausted ? retryAfterSeconds(status.waitMs) : 0;
      };
      for (let count = from; count <= to; count += 1) expect(told(count)).toBe(reset);
      expect([told(from - 1), told(to + 1)]).not.toContain(reset);
    },
  );

  test("[unit] it is what is left of this window and the share of the next that fades below the limit", () => {
    for (const [left, counted] of [
      [3, 540],
      [15, 645],
      [59, 1000],
      [10, 50_000],
    ] as const) {
      const seconds = left + 60 * (1 - 500 / counted);
      expect(at(60 - left, { current: counted, previous: 0 }).waitMs).toBeCloseTo(seconds * 1000, -1);
    }
  });

  test("[unit] while the window before alone is too much it ends within this one", () => {
    // 400 + 200 * (60 - 20 - t) / 60 < 500 from t > 10 on.
    expect(at(20, { current: 400, previous: 200 }).waitMs).toBe(10_001);
  });

  test("[unit] it may be longer than a window, and is never longer than two", () => {
    const { waitMs } = at(1, { current: 1_000_000, previous: 0 });
    expect(waitMs).toBeGreaterThan(MINUTE_MS);
    expect(waitMs).toBeLessThanOrEqual(2 * MINUTE_MS);
  });
});

describe("the reset of a fixed window", () => {
  test.for([
    { at: 0, reset: 60 },
    { at: 0.001, reset: 60 },
    { at: 59, reset: 1 },
    { at: 59.999, reset: 1 },
  ])("[unit] $at s into the minute: $reset s", ({ at: seconds, reset }) => {
    const state = { index: INDEX, current: 500, previous: 9_999 };
    const status = statusOf({ limit: limitOf(500, 60, "Fixed"), state }, START_MS + seconds * 1000);
    expect(retryAfterSeconds(status.waitMs)).toBe(reset);
  });
});

describe("requests one after the other", () => {
  interface Kept {
    readonly limit: Limit;
    readonly counter: Counter;
  }

  /** Each request that passes costs so much when it is complete, at once. */
  function createCaller(limits: readonly Limit[], cost: number) {
    const clock = createFakeClock(START_MS);
    const store = createMemoryStore(clock);
    const kept: Kept[] = limits.map((limit, i) => ({
      limit,
      counter: { ...aCounter({ prefix: "t:", limit: `l${String(i)}` }), window: limit.window },
    }));
    const request = async (): Promise<number> => {
      const { states, nowMs } = await admit(
        store,
        kept.map(({ counter }) => aCheck(counter)),
      );
      const checked = kept.flatMap(({ limit }, i) => (states[i] === undefined ? [] : [{ limit, state: states[i] }]));
      if (decide(checked, nowMs).kind === "deny") return 429;
      await charge(store, ...kept.map(({ counter }) => ({ counter, amount: cost })));
      return 200;
    };
    return {
      clock,
      async statuses(count: number): Promise<number[]> {
        const statuses: number[] = [];
        for (let i = 0; i < count; i += 1) statuses.push(await request());
        return statuses;
      },
    };
  }

  test("[unit] 1 token in 10 s, sliding: one passes, two are refused; after 20 s the same again, after 10 s not yet", async () => {
    const caller = createCaller([limitOf(1, 10)], 20);
    expect(await caller.statuses(3)).toEqual([200, 429, 429]);
    caller.clock.advance(10_000);
    expect(await caller.statuses(1)).toEqual([429]);
    caller.clock.advance(10_000);
    expect(await caller.statuses(3)).toEqual([200, 429, 429]);
  });

  test("[unit] 10 tokens in a fixed window, 1 each: ten pass and the eleventh is refused", async () => {
    const caller = createCaller([limitOf(10, 60, "Fixed")], 1);
    expect(await caller.statuses(11)).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
  });

  test("[unit] 2 in 10 s and 5 in 60 s, fixed: two in each ten seconds until five are used, then none until the minute ends", async () => {
    const caller = createCaller([limitOf(2, 10, "Fixed"), limitOf(5, 60, "Fixed")], 1);
    const passed: number[] = [];
    for (let tens = 0; tens < 7; tens += 1) {
      passed.push((await caller.statuses(4)).filter((status) => status === 200).length);
      caller.clock.advance(10_000);
    }
    expect(passed).toEqual([2, 2, 1, 0, 0, 0, 2]);
  });

  test("[unit] what a request costs counts in the window in which it is complete", async () => {
    const clock = createFakeClock(START_MS + 59_000);
    const store = createMemoryStore(clock);
    const counter = aCounter({ prefix: "t:", durationMs: MINUTE_MS });
    await admit(store, [aCheck(counter)]);
    clock.advance(2_000);
    await charge(store, { counter, amount: 297 });
    const { states } = await admit(store, [aCheck(counter)]);
    expect(states).toEqual([{ index: INDEX + 1, current: 297, previous: 0 }]);
  });
});
