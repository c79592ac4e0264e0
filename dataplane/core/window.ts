// Window arithmetic: what a stored counter is worth now, and when it will let a request pass again. Pure; times are
// epoch milliseconds of the store's clock. Windows of Sliding and Fixed are aligned to the Unix epoch, so every data plane
// names the same one; a window of FixedFromFirst opens at a check or a charge while none is open, and the store says when.

export type Algorithm = "Sliding" | "Fixed" | "FixedFromFirst";

export interface Window {
  readonly algorithm: Algorithm;
  /** Length in milliseconds, a positive integer. */
  readonly durationMs: number;
}

/** What a store keeps for a counter: amounts of the window with this index and of the one before it. */
export interface CounterState {
  /** Sliding and Fixed: floor(nowMs / durationMs) at the last write. FixedFromFirst: the moment that the window opened. */
  readonly index: number;
  readonly current: number;
  /** Always 0 for FixedFromFirst: what lies before a window's opening is over. */
  readonly previous: number;
}

export const EMPTY_STATE: CounterState = { index: 0, current: 0, previous: 0 };

/** Amounts stop here rather than lose digits: doubles count exactly up to 2^53. */
export const MAX_AMOUNT = Number.MAX_SAFE_INTEGER;

/** The index of the window that contains a moment; Sliding and Fixed only. */
export function windowIndex(nowMs: number, durationMs: number): number {
  return Math.floor(nowMs / durationMs);
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
  const index = windowIndex(nowMs, window.durationMs);
  if (index <= state.index) return state;
  if (index === state.index + 1) return { index, current: 0, previous: state.current };
  return { index, current: 0, previous: 0 };
}

/** True when nothing of the state counts any more, now or later. */
export function isSpent(state: CounterState, nowMs: number, window: Window): boolean {
  if (window.algorithm === "FixedFromFirst") return !isOpen(state, nowMs, window);
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
 * millisecond resolution. Fixed and FixedFromFirst: current alone. May be fractional for Sliding.
 */
export function usageAt(window: Window, state: CounterState, nowMs: number): number {
  const { algorithm, durationMs } = window;
  if (algorithm === "FixedFromFirst") return isOpen(state, nowMs, window) ? state.current : 0;
  const index = windowIndex(nowMs, durationMs);
  const passed = Math.max(0, index - state.index);
  const current = passed === 0 ? state.current : 0;
  if (algorithm === "Fixed") return current;
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
 * Milliseconds until usage falls below the limit if nothing more is charged; 0 when it is below already. `limit` > 0.
 * Fixed and FixedFromFirst: the end of the window. Sliding: the moment within this window when the previous one has faded enough, else the
 * moment within the next window when this one has (at most two windows).
 */
export function waitMs(window: Window, state: CounterState, { limit, nowMs }: Threshold): number {
  if (usageAt(window, state, nowMs) < limit) return 0;
  const { durationMs } = window;
  const now = stateAt(state, nowMs, window);
  if (window.algorithm === "FixedFromFirst") return now.index + durationMs - nowMs;
  const endMs = (now.index + 1) * durationMs;
  if (window.algorithm === "Fixed") return endMs - nowMs;
  // Without charges usage never grows and is 0 when the next window ends, so halving finds the first millisecond below.
  let reachedMs = nowMs;
  let belowMs = endMs + durationMs;
  while (belowMs - reachedMs > 1) {
    const middleMs = Math.floor((reachedMs + belowMs) / 2);
    if (usageAt(window, now, middleMs) < limit) belowMs = middleMs;
    else reachedMs = middleMs;
  }
  return belowMs - nowMs;
}
