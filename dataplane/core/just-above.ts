// The next number: turns "more than" into "at least", for comparisons that know only one of them. Pure.

const double = new Float64Array(1);
const bits = new BigInt64Array(double.buffer);

/** The least double greater than a finite one. */
export function justAbove(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  double[0] = value;
  // Of doubles with one sign the greater in size have the greater bits.
  bits[0] = (bits[0] ?? 0n) + (value > 0 ? 1n : -1n);
  return double[0];
}
