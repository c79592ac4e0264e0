// Checked limits -> decision. Pure: knows neither stores nor HTTP.

import { refusedFrom } from "./counter-store.ts";
import type { Limit } from "./limit.ts";
import { addAt, type CounterState, usageAt, waitMs } from "./window.ts";

/** One matching limit with the state of its counter for this request. */
export interface CheckedLimit {
  readonly limit: Limit;
  /** Before the ask. */
  readonly state: CounterState;
  /** What the request asks for at once, if anything. */
  readonly asked?: Asked | undefined;
}

export interface Asked {
  readonly ask: number;
  /** See Check. */
  readonly mustFit?: boolean | undefined;
  readonly isProvisional?: boolean | undefined;
  readonly countsRefused?: boolean | undefined;
}

export interface LimitStatus {
  readonly limit: Limit;
  /** Of its counter, at this moment by the store's clock. */
  readonly state: CounterState;
  readonly nowMs: number;
  /** Usage counted so far, the present request excluded; fractional for Sliding. */
  readonly usage: number;
  /** What this request has asked for at once: has to fit when the limit's unit says so. */
  readonly ask: number;
  /** limit - floor(usage), at least 0; less what the request has added already: an estimate, or an ask that counts when refused. */
  readonly remaining: number;
  readonly exhausted: boolean;
  /**
   * Milliseconds until this request would pass with no more traffic; 0 unless exhausted. Infinity when it never will, as
   * it asks for more than the limit.
   */
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
const NOTHING: Asked = { ask: 0 };

/**
 * Usage at or above the limit refuses; the request that crosses it completes. What has to fit refuses when usage and ask
 * together are above the limit. Shadow limits are reported, never decide.
 */
export function decide(checked: readonly CheckedLimit[], nowMs: number): Decision {
  const found = checked.map((entry) => statusOf(entry, nowMs));
  if (!found.some(isExhausted)) return { kind: "allow", statuses: withHolds(checked, found), shadowed: NONE };
  const isRefused = found.some((s) => s.exhausted && s.limit.mode === "Enforce");
  const statuses = isRefused ? withPenalties(checked, found) : withHolds(checked, found);
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

function statusOf({ limit, state, asked = NOTHING }: CheckedLimit, nowMs: number): LimitStatus {
  const usage = usageAt(limit.window, state, nowMs);
  // The smallest usage that refuses: the limit itself, unless the ask has to fit.
  const from = asked.mustFit === true ? refusedFrom({ ...asked, refuseAt: limit.limit }) : limit.limit;
  const exhausted = usage >= from;
  return {
    limit,
    state,
    nowMs,
    usage,
    ask: asked.ask,
    remaining: Math.max(0, limit.limit - Math.floor(usage)),
    exhausted,
    waitMs: exhausted ? waitUntilBelow(from, { limit, state }, nowMs) : 0,
  };
}

function waitUntilBelow(from: number, { limit, state }: CheckedLimit, nowMs: number): number {
  return from > 0 ? waitMs(limit.window, state, { limit: from, nowMs }) : Infinity;
}

/** An estimate counts as used from now on, for whoever is told what remains. */
function withHolds(checked: readonly CheckedLimit[], statuses: readonly LimitStatus[]): readonly LimitStatus[] {
  if (!checked.some(({ asked }) => asked?.isProvisional === true)) return statuses;
  return statuses.map((status, i) => {
    if (checked[i]?.asked?.isProvisional !== true) return status;
    return { ...status, remaining: Math.max(0, status.remaining - status.ask) };
  });
}

/** What counts although the request is refused is used from now on, and the wait is that much longer. */
function withPenalties(checked: readonly CheckedLimit[], statuses: readonly LimitStatus[]): readonly LimitStatus[] {
  if (!checked.some(({ asked }) => asked?.countsRefused === true)) return statuses;
  return statuses.map((status, i) => {
    const { limit, nowMs, ask } = status;
    const asked = checked[i]?.asked;
    if (asked?.countsRefused !== true) return status;
    const state = addAt(status.state, nowMs, { window: limit.window, amount: ask });
    const after = statusOf({ limit, state, asked }, nowMs);
    return { ...status, remaining: after.remaining, waitMs: status.exhausted ? after.waitMs : 0 };
  });
}
