// A compiled window -> the one that requests are counted in.

import type { CompiledWindow } from "../contract/compiled.ts";
import { findTimeZone } from "../contract/time-zones.ts";
import { LocalCalendar } from "../core/calendar.ts";
import { LimitWindow } from "../core/window.ts";

export function createWindow({ algorithm, durationMs, calendar }: CompiledWindow): LimitWindow {
  return new LimitWindow(algorithm, durationMs, calendar && createCalendar(calendar));
}

/** Throws a RangeError for a time zone that does not exist; whoever read the compiled window has refused it before. */
function createCalendar({
  unit,
  timeZone,
  anchorDay = 1,
  weekStart = 1,
}: NonNullable<CompiledWindow["calendar"]>): LocalCalendar {
  const zone = findTimeZone(timeZone);
  if (zone === undefined) throw new RangeError(`time zone ${JSON.stringify(timeZone)} is not known`);
  return new LocalCalendar(zone, { unit, anchorDay, weekStart });
}
