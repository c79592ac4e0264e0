// Token usage of one request in one normal form, and what a unit counts of it. Pure; providers/ fill it, limits read it.

/**
 * Tokens of one request. Integers >= 0. `prompt` includes cached tokens and `completion` includes reasoning tokens,
 * whatever the provider's own convention is; providers/ convert.
 */
export interface TokenUsage {
  readonly prompt: number;
  readonly completion: number;
  /** The part of `prompt` that the provider read from its cache; absent counts as 0. */
  readonly cachedPrompt?: number | undefined;
}

/** Where a usage comes from: the provider said it, said part of it, or it is estimated from the text relayed. */
export type UsageSource = "reported" | "partial" | "estimated";

export type Unit = "TotalTokens" | "PromptTokens" | "CompletionTokens" | "Requests" | "Cost" | "Expression";

export const NO_USAGE: TokenUsage = { prompt: 0, completion: 0 };

/** What one request has used, as far as the units count it. */
export interface Spending {
  readonly usage: TokenUsage;
  /** By the prices of the backend that answered, in nano units of its currency (1e-9). */
  readonly costNano: number;
}

/**
 * What a counter of this unit moves by when the response is complete. Requests move at admission, so they cost 0 here.
 * Unit Expression has its own way: its value is worked out by the limit's expression.
 */
export function costOf(unit: Exclude<Unit, "Expression">, { usage, costNano }: Spending): number {
  switch (unit) {
    case "TotalTokens":
      // Each part stops at 2^53 - 1, so the sum may not be exact there; it must still be an amount that a store takes.
      return Math.min(Number.MAX_SAFE_INTEGER, usage.prompt + usage.completion);
    case "PromptTokens":
      return usage.prompt;
    case "CompletionTokens":
      return usage.completion;
    case "Requests":
      return 0;
    case "Cost":
      return costNano;
  }
}
