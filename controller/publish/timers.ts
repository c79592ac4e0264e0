// Time as the publisher needs it, so that a test can hold it still.

export interface Timers {
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Runs once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void;
}
