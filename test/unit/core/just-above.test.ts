// The next number: nothing lies between it and the one before, so that "at least" says what "more than" said.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { justAbove } from "../../../dataplane/core/just-above.ts";

test.for([
  [0, Number.MIN_VALUE],
  [-0, Number.MIN_VALUE],
  [1, 1 + Number.EPSILON],
  [-1, -1 + Number.EPSILON / 2],
  [100, 100.00000000000001],
  [2 ** 53 - 1, 2 ** 53],
] as const)("[unit] after %f comes %f", ([value, wanted]) => {
  expect(justAbove(value)).toBe(wanted);
});

test("[unit] nothing lies between a number and the next", () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e300 });
  fc.assert(
    fc.property(finite, (value) => {
      const next = justAbove(value);
      const middle = value + (next - value) / 2;
      expect(next > value && (middle === value || middle === next)).toBe(true);
    }),
  );
});

test("[unit] its text is the same number again, as scripts read it", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 53), max: 2 ** 53 - 1 }), (value) => {
      expect(Number(String(justAbove(value)))).toBe(justAbove(value));
    }),
  );
});
