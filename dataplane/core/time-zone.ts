// A time zone: which offset from UTC holds when. Pure; contract/time-zones.ts knows the zones.

/** The time in which one offset holds, half-open; from -Infinity or to Infinity where the zone never changes. */
export interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
  /** Local time minus UTC. */
  readonly offsetMs: number;
}

/** A change that comes every year, on the first such weekday on or after a day of a month. */
export interface YearlyChange {
  /** 1..12. */
  readonly month: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly firstDay: number;
  /** Local time of that day by the offset that held until then. */
  readonly wallMs: number;
  /** From then on. */
  readonly offsetMs: number;
}

export interface TimeZoneRules {
  /** Holds before the first change. */
  readonly firstOffsetMs: number;
  /** Ascending. */
  readonly changes: readonly { readonly atMs: number; readonly offsetMs: number }[];
  /** After the last of the changes: none, or two that take turns. */
  readonly yearly: readonly YearlyChange[];
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** 1970-01-01 was a Thursday. */
const EPOCH_WEEKDAY = 4;

export class TimeZone {
  /** As the IANA database has it. */
  readonly name: string;
  readonly #startMs: readonly number[];
  readonly #offsetMs: readonly number[];
  readonly #yearly: readonly YearlyChange[];

  constructor(name: string, { firstOffsetMs, changes, yearly }: TimeZoneRules) {
    this.name = name;
    this.#startMs = [-Infinity, ...changes.map(({ atMs }) => atMs)];
    this.#offsetMs = [firstOffsetMs, ...changes.map(({ offsetMs }) => offsetMs)];
    this.#yearly = yearly;
  }

  /** The stretch that contains a moment (epoch milliseconds). */
  stretchAt(nowMs: number): Stretch {
    let low = 0;
    let high = this.#startMs.length;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#startMs[middle] ?? Infinity) <= nowMs) low = middle;
      else high = middle;
    }
    const startMs = this.#startMs[low] ?? -Infinity;
    const offsetMs = this.#offsetMs[low] ?? 0;
    if (low + 1 < this.#startMs.length || this.#yearly.length === 0) {
      return { startMs, endMs: this.#startMs[low + 1] ?? Infinity, offsetMs };
    }
    return this.#yearlyStretchAt(nowMs, { startMs, endMs: Infinity, offsetMs });
  }

  /** `last`: the one from the last listed change on, as if nothing followed; it contains nowMs. */
  #yearlyStretchAt(nowMs: number, last: Stretch): Stretch {
    let { startMs, endMs, offsetMs } = last;
    const year = new Date(nowMs).getUTCFullYear();
    for (let each = year - 1; each <= year + 1; each += 1) {
      for (const [i, change] of this.#yearly.entries()) {
        const before = this.#yearly[1 - i] ?? change;
        const atMs = changeMs(each, change) - before.offsetMs;
        if (atMs > nowMs) endMs = Math.min(endMs, atMs);
        else if (atMs > startMs) {
          startMs = atMs;
          offsetMs = change.offsetMs;
        }
      }
    }
    return { startMs, endMs, offsetMs };
  }
}

/** Local time of a yearly change, as if it were UTC. */
function changeMs(year: number, { month, weekday, firstDay, wallMs }: YearlyChange): number {
  const firstMs = Date.UTC(year, month - 1, firstDay);
  const later = (weekday - weekdayOf(firstMs / DAY_MS) + 7) % 7;
  return firstMs + later * DAY_MS + wallMs;
}

/** Of a day counted from 1970-01-01; 0 is Sunday. */
export function weekdayOf(day: number): number {
  return (((day + EPOCH_WEEKDAY) % 7) + 7) % 7;
}
