// What Redis's clock says, told from this process's clock and the times in Redis's replies.

const SPAN_MS = 1000;

/**
 * Replies are late by their way back, never early, so the greatest difference seen is nearest to the truth. It is taken
 * over the present and the last second, so that a clock that is set back is believed again within two.
 */
export class StoreClock {
  #best = -Infinity;
  #lastBest = -Infinity;
  #spanStartMs = -Infinity;
  readonly #fallback: StoreClock | undefined;

  /** `fallback` is believed as long as this one knows nothing. */
  constructor(fallback?: StoreClock) {
    this.#fallback = fallback;
  }

  /** A reply that has just come says that Redis's clock stood at storeMs. */
  learn(storeMs: number, localMs: number): void {
    const difference = storeMs - localMs;
    if (localMs - this.#spanStartMs >= SPAN_MS) {
      this.#lastBest = localMs - this.#spanStartMs < 2 * SPAN_MS ? this.#best : -Infinity;
      this.#best = difference;
      this.#spanStartMs = localMs;
    } else if (difference > this.#best) {
      this.#best = difference;
    }
  }

  /** Whether it has learned within the last second. */
  isFresh(localMs: number): boolean {
    return localMs - this.#spanStartMs < SPAN_MS;
  }

  /** Epoch milliseconds by Redis's clock; by the local one as long as nothing is known. */
  at(localMs: number): number {
    const difference = Math.max(this.#best, this.#lastBest);
    if (difference === -Infinity) return this.#fallback?.at(localMs) ?? Math.floor(localMs);
    return Math.floor(localMs + difference);
  }
}
