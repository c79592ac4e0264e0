// A bound on how often something is done: `burst` at once, then `perSecond`.

import type { Clock } from "./clock.ts";

export interface TokenBucket {
  /** Takes a token and says how long to wait before using it, in ms; 0 while the burst lasts. Waits queue up in order. */
  take(): number;
  /** Takes a token only when it can be used at once. */
  tryTake(): boolean;
}

export interface BucketRate {
  readonly perSecond: number;
  readonly burst: number;
}

export function createTokenBucket({ perSecond, burst }: BucketRate, clock: Clock): TokenBucket {
  /** Below 0: promised to callers that wait. */
  let tokens = burst;
  let atMs = clock.monotonicMs();

  function refill(): void {
    const nowMs = clock.monotonicMs();
    tokens = Math.min(burst, tokens + ((nowMs - atMs) * perSecond) / 1000);
    atMs = nowMs;
  }

  return {
    take() {
      refill();
      tokens -= 1;
      return tokens >= 0 ? 0 : (-tokens * 1000) / perSecond;
    },
    tryTake() {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
