// The windows of a limit of an AIRateLimitPolicy: of a length, or of the calendar.

import { z } from "zod";
import { integer, text, windowDuration } from "./meta.ts";
import { exactlyOneOf, type Rule, withRules } from "./rule.ts";

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;

const windowFields = z.strictObject({
  duration: windowDuration()
    .optional()
    .describe(
      "Length of the window: a number and s, m, h or d, like 30s, 1m, 24h or 1h30m; from 1s to 366d. Or a template that each " +
        "request brings it with, as whole seconds or as such a text: ${http_x_window ?? 60s}; see value of per. Requests that " +
        "bring another length count in counters of their own, at most 32 lengths of a limit at a time; what is no length is " +
        "answered 400. Either this or calendar.",
    ),
  algorithm: z
    .enum(["Sliding", "Fixed", "FixedFromFirst"])
    .optional()
    .describe(
      "With duration only. Sliding: what was used in the last duration, with the window before fading out evenly. Fixed: " +
        "starts at 0 on every multiple of duration since 1970-01-01T00:00:00Z. FixedFromFirst: starts at 0 with the first " +
        "request that meets the limit, also one that another limit refuses, and lasts for duration; the first request or " +
        "late charge after that starts the next. Default Sliding.",
    ),
  calendar: z
    .enum(["Hour", "Day", "Week", "Month", "Year"])
    .optional()
    .describe(
      "A window of the calendar of timeZone, which starts at 0: with each full hour, at the beginning of each day, of weekStart " +
        "in each week, of anchorDay in each month, of 1 January in each year. Summer time is observed: a day may have 23 or " +
        "25 hours, and begins where its first moment is when midnight is left out. An hour that comes twice is two windows.",
    ),
  timeZone: text({
    wanted: "a time zone of the IANA database, like Europe/Berlin",
    max: 64,
    pattern: /^[A-Za-z][A-Za-z0-9+_-]*(\/[A-Za-z0-9+_-]+)*$/,
  })
    .optional()
    .describe("With calendar only: a time zone of the IANA database, like Europe/Berlin. Default UTC."),
  anchorDay: integer(1, 31)
    .optional()
    .describe(
      "With calendar Month only: the day of the month on which the window starts, 1 to 31; in a month that is shorter, its last " +
        "day. Default 1.",
    ),
  weekStart: z
    .enum(WEEKDAYS)
    .optional()
    .describe("With calendar Week only: the day on which the window starts. Default Monday."),
});

type WindowFields = z.output<typeof windowFields>;

/** A field that says something of the calendar's windows, or of one unit of them alone. */
function calendarField(name: keyof WindowFields, unit?: WindowFields["calendar"]): Rule<WindowFields> {
  return {
    cel: `!has(self.${name}) || (has(self.calendar)${unit === undefined ? "" : ` && self.calendar == '${unit}'`})`,
    message: `no ${name}, which goes with calendar${unit === undefined ? "" : ` ${unit}`} only`,
    field: name,
    holds: ({ [name]: value, calendar }) =>
      value === undefined || (unit === undefined ? calendar !== undefined : calendar === unit),
  };
}

export const window = withRules(windowFields, [
  exactlyOneOf("duration", "calendar"),
  {
    cel: "!has(self.algorithm) || has(self.duration)",
    message: "no algorithm, which goes with duration only",
    field: "algorithm",
    holds: ({ algorithm, duration }) => algorithm === undefined || duration !== undefined,
  },
  calendarField("timeZone"),
  calendarField("anchorDay", "Month"),
  calendarField("weekStart", "Week"),
]);
