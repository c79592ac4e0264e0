// What every store must do, whatever it keeps its counters in. A store's own test calls this with a harness.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Admission, Counter, CounterStore } from "../../dataplane/core/counter-store.ts";
import { usageAt } from "../../dataplane/core/window.ts";
import { aCalendar, type CalendarShape } from "../helpers/calendars.ts";
import { aCheck, aCounter, admit, charge, randomPrefix, total } from "../helpers/redis-store.ts";

export interface StoreHarness {
  /** A store of its own; all stores of one harness use the prefix. */
  open(prefix: string): Promise<CounterStore>;
  /** Puts an amount into a counter that holds nothing yet, as if charged so many windows ago. */
  seed(counter: Counter, windowsAgo: number, amount: number): Promise<void>;
  close(): Promise<void>;
}

export interface ContractOptions {
  /** "unit" or "redis": how titles begin. */
  readonly level: string;
  readonly name: string;
  readonly createHarness: () => Promise<StoreHarness>;
}

export function describeCounterStore({ level, name, createHarness }: ContractOptions): void {
  describe(`counter store: ${name}`, () => {
    const prefix = randomPrefix();
    let harness: StoreHarness;
    let store: CounterStore;
    let serial = 0;
    /** Counters that no other test has touched, in as many hashes. */
    function fresh(count: number, shape: Omit<Parameters<typeof aCounter>[0], "prefix"> = {}): Counter[] {
      return Array.from({ length: count }, () =>
        aCounter({ prefix, ...shape, values: `user${String((serial += 1))}` }),
      );
    }
    function one(shape: Omit<Parameters<typeof aCounter>[0], "prefix"> = {}): Counter {
      const [counter] = fresh(1, shape);
      if (counter === undefined) throw new Error("no counter");
      return counter;
    }
    const title = (rule: string): string => `[${level}] ${rule}`;

    beforeAll(async () => {
      harness = await createHarness();
      store = await harness.open(prefix);
    });
    afterAll(async () => {
      await harness.close();
    });

    test(title("a counter that nothing was charged to is empty"), async () => {
      const admission = await admit(store, [aCheck(one(), { refuseAt: 1 })]);
      expect(admission).toMatchObject({ taken: true, source: "store" });
      expect(admission.states.map(({ current, previous }) => [current, previous])).toEqual([[0, 0]]);
    });

    test(title("a charge is visible to the very next check, before it is acknowledged"), async () => {
      const counter = one();
      const sent = charge(store, { counter, amount: 40 });
      expect(await total(store, counter)).toBe(40);
      await sent;
      expect(await total(store, counter)).toBe(40);
      await store.flush(5000);
      expect(await total(store, counter)).toBe(40);
    });

    test(title("charges of one turn add up, whichever object names the counter"), async () => {
      const counter = one();
      const others = fresh(2);
      const amounts = Array.from({ length: 100 }, (_, i) => i);
      const sent = amounts.map((amount) =>
        charge(store, { counter: { ...counter }, amount }, ...others.map((other) => ({ counter: other, amount: 1 }))),
      );
      expect(await total(store, { ...counter })).toBe(4950);
      await Promise.all(sent);
      await store.flush(5000);
      expect(await Promise.all([counter, ...others].map((each) => total(store, each)))).toEqual([4950, 100, 100]);
    });

    test(title("limits on the same key values do not mix"), async () => {
      const minute = one();
      const day = { ...minute, field: aCounter({ prefix, limit: "day" }).field };
      await charge(store, { counter: minute, amount: 3 }, { counter: day, amount: 4 });
      await store.flush(5000);
      const { states } = await admit(store, [aCheck(day), aCheck(minute), aCheck(day)]);
      expect(states.map(({ current }) => current)).toEqual([4, 3, 4]);
    });

    test(title("amounts up to 2^53 - 1 are kept to the digit and stop there"), async () => {
      const counter = one({ algorithm: "Fixed" });
      await charge(store, { counter, amount: Number.MAX_SAFE_INTEGER - 2 });
      await store.flush(5000);
      await charge(store, { counter, amount: 1 });
      expect(await total(store, counter)).toBe(Number.MAX_SAFE_INTEGER - 1);
      await charge(store, { counter, amount: 1000 });
      await store.flush(5000);
      expect(await total(store, counter)).toBe(Number.MAX_SAFE_INTEGER);
    });

    test(title("a charge of nothing changes nothing"), async () => {
      const counter = one();
      await charge(store, { counter, amount: 0 });
      await charge(store);
      expect(await total(store, counter)).toBe(0);
    });

    test.for([
      { name: "sliding counts the last window by the share still in view", algorithm: "Sliding", windowsAgo: 1 },
      { name: "sliding forgets what is two windows back", algorithm: "Sliding", windowsAgo: 2 },
      { name: "fixed forgets the last window", algorithm: "Fixed", windowsAgo: 1 },
      { name: "fixed counts this window in full", algorithm: "Fixed", windowsAgo: 0 },
      { name: "from first counts the open window in full", algorithm: "FixedFromFirst", windowsAgo: 0 },
      { name: "from first forgets a window that has ended", algorithm: "FixedFromFirst", windowsAgo: 1 },
    ] as const)(`[${level}] $name`, async ({ algorithm, windowsAgo }) => {
      const counter = one({ algorithm });
      await harness.seed(counter, windowsAgo, 1000);
      const { states, nowMs } = await admit(store, [aCheck(counter)]);
      const { durationMs } = counter.window;
      const share = (durationMs - (nowMs % durationMs)) / durationMs;
      const expected = windowsAgo === 0 ? 1000 : algorithm === "Sliding" && windowsAgo === 1 ? 1000 * share : 0;
      const usage = states[0] === undefined ? undefined : usageAt(counter.window, states[0], nowMs);
      expect(usage).toBeCloseTo(expected, 6);
    });

    test(title("a charge after a roll-over keeps the last window beside it"), async () => {
      const counter = one();
      await harness.seed(counter, 1, 70);
      await charge(store, { counter, amount: 5 });
      await store.flush(5000);
      const { states } = await admit(store, [aCheck(counter)]);
      expect(states[0]).toMatchObject({ current: 5, previous: 70 });
    });

    test(title("from first: a check opens a window, and neither later checks nor charges move it"), async () => {
      const counter = one({ algorithm: "FixedFromFirst" });
      const opened = await admit(store, [aCheck(counter, { refuseAt: 10 })]);
      expect(opened.states).toEqual([{ index: opened.nowMs, current: 0, previous: 0 }]);
      await charge(store, { counter, amount: 5 });
      const state = { index: opened.nowMs, current: 5, previous: 0 };
      expect((await admit(store, [aCheck(counter, { refuseAt: 10 })])).states).toEqual([state]);
      await store.flush(5000);
      expect((await admit(store, [aCheck(counter, { refuseAt: 10 })])).states).toEqual([state]);
    });

    test(title("from first: checks at once open one window"), async () => {
      const counter = one({ algorithm: "FixedFromFirst" });
      const told = await Promise.all(
        Array.from({ length: 20 }, () => admit(store, [aCheck(counter, { refuseAt: 1 })])),
      );
      expect(new Set(told.map(({ states }) => states[0]?.index)).size).toBe(1);
    });

    test(title("from first: a request that another limit refuses opens the window, and takes nothing"), async () => {
      const counters = fresh(6, { algorithm: "FixedFromFirst" });
      const [full, ...free] = counters;
      if (full === undefined) throw new Error("no counter");
      await charge(store, { counter: full, amount: 1 });
      const sameHash = { ...full, field: aCounter({ prefix, limit: "calls", algorithm: "FixedFromFirst" }).field };
      const checks = [full, ...free, sameHash].map((counter) => aCheck(counter, { ask: 1, refuseAt: 1 }));
      const refused = await admit(store, checks);
      expect(refused.taken).toBe(false);
      await store.flush(5000);
      const { states } = await admit(store, checks);
      expect(states).toEqual(refused.states);
      expect(states.map(({ current }) => current)).toEqual([1, 0, 0, 0, 0, 0, 0]);
    });

    test(title("from first: a charge after the end opens a window of its own"), async () => {
      const counter = one({ algorithm: "FixedFromFirst" });
      await harness.seed(counter, 1, 70);
      await charge(store, { counter, amount: 5 });
      await store.flush(5000);
      const { states, nowMs } = await admit(store, [aCheck(counter)]);
      expect(states[0]).toMatchObject({ current: 5, previous: 0 });
      expect(nowMs - (states[0]?.index ?? 0)).toBeLessThan(5000);
    });

    test(
      title("from first: of many at once exactly as many as the limit allows are taken, in one window"),
      async () => {
        const counter = one({ algorithm: "FixedFromFirst" });
        const told = await Promise.all(
          Array.from({ length: 50 }, () => admit(store, [aCheck(counter, { ask: 1, refuseAt: 10 })])),
        );
        expect(told.filter(({ taken }) => taken)).toHaveLength(10);
        expect(new Set(told.map(({ states }) => states[0]?.index)).size).toBe(1);
      },
    );

    test.for([
      { name: "the calendar's hour", unit: "Hour" },
      { name: "the calendar's day in Kathmandu", unit: "Day", timeZone: "Asia/Kathmandu" },
      { name: "the calendar's week from Saturday", unit: "Week", weekStart: 6 },
      {
        name: "the calendar's month from the 31st in New York",
        unit: "Month",
        anchorDay: 31,
        timeZone: "America/New_York",
      },
      { name: "the calendar's year", unit: "Year" },
    ] as const satisfies (CalendarShape & { name: string })[])(
      `[${level}] $name starts at 0: what was used before it is forgotten, what is used in it counts in full`,
      async (shape) => {
        const calendar = aCalendar(shape);
        const [counter, other] = fresh(2, { calendar });
        if (counter === undefined || other === undefined) throw new Error("no counter");
        await harness.seed(counter, 1, 1000);
        await harness.seed(other, 0, 1000);
        const before = await admit(store, [aCheck(counter), aCheck(other)]);
        expect(usagesOf(before, [counter, other])).toEqual([0, 1000]);
        await charge(store, { counter, amount: 7 }, { counter: other, amount: 7 });
        await store.flush(5000);
        const after = await admit(store, [
          aCheck(counter, { ask: 1, refuseAt: 8 }),
          aCheck(other, { ask: 1, refuseAt: 2000 }),
        ]);
        expect(after.taken).toBe(true);
        expect(usagesOf(after, [counter, other])).toEqual([7, 1007]);
        expect(after.states[0]).toEqual({ index: calendar.spanAt(after.nowMs).startMs, current: 7, previous: 0 });
        const last = await admit(store, [aCheck(counter, { ask: 1, refuseAt: 8 }), aCheck(other, { ask: 1 })]);
        expect(last.taken).toBe(false);
        expect(usagesOf(last, [counter, other])).toEqual([8, 1008]);
      },
    );

    test(title("of many at once exactly as many as a month allows are taken"), async () => {
      const counter = one({ calendar: aCalendar({ unit: "Month", timeZone: "Europe/Berlin" }) });
      const told = await Promise.all(
        Array.from({ length: 50 }, () => admit(store, [aCheck(counter, { ask: 1, refuseAt: 10 })])),
      );
      expect(told.filter(({ taken }) => taken)).toHaveLength(10);
      await store.flush(5000);
      expect(await total(store, counter)).toBe(10);
    });

    test(title("windows of all kinds on the same key values do not mix"), async () => {
      const sliding = one();
      const values = sliding.key;
      const others = [
        { algorithm: "Fixed" as const },
        { algorithm: "FixedFromFirst" as const },
        { calendar: aCalendar({ unit: "Day" }) },
        { calendar: aCalendar({ unit: "Month" }) },
      ].map((shape, i) => ({
        ...aCounter({ prefix, limit: `limit${String(i)}`, ...shape }),
        key: values,
        tag: sliding.tag,
      }));
      const counters = [sliding, ...others];
      await charge(store, ...counters.map((counter, i) => ({ counter, amount: i + 1 })));
      await store.flush(5000);
      const checks = counters.map((counter) => aCheck(counter, { ask: 10, refuseAt: 100 }));
      const { taken, states } = await admit(store, checks);
      expect(taken).toBe(true);
      expect(states.map(({ current }) => current)).toEqual([1, 2, 3, 4, 5]);
      const after = await admit(
        store,
        counters.map((counter) => aCheck(counter)),
      );
      expect(after.states.map(({ current }) => current)).toEqual([11, 12, 13, 14, 15]);
    });

    test(title("a check asks, reads the state before its ask, and adds it"), async () => {
      const counter = one();
      const first = await admit(store, [aCheck(counter, { ask: 1, refuseAt: 2 })]);
      const second = await admit(store, [aCheck(counter, { ask: 1, refuseAt: 2 })]);
      const third = await admit(store, [aCheck(counter, { ask: 1, refuseAt: 2 })]);
      const told = [first, second, third].map(({ states, taken }) => [states[0]?.current, taken]);
      expect(told).toEqual([
        [0, true],
        [1, true],
        [2, false],
      ]);
      await store.flush(5000);
      expect(await total(store, counter)).toBe(2);
    });

    test(title("of many at once exactly as many as the limit allows are taken (kong trap 23)"), async () => {
      const counter = one();
      const admissions = await Promise.all(
        Array.from({ length: 50 }, () => admit(store, [aCheck(counter, { ask: 1, refuseAt: 10 })])),
      );
      expect(admissions.filter(({ taken }) => taken)).toHaveLength(10);
      await store.flush(5000);
      expect(await total(store, counter)).toBe(10);
    });

    test(title("a refusal anywhere takes nothing anywhere"), async () => {
      const counters = fresh(8);
      const [full, ...free] = counters;
      if (full === undefined) throw new Error("no counter");
      await charge(store, { counter: full, amount: 1 });
      const { taken } = await admit(
        store,
        counters.map((counter) => aCheck(counter, { ask: 1, refuseAt: 1 })),
      );
      expect(taken).toBe(false);
      await store.flush(5000);
      expect(await Promise.all(free.map((counter) => total(store, counter)))).toEqual(free.map(() => 0));
      expect(await total(store, full)).toBe(1);
    });

    test(title("a check that only reads can refuse what others ask"), async () => {
      const [tokens, ...requests] = fresh(6);
      if (tokens === undefined) throw new Error("no counter");
      await charge(store, { counter: tokens, amount: 500 });
      const checks = [
        aCheck(tokens, { refuseAt: 500 }),
        ...requests.map((counter) => aCheck(counter, { ask: 1, refuseAt: 5 })),
      ];
      expect((await admit(store, checks)).taken).toBe(false);
      await store.flush(5000);
      expect(await Promise.all(requests.map((counter) => total(store, counter)))).toEqual(requests.map(() => 0));
      const raised = checks.map((check, i) => (i === 0 ? { ...check, refuseAt: 501 } : check));
      expect((await admit(store, raised)).taken).toBe(true);
      expect(await Promise.all(requests.map((counter) => total(store, counter)))).toEqual(requests.map(() => 1));
    });

    test(title("what was given back leaves what others added"), async () => {
      const [full, shared] = fresh(2);
      if (full === undefined || shared === undefined) throw new Error("no counter");
      await charge(store, { counter: full, amount: 1 }, { counter: shared, amount: 7 });
      const refused = [aCheck(shared, { ask: 3, refuseAt: 100 }), aCheck(full, { refuseAt: 1 })];
      await Promise.all([
        admit(store, refused),
        admit(store, [aCheck(shared, { ask: 2, refuseAt: 100 })]),
        admit(store, refused),
      ]);
      await store.flush(5000);
      expect(await total(store, shared)).toBe(9);
    });

    test(title("an ask that has to fit is taken up to the limit, and refused above it"), async () => {
      const counter = one({ algorithm: "Fixed" });
      const asks = [30, 50, 21, 20, 1];
      const told: [number | undefined, boolean][] = [];
      for (const ask of asks) {
        const { states, taken } = await admit(store, [aCheck(counter, { ask, refuseAt: 100, mustFit: true })]);
        told.push([states[0]?.current, taken]);
      }
      expect(told).toEqual([
        [0, true],
        [30, true],
        [80, false],
        [80, true],
        [100, false],
      ]);
      expect(await total(store, counter)).toBe(100);
    });

    test(title("an ask that has to fit is refused by the fading part of the last window"), async () => {
      const counter = one();
      await harness.seed(counter, 1, 1000);
      const { states, nowMs } = await admit(store, [aCheck(counter)]);
      const usage = states[0] === undefined ? 0 : usageAt(counter.window, states[0], nowMs);
      const limit = Math.ceil(usage) + 10;
      expect((await admit(store, [aCheck(counter, { ask: 12, refuseAt: limit, mustFit: true })])).taken).toBe(false);
      expect((await admit(store, [aCheck(counter, { ask: 10, refuseAt: limit, mustFit: true })])).taken).toBe(true);
    });

    test(title("an ask above the whole limit never fits, and one of nothing always does"), async () => {
      const counter = one({ algorithm: "Fixed" });
      expect((await admit(store, [aCheck(counter, { ask: 101, refuseAt: 100, mustFit: true })])).taken).toBe(false);
      expect((await admit(store, [aCheck(counter, { ask: 100, refuseAt: 100, mustFit: true })])).taken).toBe(true);
      expect((await admit(store, [aCheck(counter, { ask: 0, refuseAt: 100, mustFit: true })])).taken).toBe(true);
    });

    test(title("of many weighted asks at once as many are taken as fit"), async () => {
      const counter = one();
      const told = await Promise.all(
        Array.from({ length: 50 }, () => admit(store, [aCheck(counter, { ask: 7, refuseAt: 100, mustFit: true })])),
      );
      expect(told.filter(({ taken }) => taken)).toHaveLength(14);
      await store.flush(5000);
      expect(await total(store, counter)).toBe(98);
    });

    test(title("asks of many sizes in many places are taken everywhere or nowhere"), async () => {
      const counters = fresh(8);
      const last = counters.length - 1;
      await charge(store, { counter: counters[last] ?? one(), amount: 95 });
      const checks = counters.map((counter, i) => aCheck(counter, { ask: i + 1, refuseAt: 100, mustFit: true }));
      expect((await admit(store, checks)).taken).toBe(false);
      await store.flush(5000);
      expect(await Promise.all(counters.map((counter) => total(store, counter)))).toEqual([0, 0, 0, 0, 0, 0, 0, 95]);
      expect((await admit(store, checks.slice(0, last))).taken).toBe(true);
      await store.flush(5000);
      expect(await Promise.all(counters.map((counter) => total(store, counter)))).toEqual([1, 2, 3, 4, 5, 6, 7, 95]);
    });

    test(title("an ask that counts when refused is added by every refusal, whoever refuses"), async () => {
      const [own, other, ...free] = fresh(6);
      if (own === undefined || other === undefined) throw new Error("no counter");
      await charge(store, { counter: other, amount: 1 });
      const check = aCheck(own, { ask: 40, refuseAt: 100, mustFit: true, countsRefused: true });
      const full = aCheck(other, { refuseAt: 1 });
      const others = free.map((counter) => aCheck(counter, { ask: 1, refuseAt: 5 }));
      expect((await admit(store, [check, full, ...others])).taken).toBe(false);
      await store.flush(5000);
      expect(await total(store, own)).toBe(40);
      expect((await admit(store, [check])).taken).toBe(true);
      expect((await admit(store, [check])).taken).toBe(false);
      expect((await admit(store, [check])).taken).toBe(false);
      await store.flush(5000);
      expect(await total(store, own)).toBe(160);
      expect(await Promise.all(free.map((counter) => total(store, counter)))).toEqual(free.map(() => 0));
    });

    describe.for([
      ...(["Sliding", "Fixed", "FixedFromFirst"] as const).map((name) => ({ name, shape: { algorithm: name } })),
      ...(["Hour", "Day", "Week", "Month", "Year"] as const).map((unit) => ({
        name: `the calendar's ${unit}`,
        shape: { calendar: aCalendar({ unit, timeZone: "Europe/Berlin" }) },
      })),
    ])("provisional asks, $name", ({ shape }) => {
      const held = { refuseAt: 1000, mustFit: true, isProvisional: true };

      test(title("a charge takes the place of the ask, above it or below"), async () => {
        const [more, less] = fresh(2, shape);
        if (more === undefined || less === undefined) throw new Error("no counter");
        const { holds } = await admit(
          store,
          [more, less].map((counter) => aCheck(counter, { ask: 100, ...held })),
        );
        expect(await total(store, more)).toBe(100);
        await charge(
          store,
          { counter: more, amount: 150, replaces: holds[0] },
          { counter: less, amount: 30, replaces: holds[1] },
        );
        expect([await total(store, more), await total(store, less)]).toEqual([150, 30]);
        await store.flush(5000);
        expect([await total(store, more), await total(store, less)]).toEqual([150, 30]);
      });

      test(title("a hold is released whole, and once"), async () => {
        const counter = one(shape);
        await charge(store, { counter, amount: 5 });
        const { holds } = await admit(store, [aCheck(counter, { ask: 100, ...held })]);
        holds[0]?.release();
        holds[0]?.release();
        await charge(store, { counter, amount: 0, replaces: holds[0] });
        expect(await total(store, counter)).toBe(5);
        await store.flush(5000);
        expect(await total(store, counter)).toBe(5);
      });

      test(title("what is released leaves what others added, in whatever order they end"), async () => {
        const counter = one(shape);
        const check = aCheck(counter, { ask: 10, ...held });
        const admissions = await Promise.all(Array.from({ length: 20 }, () => admit(store, [check])));
        const holds = admissions.map((each) => each.holds[0]);
        expect(await total(store, counter)).toBe(200);
        // Truths 0, 1, 2, ..., 19 in place of 10 each.
        await Promise.all(holds.map((replaces, amount) => charge(store, { counter, amount, replaces })).reverse());
        await store.flush(5000);
        expect(await total(store, counter)).toBe(190);
      });
    });

    test(title("only provisional asks have holds, and a refusal has none"), async () => {
      const [counter, other] = fresh(2);
      if (counter === undefined || other === undefined) throw new Error("no counter");
      const plain = await admit(store, [aCheck(other, { ask: 1, refuseAt: 5 })]);
      expect(plain.holds).toEqual([]);
      const mixed = [aCheck(other, { ask: 1, refuseAt: 5 }), aCheck(counter, { ask: 3, isProvisional: true })];
      const { holds } = await admit(store, mixed);
      expect(holds.map((hold) => hold !== undefined)).toEqual([false, true]);
      const refused = await admit(store, [
        aCheck(counter, { ask: 9, refuseAt: 5, mustFit: true, isProvisional: true }),
      ]);
      expect(refused).toMatchObject({ taken: false, holds: [] });
    });

    test(
      title("two checks that share a counter count once, and each compares what is asked with its own limit"),
      async () => {
        const counter = one();
        const first = aCheck(counter, { ask: 30, refuseAt: 100, mustFit: true });
        const second = aCheck({ ...counter }, { ask: 30, refuseAt: 50, mustFit: true, isRepeat: true });
        expect((await admit(store, [first, second])).taken).toBe(true);
        expect(await total(store, counter)).toBe(30);
        expect((await admit(store, [first, second])).taken).toBe(false);
        expect((await admit(store, [first])).taken).toBe(true);
        await store.flush(5000);
        expect(await total(store, counter)).toBe(60);
      },
    );

    test(title("a shadow limit never refuses and still counts"), async () => {
      const counter = one();
      for (let i = 0; i < 5; i += 1) expect((await admit(store, [aCheck(counter, { ask: 1 })])).taken).toBe(true);
      expect(await total(store, counter)).toBe(5);
    });

    test(title("two checks on one counter both count"), async () => {
      const counter = one();
      const { states } = await admit(store, [aCheck(counter, { ask: 1 }), aCheck({ ...counter }, { ask: 2 })]);
      expect(states.map(({ current }) => current)).toEqual([0, 0]);
      expect(await total(store, counter)).toBe(3);
    });

    test(title("64 counters in as many places are told in the order they were asked"), async () => {
      const counters = fresh(64);
      await charge(store, ...counters.map((counter, i) => ({ counter, amount: i + 1 })));
      const checks = counters.map((counter, i) => aCheck(counter, { ask: i % 4 === 0 ? 1 : 0, refuseAt: 1000 }));
      const admission = await admit(store, checks);
      expect(admission.taken).toBe(true);
      expect(admission.states.map(({ current }) => current)).toEqual(counters.map((_, i) => i + 1));
      await store.flush(5000);
      expect(await Promise.all(counters.map((counter) => total(store, counter)))).toEqual(
        counters.map((_, i) => i + 1 + (i % 4 === 0 ? 1 : 0)),
      );
    });

    test(title("a request without limits is admitted"), async () => {
      expect(await admit(store, [])).toMatchObject({ states: [], taken: true });
    });

    test(title("flushing with nothing to flush is done"), async () => {
      await store.flush(1000);
      await store.flush(1000);
    });

    test(
      title("every callback comes once, though the store is closed under it, and later calls are answered too"),
      async () => {
        const closing = await harness.open(prefix);
        const counter = one();
        const admissions: Admission[] = [];
        let sent = 0;
        const hear = (admission: Admission): void => void admissions.push(admission);
        closing.admit([aCheck(counter, { ask: 1, refuseAt: 5 })], hear);
        closing.charge([{ counter, amount: 1 }], () => (sent += 1));
        const closed = closing.close();
        closing.admit([aCheck(counter, { ask: 1, refuseAt: 5 })], hear);
        closing.charge([{ counter, amount: 1 }], () => (sent += 1));
        await closed;
        await closing.close();
        closing.admit([aCheck(counter)], hear);
        await new Promise((resolve) => setImmediate(resolve));
        expect([admissions.length, sent]).toEqual([3, 2]);
      },
    );
  });
}

function usagesOf({ states, nowMs }: Admission, counters: readonly Counter[]): (number | undefined)[] {
  return counters.map(({ window }, i) => (states[i] === undefined ? undefined : usageAt(window, states[i], nowMs)));
}
