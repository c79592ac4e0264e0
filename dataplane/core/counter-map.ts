// A map by counter: key and field together are the identity, whichever object carries them. Pure; stores build on it.

import type { Counter } from "./counter-store.ts";

interface Entry<T> {
  readonly field: string;
  value: T;
}

/** Grouped by key, as counters of the same key values share a hash; a hash holds few fields, so they are searched in turn. */
export class CounterMap<T> {
  readonly #hashes = new Map<string, Entry<T>[]>();
  #size = 0;
  #cursor: Iterator<[string, Entry<T>[]]> | undefined;

  get size(): number {
    return this.#size;
  }

  get(counter: Counter): T | undefined {
    return this.#entry(counter)?.value;
  }

  set(counter: Counter, value: T): void {
    const entry = this.#entry(counter);
    if (entry !== undefined) {
      entry.value = value;
      return;
    }
    this.#size += 1;
    const added = { field: counter.field, value };
    const entries = this.#hashes.get(counter.key);
    if (entries === undefined) this.#hashes.set(counter.key, [added]);
    else entries.push(added);
  }

  delete(counter: Counter): void {
    const entries = this.#hashes.get(counter.key);
    if (entries === undefined) return;
    this.#keep(counter.key, entries, (entry) => entry.field !== counter.field);
  }

  /**
   * Looks at up to `hashes` keys, going on where the last sweep stopped, and removes the values that have expired. Called
   * with a small number at each write it visits everything in turn without ever stopping the process for long.
   */
  sweep(hashes: number, isExpired: (value: T) => boolean): void {
    for (let visited = 0; visited < hashes; visited += 1) {
      this.#cursor ??= this.#hashes.entries();
      const next = this.#cursor.next();
      if (next.done === true) {
        this.#cursor = undefined;
        return;
      }
      const [key, entries] = next.value;
      if (entries.some((entry) => isExpired(entry.value))) this.#keep(key, entries, (entry) => !isExpired(entry.value));
    }
  }

  #entry(counter: Counter): Entry<T> | undefined {
    const entries = this.#hashes.get(counter.key);
    if (entries === undefined) return undefined;
    for (const entry of entries) if (entry.field === counter.field) return entry;
    return undefined;
  }

  #keep(key: string, entries: readonly Entry<T>[], isKept: (entry: Entry<T>) => boolean): void {
    const kept = entries.filter(isKept);
    this.#size -= entries.length - kept.length;
    if (kept.length === 0) this.#hashes.delete(key);
    else this.#hashes.set(key, kept);
  }
}
