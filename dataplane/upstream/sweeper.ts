// One coarse timer for everything that waits: a time-out costs the path of a request one flag, not a timer per read.

export interface Swept {
  /** `nowMs` never decreases and has no relation to the time of day. */
  sweep(nowMs: number): void;
}

export interface Sweeper {
  add(item: Swept): void;
  delete(item: Swept): void;
}

/**
 * Sweeps all items each `intervalMs` while there are any; the timer does not keep the process alive. The time told
 * advances by at most two intervals a sweep: when the process was stopped or its event loop blocked, bytes that arrived
 * meanwhile are read before anything counts as silent. So it runs late at worst, never early.
 */
export function createSweeper(intervalMs: number, clock: () => number): Sweeper {
  const items = new Set<Swept>();
  let timer: NodeJS.Timeout | undefined;
  let lastMs = 0;
  let nowMs = 0;

  const sweep = (): void => {
    const clockMs = clock();
    nowMs += Math.min(clockMs - lastMs, 2 * intervalMs);
    lastMs = clockMs;
    for (const item of items) item.sweep(nowMs);
    if (items.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    add(item) {
      items.add(item);
      if (timer !== undefined) return;
      lastMs = clock();
      timer = setInterval(sweep, intervalMs);
      timer.unref();
    },
    delete(item) {
      items.delete(item);
    },
  };
}
