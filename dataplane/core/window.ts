// Window arithmetic: what a stored counter is worth now, and when it will let a request pass again. Pure; times are
// epoch milliseconds of the store's clock. Windows of Sliding and Fixed are aligned to the Unix epoch, so every data plane
// names the same one; a window of FixedFromFirst opens at a check or a charge while none is open, and the store says when.
// Windows of Calendar are aligned to a local clock, which each data plane knows alike.

import type { Calendar, Span } from "./calendar.ts";

export type Algorithm = "Sliding" | "Fixed" | "FixedFromFirst" | "Calendar";

export interface Window {
  readonly algorithm: Algorithm;
  /** Length in milliseconds, a positive integer. Calendar: of such windows in general, for words; not for arithmetic. */
  readonly durationMs: number;
  /** With Calendar, and with no other. */
  readonly calendar?: Calendar | undefined;
}

/** Windows are read several times per request: all are of one shape. */
export class LimitWindow implements Window {
  readonly algorithm: Algorithm;
  readonly durationMs: number;
  readonly calendar: Calendar | undefined;

  constructor(algorithm: Algorithm, durationMs: number, calendar: Calendar | undefined) {
    this.algorithm = algorithm;
    this.durationMs = durationMs;
    this.calendar = calendar;
  }
}

/** What a store keeps for a counter: amounts of the window with this index and of the one before it. */
export interface CounterState {
  /**
   * Sliding and Fixed: floor(nowMs / durationMs) at the last write. FixedFromFirst: the moment that the window opened.
   * Calendar: the moment that the window of the last write started.
   */
  readonly index: number;
  readonly current: number;
  /** Always 0 for FixedFromFirst and Calendar: what lies before a window's start is over. */
  readonly previous: number;
}

export const EMPTY_STATE: CounterState = { index: 0, current: 0, previous: 0 };

/** Amounts stop here rather than lose digits: doubles count exactly up to 2^53. */
export const MAX_AMOUNT = Number.MAX_SAFE_INTEGER;

/** The index of the window that contains a moment; Sliding and Fixed only. */
export function windowIndex(nowMs: number, durationMs: number): number {
  return Math.floor(nowMs / durationMs);
}

/** The index of the window that contains a moment; not of FixedFromFirst, whose store says it. */
export function indexAt({ durationMs, calendar }: Window, nowMs: number): number {
  return calendar === undefined ? windowIndex(nowMs, durationMs) : calendar.spanAt(nowMs).startMs;
}

/** FixedFromFirst: half-open, so the moment of its end belongs to the next. One opened by a clock ahead of ours is open. */
export function isOpen({ index }: { readonly index: number }, nowMs: number, { durationMs }: Window): boolean {
  return nowMs < index + durationMs;
}

/**
 * The state as it stands in the window that contains nowMs: the amounts of the last write move one window back for each
 * window that has passed. A state written by a clock slightly ahead (index above ours) is read as of that window.
 * FixedFromFirst: the open window, else an empty one that opens at nowMs.
 */
export function stateAt(state: CounterState, nowMs: number, window: Window): CounterState {
  if (window.algorithm === "FixedFromFirst") {
    return isOpen(state, nowMs, window) ? state : { index: nowMs, current: 0, previous: 0 };
  }
  const index = indexAt(window, nowMs);
  if (index <= state.index) return state;
  // Of the calendar no window starts a millisecond after another.
  if (index === state.index + 1) return { index, current: 0, previous: state.current };
  return { index, current: 0, previous: 0 };
}

/** True when nothing of the state counts any more, now or later. */
export function isSpent(state: CounterState, nowMs: number, window: Window): boolean {
  if (window.algorithm === "FixedFromFirst") return !isOpen(state, nowMs, window);
  if (window.algorithm === "Calendar") return indexAt(window, nowMs) > state.index;
  return windowIndex(nowMs, window.durationMs) > state.index + 1;
}

/** The state after an amount (an integer >= 0) is added in the window that contains nowMs. */
export function addAt(state: CounterState, nowMs: number, { window, amount }: Addition): CounterState {
  const { index, current, previous } = stateAt(state, nowMs, window);
  return { index, current: Math.min(MAX_AMOUNT, current + amount), previous };
}

export interface Addition {
  readonly window: Window;
  readonly amount: number;
}

/**
 * Usage that is compared with the limit. Sliding: current + previous * (share of the previous window still in view) at
 * millisecond resolution. The others: current alone. May be fractional for Sliding.
 */
export function usageAt(window: Window, state: CounterState, nowMs: number): number {
  if (window.algorithm === "Sliding") return slidingUsage(window.durationMs, state, nowMs);
  const counts =
    window.algorithm === "FixedFromFirst" ? isOpen(state, nowMs, window) : indexAt(window, nowMs) <= state.index;
  return counts ? state.current : 0;
}

function slidingUsage(durationMs: number, state: CounterState, nowMs: number): number {
  const index = windowIndex(nowMs, durationMs);
  const passed = Math.max(0, index - state.index);
  const current = passed === 0 ? state.current : 0;
  const previous = passed === 0 ? state.previous : passed === 1 ? state.current : 0;
  const elapsed = Math.max(0, nowMs - (state.index + passed) * durationMs);
  // The product of two large numbers is rounded, and may be rounded up past the whole.
  return current + Math.min(previous, (previous * (durationMs - elapsed)) / durationMs);
}

export interface Threshold {
  readonly limit: number;
  readonly nowMs: number;
}

/**
 * The window that a state counts in at nowMs; of FixedFromFirst the open one. Sliding: the span that is looked back upon.
 */
export function spanAt(window: Window, state: CounterState, nowMs: number): Span {
  const { algorithm, durationMs, calendar } = window;
  if (algorithm === "Sliding") return { startMs: nowMs - durationMs, endMs: nowMs };
  if (algorithm === "FixedFromFirst") return { startMs: state.index, endMs: state.index + durationMs };
  // A state that was written by a clock ahead is in a later window already.
  if (calendar !== undefined) return calendar.spanAt(Math.max(state.index, nowMs));
  const startMs = Math.max(state.index, windowIndex(nowMs, durationMs)) * durationMs;
  return { startMs, endMs: startMs + durationMs };
}

/**
 * Milliseconds until usage falls below the limit if nothing more is charged; 0 when it is below already. `limit` > 0.
 * All but Sliding: the end of the window. Sliding: the moment within this window when the previous one has faded enough, else the
 * moment within the next window when this one has (at most two windows).
 */
export function waitMs(window: Window, state: CounterState, { limit, nowMs }: Threshold): number {
  if (usageAt(window, state, nowMs) < limit) return 0;
  const { durationMs } = window;
  const now = stateAt(state, nowMs, window);
  if (window.algorithm !== "Sliding") return spanAt(window, now, nowMs).endMs - nowMs;
  const endMs = (now.index + 1) * durationMs;
  // Without charges usage never grows and is 0 when the next window ends, so halving finds the first millisecond below. It
  // begins at the moment that the formula gives, which is but for rounding the one looked for.
  let reachedMs = nowMs;
  let belowMs = endMs + durationMs;
  let nearMs = fadedMs(now, limit, durationMs);
  for (let probes = 0; belowMs - reachedMs > 1; probes += 1) {
    const isNear = probes < NEAR_PROBES && nearMs > reachedMs && nearMs < belowMs;
    const atMs = isNear ? nearMs : Math.floor((reachedMs + belowMs) / 2);
    if (usageAt(window, now, atMs) < limit) {
      belowMs = atMs;
      nearMs = atMs - 1;
    } else {
      reachedMs = atMs;
      nearMs = atMs + 1;
    }
  }
  return belowMs - nowMs;
}

const NEAR_PROBES = 3;

/** Sliding: about when usage falls below the limit, in this window or the next; no number when it never was above. */
function fadedMs({ index, current, previous }: CounterState, limit: number, durationMs: number): number {
  const [left, fading, startMs] =
    current < limit ? [limit - current, previous, index * durationMs] : [limit, current, (index + 1) * durationMs];
  return startMs + Math.floor(durationMs - (left * durationMs) / fading) + 1;
}
