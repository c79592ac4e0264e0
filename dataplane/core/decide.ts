// Checked limits -> decision. Pure: knows neither stores nor HTTP.

import type { Limit } from "./limit.ts";
import { addAt, type CounterState, usageAt, waitMs } from "./window.ts";

/** One matching limit with the state of its counter for this request. */
export interface CheckedLimit {
  readonly limit: Limit;
  readonly state: CounterState;
}

export interface LimitStatus {
  readonly limit: Limit;
  /** Of its counter, at this moment by the store's clock. */
  readonly state: CounterState;
  readonly nowMs: number;
  /** Usage counted so far, the present request excluded; fractional for Sliding. */
  readonly usage: number;
  /** limit - floor(usage), at least 0. */
  readonly remaining: number;
  readonly exhausted: boolean;
  /** Milliseconds until usage is below the limit with no more traffic; 0 unless exhausted. */
  readonly waitMs: number;
}

export type Decision =
  | { readonly kind: "allow"; readonly statuses: readonly LimitStatus[]; readonly shadowed: readonly LimitStatus[] }
  | {
      readonly kind: "deny";
      readonly statuses: readonly LimitStatus[];
      /** The exhausted enforced limits; never empty. */
      readonly exhausted: readonly LimitStatus[];
      /** Of these the one with the longest wait; ties go to the first in policy order. Its policy's response is used. */
      readonly decidedBy: LimitStatus;
      readonly shadowed: readonly LimitStatus[];
    };

const NONE: readonly LimitStatus[] = [];

/** Usage at or above the limit refuses; the request that crosses it completes. Shadow limits are reported, never decide. */
export function decide(checked: readonly CheckedLimit[], nowMs: number): Decision {
  const statuses = checked.map((entry) => statusOf(entry, nowMs));
  if (!statuses.some(isExhausted)) return { kind: "allow", statuses, shadowed: NONE };
  const exhausted = statuses.filter((s) => s.exhausted && s.limit.mode === "Enforce");
  const shadowed = statuses.filter((s) => s.exhausted && s.limit.mode === "Shadow");
  const [first, ...rest] = exhausted;
  if (first === undefined) return { kind: "allow", statuses, shadowed };
  const decidedBy = rest.reduce((longest, s) => (s.waitMs > longest.waitMs ? s : longest), first);
  return { kind: "deny", statuses, exhausted, decidedBy, shadowed };
}

/** Milliseconds until `remaining` rises if nothing more is used; undefined while the whole limit remains. */
export function refillMs(status: LimitStatus): number | undefined {
  if (status.exhausted) return status.waitMs;
  const { limit, state, nowMs } = status;
  const counted = Math.floor(status.usage);
  return counted === 0 ? undefined : waitMs(limit.window, state, { limit: counted, nowMs });
}

/**
 * Milliseconds until the limit is there again if nothing more is used. Exhausted: until the request passes, if it ever does.
 * Else until the whole of it is there: the end of the window, for Sliding the moment when all that was used has faded (0 when
 * nothing was).
 */
export function resetMs(status: LimitStatus): number {
  if (status.exhausted && status.waitMs !== Infinity) return status.waitMs;
  const { nowMs, limit, state } = status;
  const { window } = limit;
  if (window.algorithm === "Sliding") return waitMs(window, state, { limit: Number.MIN_VALUE, nowMs });
  // As it is with a window in which something was used: that has an end to wait for.
  return waitMs(window, addAt(state, nowMs, { window, amount: 1 }), { limit: 1, nowMs });
}

function isExhausted({ exhausted }: LimitStatus): boolean {
  return exhausted;
}

function statusOf({ limit, state }: CheckedLimit, nowMs: number): LimitStatus {
  const usage = usageAt(limit.window, state, nowMs);
  const exhausted = usage >= limit.limit;
  return {
    limit,
    state,
    nowMs,
    usage,
    remaining: Math.max(0, limit.limit - Math.floor(usage)),
    exhausted,
    waitMs: exhausted ? waitMs(limit.window, state, { limit: limit.limit, nowMs }) : 0,
  };
}
