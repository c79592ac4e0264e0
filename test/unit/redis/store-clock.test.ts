// Redis's clock as told from its replies.

import { expect, test } from "vitest";
import { StoreClock } from "../../../dataplane/redis/store-clock.ts";

const LOCAL_MS = 1_000_000;

function told(replies: readonly [storeMs: number, localMs: number][]): StoreClock {
  const clock = new StoreClock();
  for (const [storeMs, localMs] of replies) clock.learn(storeMs, localMs);
  return clock;
}

test.for([
  {
    name: "knowing nothing, it is the local clock in whole milliseconds",
    replies: [],
    at: LOCAL_MS + 0.7,
    is: LOCAL_MS,
  },
  { name: "it goes on from the last reply", replies: [[5000, LOCAL_MS]], at: LOCAL_MS + 10, is: 5010 },
  {
    name: "a reply that took longer is not believed over a quick one",
    replies: [
      [5000, LOCAL_MS],
      [5010, LOCAL_MS + 40],
    ],
    at: LOCAL_MS + 40,
    is: 5040,
  },
  {
    name: "a quicker reply is believed at once",
    replies: [
      [5000, LOCAL_MS + 30],
      [5010, LOCAL_MS + 10],
    ],
    at: LOCAL_MS + 10,
    is: 5010,
  },
  {
    name: "a clock that was set back is believed after two seconds",
    replies: [
      [5000, LOCAL_MS],
      [1000, LOCAL_MS + 1000],
      [2000, LOCAL_MS + 2000],
    ],
    at: LOCAL_MS + 2000,
    is: 2000,
  },
  {
    name: "what is long ago counts no more beside what is new",
    replies: [
      [5000, LOCAL_MS],
      [5000, LOCAL_MS + 9000],
    ],
    at: LOCAL_MS + 9000,
    is: 5000,
  },
] as const)("[unit] $name", ({ replies, at, is }) => {
  expect(told(replies.map(([storeMs, localMs]) => [storeMs, localMs])).at(at)).toBe(is);
});

test("[unit] it asks to be told again after a second", () => {
  const clock = told([[5000, LOCAL_MS]]);
  expect([LOCAL_MS, LOCAL_MS + 999, LOCAL_MS + 1000].map((ms) => clock.isFresh(ms))).toEqual([true, true, false]);
});

test("[unit] a server that has not spoken yet is believed to have the time of one that has", () => {
  expect(new StoreClock(told([[5000, LOCAL_MS]])).at(LOCAL_MS + 1)).toBe(5001);
});
