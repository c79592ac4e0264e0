// How long to wait after the n-th failure in a row: full jitter under a ceiling that doubles, so that many clients that
// failed together do not come back together.

export interface BackOffRange {
  /** Ceiling of the first wait. */
  readonly minMs: number;
  /** Ceiling of every later wait at most. */
  readonly maxMs: number;
}

/** Failures in a row, from 1. `random` gives 0 <= x < 1. The wait lies in 0..ceiling. */
export function backOffMs(failures: number, { minMs, maxMs }: BackOffRange, random: () => number): number {
  // 2^40 x minMs is beyond any maximum; the bound keeps the power finite.
  const ceilingMs = Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 40));
  return random() * ceilingMs;
}
