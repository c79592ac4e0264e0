// How long a client is told to wait. Bounds come from what official SDKs do with the header.

/** setTimeout's limit in seconds: above it Node's timers fire at once and SDKs retry in a hot loop. */
export const LONGEST_SECONDS = 2_147_483;
/** Up to this wait an SDK may as well sleep and try again; beyond it an error is more useful than a silent sleep. */
const RETRY_CEILING_MS = 30_000;

/** Whole seconds, rounded up, 1..2147483. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.min(LONGEST_SECONDS, Math.max(1, Math.ceil(waitMs / 1000)));
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
