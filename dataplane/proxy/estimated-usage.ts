// What is taken for usage before or without a provider's word.

import type { TokenUsage } from "../core/usage.ts";
import { estimateTokens } from "../providers/estimate.ts";
import type { RequestInfo } from "../providers/provider.ts";

/** Tokens of the prompt, from its text; those sent as ids count exactly. */
export function estimatedPrompt({ promptTextBytes, promptTokenIds = 0 }: RequestInfo): number {
  return estimateTokens(promptTextBytes) + promptTokenIds;
}

/** Usage under the names that providers use most, for expressions when there is no usage object of the provider. */
export function usageFields({ prompt, completion }: TokenUsage): Readonly<Record<string, number>> {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    input_tokens: prompt,
    output_tokens: completion,
  };
}
