// The memory store passes the suite of all stores, and forgets what has expired.

import { expect, test } from "vitest";
import { createMemoryStore } from "../../dataplane/store/memory-store.ts";
import { aCalendar } from "../helpers/calendars.ts";
import { createFakeClock } from "../helpers/clock.ts";
import { aCheck, aCounter, admit, charge, HOUR_MS, total } from "../helpers/redis-store.ts";
import { describeCounterStore, type StoreHarness } from "./counter-store.contract.ts";

async function createHarness(): Promise<StoreHarness> {
  const clock = createFakeClock(Date.UTC(2026, 0, 1, 12, 20));
  const store = createMemoryStore(clock);
  return {
    open: async () => store,
    async seed(counter, windowsAgo, amount) {
      const nowMs = clock.nowMs();
      const { calendar, durationMs } = counter.window;
      clock.advance(-windowsAgo * durationMs);
      if (calendar !== undefined) clock.set(windowsAgo === 0 ? nowMs : calendar.spanAt(nowMs).startMs - 1);
      await charge(store, { counter, amount });
      clock.set(nowMs);
    },
    close: () => store.close(),
  };
}

describeCounterStore({ level: "unit", name: "memory", createHarness });

test("[unit] counters go once two windows have passed them by, without being touched again", async () => {
  const clock = createFakeClock();
  const store = createMemoryStore(clock);
  const counters = Array.from({ length: 1000 }, (_, i) => aCounter({ prefix: "t:", values: `user${String(i)}` }));
  await charge(store, ...counters.map((counter) => ({ counter, amount: 1 })));
  clock.advance(2 * HOUR_MS);
  const busy = aCounter({ prefix: "t:", values: "busy" });
  for (let i = 0; i < 600; i += 1) await charge(store, { counter: busy, amount: 1 });
  expect(store.size).toBe(1);
  expect(await total(store, busy)).toBe(600);
});

test("[unit] counters of a calendar go with the end of their window, not before", async () => {
  const clock = createFakeClock(Date.UTC(2026, 0, 31, 23, 59, 59, 999));
  const store = createMemoryStore(clock);
  const calendar = aCalendar({ unit: "Month" });
  const counters = Array.from({ length: 100 }, (_, i) =>
    aCounter({ prefix: "t:", values: `user${String(i)}`, calendar }),
  );
  await charge(store, ...counters.map((counter) => ({ counter, amount: 1 })));
  const busy = { counter: aCounter({ prefix: "t:", values: "busy", calendar }), amount: 1 };
  for (let i = 0; i < 60; i += 1) await charge(store, busy);
  expect(store.size).toBe(101);
  clock.advance(1);
  for (let i = 0; i < 60; i += 1) await charge(store, busy);
  expect(store.size).toBe(1);
  expect(await total(store, busy.counter)).toBe(60);
});

test("[unit] a counter is kept as long as its last window is in view", async () => {
  const clock = createFakeClock(Date.UTC(2026, 0, 1, 12, 0));
  const store = createMemoryStore(clock);
  const counter = aCounter({ prefix: "t:" });
  await charge(store, { counter, amount: 9 });
  clock.advance(2 * HOUR_MS - 1);
  for (let i = 0; i < 20; i += 1)
    await charge(store, { counter: aCounter({ prefix: "t:", values: "busy" }), amount: 1 });
  const { states } = await admit(store, [aCheck(counter)]);
  expect(states[0]).toMatchObject({ current: 0, previous: 9 });
});

test("[unit] a clock that is set back a little loses nothing", async () => {
  const clock = createFakeClock(Date.UTC(2026, 0, 1, 12, 0));
  const store = createMemoryStore(clock);
  const counter = aCounter({ prefix: "t:" });
  await charge(store, { counter, amount: 2 });
  clock.advance(-1);
  await charge(store, { counter, amount: 3 });
  expect(await total(store, counter)).toBe(5);
});

test("[unit] what is released goes out of the window that it was added in", async () => {
  const clock = createFakeClock(Date.UTC(2026, 0, 1, 12, 0));
  const store = createMemoryStore(clock);
  const counters = (["Sliding", "Fixed", "FixedFromFirst"] as const).map((algorithm) =>
    aCounter({ prefix: "t:", values: algorithm, algorithm }),
  );
  const checks = counters.map((counter) => aCheck(counter, { ask: 100, refuseAt: 1000, isProvisional: true }));
  const first = await admit(store, checks);
  const second = await admit(store, checks);
  clock.advance(HOUR_MS);
  await charge(store, ...counters.map((counter, i) => ({ counter, amount: 7, replaces: first.holds[i] })));
  const amounts = async (): Promise<unknown> =>
    (
      await admit(
        store,
        counters.map((counter) => aCheck(counter)),
      )
    ).states.map(({ current, previous }) => [current, previous]);
  expect(await amounts()).toEqual([
    [7, 100],
    [7, 100],
    [7, 0],
  ]);
  clock.advance(2 * HOUR_MS);
  for (const hold of second.holds) hold?.release();
  expect(await amounts()).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
});
