// Money: exact to 1e-9, rounded once, and never less for more tokens.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amountText } from "../../../dataplane/core/amount-text.ts";
import { costNano, costOfRequest, createPriceList, type Prices } from "../../../dataplane/core/pricing.ts";

/** Nano units per million tokens of prices like 0.15. */
function prices(input: number, output: number, cachedInput = input): Prices {
  const nano = (price: number): number => Math.round(price * 1e9);
  return { input: nano(input), output: nano(output), cachedInput: nano(cachedInput) };
}

test.for([
  { prompt: 14, completion: 7, cachedPrompt: 0, of: prices(0.15, 0.6), cost: "0.0000063" },
  { prompt: 1_000_000, completion: 0, cachedPrompt: 0, of: prices(30, 60), cost: "30" },
  { prompt: 1_000, completion: 500, cachedPrompt: 400, of: prices(30, 60, 15), cost: "0.054" },
  { prompt: 40, completion: 0, cachedPrompt: 50, of: prices(30, 60, 15), cost: "0.0006" },
  { prompt: 0, completion: 0, cachedPrompt: 0, of: prices(30, 60), cost: "0" },
  // Halves of a nano unit go up, less goes down, and parts are added before they are rounded.
  { prompt: 1, completion: 0, cachedPrompt: 0, of: prices(0.0005, 0), cost: "0.000000001" },
  { prompt: 1, completion: 0, cachedPrompt: 0, of: prices(0.000499999, 0), cost: "0" },
  { prompt: 1, completion: 1, cachedPrompt: 0, of: prices(0.00025, 0.00025), cost: "0.000000001" },
  // Beyond exact doubles.
  {
    prompt: 123_456_789,
    completion: 987_654_321,
    cachedPrompt: 0,
    of: prices(75.123456789, 0.000000001),
    cost: "9274.500754738",
  },
  {
    prompt: Number.MAX_SAFE_INTEGER,
    completion: Number.MAX_SAFE_INTEGER,
    cachedPrompt: 0,
    of: prices(999_999, 999_999),
    cost: "9007199.254740991",
  },
])("[unit] $prompt ($cachedPrompt cached) and $completion tokens cost $cost", ({ of, cost, ...usage }) => {
  expect(amountText("Cost", costNano(of, usage))).toBe(cost);
});

const price = fc.nat({ max: 999_999_999_999_999 });
const anyPrices = fc.record({ input: price, output: price, cachedInput: price });
const tokens = fc.oneof(fc.nat({ max: 200_000 }), fc.maxSafeNat());
const anyUsage = fc.record({ prompt: tokens, completion: tokens, cachedPrompt: tokens });

describe("laws", () => {
  test("[unit] the cost is the exact sum, rounded half up", () => {
    fc.assert(
      fc.property(anyPrices, anyUsage, (of, usage) => {
        const cached = BigInt(Math.min(usage.prompt, usage.cachedPrompt));
        const sum =
          (BigInt(usage.prompt) - cached) * BigInt(of.input) +
          cached * BigInt(of.cachedInput) +
          BigInt(usage.completion) * BigInt(of.output);
        const exact = (sum + 500_000n) / 1_000_000n;
        const most = BigInt(Number.MAX_SAFE_INTEGER);
        expect(BigInt(costNano(of, usage))).toBe(exact < most ? exact : most);
      }),
    );
  });

  test("[unit] the cost never decreases when usage grows", () => {
    fc.assert(
      fc.property(anyPrices, anyUsage, tokens, tokens, (of, usage, more, moreOut) => {
        const most = Number.MAX_SAFE_INTEGER;
        const grown = {
          ...usage,
          // The cached part stays as it is: it may be cheaper than what it replaces.
          cachedPrompt: Math.min(usage.prompt, usage.cachedPrompt),
          prompt: Math.min(most, usage.prompt + more),
          completion: Math.min(most, usage.completion + moreOut),
        };
        expect(costNano(of, grown)).toBeGreaterThanOrEqual(costNano(of, usage));
      }),
    );
  });

  test("[unit] a model without a price is never cheaper than one that has one", () => {
    fc.assert(
      fc.property(fc.array(anyPrices, { minLength: 1, maxLength: 4 }), anyUsage, (all, usage) => {
        const list = createPriceList("USD", new Map(all.map((of, i) => [`m${i}`, of])));
        if (list === undefined) throw new Error("no prices");
        const unpriced = costOfRequest(list, "unheard-of", usage);
        expect(unpriced.priced).toBe(false);
        for (const name of list.models.keys()) {
          expect(unpriced.nano).toBeGreaterThanOrEqual(costOfRequest(list, name, usage).nano);
        }
      }),
    );
  });
});

test("[unit] the model's own prices are taken, by its exact name", () => {
  const list = createPriceList(
    "EUR",
    new Map([
      ["a", prices(1, 1)],
      ["b", prices(3, 2)],
    ]),
  );
  if (list === undefined) throw new Error("no prices");
  const usage = { prompt: 1_000_000, completion: 0 };
  expect(costOfRequest(list, "a", usage)).toEqual({ nano: 1e9, currency: "EUR", priced: true });
  for (const model of ["A", "a ", "", undefined]) {
    expect(costOfRequest(list, model, usage)).toEqual({ nano: 3e9, currency: "EUR", priced: false });
  }
});

test("[unit] a list without prices is none", () => {
  expect(createPriceList("USD", new Map())).toBeUndefined();
});

test.for([
  ["Cost", 12_500_000_000, "12.5"],
  ["Cost", 999_993_700, "0.9999937"],
  ["Cost", 1, "0.000000001"],
  ["Cost", 0, "0"],
  ["Cost", 10_000_000_000, "10"],
  ["Cost", Number.MAX_SAFE_INTEGER, "9007199.254740991"],
  ["TotalTokens", 12_500_000_000, "12500000000"],
  ["Expression", 5, "5"],
] as const)("[unit] %s %i is written %s", ([unit, amount, text]) => {
  expect(amountText(unit, amount)).toBe(text);
});
