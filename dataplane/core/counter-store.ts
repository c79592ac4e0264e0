// The port between the proxy and whatever keeps the counters. store/memory-store.ts and redis/redis-store.ts implement it
// and pass one contract suite (test/contract). Callbacks in place of promises: this is on the path of every request.

import { justAbove } from "./just-above.ts";
import type { CounterState, Window } from "./window.ts";

/**
 * One counter: a limit filled in with the key values of a request. Immutable. `key` and `field` together are its identity:
 * a reload of the configuration makes new objects for the same counters.
 */
export interface Counter {
  /** Key of the hash that holds it, slot tag included. Counters of the same key values share one hash. */
  readonly key: string;
  /** Slot tag: counters with the same tag may be touched by one script. 0..TAG_COUNT-1. */
  readonly tag: number;
  /** Field of this limit within the hash. */
  readonly field: string;
  readonly window: Window;
}

/**
 * What admission asks of one counter. While no window of a FixedFromFirst counter is open, a check that does not itself
 * refuse opens one, whatever the other checks of the request say: so it does not matter which limits meet in a request.
 */
export interface Check {
  readonly counter: Counter;
  /** Amount added at once if every check of the same tag passes (unit Requests: 1); an integer >= 0. 0 only reads. */
  readonly ask: number;
  /** Usage at or above this refuses. Infinity never refuses (Shadow). */
  readonly refuseAt: number;
  /** Another check of the request is on the same counter: the ask is compared, and added there alone. */
  readonly isRepeat?: boolean | undefined;
  /** The ask has to fit: usage and ask together may reach `refuseAt`, and above it the check refuses. */
  readonly mustFit?: boolean | undefined;
  /** The ask is a guess that the truth replaces: the admission tells its Hold. */
  readonly isProvisional?: boolean | undefined;
  /** The ask is added whatever is decided: refused requests count too. */
  readonly countsRefused?: boolean | undefined;
  /** Looks and leaves no trace: it opens no window either. Only with ask 0. */
  readonly peek?: true | undefined;
}

export interface Admission {
  /** The store's clock when it answered. */
  readonly nowMs: number;
  /**
   * One state per check, in order: before this request's own ask, with this data plane's unacknowledged charges
   * included.
   */
  readonly states: readonly CounterState[];
  /** True when the asked amounts of every tag were added; they are added for all or given back by the store. */
  readonly taken: boolean;
  /** What was added for provisional checks, at their positions; NO_HOLDS without one, and when nothing was taken. */
  readonly holds: readonly (Hold | undefined)[];
  /** "store": decided on the store's values. "local": the store is away; decided on what was last seen here. */
  readonly source: "store" | "local";
}

/** An amount that admission has added until the truth is known. */
export interface Hold {
  /**
   * Takes the amount out of the window that it was added in, whichever window is present by now; one that counts no more
   * stays as it is. Once: later calls do nothing. It is written with the charges of the same turn.
   */
  release(): void;
}

export const NO_HOLDS: readonly (Hold | undefined)[] = [];

/** What a check adds when it passes. */
export function addedBy({ ask, isRepeat }: Omit<Check, "counter">): number {
  return isRepeat === true ? 0 : ask;
}

/** Whether a check refuses at this usage. */
export function refuses({ ask, refuseAt, mustFit }: Omit<Check, "counter">, usage: number): boolean {
  return mustFit === true ? usage > refuseAt - ask : usage >= refuseAt;
}

/** The usage from which on a check refuses: for scripts, which compare with one number. Infinity: never. */
export function refusedFrom({ ask, refuseAt, mustFit }: Omit<Check, "counter">): number {
  return mustFit === true && refuseAt !== Infinity ? justAbove(refuseAt - ask) : refuseAt;
}

export interface CounterStore {
  /** Reads the counters and takes what is asked, all or nothing. Calls back exactly once, possibly at once. */
  admit(checks: readonly Check[], done: (admission: Admission) => void): void;
  /**
   * Adds amounts (integers >= 0) to counters in the window that the store's own clock is in, and releases what they
   * replace. `sent` is called when the charge has been written towards the store (at once when the store is away and the
   * charge is kept for later), so that a response's last byte can follow it.
   */
  charge(charges: readonly Charge[], sent: () => void): void;
  /** Resolves when all charges made so far are acknowledged, or rejects after the time given. */
  flush(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface Charge {
  readonly counter: Counter;
  readonly amount: number;
  /** What admission has added for the same request: released, as the amount takes its place. */
  readonly replaces?: Hold | undefined;
}
