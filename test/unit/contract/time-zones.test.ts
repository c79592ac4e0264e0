// The table of time zones: which names it has, and what it says of them.

import { describe, expect, test } from "vitest";
import { findTimeZone, isTimeZone, timeZoneNames } from "../../../dataplane/contract/time-zones.ts";
import { aZone, instant } from "../../helpers/calendars.ts";

const HOUR_MS = 3_600_000;

describe("names", () => {
  test("[unit] every name that this Node knows is known, and those that it keeps for compatibility", () => {
    const missing = Intl.supportedValuesOf("timeZone").filter((name) => !isTimeZone(name));
    expect(missing).toEqual([]);
    const old = ["UTC", "GMT", "Etc/UTC", "Etc/GMT-14", "US/Pacific", "Asia/Calcutta", "EST5EDT", "Zulu", "W-SU"];
    expect(old.filter((name) => !isTimeZone(name))).toEqual([]);
    expect([...timeZoneNames()].length).toBeGreaterThan(590);
  });

  test.for(["europe/berlin", "Europe/Berlin ", "Europe/", "", "CEST", "+01:00", "constructor", "Europe/Berlin|60"])(
    "[unit] %j is none",
    (name) => {
      expect(isTimeZone(name)).toBe(false);
      expect(findTimeZone(name)).toBeUndefined();
    },
  );

  test("[unit] no name stands twice", () => {
    const names = [...timeZoneNames()];
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("offsets", () => {
  test.for([
    { zone: "UTC", at: "2026-07-01T00:00Z", hours: 0 },
    { zone: "Europe/Berlin", at: "2026-03-29T00:59:59.999Z", hours: 1 },
    { zone: "Europe/Berlin", at: "2026-03-29T01:00Z", hours: 2 },
    { zone: "Europe/Berlin", at: "2499-10-25T00:59:59.999Z", hours: 2 },
    { zone: "Europe/Berlin", at: "2501-07-01T00:00Z", hours: 2 },
    { zone: "Asia/Kathmandu", at: "2026-01-01T00:00Z", hours: 5.75 },
    { zone: "Australia/Lord_Howe", at: "2026-01-01T00:00Z", hours: 11 },
    { zone: "Australia/Lord_Howe", at: "2026-07-01T00:00Z", hours: 10.5 },
    { zone: "Pacific/Apia", at: "2011-12-30T09:59:59.999Z", hours: -10 },
    { zone: "Pacific/Apia", at: "2011-12-30T10:00Z", hours: 14 },
    { zone: "Africa/Casablanca", at: "2026-01-01T00:00Z", hours: 1 },
    { zone: "Africa/Casablanca", at: "2026-03-01T00:00Z", hours: 0 },
    { zone: "Etc/GMT+5", at: "2026-01-01T00:00Z", hours: -5 },
    { zone: "America/Sao_Paulo", at: "1999-01-01T00:00Z", hours: -2 },
  ])("[unit] $zone at $at: $hours h", ({ zone, at, hours }) => {
    expect(aZone(zone).stretchAt(instant(at)).offsetMs).toBe(hours * HOUR_MS);
  });

  test("[unit] stretches follow each other without a gap, and each change changes something", () => {
    for (const name of timeZoneNames()) {
      const zone = aZone(name);
      let stretch = zone.stretchAt(instant("1990-01-01T00:00Z"));
      while (stretch.endMs < instant("2600-01-01T00:00Z")) {
        const next = zone.stretchAt(stretch.endMs);
        if (next.startMs !== stretch.endMs || next.offsetMs === stretch.offsetMs || next.endMs <= next.startMs) {
          throw new Error(`${name}: ${JSON.stringify([stretch, next])}`);
        }
        stretch = next;
      }
    }
  });
});
