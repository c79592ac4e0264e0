// What tokens cost. Money is counted in nano units of a currency (1e-9) and prices in nano units per million tokens, so
// that both are integers and a request of 0.0000063 counts for exactly that. Pure.

import type { TokenUsage } from "./usage.ts";

/** Nano units of the currency per million tokens; integers from 0 to 2^53 - 1. */
export interface Prices {
  readonly input: number;
  readonly output: number;
  /** Of prompt tokens that the provider read from its cache. */
  readonly cachedInput: number;
}

/** What a backend asks for its models; never empty. */
export interface PriceList {
  readonly currency: string;
  readonly models: ReadonlyMap<string, Prices>;
  /** The highest of each price: what a model costs that is not in the list. */
  readonly highest: Prices;
}

export interface Cost {
  readonly nano: number;
  readonly currency: string;
  /** False when the model has no price of its own and the highest was taken. */
  readonly priced: boolean;
}

const MILLION = 1_000_000;

/** Undefined without a model that has prices. */
export function createPriceList(currency: string, models: ReadonlyMap<string, Prices>): PriceList | undefined {
  const all = [...models.values()];
  if (all.length === 0) return undefined;
  const highest = (kind: keyof Prices): number => all.reduce((most, prices) => Math.max(most, prices[kind]), 0);
  return {
    currency,
    models,
    highest: { input: highest("input"), output: highest("output"), cachedInput: highest("cachedInput") },
  };
}

/** A model that is not in the list, or not known, costs the highest price: naming it must not be a way past a limit. */
export function costOfRequest(list: PriceList, model: string | undefined, usage: TokenUsage): Cost {
  const prices = pricesOf(list, model);
  return { nano: costNano(prices, usage), currency: list.currency, priced: prices !== list.highest };
}

export function pricesOf(list: PriceList, model: string | undefined): Prices {
  return (model === undefined ? undefined : list.models.get(model)) ?? list.highest;
}

/** Rounded half up once, at the end; at most 2^53 - 1. */
export function costNano(prices: Prices, { prompt, completion, cachedPrompt = 0 }: TokenUsage): number {
  const cached = Math.min(prompt, cachedPrompt);
  const fresh = prompt - cached;
  const sum = fresh * prices.input + cached * prices.cachedInput + completion * prices.output;
  // Doubles are exact up to 2^53, and rounding never brings a larger product or sum below it. All terms are >= 0, so a
  // safe sum had safe terms: then it is exact, and so are its remainder and the division of a multiple.
  if (Number.isSafeInteger(sum)) {
    const rest = sum % MILLION;
    return (sum - rest) / MILLION + (rest * 2 >= MILLION ? 1 : 0);
  }
  const exact =
    BigInt(fresh) * BigInt(prices.input) +
    BigInt(cached) * BigInt(prices.cachedInput) +
    BigInt(completion) * BigInt(prices.output);
  return Math.min(Number.MAX_SAFE_INTEGER, Number((exact + BigInt(MILLION / 2)) / BigInt(MILLION)));
}
