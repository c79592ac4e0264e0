// What a request counts for in a limit, once its usage is known or estimated.

import type { LimitRecord } from "../config/snapshot.ts";
import type { CostSubject } from "../contract/cost-expression.ts";
import { type Prices, pricesOf } from "../core/pricing.ts";
import { costOf, type Spending } from "../core/usage.ts";
import { usageFields } from "./estimated-usage.ts";
import type { Exchange } from "./exchange.ts";

export interface Spent extends Spending {
  /** The provider's own usage fields; undefined when it reported none. */
  readonly raw: Readonly<Record<string, unknown>> | undefined;
}

export interface Amount {
  readonly amount: number;
  /** The expression had no value, and what counts in its place is not free. */
  readonly isFault: boolean;
}

const NANO = 1e9;
/** Nano units per token that count where an expression has no value and no price is known: more than any model costs. */
const DEAR = 1e6;

/** By the expression of a limit that has one. */
export function amountByFormula(exchange: Exchange, record: LimitRecord, spent: Spent): Amount {
  const amount = valueOf(exchange, record, spent);
  if (amount !== undefined) return { amount, isFault: false };
  return { amount: dearAmount(exchange, record, spent), isFault: true };
}

function valueOf(exchange: Exchange, { formula }: LimitRecord, spent: Spent): number | undefined {
  const fields = spent.raw ?? usageFields(spent.usage);
  if (formula?.of === "usage") return formula.evaluate(fields);
  return formula?.of === "cost" ? formula.evaluate(costSubject(exchange, fields, spent)) : undefined;
}

function costSubject({ backend, info }: Exchange, usage: CostSubject["usage"], spent: Spent): CostSubject {
  const model = info?.model;
  const { prompt, completion, cachedPrompt = 0, reasoning = 0 } = spent.usage;
  return {
    usage,
    tokens: { prompt, completion, cachedPrompt, reasoning, total: prompt + completion },
    model: model ?? "",
    provider: backend?.provider ?? "",
    prices: backend?.prices === undefined ? NO_PRICES : shownPrices(pricesOf(backend.prices, model)),
    cost: spent.costNano / NANO,
  };
}

const NO_PRICES = { inputPer1M: 0, outputPer1M: 0, cachedInputPer1M: 0 };

function shownPrices({ input, output, cachedInput }: Prices): CostSubject["prices"] {
  return { inputPer1M: input / NANO, outputPer1M: output / NANO, cachedInputPer1M: cachedInput / NANO };
}

/** Tokens count as they are; money by the backend's prices, and where it has none at a price above all. */
function dearAmount({ backend }: Exchange, { limit }: LimitRecord, spent: Spent): number {
  if (limit.unit !== "Cost" || backend?.prices !== undefined) return costOf(limit.unit, spent);
  return Math.min(Number.MAX_SAFE_INTEGER, costOf("TotalTokens", spent) * DEAR);
}
