// The true cost of a request, charged once, on whichever exit it takes.

import type { Charge, CounterStore } from "../core/counter-store.ts";
import { costOf, NO_USAGE, type TokenUsage, type UsageSource } from "../core/usage.ts";
import { estimateTokens } from "../providers/estimate.ts";
import type { ReportedUsage, RequestInfo, ResponseMeter } from "../providers/provider.ts";
import type { Exchange } from "./exchange.ts";

export interface Settlement {
  readonly usage: TokenUsage;
  /** Undefined when nothing is charged: an error without usage, a call that costs no tokens. */
  readonly source: UsageSource | undefined;
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
  if (reported) return { usage: completed(reported, estimate), source: complete ? reported.source : "partial" };
  return failed(status, complete) ? { usage: NO_USAGE, source: undefined } : { usage: estimate, source: "estimated" };
}

function failed(status: number, complete: boolean): boolean {
  return status >= 300 || (status === 0 && complete);
}

function estimateOf(info: RequestInfo, meter: ResponseMeter | undefined): TokenUsage {
  const prompt = estimateTokens(info.promptTextBytes) + (info.promptTokenIds ?? 0);
  // What goes on being made unseen is no less than what was seen of it.
  const completion = Math.max(estimateTokens(meter?.textBytes() ?? 0), info.detachedCompletion ?? 0);
  return { prompt, completion };
}

function completed({ usage, missing }: ReportedUsage, estimate: TokenUsage): TokenUsage {
  return missing === undefined ? usage : { ...usage, [missing]: estimate[missing] };
}

/** Charges every limit that the request matched; `sent` follows once the charges are on their way. */
export function chargeLimits(exchange: Exchange, store: CounterStore, sent: () => void): void {
  const usage = exchange.usage ?? NO_USAGE;
  const charges: Charge[] = [];
  for (const { record, counter } of exchange.matched) {
    const amount = costOf(record.limit.unit, usage);
    if (amount > 0) charges.push({ counter, amount });
  }
  if (charges.length === 0) sent();
  else store.charge(charges, sent);
}
