// What has been told of counters in their present windows: so that a counter above a threshold costs a look and no command.
// Bounded; forgets the least used, of which then is asked again.

import { CounterMap } from "./counter-map.ts";
import type { Counter } from "./counter-store.ts";
import type { Threshold } from "./threshold.ts";

/** Counters per generation: what is used stays in the younger one; the older one goes when the younger is full. */
const GENERATION = 50_000;

interface Told {
  readonly percents: number[];
  /** Epoch milliseconds, one for each. */
  readonly untilMs: number[];
}

export class ToldCounters {
  #young = new CounterMap<Told>();
  #old = new CounterMap<Told>();

  /** Whether every threshold up to this usage has been told and still stands. */
  knows(counter: Counter, { thresholds, usage, nowMs }: Standing): boolean {
    const told = this.#get(counter);
    for (const { percent, amount } of thresholds) {
      if (amount > usage) return true;
      if (!stands(told, percent, nowMs)) return false;
    }
    return true;
  }

  /** The percentages up to this usage that have not been told. */
  missing(counter: Counter, { thresholds, usage, nowMs }: Standing): readonly number[] {
    const told = this.#get(counter);
    const reached = thresholds.filter(({ amount, percent }) => amount <= usage && !stands(told, percent, nowMs));
    return reached.map(({ percent }) => percent);
  }

  note(counter: Counter, percent: number, untilMs: number): void {
    let told = this.#get(counter);
    if (told === undefined) {
      told = { percents: [], untilMs: [] };
      this.#keep(counter, told);
    }
    const at = told.percents.indexOf(percent);
    told.percents[at < 0 ? told.percents.length : at] = percent;
    told.untilMs[at < 0 ? told.untilMs.length : at] = untilMs;
  }

  #get(counter: Counter): Told | undefined {
    const told = this.#young.get(counter);
    if (told !== undefined) return told;
    const older = this.#old.get(counter);
    if (older !== undefined) this.#keep(counter, older);
    return older;
  }

  #keep(counter: Counter, told: Told): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new CounterMap();
    }
    this.#young.set(counter, told);
  }
}

export interface Standing {
  /** Ascending. */
  readonly thresholds: readonly Threshold[];
  readonly usage: number;
  readonly nowMs: number;
}

function stands(told: Told | undefined, percent: number, nowMs: number): boolean {
  if (told === undefined) return false;
  const at = told.percents.indexOf(percent);
  return at >= 0 && (told.untilMs[at] ?? 0) > nowMs;
}
