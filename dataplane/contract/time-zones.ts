// The time zones of the IANA database, from a table of our own: what the host or its Node knows may be of another version,
// and all data planes must end a window at the same time.

import { TimeZone, type TimeZoneRules, type YearlyChange } from "../core/time-zone.ts";
import { TIME_ZONE_TABLE } from "./time-zone-table.ts";

const MINUTE_MS = 60_000;
/** Times of the table count from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const RADIX = 36;

/** Line of each name. */
const LINES = new Map<string, string>(
  TIME_ZONE_TABLE.trim()
    .split("\n")
    .flatMap((line) => namesOf(line).map((name) => [name, line] as const)),
);

export function isTimeZone(name: string): boolean {
  return LINES.has(name);
}

/** All names, those included that the database keeps for compatibility. */
export function timeZoneNames(): Iterable<string> {
  return LINES.keys();
}

/** Those that have been asked for. */
const ZONES = new Map<string, TimeZone>();

/** Undefined for a name that the IANA database does not have, or has in another case of letters. */
export function findTimeZone(name: string): TimeZone | undefined {
  const known = ZONES.get(name);
  const line = known === undefined ? LINES.get(name) : undefined;
  if (line === undefined) return known;
  const zone = new TimeZone(name, readRules(line));
  ZONES.set(name, zone);
  return zone;
}

function readRules(line: string): TimeZoneRules {
  const [, offset = "", changes = "", yearly = ""] = line.split("|");
  return {
    firstOffsetMs: Number(offset) * MINUTE_MS,
    changes: textsOf(changes).map(readChange),
    yearly: textsOf(yearly).map(readYearly),
  };
}

function namesOf(line: string): readonly string[] {
  return textsOf(line.slice(0, line.indexOf("|")));
}

function textsOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(" ");
}

/** "6bx2o=120": from that minute on, the offset in minutes. */
function readChange(text: string): { readonly atMs: number; readonly offsetMs: number } {
  const [minute = "", offset = ""] = text.split("=");
  return { atMs: EPOCH_MS + Number.parseInt(minute, RADIX) * MINUTE_MS, offsetMs: Number(offset) * MINUTE_MS };
}

/** "3.0.25.120=120": month, weekday, first day, minute of the local day; from then on the offset in minutes. */
function readYearly(text: string): YearlyChange {
  const [when = "", offset = ""] = text.split("=");
  const [month = 0, weekday = 0, firstDay = 0, wallMinute = 0] = when.split(".").map(Number);
  return { month, weekday, firstDay, wallMs: wallMinute * MINUTE_MS, offsetMs: Number(offset) * MINUTE_MS };
}
