// Amounts and the time in which they may be used.

import { MINUTE_MS, optionCases, tokens } from "../world.ts";

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const fixed = { duration: "60s", algorithm: "Fixed" };

export const WINDOW_CASES = optionCases([
  {
    name: "how much may be used",
    without: { limits: [tokens({ limit: 12 })] },
    with: { limits: [tokens({ limit: 13 })] },
    play: (world) => world.statuses({}, {}, {}),
    shows: { without: [200, 429, 429], with: [200, 200, 429] },
  },
  {
    name: "how long a window is",
    without: { limits: [tokens({ window: { duration: "60s", algorithm: "Fixed" } })] },
    with: { limits: [tokens({ window: { duration: "90s", algorithm: "Fixed" } })] },
    play: async (world) => {
      const { headers } = await world.ask();
      world.advance(MINUTE_MS);
      return [
        Object.keys(headers).find((name) => name.startsWith("x-ai-ratelimit-limit")),
        ...(await world.statuses({})),
      ];
    },
    shows: {
      without: ["x-ai-ratelimit-limit-minute-l", 200],
      // START_MS lies on the grid of 90 s too.
      with: ["x-ai-ratelimit-limit-90-l", 429],
    },
  },
  {
    name: "a sliding window remembers the one before it",
    without: { limits: [tokens({ limit: 6, window: fixed })] },
    with: { limits: [tokens({ limit: 6, window: { duration: "60s", algorithm: "Sliding" } })] },
    play: async (world) => {
      await world.ask();
      world.advance(MINUTE_MS);
      const early = await world.statuses({});
      world.advance(31_000);
      return [...early, ...(await world.statuses({}))];
    },
    shows: { without: [200, 429], with: [429, 200] },
  },
  {
    name: "a fixed window begins anew",
    without: { limits: [tokens({ window: { duration: "60s" } })] },
    with: { limits: [tokens({ window: fixed })] },
    play: async (world) => {
      await world.ask();
      world.advance(MINUTE_MS);
      return world.statuses({});
    },
    shows: { without: [429], with: [200] },
  },
  {
    name: "a window from the first request",
    without: { limits: [tokens({ window: fixed })] },
    with: { limits: [tokens({ window: { duration: "60s", algorithm: "FixedFromFirst" } })] },
    play: async (world) => {
      world.advance(50_000);
      await world.ask();
      world.advance(10_000);
      const onTheGrid = await world.statuses({});
      world.advance(50_000);
      return [...onTheGrid, ...(await world.statuses({}))];
    },
    shows: { without: [200, 429], with: [429, 200] },
  },
  {
    name: "several windows for one subject",
    without: { limits: [tokens({ limit: 30, window: fixed })] },
    with: {
      limits: [
        tokens({ limit: 30, window: fixed }),
        tokens({ name: "hour", limit: 40, window: { duration: "1h", algorithm: "Fixed" } }),
      ],
    },
    play: async (world) => {
      const first = await world.statuses({}, {}, {}, {});
      world.advance(MINUTE_MS);
      return [...first, ...(await world.statuses({}, {}, {}))];
    },
    shows: { without: [200, 200, 200, 429, 200, 200, 200], with: [200, 200, 200, 429, 200, 429, 429] },
  },
  {
    name: "a window of the calendar",
    without: { limits: [tokens({ window: { duration: "30d", algorithm: "Fixed" } })] },
    with: { limits: [tokens({ window: { calendar: "Month", timeZone: "Europe/Berlin" } })] },
    // From 18 April: the month ends at midnight in Berlin, which is 22:00 UTC on the 30th.
    play: async (world) => {
      await world.ask();
      world.advance(12 * DAY_MS + 22 * HOUR_MS - 1);
      const last = await world.statuses({});
      world.advance(1);
      return [...last, ...(await world.statuses({}))];
    },
    shows: { without: [429, 429], with: [429, 200] },
  },
  {
    name: "the time zone of the calendar",
    without: { limits: [tokens({ window: { calendar: "Day" } })] },
    with: { limits: [tokens({ window: { calendar: "Day", timeZone: "America/New_York" } })] },
    // Midnight in New York is 04:00 in UTC.
    play: async (world) => {
      await world.ask();
      world.advance(5 * HOUR_MS);
      return world.statuses({});
    },
    shows: { without: [429], with: [200] },
  },
  {
    name: "the day of the month on which a window starts",
    without: { limits: [tokens({ window: { calendar: "Month" } })] },
    with: { limits: [tokens({ window: { calendar: "Month", anchorDay: 20 } })] },
    play: async (world) => {
      await world.ask();
      world.advance(2 * DAY_MS);
      return world.statuses({});
    },
    shows: { without: [429], with: [200] },
  },
  {
    name: "the day of the week on which a window starts",
    without: { limits: [tokens({ window: { calendar: "Week" } })] },
    with: { limits: [tokens({ window: { calendar: "Week", weekStart: "Saturday" } })] },
    // From a Friday.
    play: async (world) => {
      await world.ask();
      world.advance(DAY_MS);
      return world.statuses({});
    },
    shows: { without: [429], with: [200] },
  },
]);
