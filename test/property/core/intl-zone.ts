// Local dates by Node's Intl, and calendar arithmetic on dates as texts: another way to the windows that core/calendar.ts
// works out.

import type { CalendarShape } from "../../helpers/calendars.ts";

type Shape = Required<CalendarShape>;

const DAY_MS = 86_400_000;
/** The last moment, and what changes of clocks are made of: minutes (St John's), halves of hours and hours. */
const BEFORE_MS = [1 / 60_000, 1, 15, 29, 30, 45, 59, 60, 61, 90, 119, 120, 180, 360, 720, 1080, 1439].map(
  (minutes) => minutes * 60_000,
);

export class IntlZone {
  readonly isKnown: boolean;
  agrees = false;
  readonly #format: Intl.DateTimeFormat | undefined;

  constructor(name: string) {
    this.#format = formatOf(name);
    this.isKnown = this.#format !== undefined;
  }

  /** Local time as if it were UTC. */
  localMs(atMs: number): number {
    const parts = new Map(this.#format?.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const date = Date.UTC(part("year"), part("month") - 1, part("day"));
    return date + ((part("hour") * 60 + part("minute")) * 60 + part("second")) * 1000 + (((atMs % 1000) + 1000) % 1000);
  }

  offsetMs(atMs: number): number {
    return this.localMs(atMs) - atMs;
  }

  /** The local date as a number of days. */
  dayAt(atMs: number): number {
    return Math.floor(this.localMs(atMs) / DAY_MS);
  }

  /** Whether it has this date or a later one, and no moment that is looked at in the day before it has. */
  isFirstMomentOf(atMs: number, day: number): boolean {
    return this.dayAt(atMs) >= day && BEFORE_MS.every((ms) => this.dayAt(atMs - ms) < day);
  }

  /** The first date of the window that starts at this moment; earlier than the moment's own where dates are left out. */
  firstDay(startMs: number, shape: Shape): number {
    const day = this.dayAt(startMs);
    const back = [0, 1, 2].find((days) => beginsWindow(new Date((day - days) * DAY_MS), shape)) ?? 0;
    return day - back;
  }

  /** The first date after this one that begins a window. */
  followingDay(day: number, shape: Shape): number {
    for (let next = day + 1; ; next += 1) {
      if (beginsWindow(new Date(next * DAY_MS), shape)) return next;
    }
  }
}

function beginsWindow(date: Date, { unit, anchorDay, weekStart }: Shape): boolean {
  if (unit === "Week") return date.getUTCDay() === weekStart;
  if (unit === "Year") return date.toISOString().slice(5, 10) === "01-01";
  if (unit === "Day" || unit === "Hour") return true;
  const isLastOfMonth = new Date(date.getTime() + DAY_MS).getUTCDate() === 1;
  return date.getUTCDate() === anchorDay || (isLastOfMonth && date.getUTCDate() < anchorDay);
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    return undefined; // Node does not have this name
  }
}
