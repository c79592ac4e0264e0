// Limits and windows that come with a request, as texts -> amounts within their bounds. Pure.

import { parseDuration } from "./duration.ts";
import { parseNano } from "./nano.ts";
import type { Unit } from "./usage.ts";

export const MIN_WINDOW_MS = 1_000;
export const MAX_WINDOW_MS = 366 * 86_400_000;

/** 2^53 - 1 has so many digits. */
const INTEGER = /^\d{1,16}$/;
const SECONDS = /^\d{1,8}$/;

interface AmountBounds {
  readonly unit: Unit;
  /** In the unit's own integers. */
  readonly max: number;
}

/** "500", with unit Cost also "12.50", in the unit's own integers from 1 to max; undefined when it is none of them. */
export function readAmount(text: string, { unit, max }: AmountBounds): number | undefined {
  const amount = unit === "Cost" ? parseNano(text) : INTEGER.test(text) ? Number(text) : undefined;
  return amount !== undefined && amount > 0 && amount <= max ? amount : undefined;
}

/** "60" (seconds) or a duration such as "1m30s", in milliseconds from 1 s to 366 days; undefined when it is none of them. */
export function readWindowMs(text: string): number | undefined {
  const ms = SECONDS.test(text) ? Number(text) * 1_000 : parseDuration(text);
  return ms !== undefined && ms >= MIN_WINDOW_MS && ms <= MAX_WINDOW_MS && ms % 1_000 === 0 ? ms : undefined;
}
