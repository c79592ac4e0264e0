// One coarse timer for everything that waits: a time-out costs the path of a request one flag, not a timer per read.

export interface Swept {
  /** The sweeper's own: where the item stands in its list, -1 when it does not. */
  sweptAt: number;
  /** `nowMs` never decreases and has no relation to the time of day. */
  sweep(nowMs: number): void;
}

export interface Sweeper {
  /** Of an item that is in it already this changes nothing. An item is in one sweeper at a time. */
  add(item: Swept): void;
  delete(item: Swept): void;
}

/**
 * Sweeps all items each `intervalMs` while there are any; the timer does not keep the process alive. The time told
 * advances by at most two intervals a sweep: when the process was stopped or its event loop blocked, bytes that arrived
 * meanwhile are read before anything counts as silent. So it runs late at worst, never early.
 */
export function createSweeper(intervalMs: number, clock: () => number): Sweeper {
  // Each call comes and goes: a list with known places takes neither time nor memory for that, as a set would.
  const items: Swept[] = [];
  let timer: NodeJS.Timeout | undefined;
  let lastMs = 0;
  let nowMs = 0;

  const sweep = (): void => {
    const clockMs = clock();
    nowMs += Math.min(clockMs - lastMs, 2 * intervalMs);
    lastMs = clockMs;
    // From the end: an item that leaves is replaced by the last one, which has been swept.
    for (let at = items.length - 1; at >= 0; at -= 1) items[at]?.sweep(nowMs);
    if (items.length > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    add(item) {
      if (item.sweptAt >= 0) return;
      item.sweptAt = items.length;
      items.push(item);
      if (timer !== undefined) return;
      lastMs = clock();
      timer = setInterval(sweep, intervalMs);
      timer.unref();
    },
    delete(item) {
      const last = items[items.length - 1];
      if (item.sweptAt < 0 || last === undefined) return;
      items[item.sweptAt] = last;
      last.sweptAt = item.sweptAt;
      items.pop();
      item.sweptAt = -1;
    },
  };
}
