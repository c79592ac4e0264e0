// Time as this folder sees it: a clock that only goes forward for deadlines, the wall clock for what people read, timers.
// Tests pass one that they move by hand.

export interface Clock {
  /** Goes forward only, from an arbitrary start; milliseconds. */
  monotonicMs(): number;
  /** Milliseconds since 1970, as the machine believes. */
  wallMs(): number;
  /** Calls `run` once after `delayMs`; the function returned prevents it. */
  after(delayMs: number, run: () => void): () => void;
}

export const machineClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves after `delayMs`, or at once when the signal is aborted. Never rejects. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal.addEventListener("abort", finish);
  });
}
