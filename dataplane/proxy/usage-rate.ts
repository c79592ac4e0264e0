// How often one consumer may ask for its usage: a few at once, then one each second. In this process's memory alone, and
// bounded there: who asks seldom is forgotten.

const BURST = 10;
const REFILL_MS = 1_000;
/** Consumers remembered, up to twice as many. */
const REMEMBERED = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export interface UsageRate {
  /** Milliseconds until it may ask; 0 when it may now, and has. */
  take(consumer: string, nowMs: number): number;
}

export function createUsageRate(): UsageRate {
  let young = new Map<string, Bucket>();
  let old = new Map<string, Bucket>();
  const bucketOf = (consumer: string, nowMs: number): Bucket => {
    const known = young.get(consumer);
    if (known !== undefined) return known;
    const bucket = old.get(consumer) ?? { tokens: BURST, atMs: nowMs };
    if (young.size >= REMEMBERED) {
      old = young;
      young = new Map();
    }
    young.set(consumer, bucket);
    return bucket;
  };
  return {
    take(consumer, nowMs) {
      const bucket = bucketOf(consumer, nowMs);
      bucket.tokens = Math.min(BURST, bucket.tokens + (nowMs - bucket.atMs) / REFILL_MS);
      bucket.atMs = nowMs;
      if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) * REFILL_MS);
      bucket.tokens -= 1;
      return 0;
    },
  };
}
