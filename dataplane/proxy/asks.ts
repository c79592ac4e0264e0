// What a request asks of a limit before it is sent on: one, what its prompt counts for, or an estimate of what it will use.

import type { LimitRecord } from "../config/snapshot.ts";
import { costOfRequest } from "../core/pricing.ts";
import { costOf } from "../core/usage.ts";
import { amountByFormula, type Spent } from "./amount.ts";
import { estimatedPrompt } from "./estimated-usage.ts";
import type { Exchange } from "./exchange.ts";

export function askOf(record: LimitRecord, exchange: Exchange): number {
  switch (record.asks) {
    case "Nothing":
      return 0;
    case "One":
      return 1;
    case "Prompt":
      return promptAmount(record, exchange);
    case "Estimate":
      // Never more than the whole limit: one that is smaller than a prompt would let none of them pass, ever.
      return Math.min(record.limit.limit, estimatedAmount(record, exchange));
  }
}

function promptAmount({ limit, formula }: LimitRecord, exchange: Exchange): number {
  const { info, backend, headers } = exchange;
  if (info === undefined) return 0;
  const promptTokens = estimatedPrompt(info);
  if (formula?.of !== "prompt") return promptTokens;
  const amount = formula.evaluate({
    model: info.model ?? "",
    provider: backend?.provider ?? "",
    promptBytes: info.promptTextBytes,
    promptTokens,
    messageCount: info.messageCount ?? 0,
    maxTokens: info.maxTokens ?? 0,
    header: (name) => headers.get(name),
  });
  if (amount !== undefined) return amount;
  exchange.expressionFaults = [...exchange.expressionFaults, { policy: limit.policy, name: limit.name }];
  return promptTokens;
}

/** What the limit would be charged if the answer were empty. */
function estimatedAmount(record: LimitRecord, exchange: Exchange): number {
  const spent = estimatedSpent(exchange);
  if (record.formula === undefined) return costOf(record.limit.unit, spent);
  return amountByFormula(exchange, record, spent).amount;
}

function estimatedSpent({ info, backend }: Exchange): Spent {
  const usage = { prompt: info === undefined ? 0 : estimatedPrompt(info), completion: 0 };
  const cost = backend?.prices === undefined ? undefined : costOfRequest(backend.prices, info?.model, usage);
  return { usage, costNano: cost?.nano ?? 0, raw: undefined };
}
