// The window of a limit -> the form that the data plane runs.

import type { LimitSpec } from "../crds/ai-rate-limit-policy.ts";
import type { CompiledWindow } from "../dataplane/contract/compiled.ts";
import { isTimeZone, timeZoneNames } from "../dataplane/contract/time-zones.ts";
import { parseDuration } from "../dataplane/core/duration.ts";
import { MAX_WINDOW_MS, MIN_WINDOW_MS } from "../dataplane/core/resolved-value.ts";
import { quoted } from "./found-text.ts";
import { withSuggestion } from "./nearest-name.ts";
import type { Reporter } from "./report.ts";

type WindowSpec = LimitSpec["window"];
type CompiledCalendar = NonNullable<CompiledWindow["calendar"]>;

const DAY_MS = 86_400_000;

/** Lengths by which windows are spoken of: a day has 23 to 25 hours, a month 28 to 31 days. */
const NOMINAL_MS: Readonly<Record<CompiledCalendar["unit"], number>> = {
  Hour: 3_600_000,
  Day: DAY_MS,
  Week: 7 * DAY_MS,
  Month: 30 * DAY_MS,
  Year: 365 * DAY_MS,
};

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** `field` is the window's path. What is returned is meaningless after an error was reported. */
export function compileWindow(spec: WindowSpec, field: string, report: Reporter): CompiledWindow {
  const { algorithm = "Sliding", duration = "", calendar } = spec;
  if (calendar === undefined) return { algorithm, durationMs: readDuration(duration, field, report) };
  const { timeZone = "UTC", anchorDay, weekStart } = spec;
  checkTimeZone(timeZone, field, report);
  return {
    algorithm: "Calendar",
    durationMs: NOMINAL_MS[calendar],
    calendar: {
      unit: calendar,
      timeZone,
      ...(anchorDay !== undefined && { anchorDay }),
      ...(weekStart !== undefined && { weekStart: WEEKDAYS.indexOf(weekStart) }),
    },
  };
}

/** The part of a counter's identity: windows that end at the same times are one, however they are written. */
export function windowIdentity({ algorithm, durationMs, calendar }: CompiledWindow): string {
  if (calendar === undefined) return `${algorithm}/${String(durationMs)}`;
  const { unit, timeZone, anchorDay = 1, weekStart = 1 } = calendar;
  const start = unit === "Month" ? `/${String(anchorDay)}` : unit === "Week" ? `/${String(weekStart)}` : "";
  return `${algorithm}/${unit}/${timeZone}${start}`;
}

function readDuration(duration: string, field: string, report: Reporter): number {
  const ms = parseDuration(duration) ?? 0;
  if (ms >= MIN_WINDOW_MS && ms <= MAX_WINDOW_MS) return ms;
  const wanted = "a duration from 1s to 366d";
  report.error({ code: "Invalid", field: `${field}.duration`, found: quoted(duration), wanted });
  return MIN_WINDOW_MS;
}

function checkTimeZone(name: string, field: string, report: Reporter): void {
  if (isTimeZone(name)) return;
  const wanted = withSuggestion("a name that the IANA database has, like Europe/Berlin", name, timeZoneNames());
  report.error({ code: "Invalid", field: `${field}.timeZone`, found: quoted(name), wanted });
}
