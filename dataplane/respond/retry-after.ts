// How long a client is told to wait. Bounds come from what official SDKs do with the header.

/** setTimeout's limit in seconds: above it Node's timers fire at once and SDKs retry in a hot loop. */
export const LONGEST_SECONDS = 2_147_483;
/** Up to this wait an SDK may as well sleep and try again; beyond it an error is more useful than a silent sleep. */
const RETRY_CEILING_MS = 30_000;

/** How long a refused request has to wait, in milliseconds. */
export interface RefusedWait {
  /** Until it would pass. */
  readonly waitMs: number;
  /** Drawn once for the answer; in Retry-After and never in resets. */
  readonly jitterMs: number;
}

/** Whole seconds, rounded up, 1..2147483. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.min(LONGEST_SECONDS, Math.max(1, Math.ceil(waitMs / 1000)));
}

/** Whole seconds, rounded up: months and years are longer than a timer can wait. For ever is told as the longest wait. */
export function resetSeconds(waitMs: number): number {
  return waitMs === Infinity ? LONGEST_SECONDS : Math.ceil(waitMs / 1000);
}

/** From 0 up to `maxMs`, both included, in whole milliseconds. `random`: at least 0 and below 1. */
export function drawJitterMs(maxMs: number, random: () => number): number {
  return Math.floor(random() * (maxMs + 1));
}

/**
 * Retry-After always; retry-after-ms with the exact wait when it is short; x-should-retry: false when it is long, which
 * keeps the openai and anthropic SDKs from sleeping for it. Name, value, name, value, ...
 */
export function retryHeaders(waitMs: number): string[] {
  const headers = ["Retry-After", String(retryAfterSeconds(waitMs))];
  if (waitMs <= RETRY_CEILING_MS) headers.push("retry-after-ms", String(Math.max(1, Math.ceil(waitMs))));
  else headers.push("x-should-retry", "false");
  return headers;
}
