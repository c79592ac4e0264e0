// What the parts of the Redis store share. Given by whoever makes the store; none of it is global.

import type { Link } from "./link.ts";
import type { Scripts } from "./scripts.ts";

/** This process's clock: epoch milliseconds that never jump back by much. */
export interface LocalClock {
  nowMs(): number;
}

export interface StoreTimeouts {
  /** How long a request waits for the store before it is decided on what was last seen. */
  readonly admitMs: number;
  /** A connection that has not acknowledged a charge for this long is closed and made anew. */
  readonly chargeMs: number;
}

export interface StoreObserver {
  /** A request was decided on the store's values; from the call of `admit` to its answer. */
  admitMs(ms: number): void;
  /** True while at least one Redis server is held to be away. */
  breaker(open: boolean): void;
  /** Charges that will never be counted. */
  lost(charges: number): void;
}

/** As pino has it. */
export interface StoreLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface StoreContext {
  readonly link: Link;
  readonly scripts: Scripts;
  readonly prefix: string;
  readonly dataPlaneId: string;
  readonly clock: LocalClock;
  readonly timeouts: StoreTimeouts;
  readonly observe: StoreObserver;
  readonly log: StoreLog;
}
