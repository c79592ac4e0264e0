// Calendars for tests: by a time zone's name, and as wall-clock texts.

import { findTimeZone } from "../../dataplane/contract/time-zones.ts";
import { type Calendar, type CalendarUnit, LocalCalendar, type Span } from "../../dataplane/core/calendar.ts";
import type { TimeZone } from "../../dataplane/core/time-zone.ts";

export interface CalendarShape {
  readonly unit: CalendarUnit;
  readonly timeZone?: string;
  readonly anchorDay?: number;
  /** 0 is Sunday. */
  readonly weekStart?: number;
}

export function aZone(name: string): TimeZone {
  const zone = findTimeZone(name);
  if (zone === undefined) throw new Error(`no time zone ${name}`);
  return zone;
}

export function aCalendar({ unit, timeZone = "UTC", anchorDay = 1, weekStart = 1 }: CalendarShape): LocalCalendar {
  return new LocalCalendar(aZone(timeZone), { unit, anchorDay, weekStart });
}

/** Windows of exactly so long on the grid of the epoch, but told as a calendar tells them. */
export function aGridCalendar(durationMs: number): Calendar {
  const spanAt = (nowMs: number): Span => {
    const startMs = Math.floor(nowMs / durationMs) * durationMs;
    return { startMs, endMs: startMs + durationMs };
  };
  return { unit: "Day", timeZone: "UTC", spanAt };
}

export const instant = (text: string): number => {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new Error(`no instant: ${text}`);
  return ms;
};

export const spanText = ({ startMs, endMs }: Span): string =>
  `${new Date(startMs).toISOString()} ${new Date(endMs).toISOString()}`;
