// Windows of the calendar: hours, days, weeks, months and years by a local clock, as UTC instants. Pure. Windows of one
// calendar follow each other without a gap, whatever the clocks do: a moment belongs to exactly one.

import { DAY_MS, HOUR_MS, type Stretch, type TimeZone, weekdayOf } from "./time-zone.ts";

export type CalendarUnit = "Hour" | "Day" | "Week" | "Month" | "Year";

/** Half-open, epoch milliseconds. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

export interface Calendar {
  readonly unit: CalendarUnit;
  /** Name of the time zone. */
  readonly timeZone: string;
  /** The window that contains a moment. */
  spanAt(nowMs: number): Span;
}

export interface CalendarRules {
  readonly unit: CalendarUnit;
  /** Month: the day it starts on, 1..31; in a shorter month its last day. */
  readonly anchorDay: number;
  /** Week: the day it starts on; 0 is Sunday. */
  readonly weekStart: number;
}

/** No zone has ever been further from UTC than this. */
const FURTHEST_MS = 16 * HOUR_MS;

export class LocalCalendar implements Calendar {
  readonly unit: CalendarUnit;
  readonly timeZone: string;
  readonly #zone: TimeZone;
  readonly #rules: CalendarRules;
  /** Nearly always the one that is asked for next. */
  #last: Span = { startMs: Infinity, endMs: Infinity };

  constructor(zone: TimeZone, rules: CalendarRules) {
    this.unit = rules.unit;
    this.timeZone = zone.name;
    this.#zone = zone;
    this.#rules = rules;
  }

  spanAt(nowMs: number): Span {
    const { startMs, endMs } = this.#last;
    if (nowMs < startMs || nowMs >= endMs) {
      this.#last = this.unit === "Hour" ? hourAt(this.#zone, nowMs) : this.#daysAt(nowMs);
    }
    return this.#last;
  }

  /** Where clocks go back past midnight a date comes twice; the window of the next has begun then, and goes on. */
  #daysAt(nowMs: number): Span {
    const { offsetMs } = this.#zone.stretchAt(nowMs);
    let first = firstDayOf(Math.floor((nowMs + offsetMs) / DAY_MS), this.#rules);
    let next = followingDay(first, this.#rules);
    let endMs = firstMoment(this.#zone, next);
    while (endMs <= nowMs) {
      first = next;
      next = followingDay(first, this.#rules);
      endMs = firstMoment(this.#zone, next);
    }
    return { startMs: firstMoment(this.#zone, first), endMs };
  }
}

/** The first moment at which the local date is this day (counted from 1970-01-01) or, where it is left out, a later one. */
function firstMoment(zone: TimeZone, day: number): number {
  const localMs = day * DAY_MS;
  let stretch = zone.stretchAt(localMs - FURTHEST_MS);
  let atMs = momentIn(stretch, localMs);
  while (atMs >= stretch.endMs) {
    stretch = zone.stretchAt(stretch.endMs);
    atMs = momentIn(stretch, localMs);
  }
  return atMs;
}

function momentIn({ startMs, offsetMs }: Stretch, localMs: number): number {
  return Math.max(startMs, localMs - offsetMs);
}

/**
 * An hour of real time between two full hours of the local clock: where the clock goes back by an hour, the one that comes
 * again is a window of its own. A change by a part of an hour moves the full hours and begins a window, which is shorter.
 */
function hourAt(zone: TimeZone, nowMs: number): Span {
  const now = zone.stretchAt(nowMs);
  const pastHourMs = pastFullHour(now);
  const startMs = Math.floor((nowMs + pastHourMs) / HOUR_MS) * HOUR_MS - pastHourMs;
  const endMs = startMs + HOUR_MS;
  let before = now;
  while (before.startMs > startMs && pastFullHour(before) === pastHourMs) before = zone.stretchAt(before.startMs - 1);
  let after = now;
  while (after.endMs < endMs && pastFullHour(after) === pastHourMs) after = zone.stretchAt(after.endMs);
  return {
    startMs: pastFullHour(before) === pastHourMs ? startMs : before.endMs,
    endMs: pastFullHour(after) === pastHourMs ? endMs : after.startMs,
  };
}

/** What the local clock shows past a full hour when UTC shows one. */
function pastFullHour({ offsetMs }: Stretch): number {
  return ((offsetMs % HOUR_MS) + HOUR_MS) % HOUR_MS;
}

/** The first day of the window that a day is in. */
function firstDayOf(day: number, { unit, anchorDay, weekStart }: CalendarRules): number {
  if (unit === "Day") return day;
  if (unit === "Week") return day - ((weekdayOf(day) - weekStart + 7) % 7);
  const date = new Date(day * DAY_MS);
  const year = date.getUTCFullYear();
  if (unit === "Year") return dayOf(year, 0, 1);
  const month = date.getUTCMonth();
  const anchor = anchorOf(year, month, anchorDay);
  return day >= anchor ? anchor : anchorOf(year, month - 1, anchorDay);
}

/** The first day of the window after the one that starts on `first`. */
function followingDay(first: number, { unit, anchorDay }: CalendarRules): number {
  if (unit === "Day") return first + 1;
  if (unit === "Week") return first + 7;
  const date = new Date(first * DAY_MS);
  if (unit === "Year") return dayOf(date.getUTCFullYear() + 1, 0, 1);
  return anchorOf(date.getUTCFullYear(), date.getUTCMonth() + 1, anchorDay);
}

/** `month` counts from 0 and may lie outside the year. */
function anchorOf(year: number, month: number, anchorDay: number): number {
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return dayOf(year, month, Math.min(anchorDay, lastDay));
}

function dayOf(year: number, month: number, date: number): number {
  return Date.UTC(year, month, date) / DAY_MS;
}
