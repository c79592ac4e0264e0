// What a request asked for of limits that count its prompt: one header, whatever decides about the request.

import { amountText } from "../core/amount-text.ts";
import type { LabelledStatus } from "./labelled-status.ts";

/** Adds name and value; of several such limits the largest amount. Nothing without one. */
export function writeQueryCost(out: string[], shown: readonly LabelledStatus[]): void {
  let most = -1;
  for (const { status } of shown) {
    if (status.limit.unit === "RequestPrompt") most = Math.max(most, status.ask);
  }
  if (most >= 0) out.push("X-AI-RateLimit-Query-Cost", amountText("RequestPrompt", most));
}
