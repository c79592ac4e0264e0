// Long work in short pieces: others get their turn of the event loop in between.

const SLICE_MS = 8;

export class TimeSlices {
  #startedMs = performance.now();

  /** To be awaited after each small step; lets others in when this slice is over. */
  async step(): Promise<void> {
    if (performance.now() - this.#startedMs < SLICE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#startedMs = performance.now();
  }

  get isOver(): boolean {
    return performance.now() - this.#startedMs >= SLICE_MS;
  }
}
