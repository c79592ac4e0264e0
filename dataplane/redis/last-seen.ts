// The counters as this data plane last saw them: what is decided on while Redis is away. Bounded; forgets the least used.

import { CounterMap } from "../core/counter-map.ts";
import type { Counter } from "../core/counter-store.ts";
import { takeBackAt } from "../core/take-back.ts";
import { addAt, type CounterState, EMPTY_STATE } from "../core/window.ts";
import type { ChargeItem } from "./owed-amounts.ts";

/** Counters per generation: what is used stays in the younger one; the older one goes when the younger is full. */
const GENERATION = 50_000;

export class LastSeen {
  #young = new CounterMap<CounterState>();
  #old = new CounterMap<CounterState>();

  get(counter: Counter): CounterState {
    const state = this.#young.get(counter);
    if (state !== undefined) return state;
    const older = this.#old.get(counter);
    if (older !== undefined) this.set(counter, older);
    return older ?? EMPTY_STATE;
  }

  set(counter: Counter, state: CounterState): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new CounterMap();
    }
    this.#young.set(counter, state);
  }

  /** An own amount that Redis has taken up since the counter was last read. */
  add({ counter, amount, index }: ChargeItem, nowMs: number): void {
    const { window } = counter;
    const isNamed = window.algorithm === "FixedFromFirst" || window.algorithm === "Calendar";
    const state = this.get(counter);
    // Redis has left out what belongs to a window of the calendar that is over.
    if (window.algorithm === "Calendar" && index < state.index) return;
    const atMs = isNamed ? index : nowMs;
    this.set(counter, addAt(state, atMs, { window, amount }));
  }

  /** An own amount that was seen in a window and is on its way out of it. */
  takeBack({ counter, amount, index }: ChargeItem, nowMs: number): void {
    this.set(counter, takeBackAt(this.get(counter), nowMs, { window: counter.window, amount, index }));
  }
}
