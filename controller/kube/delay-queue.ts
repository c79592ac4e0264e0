// Keys that fall due later, in a binary heap behind one timer: 100,000 waiting keys cost no 100,000 timers.

import type { Clock } from "./clock.ts";

export interface DelayQueue {
  /** A key that waits already falls due at the earlier of both times. */
  add(key: string, delayMs: number): void;
  remove(key: string): void;
  clear(): void;
  readonly size: number;
}

interface Entry {
  readonly key: string;
  readonly dueMs: number;
}

/** `due` is called for each key when its time has come. */
export function createDelayQueue(clock: Clock, due: (key: string) => void): DelayQueue {
  return new HeapQueue(clock, due);
}

class HeapQueue implements DelayQueue {
  readonly #clock: Clock;
  readonly #due: (key: string) => void;
  readonly #dueOf = new Map<string, number>();
  /** Holds outdated entries too; an entry counts when it is the one that #dueOf names. */
  #heap: Entry[] = [];
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, due: (key: string) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get size(): number {
    return this.#dueOf.size;
  }

  add(key: string, delayMs: number): void {
    const dueMs = this.#clock.monotonicMs() + delayMs;
    const earlier = this.#dueOf.get(key);
    if (earlier !== undefined && earlier <= dueMs) return;
    this.#dueOf.set(key, dueMs);
    push(this.#heap, { key, dueMs });
    this.#arm();
  }

  remove(key: string): void {
    this.#dueOf.delete(key);
    // Outdated entries are dropped when they are more than what counts. A sorted array is a heap.
    if (this.#heap.length <= 64 || this.#heap.length <= this.#dueOf.size * 2) return;
    this.#heap = this.#heap
      .filter((entry) => this.#dueOf.get(entry.key) === entry.dueMs)
      .sort((a, b) => a.dueMs - b.dueMs);
  }

  clear(): void {
    this.#heap = [];
    this.#dueOf.clear();
    this.#arm();
  }

  #arm(): void {
    const next = this.#heap[0];
    if (this.#timer !== undefined && next !== undefined && this.#timer.atMs <= next.dueMs) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (next === undefined) return;
    const cancel = this.#clock.after(Math.max(0, next.dueMs - this.#clock.monotonicMs()), () => this.#fire());
    this.#timer = { atMs: next.dueMs, cancel };
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let next = this.#heap[0]; next !== undefined && next.dueMs <= nowMs; next = this.#heap[0]) {
      pop(this.#heap);
      if (this.#dueOf.get(next.key) !== next.dueMs) continue;
      this.#dueOf.delete(next.key);
      this.#due(next.key);
    }
    this.#arm();
  }
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up];
    if (parent === undefined || parent.dueMs <= entry.dueMs) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const down = earlierChild(heap, at);
    const child = heap[down];
    if (child === undefined || child.dueMs >= last.dueMs) break;
    heap[at] = child;
    at = down;
  }
  heap[at] = last;
}

function earlierChild(heap: readonly Entry[], at: number): number {
  const left = at * 2 + 1;
  const a = heap[left];
  const b = heap[left + 1];
  return a !== undefined && b !== undefined && b.dueMs < a.dueMs ? left + 1 : left;
}
