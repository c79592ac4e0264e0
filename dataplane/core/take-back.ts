// Takes an amount out of the window that it was added in. Pure.

import { type CounterState, stateAt, type Window } from "./window.ts";

export interface Taken {
  readonly window: Window;
  readonly amount: number;
  /** Of the window that it was added in, as in a counter's state. */
  readonly index: number;
}

/** The state without the amount, as of nowMs, never below 0; the given one when that window counts no more. */
export function takeBackAt(state: CounterState, nowMs: number, { window, amount, index: from }: Taken): CounterState {
  const { index, current, previous } = stateAt(state, nowMs, window);
  if (from === index) return { index, current: Math.max(0, current - amount), previous };
  const isBefore = (window.algorithm === "Sliding" || window.algorithm === "Fixed") && from === index - 1;
  return isBefore ? { index, current, previous: Math.max(0, previous - amount) } : state;
}
