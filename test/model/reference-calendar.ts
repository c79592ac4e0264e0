// Windows of the calendar by search: which period a moment belongs to is read off the local date that Intl writes, and its
// beginning and end are where that changes.

import type { CalendarPlan } from "./world-plan.ts";

const DAY_MS = 86_400_000;
/** No period is longer. */
const LONGEST_MS = 367 * DAY_MS;

interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  /** Of the local date, since 1970. */
  readonly dayNumber: number;
  /** Minutes that the local time is ahead of UTC. */
  readonly offset: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(nowMs: number, timeZone: string): LocalTime {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const numeric = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
    format = new Intl.DateTimeFormat("en-US", { timeZone, hourCycle: "h23", ...numeric });
    formats.set(timeZone, format);
  }
  const parts = format.formatToParts(nowMs);
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((each) => each.type === type)?.value);
  const [year, month, day, hour, minute] = [part("year"), part("month"), part("day"), part("hour"), part("minute")];
  const midnight = Date.UTC(year, month - 1, day);
  const offset = (midnight + (hour * 60 + minute) * 60_000) / 60_000 - Math.floor(nowMs / 60_000);
  return { year, month, day, hour, dayNumber: midnight / DAY_MS, offset };
}

/** Names the period: equal for all its moments, and for no others. */
function periodOf({ calendar, timeZone, anchorDay, weekStart }: CalendarPlan, nowMs: number): string {
  const { year, month, day, hour, dayNumber, offset } = localTime(nowMs, timeZone);
  switch (calendar) {
    case "Hour":
      return [dayNumber, hour, offset].join();
    case "Day":
      return String(dayNumber);
    case "Week":
      // 1 January 1970 was a Thursday: day 0 is 4 days after a Sunday.
      return String(dayNumber - ((dayNumber + 4 - weekStart + 7) % 7));
    case "Month": {
      const daysOfMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
      const hasBegun = day >= Math.min(anchorDay, daysOfMonth);
      return String(year * 12 + month - (hasBegun ? 0 : 1));
    }
    case "Year":
      return String(year);
  }
}

/** Half-open. */
export function calendarWindow(
  plan: CalendarPlan,
  nowMs: number,
): { readonly startMs: number; readonly endMs: number } {
  const period = periodOf(plan, nowMs);
  const isIn = (ms: number): boolean => periodOf(plan, ms) === period;
  return {
    startMs: firstIn(nowMs - LONGEST_MS, nowMs, isIn),
    endMs: firstIn(nowMs, nowMs + LONGEST_MS, (ms) => !isIn(ms)),
  };
}

/** The first millisecond after `from` for which it is true; it is false at `from`, true at `to`, and changes once. */
function firstIn(from: number, to: number, isTrue: (ms: number) => boolean): number {
  let [no, yes] = [from, to];
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    if (isTrue(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}
