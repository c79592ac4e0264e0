// Work by key: a key that is added many times before its turn is done once, one worker at a time has a key, and a key whose
// work failed comes back later and later. After the rate limited queue of client-go.

import { type BackOffRange, backOffMs } from "./back-off.ts";
import type { Clock } from "./clock.ts";
import { createDelayQueue, type DelayQueue } from "./delay-queue.ts";
import { createReadyKeys, type ReadyKeys } from "./ready-keys.ts";

export interface WorkQueueOptions {
  /** Does the work for a key. Rejecting brings the key back after its back-off; resolving forgets its failures. */
  readonly work: (key: string) => Promise<void>;
  /** How many keys are worked on at the same time. */
  readonly concurrency: number;
  readonly backOff: BackOffRange;
  /** Done before all others, first come, first served; of the others the newest goes first. Default: all are. */
  readonly isUrgent?: (key: string) => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  /**
   * Told of each failure in a row, from 1; returns the least wait before the next try, in ms, for work that knows better than
   * the back-off (a server's Retry-After).
   */
  readonly failed: (key: string, error: unknown, failures: number) => number;
}

export interface WorkQueue {
  /** To be done as soon as a worker is free. Added during its own work, a key is done once more afterwards. */
  add(key: string): void;
  /** To be done after `delayMs`; of several calls for a key the earliest counts. */
  addAfter(key: string, delayMs: number): void;
  /** Nothing more is due for the key, and its failures are forgotten. Work under way goes on. */
  remove(key: string): void;
  /** Keys whose turn has come or will come; not those being worked on. */
  readonly size: number;
  /** Takes no more and resolves when the work under way is done. */
  stop(): Promise<void>;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new KeyedQueue(options);
}

class KeyedQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #ready: ReadyKeys;
  readonly #busy = new Map<string, Promise<void>>();
  /** Busy keys that were added meanwhile. */
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed: DelayQueue;
  #stopped = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#ready = createReadyKeys(options.isUrgent ?? (() => true));
    this.#delayed = createDelayQueue(options.clock, (key) => this.add(key));
  }

  get size(): number {
    return this.#ready.size + this.#again.size + this.#delayed.size;
  }

  add(key: string): void {
    if (this.#stopped) return;
    if (this.#busy.has(key)) this.#again.add(key);
    else this.#ready.add(key);
    this.#startWork();
  }

  addAfter(key: string, delayMs: number): void {
    if (!this.#stopped) this.#delayed.add(key, delayMs);
  }

  remove(key: string): void {
    this.#ready.delete(key);
    this.#again.delete(key);
    this.#delayed.remove(key);
    this.#failures.delete(key);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ready.clear();
    this.#again.clear();
    this.#delayed.clear();
    await Promise.all(this.#busy.values());
  }

  #startWork(): void {
    while (this.#busy.size < this.#options.concurrency) {
      const key = this.#ready.take();
      if (key === undefined) return;
      this.#busy.set(key, this.#run(key));
    }
  }

  async #run(key: string): Promise<void> {
    // The turn ends first, so that work without any waiting cannot keep the process from its sockets.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      if (!this.#stopped) await this.#options.work(key);
      this.#failures.delete(key);
    } catch (error) {
      this.#comeBack(key, error);
    }
    this.#busy.delete(key);
    if (this.#again.delete(key)) this.#ready.add(key);
    this.#startWork();
  }

  #comeBack(key: string, error: unknown): void {
    const { failed, backOff, random } = this.#options;
    const inRow = (this.#failures.get(key) ?? 0) + 1;
    const atLeastMs = failed(key, error, inRow);
    if (this.#stopped) return;
    this.#failures.set(key, inRow);
    this.#delayed.add(key, Math.max(atLeastMs, backOffMs(inRow, backOff, random)));
  }
}
