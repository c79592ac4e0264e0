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
  /** The part of `completion` that was reasoning and is no text of the answer; absent counts as 0. */
  readonly reasoning?: number | undefined;
}

/** A class, so that usage has one shape whatever a provider reports: it is read with every answer. */
export class TokenCounts implements TokenUsage {
  readonly prompt: number;
  readonly completion: number;
  readonly cachedPrompt: number | undefined;
  readonly reasoning: number | undefined;

  /** A cache can only have held what was prompt, and reasoning is a part of what was made: they are cut to that. */
  constructor({ prompt, completion, cachedPrompt, reasoning }: TokenUsage) {
    this.prompt = prompt;
    this.completion = completion;
    this.cachedPrompt = partOf(prompt, cachedPrompt);
    this.reasoning = partOf(completion, reasoning);
  }
}

function partOf(whole: number, part: number | undefined): number | undefined {
  return part === undefined || whole === 0 ? undefined : Math.min(part, whole);
}

/** Where a usage comes from: the provider said it, said part of it, or it is estimated from the text relayed. */
export type UsageSource = "reported" | "partial" | "estimated";

export type Unit =
  | "TotalTokens"
  | "PromptTokens"
  | "CompletionTokens"
  | "CachedPromptTokens"
  | "ReasoningTokens"
  | "Requests"
  | "RequestPrompt"
  | "Cost"
  | "Expression";

export const NO_USAGE: TokenUsage = { prompt: 0, completion: 0 };

/** What one request has used, as far as the units count it. */
export interface Spending {
  readonly usage: TokenUsage;
  /** By the prices of the backend that answered, in nano units of its currency (1e-9). */
  readonly costNano: number;
}

/**
 * What a counter of this unit moves by when the response is complete. Requests and RequestPrompt move at admission, so they
 * cost 0 here. Where a limit has an expression, its value is the amount; what is told here counts when it has none.
 */
export function costOf(unit: Unit, { usage, costNano }: Spending): number {
  switch (unit) {
    case "TotalTokens":
    case "Expression":
      // Each part stops at 2^53 - 1, so the sum may not be exact there; it must still be an amount that a store takes.
      return Math.min(Number.MAX_SAFE_INTEGER, usage.prompt + usage.completion);
    case "PromptTokens":
      return usage.prompt;
    case "CompletionTokens":
      return usage.completion;
    case "CachedPromptTokens":
      return usage.cachedPrompt ?? 0;
    case "ReasoningTokens":
      return usage.reasoning ?? 0;
    case "Requests":
    case "RequestPrompt":
      return 0;
    case "Cost":
      return costNano;
  }
}
