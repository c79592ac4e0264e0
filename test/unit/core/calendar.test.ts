// Windows of the calendar where clocks are put forward and back, dates are left out or come twice, and months are short.

import { describe, expect, test } from "vitest";
import { aCalendar, type CalendarShape, instant, spanText } from "../../helpers/calendars.ts";

interface Row extends CalendarShape {
  readonly name: string;
  readonly at: string;
  readonly from: string;
  readonly to: string;
}

const days: readonly Omit<Row, "unit">[] = [
  {
    name: "a plain day in UTC",
    at: "2026-03-01T12:00Z",
    from: "2026-03-01T00:00Z",
    to: "2026-03-02T00:00Z",
  },
  {
    name: "the first millisecond belongs to it",
    at: "2026-03-01T00:00:00.000Z",
    from: "2026-03-01T00:00Z",
    to: "2026-03-02T00:00Z",
  },
  {
    name: "the last millisecond belongs to it",
    at: "2026-03-01T23:59:59.999Z",
    from: "2026-03-01T00:00Z",
    to: "2026-03-02T00:00Z",
  },
  {
    name: "23 hours in Berlin in spring",
    timeZone: "Europe/Berlin",
    at: "2026-03-29T12:00Z",
    from: "2026-03-28T23:00Z",
    to: "2026-03-29T22:00Z",
  },
  {
    name: "25 hours in Berlin in autumn",
    timeZone: "Europe/Berlin",
    at: "2026-10-25T12:00Z",
    from: "2026-10-24T22:00Z",
    to: "2026-10-25T23:00Z",
  },
  {
    name: "begins at 01:00 in Sao Paulo, where midnight was left out",
    timeZone: "America/Sao_Paulo",
    at: "2018-11-04T12:00Z",
    from: "2018-11-04T03:00Z",
    to: "2018-11-05T02:00Z",
  },
  {
    name: "the day before that one has 24 hours",
    timeZone: "America/Sao_Paulo",
    at: "2018-11-03T12:00Z",
    from: "2018-11-03T03:00Z",
    to: "2018-11-04T03:00Z",
  },
  {
    name: "25 hours in Sao Paulo, whose midnight was put back to 23:00",
    timeZone: "America/Sao_Paulo",
    at: "2018-02-17T12:00Z",
    from: "2018-02-17T02:00Z",
    to: "2018-02-18T03:00Z",
  },
  {
    name: "in that hour come twice it is still the day before",
    timeZone: "America/Sao_Paulo",
    at: "2018-02-18T02:30Z",
    from: "2018-02-17T02:00Z",
    to: "2018-02-18T03:00Z",
  },
  {
    name: "a date that begins, goes back into the one before and comes again is one window from its first moment on",
    timeZone: "America/St_Johns",
    at: "2010-11-07T03:00Z",
    from: "2010-11-07T02:30Z",
    to: "2010-11-08T03:30Z",
  },
  {
    name: "and the date before it ends where it first ended",
    timeZone: "America/St_Johns",
    at: "2010-11-06T12:00Z",
    from: "2010-11-06T02:30Z",
    to: "2010-11-07T02:30Z",
  },
  {
    name: "the day before the one that Samoa left out",
    timeZone: "Pacific/Apia",
    at: "2011-12-30T09:59:59.999Z",
    from: "2011-12-29T10:00Z",
    to: "2011-12-30T10:00Z",
  },
  {
    name: "the day after the one that Samoa left out",
    timeZone: "Pacific/Apia",
    at: "2011-12-30T10:00Z",
    from: "2011-12-30T10:00Z",
    to: "2011-12-31T10:00Z",
  },
  {
    name: "a quarter past the hours of UTC in Kathmandu",
    timeZone: "Asia/Kathmandu",
    at: "2026-06-01T00:00Z",
    from: "2026-05-31T18:15Z",
    to: "2026-06-01T18:15Z",
  },
  {
    name: "24.5 hours on Lord Howe, whose clock goes back by half an hour",
    timeZone: "Australia/Lord_Howe",
    at: "2026-04-05T00:00Z",
    from: "2026-04-04T13:00Z",
    to: "2026-04-05T13:30Z",
  },
  {
    name: "25 hours in Casablanca when the fast begins",
    timeZone: "Africa/Casablanca",
    at: "2026-02-15T12:00Z",
    from: "2026-02-14T23:00Z",
    to: "2026-02-16T00:00Z",
  },
  {
    name: "a zone under its old name",
    timeZone: "Asia/Calcutta",
    at: "2026-06-01T00:00Z",
    from: "2026-05-31T18:30Z",
    to: "2026-06-01T18:30Z",
  },
  {
    name: "long after all that is listed, by rule",
    timeZone: "Europe/Berlin",
    at: "2300-07-01T12:00Z",
    from: "2300-06-30T22:00Z",
    to: "2300-07-01T22:00Z",
  },
];

const hours: readonly Omit<Row, "unit">[] = [
  {
    name: "an hour of Kathmandu",
    timeZone: "Asia/Kathmandu",
    at: "2026-06-01T00:00Z",
    from: "2026-05-31T23:15Z",
    to: "2026-06-01T00:15Z",
  },
  {
    name: "the hour before summer time",
    timeZone: "Europe/Berlin",
    at: "2026-03-29T00:30Z",
    from: "2026-03-29T00:00Z",
    to: "2026-03-29T01:00Z",
  },
  {
    name: "the first of the two hours from 2 to 3",
    timeZone: "Europe/Berlin",
    at: "2026-10-25T00:30Z",
    from: "2026-10-25T00:00Z",
    to: "2026-10-25T01:00Z",
  },
  {
    name: "the second of the two hours from 2 to 3",
    timeZone: "Europe/Berlin",
    at: "2026-10-25T01:30Z",
    from: "2026-10-25T01:00Z",
    to: "2026-10-25T02:00Z",
  },
  {
    name: "the whole hour before Lord Howe goes back by half an hour",
    timeZone: "Australia/Lord_Howe",
    at: "2026-04-04T14:30Z",
    from: "2026-04-04T14:00Z",
    to: "2026-04-04T15:00Z",
  },
  {
    name: "the half hour that comes again there",
    timeZone: "Australia/Lord_Howe",
    at: "2026-04-04T15:00Z",
    from: "2026-04-04T15:00Z",
    to: "2026-04-04T15:30Z",
  },
  {
    name: "the half hour that is left when it goes forward",
    timeZone: "Australia/Lord_Howe",
    at: "2026-10-03T15:45Z",
    from: "2026-10-03T15:30Z",
    to: "2026-10-03T16:00Z",
  },
  {
    name: "an hour that a change by a whole hour falls into",
    timeZone: "America/St_Johns",
    at: "2010-11-07T02:31Z",
    from: "2010-11-07T02:30Z",
    to: "2010-11-07T03:30Z",
  },
];

const weeks: readonly Omit<Row, "unit">[] = [
  { name: "from Monday", at: "2026-03-01T12:00Z", from: "2026-02-23T00:00Z", to: "2026-03-02T00:00Z" },
  { name: "from Sunday", weekStart: 0, at: "2026-03-01T12:00Z", from: "2026-03-01T00:00Z", to: "2026-03-08T00:00Z" },
  { name: "from Saturday", weekStart: 6, at: "2026-03-01T12:00Z", from: "2026-02-28T00:00Z", to: "2026-03-07T00:00Z" },
  {
    name: "of 167 hours with summer time in it",
    timeZone: "Europe/Berlin",
    at: "2026-03-25T12:00Z",
    from: "2026-03-22T23:00Z",
    to: "2026-03-29T22:00Z",
  },
  {
    name: "that would begin on a date that was left out begins on the next",
    timeZone: "Pacific/Apia",
    weekStart: 5,
    at: "2012-01-02T12:00Z",
    from: "2011-12-30T10:00Z",
    to: "2012-01-05T10:00Z",
  },
];

const months: readonly Omit<Row, "unit">[] = [
  { name: "from the first", at: "2026-02-10T00:00Z", from: "2026-02-01T00:00Z", to: "2026-03-01T00:00Z" },
  {
    name: "from the 31st in February begins on its last day",
    anchorDay: 31,
    at: "2026-03-15T00:00Z",
    from: "2026-02-28T00:00Z",
    to: "2026-03-31T00:00Z",
  },
  {
    name: "from the 31st in a leap year's February",
    anchorDay: 31,
    at: "2028-02-29T00:00Z",
    from: "2028-02-29T00:00Z",
    to: "2028-03-31T00:00Z",
  },
  {
    name: "from the 31st, the day before its last day in February",
    anchorDay: 31,
    at: "2028-02-28T23:59:59.999Z",
    from: "2028-01-31T00:00Z",
    to: "2028-02-29T00:00Z",
  },
  {
    name: "from the 30th in a century without a leap day",
    anchorDay: 30,
    at: "2100-03-01T00:00Z",
    from: "2100-02-28T00:00Z",
    to: "2100-03-30T00:00Z",
  },
  {
    name: "over the end of the year",
    anchorDay: 15,
    at: "2027-01-14T00:00Z",
    from: "2026-12-15T00:00Z",
    to: "2027-01-15T00:00Z",
  },
  {
    name: "in New York, with both ends in its own time",
    timeZone: "America/New_York",
    at: "2026-03-15T00:00Z",
    from: "2026-03-01T05:00Z",
    to: "2026-04-01T04:00Z",
  },
  {
    name: "in Kiritimati, 14 hours ahead",
    timeZone: "Pacific/Kiritimati",
    at: "2026-01-31T12:00Z",
    from: "2026-01-31T10:00Z",
    to: "2026-02-28T10:00Z",
  },
];

const years: readonly Omit<Row, "unit">[] = [
  { name: "a leap year", at: "2028-12-31T23:59:59Z", from: "2028-01-01T00:00Z", to: "2029-01-01T00:00Z" },
  {
    name: "in Berlin",
    timeZone: "Europe/Berlin",
    at: "2026-12-31T22:59:59Z",
    from: "2025-12-31T23:00Z",
    to: "2026-12-31T23:00Z",
  },
];

const ALL: readonly Row[] = [
  ...days.map((row) => ({ ...row, unit: "Day" as const })),
  ...hours.map((row) => ({ ...row, unit: "Hour" as const })),
  ...weeks.map((row) => ({ ...row, unit: "Week" as const })),
  ...months.map((row) => ({ ...row, unit: "Month" as const })),
  ...years.map((row) => ({ ...row, unit: "Year" as const })),
];

describe("the window that contains a moment", () => {
  test.for(ALL)("[unit] $unit: $name", ({ at, from, to, ...shape }) => {
    const expected = spanText({ startMs: instant(from), endMs: instant(to) });
    expect(spanText(aCalendar(shape).spanAt(instant(at)))).toBe(expected);
  });

  test("[unit] what was asked before changes no answer", () => {
    const calendar = aCalendar({ unit: "Day" });
    const moments = ["2026-03-01T12:00Z", "2026-03-02T00:00Z", "2026-03-01T23:59:59.999Z", "2020-01-01T00:00Z"];
    const starts = moments.map((at) => new Date(calendar.spanAt(instant(at)).startMs).toISOString().slice(0, 10));
    expect(starts).toEqual(["2026-03-01", "2026-03-02", "2026-03-01", "2020-01-01"]);
  });
});
