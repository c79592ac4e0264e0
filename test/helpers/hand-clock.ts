// A clock with timers that a test moves by hand.

import type { Clock } from "../../controller/kube/clock.ts";

export interface HandClock extends Clock {
  /** Goes forward and runs what falls due on the way, in order. */
  advance(ms: number): void;
  /** Delays of the timers that wait. */
  delays(): readonly number[];
}

export function createHandClock(startMs = 1_000): HandClock {
  const wallStartMs = Date.UTC(2026, 0, 1) - startMs;
  let nowMs = startMs;
  const timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  return {
    monotonicMs: () => nowMs,
    wallMs: () => wallStartMs + nowMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + delayMs, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.run();
      }
      nowMs = untilMs;
    },
    delays: () => [...timers].map(({ atMs }) => atMs - nowMs),
  };
}
