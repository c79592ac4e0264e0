// Counters in this process's memory: for one data plane without Redis. Time comes from the caller; it runs no timer.

import { CounterMap } from "../core/counter-map.ts";
import {
  type Admission,
  addedBy,
  type Charge,
  type Check,
  type Counter,
  type CounterStore,
  type Hold,
  NO_HOLDS,
  refuses,
} from "../core/counter-store.ts";
import { takeBackAt } from "../core/take-back.ts";
import { addAt, type CounterState, EMPTY_STATE, isSpent, stateAt, usageAt, type Window } from "../core/window.ts";

/** Hashes looked at for expiry at each write: more than one, so that the sweep overtakes growth. */
const SWEEP = 4;

export interface MemoryStoreOptions {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

/** Calls back at once; nothing is ever away or unacknowledged. Counters go once nothing of them counts any more. */
export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  return new MemoryStore(options);
}

interface Held {
  readonly state: CounterState;
  readonly window: Window;
}

export class MemoryStore implements CounterStore {
  readonly #held = new CounterMap<Held>();
  readonly #nowMs: () => number;

  constructor({ nowMs }: MemoryStoreOptions) {
    this.#nowMs = nowMs;
  }

  /** Counters in memory, those included that have expired and are not swept yet. */
  get size(): number {
    return this.#held.size;
  }

  admit(checks: readonly Check[], done: (admission: Admission) => void): void {
    const nowMs = this.#nowMs();
    const states = checks.map(({ counter }) => {
      const held = this.#held.get(counter);
      return stateAt(held?.state ?? EMPTY_STATE, nowMs, counter.window);
    });
    const passing = checks.filter(
      (check, i) => !refuses(check, usageAt(check.counter.window, states[i] ?? EMPTY_STATE, nowMs)),
    );
    for (const { counter, peek } of passing) {
      if (counter.window.algorithm === "FixedFromFirst" && peek !== true) this.#open(counter, nowMs);
    }
    const taken = passing.length === checks.length;
    for (const check of checks) {
      if (taken || check.countsRefused === true) this.#add({ counter: check.counter, amount: addedBy(check) }, nowMs);
    }
    const hasHolds = taken && checks.some(({ isProvisional }) => isProvisional);
    const holds = hasHolds ? checks.map((check, i) => this.#holdOf(check, states[i])) : NO_HOLDS;
    done({ nowMs, states, taken, holds, source: "store" });
  }

  charge(charges: readonly Charge[], sent: () => void): void {
    const nowMs = this.#nowMs();
    for (const charge of charges) {
      this.#add(charge, nowMs);
      charge.replaces?.release();
    }
    sent();
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  /** `state` is the one that the ask was added to. */
  #holdOf(check: Check, state: CounterState | undefined): Hold | undefined {
    const { counter, isProvisional } = check;
    const amount = addedBy(check);
    if (isProvisional !== true || amount === 0 || state === undefined) return undefined;
    const taken = { window: counter.window, amount, index: state.index };
    let isReleased = false;
    return {
      release: () => {
        const held = this.#held.get(counter);
        if (isReleased || held === undefined) return;
        isReleased = true;
        this.#keep(counter, takeBackAt(held.state, this.#nowMs(), taken), this.#nowMs());
      },
    };
  }

  /** Opens a window, unless one is open. */
  #open(counter: Counter, nowMs: number): void {
    const { window } = counter;
    const held = this.#held.get(counter);
    if (held === undefined || isSpent(held.state, nowMs, window)) {
      this.#keep(counter, stateAt(EMPTY_STATE, nowMs, window), nowMs);
    }
  }

  #add({ counter, amount }: Charge, nowMs: number): void {
    if (amount === 0) return;
    const { window } = counter;
    const state = addAt(this.#held.get(counter)?.state ?? EMPTY_STATE, nowMs, { window, amount });
    this.#keep(counter, state, nowMs);
  }

  #keep(counter: Counter, state: CounterState, nowMs: number): void {
    this.#held.set(counter, { state, window: counter.window });
    this.#held.sweep(SWEEP, (held) => isSpent(held.state, nowMs, held.window));
  }
}
