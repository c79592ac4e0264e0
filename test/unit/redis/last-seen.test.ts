// What is remembered of counters while Redis answers: own amounts that it has taken up since they were read.

import { expect, test } from "vitest";
import { LastSeen } from "../../../dataplane/redis/last-seen.ts";
import { CounterAmount } from "../../../dataplane/redis/owed-amounts.ts";
import { aGridCalendar } from "../../helpers/calendars.ts";
import { aCounter } from "../../helpers/redis-store.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 5, 1);
const counter = aCounter({ prefix: "t:", calendar: aGridCalendar(DAY_MS) });

test.for([
  {
    name: "in the window that was seen is added",
    index: START_MS,
    state: { index: START_MS, current: 12, previous: 0 },
  },
  {
    name: "in a later window begins it",
    index: START_MS + DAY_MS,
    state: { index: START_MS + DAY_MS, current: 5, previous: 0 },
  },
  {
    name: "in one that is over is left out, as Redis leaves it out",
    index: START_MS - DAY_MS,
    state: { index: START_MS, current: 7, previous: 0 },
  },
])("[unit] of a calendar: an amount $name", ({ index, state }) => {
  const seen = new LastSeen();
  seen.set(counter, { index: START_MS, current: 7, previous: 0 });
  seen.add(new CounterAmount(counter, 5, index), START_MS + DAY_MS + 1);
  expect(seen.get(counter)).toEqual(state);
});
