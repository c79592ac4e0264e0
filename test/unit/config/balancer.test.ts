// Smooth weighted round robin: exact shares, even spacing, zero weights.

import fc from "fast-check";
import { expect, test } from "vitest";
import { createBalancer } from "../../../dataplane/config/balancer.ts";

function picks(weights: readonly number[], count: number): (number | undefined)[] {
  const balancer = createBalancer(weights.map((weight, item) => ({ item, weight })));
  return Array.from({ length: count }, () => balancer.pick());
}

test.for([
  { name: "interleaves 5, 1 and 1 as nginx does", weights: [5, 1, 1], wanted: [0, 0, 1, 0, 2, 0, 0] },
  { name: "rotates in listed order when all weights are 0", weights: [0, 0, 0], wanted: [0, 1, 2, 0, 1, 2] },
  { name: "never picks 0 beside positive weights", weights: [0, 1, 0, 1], wanted: [1, 3, 1, 3] },
  { name: "picks the only one of positive weight", weights: [0, 3], wanted: [1, 1, 1] },
  { name: "picks a single one of weight 0", weights: [0], wanted: [0, 0] },
  { name: "has nothing to pick from an empty list", weights: [], wanted: [undefined] },
])("[unit] $name (apisix trap 35)", ({ weights, wanted }) => {
  expect(picks(weights, wanted.length)).toEqual(wanted);
});

test("[unit] any run of total-weight picks holds each choice exactly as often as its weight says", () => {
  const weights = fc.array(fc.nat(9), { minLength: 1, maxLength: 6 }).filter((list) => list.some((w) => w > 0));
  fc.assert(
    fc.property(weights, fc.nat(20), (list, skipped) => {
      const total = list.reduce((sum, w) => sum + w, 0);
      const rounds = Math.ceil(skipped / total) * total;
      const run = picks(list, rounds + total).slice(rounds);
      expect(list.map((_, item) => run.filter((picked) => picked === item).length)).toEqual(list);
    }),
  );
});

test("[unit] a choice is never further from its share than there are choices", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 100 }),
      (list, n) => {
        const total = list.reduce((sum, w) => sum + w, 0);
        const run = picks(list, n);
        for (const [item, weight] of list.entries()) {
          const count = run.filter((picked) => picked === item).length;
          expect(Math.abs(count - (n * weight) / total)).toBeLessThan(list.length);
        }
      },
    ),
  );
});

test("[unit] weights of a million keep their exact shares", () => {
  const run = picks([1_000_000, 999_999, 1], 2_000);
  expect(run.filter((picked) => picked === 0)).toHaveLength(1_000);
  expect(run.filter((picked) => picked === 1)).toHaveLength(1_000);
});
