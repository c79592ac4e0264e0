// Counters in this process's memory: for one data plane without Redis. Time comes from the caller; it runs no timer.

import { CounterMap } from "../core/counter-map.ts";
import type { Admission, Charge, Check, CounterStore } from "../core/counter-store.ts";
import { addAt, type CounterState, EMPTY_STATE, stateAt, usageAt, windowIndex } from "../core/window.ts";

/** Hashes looked at for expiry at each write: more than one, so that the sweep overtakes growth. */
const SWEEP = 4;

export interface MemoryStoreOptions {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

/** Calls back at once; nothing is ever away or unacknowledged. Counters go once two windows have passed them by. */
export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  return new MemoryStore(options);
}

interface Held {
  readonly state: CounterState;
  readonly durationMs: number;
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
      return held === undefined ? EMPTY_STATE : stateAt(held.state, nowMs, counter.window.durationMs);
    });
    const taken = checks.every(
      ({ counter, refuseAt }, i) => usageAt(counter.window, states[i] ?? EMPTY_STATE, nowMs) < refuseAt,
    );
    if (taken) for (const { counter, ask } of checks) this.#add({ counter, amount: ask }, nowMs);
    done({ nowMs, states, taken, source: "store" });
  }

  charge(charges: readonly Charge[], sent: () => void): void {
    const nowMs = this.#nowMs();
    for (const charge of charges) this.#add(charge, nowMs);
    sent();
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  #add({ counter, amount }: Charge, nowMs: number): void {
    if (amount === 0) return;
    const { durationMs } = counter.window;
    const state = addAt(this.#held.get(counter)?.state ?? EMPTY_STATE, nowMs, { durationMs, amount });
    this.#held.set(counter, { state, durationMs });
    this.#held.sweep(SWEEP, (held) => windowIndex(nowMs, held.durationMs) > held.state.index + 1);
  }
}
