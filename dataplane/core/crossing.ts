// A counter reaches percentages of its limit: what is said of it, and the port to whoever knows if it has been said already.

import type { Counter } from "./counter-store.ts";
import type { Limit } from "./limit.ts";
import type { SubjectPart } from "./threshold.ts";
import type { CounterState } from "./window.ts";

/** A counter that has just reached one or more percentages, as far as this process knows. */
export interface Crossing {
  readonly limit: Limit;
  readonly counter: Counter;
  /** Ascending. */
  readonly percents: readonly number[];
  readonly state: CounterState;
  /** Integer, in the limit's unit. */
  readonly used: number;
  readonly subject: readonly SubjectPart[];
}

/** What became of one percentage of a crossing; untilMs: from when on it may be told again. */
export interface CrossingOutcome {
  readonly percent: number;
  readonly isWon: boolean;
  readonly untilMs: number;
}

export type CrossingDone = (outcomes: readonly CrossingOutcome[]) => void;

/** False: too many wait already. `done` is called once for what is taken, unless its window is over before. */
export type CrossingSink = (crossing: Crossing, done: CrossingDone) => boolean;
