// What windows are called in headers and messages. The compiler tells the names of headers apart by it, the data plane writes
// them.

import type { CalendarUnit } from "../core/calendar.ts";

const NAMES = new Map<number, string>([
  [1, "second"],
  [60, "minute"],
  [3_600, "hour"],
  [86_400, "day"],
  [2_592_000, "month"],
  [31_536_000, "year"],
]);

/** Of a compiled window, and of one that the data plane runs. */
export interface NamedWindow {
  readonly durationMs: number;
  readonly calendar?: { readonly unit: CalendarUnit } | undefined;
}

/** "minute" for 60,000 ms, ..., else the seconds. A month is 30 days here, a year 365; those of the calendar say so. */
export function windowName({ durationMs, calendar }: NamedWindow): string {
  if (calendar !== undefined) return `calendar-${calendar.unit.toLowerCase()}`;
  const seconds = durationMs / 1000;
  return NAMES.get(seconds) ?? String(seconds);
}
