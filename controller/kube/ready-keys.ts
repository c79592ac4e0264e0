// Keys whose turn has come, and which of them is next: urgent ones first, in the order of their coming; of the others the
// newest first. So a backlog of 100,000 keeps nobody waiting who has just changed something.

export interface ReadyKeys {
  /** One that is there already and not urgent becomes the newest. */
  add(key: string): void;
  delete(key: string): void;
  /** Takes the next one out; undefined when there is none. */
  take(): string | undefined;
  clear(): void;
  readonly size: number;
}

/** Where a backlog has shrunk, what is outdated is dropped once it is more than this and more than what counts. */
const OUTDATED_KEPT = 64;

export function createReadyKeys(isUrgent: (key: string) => boolean): ReadyKeys {
  return new TwoTiers(isUrgent);
}

class TwoTiers implements ReadyKeys {
  readonly #isUrgent: (key: string) => boolean;
  readonly #urgent = new Set<string>();
  /** Newest last. Holds outdated places too: a place counts when it is the one that #placeOf names. */
  #stack: string[] = [];
  readonly #placeOf = new Map<string, number>();

  constructor(isUrgent: (key: string) => boolean) {
    this.#isUrgent = isUrgent;
  }

  get size(): number {
    return this.#urgent.size + this.#placeOf.size;
  }

  add(key: string): void {
    if (this.#isUrgent(key)) {
      this.#urgent.add(key);
      return;
    }
    this.#placeOf.set(key, this.#stack.push(key) - 1);
    if (this.#stack.length > 2 * this.#placeOf.size + OUTDATED_KEPT) this.#dropOutdated();
  }

  delete(key: string): void {
    this.#urgent.delete(key);
    this.#placeOf.delete(key);
  }

  take(): string | undefined {
    for (const key of this.#urgent) {
      this.#urgent.delete(key);
      return key;
    }
    while (this.#stack.length > 0) {
      const key = this.#stack.pop();
      if (key === undefined || this.#placeOf.get(key) !== this.#stack.length) continue;
      this.#placeOf.delete(key);
      return key;
    }
    return undefined;
  }

  clear(): void {
    this.#urgent.clear();
    this.#placeOf.clear();
    this.#stack = [];
  }

  #dropOutdated(): void {
    this.#stack = this.#stack.filter((key, place) => this.#placeOf.get(key) === place);
    for (const [place, key] of this.#stack.entries()) this.#placeOf.set(key, place);
  }
}
