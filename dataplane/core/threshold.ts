// Percentages of a limit as amounts, and what may be said of a counter to whoever reads notifications. Pure.

import type { Limit } from "./limit.ts";
import { keyValues } from "./match.ts";
import type { RequestFacts } from "./request-facts.ts";
import { addAt, type CounterState, spanAt, usageAt, type Window } from "./window.ts";

export interface Threshold {
  readonly percent: number;
  /** Usage at or above this has reached it; may be fractional. */
  readonly amount: number;
}

/** Ascending, as the percentages are. */
export function thresholdsOf(percents: readonly number[], limit: number): readonly Threshold[] {
  return percents.map((percent) => ({ percent, amount: percent === 100 ? limit : (limit * percent) / 100 }));
}

/** The end of the window that a state counts in at nowMs. Sliding has none of its own: a window's length from now. */
export function windowEndMs(window: Window, state: CounterState, nowMs: number): number {
  return window.algorithm === "Sliding" ? nowMs + window.durationMs : spanAt(window, state, nowMs).endMs;
}

export interface Reached {
  readonly state: CounterState;
  readonly usage: number;
}

/** A state with an amount that is added now. */
export function withAdded(
  window: Window,
  state: CounterState,
  { nowMs, amount }: { nowMs: number; amount: number },
): Reached {
  const after = addAt(state, nowMs, { window, amount });
  return { state: after, usage: usageAt(window, after, nowMs) };
}

export interface SubjectPart {
  readonly type: string;
  readonly value?: string;
}

/** Facts whose values configuration gave. */
const NAMED = new Set(["Consumer", "ConsumerGroup", "Credential", "Provider", "Backend", "Route", "Service"]);

/**
 * What a counter is kept for, without anything that a client sends: of headers and addresses the kind alone, of models the
 * name only where the limit itself names it.
 */
export function subjectOf(limit: Limit, facts: RequestFacts): readonly SubjectPart[] {
  return keyValues(limit, facts).map(([type, value]) => {
    const isNamed = NAMED.has(type) || (type === "Model" && isListed(limit, value));
    return isNamed ? { type, value } : { type };
  });
}

function isListed({ when }: Limit, model: string): boolean {
  return when.some(({ type, match, values }) => type === "Model" && match === "Exact" && values.includes(model));
}
