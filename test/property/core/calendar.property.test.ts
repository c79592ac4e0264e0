// Laws of the calendar's windows, and the same windows by another way: Node's own Intl, wherever its data are of the same
// opinion as ours.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { timeZoneNames } from "../../../dataplane/contract/time-zones.ts";
import type { CalendarUnit } from "../../../dataplane/core/calendar.ts";
import { aCalendar, aZone, type CalendarShape } from "../../helpers/calendars.ts";
import { IntlZone } from "./intl-zone.ts";

const NAMES = [...timeZoneNames()];
/** Those of Node's data that this version of the database has not changed since, by what both say of these years. */
const FROM_MS = Date.UTC(2000, 0, 2);
const TO_MS = Date.UTC(2037, 11, 1);
const STEP_MS = 60 * 86_400_000;

const moment = fc.integer({ min: FROM_MS, max: TO_MS });
const anyMoment = fc.integer({ min: 0, max: Date.UTC(2400, 0, 1) });
const unit = fc.constantFrom<CalendarUnit>("Hour", "Day", "Week", "Month", "Year");
const shape: fc.Arbitrary<Required<CalendarShape>> = fc.record({
  unit,
  timeZone: fc.constantFrom(...NAMES),
  anchorDay: fc.integer({ min: 1, max: 31 }),
  weekStart: fc.integer({ min: 0, max: 6 }),
});
/** A moment a few hours around a change of the zone's clock, where all that is hard is. */
const nearChange = fc.record({ shape, nowMs: moment, aside: fc.integer({ min: -50, max: 50 }) }).map((each) => {
  const { endMs } = aZone(each.shape.timeZone).stretchAt(each.nowMs);
  const nowMs = Number.isFinite(endMs) ? Math.min(endMs, TO_MS) + each.aside * 3_600_000 : each.nowMs;
  return { shape: each.shape, nowMs };
});
const asked = fc.oneof(fc.record({ shape, nowMs: anyMoment }), nearChange);

const LONGEST_MS: Readonly<Record<CalendarUnit, number>> = {
  Hour: 3_600_000,
  Day: 49 * 3_600_000,
  Week: 8.1 * 86_400_000,
  Month: 32.1 * 86_400_000,
  Year: 367 * 86_400_000,
};

describe("laws", () => {
  test("[unit] a window contains the moment that it was asked for, and is never longer than its unit can be", () => {
    fc.assert(
      fc.property(asked, ({ shape: each, nowMs }) => {
        const { startMs, endMs } = aCalendar(each).spanAt(nowMs);
        return startMs <= nowMs && nowMs < endMs && endMs - startMs <= LONGEST_MS[each.unit];
      }),
      { numRuns: 3000 },
    );
  });

  test("[unit] windows follow each other without a gap and without an overlap", () => {
    fc.assert(
      fc.property(asked, ({ shape: each, nowMs }) => {
        const span = aCalendar(each).spanAt(nowMs);
        const next = aCalendar(each).spanAt(span.endMs);
        const before = aCalendar(each).spanAt(span.startMs - 1);
        return next.startMs === span.endMs && before.endMs === span.startMs;
      }),
      { numRuns: 3000 },
    );
  });

  test("[unit] every moment of a window is told the same window", () => {
    fc.assert(
      fc.property(
        asked,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        ({ shape: each, nowMs }, part) => {
          const { startMs, endMs } = aCalendar(each).spanAt(nowMs);
          const inside = aCalendar(each).spanAt(startMs + Math.floor(part * (endMs - startMs)));
          return inside.startMs === startMs && inside.endMs === endMs;
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("against Node's Intl", () => {
  const zones = new Map<string, IntlZone>();
  /** Undefined where Node's data are of another version of the database, or lack the name. */
  function intlZone(name: string): IntlZone | undefined {
    const known = zones.get(name);
    if (known !== undefined) return known.agrees ? known : undefined;
    const zone = new IntlZone(name);
    zone.agrees = zone.isKnown && agreesWith(zone, name);
    zones.set(name, zone);
    return zone.agrees ? zone : undefined;
  }
  function agreesWith(zone: IntlZone, name: string): boolean {
    const ours = aZone(name);
    for (let atMs = FROM_MS; atMs < TO_MS + 32 * 86_400_000; ) {
      const { endMs, offsetMs } = ours.stretchAt(atMs);
      if (offsetMs !== zone.offsetMs(atMs)) return false;
      if (Number.isFinite(endMs) && offsetMs !== zone.offsetMs(endMs - 1)) return false;
      atMs = Math.min(endMs, atMs + STEP_MS);
    }
    return true;
  }

  test("[unit] nearly every zone has the same offsets there, whatever version of the database Node has", {
    timeout: 60_000,
  }, () => {
    const disagreeing = NAMES.filter((name) => intlZone(name) === undefined);
    expect(disagreeing.length, disagreeing.join(", ")).toBeLessThan(NAMES.length / 10);
  });

  test("[unit] the offset of any moment is the same", () => {
    let compared = 0;
    fc.assert(
      fc.property(nearChange, ({ shape: { timeZone }, nowMs }) => {
        const intl = intlZone(timeZone);
        if (intl === undefined) return true;
        compared += 1;
        return intl.offsetMs(nowMs) === aZone(timeZone).stretchAt(nowMs).offsetMs;
      }),
      { numRuns: 5000 },
    );
    expect(compared).toBeGreaterThan(4000);
  });

  test("[unit] days, weeks, months and years begin at the first moment that has their first date, or a later one", () => {
    let compared = 0;
    fc.assert(
      fc.property(nearChange, ({ shape: each, nowMs }) => {
        const intl = intlZone(each.timeZone);
        if (intl === undefined || each.unit === "Hour") return true;
        compared += 1;
        const { startMs, endMs } = aCalendar(each).spanAt(nowMs);
        const startDay = intl.firstDay(startMs, each);
        return (
          intl.dayAt(startMs) >= startDay &&
          intl.isFirstMomentOf(startMs, startDay) &&
          intl.isFirstMomentOf(endMs, intl.followingDay(startDay, each))
        );
      }),
      { numRuns: 2500 },
    );
    expect(compared).toBeGreaterThan(1500);
  });
});
