// What is owed to Redis: merged while it waits, aged with its window, gone when acknowledged.

import fc from "fast-check";
import { expect, test } from "vitest";
import { EMPTY_STATE } from "../../../dataplane/core/window.ts";
import { type ChargeItem, OwedAmounts } from "../../../dataplane/redis/owed-amounts.ts";
import { aCounter, HOUR_MS } from "../../helpers/redis-store.ts";

const INDEX = 500_000;
const NOW_MS = INDEX * HOUR_MS + 1;
const counter = aCounter({ prefix: "t:" });

/** Charges, and seals it all windowsLater on. */
function seal(owed: OwedAmounts, charges: readonly [amount: number, index: number][], nowIndex: number): ChargeItem[] {
  const items: ChargeItem[] = [];
  for (const [amount, index] of charges) owed.charge({ counter, amount, index });
  const entry = owed.charge({ counter, amount: 0, index: nowIndex });
  if (entry !== undefined) owed.seal(entry, nowIndex * HOUR_MS, items);
  return items;
}

test.for([
  {
    name: "charges of one window merge",
    charges: [
      [3, 0],
      [4, 0],
    ],
    now: 0,
    items: [[7, 0]],
  },
  {
    name: "a charge of the last window goes apart from one of this",
    charges: [
      [3, 0],
      [4, 1],
    ],
    now: 1,
    items: [
      [3, 0],
      [4, 1],
    ],
  },
  { name: "a charge that waited into the next window keeps its own", charges: [[3, 0]], now: 1, items: [[3, 0]] },
  {
    name: "a charge whose window is out of view is worth nothing",
    charges: [
      [3, 0],
      [4, 2],
    ],
    now: 2,
    items: [[4, 2]],
  },
  {
    name: "nothing is left of an outage of many windows but the last two",
    charges: [
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 4],
    ],
    now: 4,
    items: [
      [4, 3],
      [5, 4],
    ],
  },
] as const)("[unit] $name", ({ charges, now, items }) => {
  const owed = new OwedAmounts(10);
  const sealed = seal(
    owed,
    charges.map(([amount, index]) => [amount, INDEX + index]),
    INDEX + now,
  );
  expect(sealed.map(({ amount, index }) => [amount, index - INDEX])).toEqual(items);
});

test("[unit] what waits, what is sent and what is held adds to what Redis tells; what is acknowledged does not", () => {
  const owed = new OwedAmounts(10);
  const current = (): number => owed.addTo(counter, { index: INDEX, current: 100, previous: 0 }, NOW_MS).current;
  const [item] = seal(owed, [[5, INDEX]], INDEX);
  owed.charge({ counter, amount: 7, index: INDEX });
  const held = { counter, amount: 11, index: INDEX };
  owed.hold(held);
  expect(current()).toBe(123);
  owed.acknowledge(held);
  expect(current()).toBe(112);
  if (item !== undefined) owed.acknowledge(item);
  expect(current()).toBe(107);
});

test("[unit] a counter is forgotten when all of it is acknowledged, and owed again when Redis has lost it", () => {
  const owed = new OwedAmounts(10);
  const [item] = seal(owed, [[5, INDEX]], INDEX);
  if (item === undefined) throw new Error("nothing was sealed");
  owed.acknowledge(item);
  expect(owed.size).toBe(0);
  owed.reopen(item);
  expect(owed.addTo(counter, EMPTY_STATE, NOW_MS)).toEqual({ index: INDEX, current: 5, previous: 0 });
});

test("[unit] what is owed fades with its window in own checks too", () => {
  const owed = new OwedAmounts(10);
  owed.charge({ counter, amount: 5, index: INDEX });
  const told = [0, 1, 2].map((windows) => owed.addTo(counter, EMPTY_STATE, NOW_MS + windows * HOUR_MS));
  expect(told.map(({ current, previous }) => [current, previous])).toEqual([
    [5, 0],
    [0, 5],
    [0, 0],
  ]);
});

test("[unit] from first: own amounts count until their window ends, and tell when it opened", () => {
  const fromFirst = aCounter({ prefix: "t:", algorithm: "FixedFromFirst" });
  const owed = new OwedAmounts(10);
  owed.charge({ counter: fromFirst, amount: 5, index: NOW_MS });
  const item = { counter: fromFirst, amount: 7, index: NOW_MS + 2 };
  owed.hold(item);
  const told = [10, HOUR_MS - 1, HOUR_MS + 3].map((ms) => owed.addTo(fromFirst, EMPTY_STATE, NOW_MS + ms));
  expect(told.map(({ index, current }) => [index - NOW_MS, current])).toEqual([
    [0, 12],
    [0, 12],
    [HOUR_MS + 3, 0],
  ]);
  const open = { index: NOW_MS + HOUR_MS, current: 100, previous: 0 };
  owed.charge({ counter: fromFirst, amount: 1, index: open.index });
  owed.acknowledge(item);
  expect(owed.addTo(fromFirst, open, NOW_MS + HOUR_MS + 3)).toEqual({ ...open, current: 101 });
});

test("[unit] beyond its limit of counters it takes no new one, and goes on with those it has", () => {
  const owed = new OwedAmounts(2);
  const [a, b, c] = ["a", "b", "c"].map((values) => aCounter({ prefix: "t:", values }));
  if (a === undefined || b === undefined || c === undefined) throw new Error("no counter");
  const took = [a, b, c, a].map((each) => owed.charge({ counter: each, amount: 1, index: INDEX }) !== undefined);
  expect(took).toEqual([true, true, false, true]);
});

test("[unit] however charges, batches and answers interleave, Redis and what it is owed make the sum of all charges", () => {
  const action = fc.oneof(
    fc.record({ charge: fc.integer({ min: 1, max: 99 }) }),
    fc.constantFrom("seal", "acknowledge", "lose"),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const owed = new OwedAmounts(10);
      const sent: ChargeItem[] = [];
      const applied: ChargeItem[] = [];
      let charged = 0;
      for (const each of actions) {
        if (typeof each === "object") {
          charged += each.charge;
          owed.charge({ counter, amount: each.charge, index: INDEX });
        } else if (each === "seal") sent.push(...seal(owed, [], INDEX));
        else {
          const [from, to] = each === "lose" ? [applied, sent] : [sent, applied];
          const item = from.shift();
          if (item === undefined) continue;
          if (each === "lose") owed.reopen(item);
          else owed.acknowledge(item);
          to.push(item);
        }
      }
      const inRedis = applied.reduce((sum, { amount }) => sum + amount, 0);
      return owed.addTo(counter, { index: INDEX, current: inRedis, previous: 0 }, NOW_MS).current === charged;
    }),
  );
});
