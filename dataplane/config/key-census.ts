// How many counters clients have made up. Whoever may choose key values could fill memory and the store with counters, and
// never meet a limit: so a limit has as many counters of its own in a window as maxKeys says, and the rest share one.

import type { Limit } from "../core/limit.ts";

/** Lengths that requests give to the windows of one limit, at a time. */
export const MAX_WINDOWS = 32;

/** `isFirst`: in this window. */
export type OnOverflow = (limit: Limit, isFirst: boolean) => void;

interface KeyCensusOptions {
  /** Any clock that goes forward, milliseconds. */
  readonly nowMs: () => number;
  readonly onOverflow: OnOverflow;
}

interface Keys {
  window: number;
  readonly seen: Set<string>;
  isTold: boolean;
}

/** Counts by counter identity, so that a change of the configuration does not begin anew. Of this data plane alone. */
export class KeyCensus {
  readonly #options: KeyCensusOptions;
  readonly #keys = new Map<string, Keys>();
  /** By limit: window lengths in ms, and when they were used last. */
  readonly #windows = new Map<string, Map<number, number>>();

  constructor(options: KeyCensusOptions) {
    this.#options = options;
  }

  /** Keys that are remembered, of all limits. */
  get size(): number {
    let size = 0;
    for (const { seen } of this.#keys.values()) size += seen.size;
    return size;
  }

  /** Whether this key of the limit may have a counter of its own in the present window. */
  admits(limit: Limit, maxKeys: number, key: string): boolean {
    const { nowMs, onOverflow } = this.#options;
    const window = Math.floor(nowMs() / limit.window.durationMs);
    let keys = this.#keys.get(limit.counterId);
    if (keys === undefined) {
      keys = { window, seen: new Set(), isTold: false };
      this.#keys.set(limit.counterId, keys);
    } else if (keys.window !== window) {
      keys.window = window;
      keys.seen.clear();
      keys.isTold = false;
    }
    if (keys.seen.has(key)) return true;
    if (keys.seen.size < maxKeys) {
      keys.seen.add(key);
      return true;
    }
    onOverflow(limit, !keys.isTold);
    keys.isTold = true;
    return false;
  }

  /**
   * Whether requests may give the limit's window this length. A length holds its place until nothing counts any more that
   * was counted with it: two windows after its last use.
   */
  admitsWindow({ counterId }: Limit, durationMs: number): boolean {
    const nowMs = this.#options.nowMs();
    let lengths = this.#windows.get(counterId);
    if (lengths === undefined) {
      lengths = new Map();
      this.#windows.set(counterId, lengths);
    }
    if (!lengths.has(durationMs) && lengths.size >= MAX_WINDOWS) {
      for (const [length, usedMs] of lengths) if (nowMs - usedMs >= 2 * length) lengths.delete(length);
      if (lengths.size >= MAX_WINDOWS) return false;
    }
    lengths.set(durationMs, nowMs);
    return true;
  }

  /** Forgets limits that are not among these; what follows a dot in an identity is the length of its window. */
  keep(counterIds: ReadonlySet<string>): void {
    for (const known of [this.#keys, this.#windows]) {
      for (const id of known.keys()) if (!counterIds.has(id.split(".", 1)[0] ?? "")) known.delete(id);
    }
  }
}
