// Writes dataplane/contract/time-zone-table.ts from the time zone database that moment-timezone packs (the only thing that
// is used of it). What changes every year by one rule to the end of that data becomes the rule, proven year by year.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { tz } = require("moment-timezone");
const data = require("moment-timezone/data/packed/latest.json");

const PATH = new URL("../dataplane/contract/time-zone-table.ts", import.meta.url);
/** Changes before this are left out: no window is that old. */
const FROM_MS = Date.UTC(2000, 0, 1);
/** The data repeat yearly changes up to here. */
const LAST_YEAR = 2499;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const RADIX = 36;

function minutes(ms, what) {
  const whole = ms / MINUTE_MS;
  if (!Number.isInteger(whole)) throw new Error(`${what}: ${ms} ms are no whole minutes`);
  return whole;
}

/** The offset before all changes, and the changes: { atMs, before, after }, offsets in minutes east of UTC. */
function changesOf({ name, offsets, untils }) {
  const east = offsets.map((west) => -west || 0);
  const all = untils.slice(0, -1).map((atMs, i) => ({ atMs, before: east[i], after: east[i + 1] }));
  // Where only the name of the time changes, nothing does here.
  const changes = all.filter(({ atMs, before, after }) => atMs > FROM_MS && before !== after);
  const first = changes[0]?.before ?? east.at(-1);
  for (const each of [first, ...changes.map(({ after }) => after)]) {
    if (!Number.isInteger(each)) throw new Error(`${name}: an offset of ${each} minutes`);
  }
  return { first, changes };
}

/** The rule of a change that comes each year: the first weekday on or after a day, by the clock that is then put on. */
function ruleOf(name, changes) {
  // At 24:00 of the last Thursday of a month can be the first of the next: so midnight may belong to the day before.
  const rule = [0, 1].map((daysBack) => fitted(changes, daysBack)).find((fit) => fit !== undefined);
  if (rule === undefined) throw new Error(`${name}: no rule makes its yearly changes`);
  return rule;
}

function fitted(changes, daysBack) {
  const locals = changes.map(({ atMs, before }) => new Date(atMs + before * MINUTE_MS - daysBack * DAY_MS));
  const rule = {
    month: only(locals.map((date) => date.getUTCMonth() + 1)),
    weekday: only(locals.map((date) => date.getUTCDay())),
    firstDay: Math.min(...locals.map((date) => date.getUTCDate())),
    minute: only(
      locals.map((date) => minutes(date.getTime() % DAY_MS, "a yearly change") + (daysBack * DAY_MS) / MINUTE_MS),
    ),
    before: only(changes.map(({ before }) => before)),
    after: only(changes.map(({ after }) => after)),
  };
  return Object.values(rule).includes(undefined) ? undefined : rule;
}

function only(values) {
  return values.every((value) => value === values[0]) ? values[0] : undefined;
}

function ruleInYear({ month, weekday, firstDay, minute, before }, year) {
  const firstMs = Date.UTC(year, month - 1, firstDay);
  const later = (weekday - new Date(firstMs).getUTCDay() + 7) % 7;
  return firstMs + later * DAY_MS + (minute - before) * MINUTE_MS;
}

/** Two rules that make all changes from a year on, and the changes before it. */
function splitYearly(name, changes) {
  if (changes.length === 0 || new Date(changes.at(-1).atMs).getUTCFullYear() < LAST_YEAR)
    return { listed: changes, rules: [] };
  // 400 years, after which the calendar repeats: each day that a rule can fall on occurs.
  const tail = changes.slice(-800);
  const rules = [0, 1].map((turn) =>
    ruleOf(
      name,
      tail.filter((_, i) => i % 2 === turn),
    ),
  );
  let from = changes.length;
  for (; from > 0; from -= 1) {
    const { atMs, before, after } = changes[from - 1];
    const year = new Date(atMs + before * MINUTE_MS).getUTCFullYear();
    const fits = rules.some(
      (rule) => rule.before === before && rule.after === after && ruleInYear(rule, year) === atMs,
    );
    // Nor may one be left out before the next.
    const next = changes[from]?.atMs ?? atMs;
    if (!fits || next - atMs > 366 * DAY_MS) break;
  }
  if (changes.length - from < 800) throw new Error(`${name}: the yearly rules hold for less than 400 years`);
  // The first of them is listed: the rules say what follows the last one that is.
  return { listed: changes.slice(0, from + 1), rules };
}

function lineOf(zone, aliases) {
  const { first, changes } = changesOf(zone);
  const { listed, rules } = splitYearly(zone.name, changes);
  const names = [zone.name, ...aliases].join(" ");
  const times = listed.map(({ atMs, after }) => `${minutes(atMs - FROM_MS, zone.name).toString(RADIX)}=${after}`);
  const yearly = rules.map(
    ({ month, weekday, firstDay, minute, after }) => `${month}.${weekday}.${firstDay}.${minute}=${after}`,
  );
  return `${names}|${first}|${times.join(" ")}|${yearly.join(" ")}`;
}

const aliases = new Map();
for (const [target, alias] of data.links.map((link) => link.split("|"))) {
  aliases.set(target, [...(aliases.get(target) ?? []), alias].sort());
}
const zones = data.zones.map((packed) => tz.unpack(packed)).sort((a, b) => (a.name < b.name ? -1 : 1));
const lines = zones.map((zone) => lineOf(zone, aliases.get(zone.name) ?? []));

const text = `// Generated by make generate from version ${data.version} of the IANA time zone database (in the public domain), as moment-timezone
// packs it: the changes of each zone's offset from UTC since 2000.

/**
 * A line for each zone: its names | the offset in minutes before the first change | <minute since 2000-01-01T00:00Z in base
 * 36>=<offset from then on> ... | where it changes every year after these: <month>.<weekday, 0 is Sunday>.<first day>.<minute
 * of the local day>=<offset from then on>, on the first such weekday on or after that day.
 */
export const TIME_ZONE_TABLE = \`
${lines.join("\n")}
\`;
`;
if (readOr(PATH, "") !== text) writeFileSync(PATH, text);

function readOr(file, fallback) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return fallback; // the first time
  }
}
