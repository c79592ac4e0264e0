// The true cost of a request, charged once, on whichever exit it takes.

import type { MatchedLimit } from "../config/matched-limit.ts";
import { type Charge, type CounterStore, NO_HOLDS } from "../core/counter-store.ts";
import { type Cost, costOfRequest } from "../core/pricing.ts";
import { costOf, NO_USAGE, TokenCounts, type TokenUsage, type UsageSource } from "../core/usage.ts";
import { estimateTokens } from "../providers/estimate.ts";
import type { ReportedUsage, RequestInfo, ResponseMeter } from "../providers/provider.ts";
import { amountByFormula, type Spent } from "./amount.ts";
import { estimatedPrompt, usageFields } from "./estimated-usage.ts";
import type { Exchange } from "./exchange.ts";
import { reaches, type ThresholdReached } from "./thresholds.ts";

export interface Settlement {
  readonly usage: TokenUsage;
  /** Undefined when nothing is charged: an error without usage, a call that costs no tokens. */
  readonly source: UsageSource | undefined;
  /** The provider's own usage fields, with what it left out filled in; undefined when it reported none. */
  readonly raw?: Readonly<Record<string, unknown>> | undefined;
}

/** How the response stood when it is settled. */
export interface SettleInput {
  readonly meter: ResponseMeter | undefined;
  /** Status of the upstream's answer; 0 when it gave none. */
  readonly status: number;
  /** False when the response broke off or the client left. */
  readonly complete: boolean;
}

/**
 * What the upstream reported; what it reported so far when the response broke off; else an estimate from the text relayed.
 * A part that is missing from a report is estimated alike.
 * Errors without usage cost nothing. A client that leaves before the answer began has still sent its prompt.
 */
export function settlementOf(exchange: Exchange, { meter, status, complete }: SettleInput): Settlement {
  const { operation, info, backend } = exchange;
  if (!operation?.charged || !info || !backend) return { usage: NO_USAGE, source: undefined };
  const estimate = backend.compiled.usage.onMissing === "ChargeZero" ? NO_USAGE : estimateOf(info, meter);
  const reported = meter?.usage();
  if (reported) {
    const usage = completed(reported, estimate);
    return { usage, source: complete ? reported.source : "partial", raw: rawFields(reported, usage) };
  }
  return failed(status, complete) ? { usage: NO_USAGE, source: undefined } : { usage: estimate, source: "estimated" };
}

function failed(status: number, complete: boolean): boolean {
  return status >= 300 || (status === 0 && complete);
}

function estimateOf(info: RequestInfo, meter: ResponseMeter | undefined): TokenUsage {
  // What goes on being made unseen is no less than what was seen of it.
  const completion = Math.max(estimateTokens(meter?.textBytes() ?? 0), info.detachedCompletion ?? 0);
  return { prompt: estimatedPrompt(info), completion };
}

function completed({ usage, missing }: ReportedUsage, estimate: TokenUsage): TokenUsage {
  return missing === undefined ? usage : new TokenCounts({ ...usage, [missing]: estimate[missing] });
}

/** Where a report misses a part, that part has been estimated: an expression over its usual names must not be free of it. */
function rawFields({ raw, missing }: ReportedUsage, usage: TokenUsage): Settlement["raw"] {
  if (raw === undefined || missing === undefined) return raw;
  const filled = Object.entries(usageFields(usage)).filter(([name]) => typeof raw[name] !== "number");
  return { ...raw, ...Object.fromEntries(filled) };
}

export interface ChargeParts {
  readonly store: CounterStore;
  readonly thresholdReached: ThresholdReached;
}

/**
 * Prices the request and charges every limit that it matched, in place of what was estimated; `sent` follows once the
 * charges are on their way. Usage, source and raw usage of the exchange are settled before.
 */
export function chargeLimits(exchange: Exchange, { store, thresholdReached }: ChargeParts, sent: () => void): void {
  const { usage = NO_USAGE, holds, rawUsage, matched } = exchange;
  exchange.cost = priceOf(exchange, usage);
  const spent = { usage, costNano: exchange.cost?.nano ?? 0, raw: rawUsage };
  const charges: Charge[] = [];
  let at = 0;
  for (const each of matched) {
    const amount = amountOf(exchange, each, spent);
    const replaces = holds[at];
    if (amount > 0 && reaches(exchange, at, amount)) thresholdReached(exchange, at, amount);
    if (amount > 0 || replaces !== undefined) charges.push({ counter: each.counter, amount, replaces });
    at += 1;
  }
  exchange.holds = NO_HOLDS;
  if (charges.length === 0) sent();
  else store.charge(charges, sent);
}

/** Gives back what was estimated for a request that ends without anything to charge. */
export function releaseHolds({ holds }: Pick<Exchange, "holds">): void {
  for (const hold of holds) hold?.release();
}

function priceOf({ source, backend, info }: Exchange, usage: TokenUsage): Cost | undefined {
  if (source === undefined || backend?.prices === undefined) return undefined;
  return costOfRequest(backend.prices, info?.model, usage);
}

function amountOf(exchange: Exchange, { record, repeats }: MatchedLimit, spent: Spent): number {
  if (repeats) return 0;
  const { limit, formula, asks } = record;
  if (formula === undefined || asks === "Prompt") return costOf(limit.unit, spent);
  const { source, usage } = exchange;
  const isNothing = spent.raw === undefined && costOf("TotalTokens", spent) === 0;
  // Constants in an expression count for answers, not for errors and for what onMissing: ChargeZero lets go.
  if (usage === undefined || source === undefined || isNothing) return 0;
  const { amount, isFault } = amountByFormula(exchange, record, spent);
  if (isFault) exchange.expressionFaults = [...exchange.expressionFaults, { policy: limit.policy, name: limit.name }];
  return amount;
}
