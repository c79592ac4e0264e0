// The numbers that a provider's usage objects hold, by the names that expressions use for them. For warnings alone: the data
// plane reads whatever a provider sends. https://platform.openai.com/docs/api-reference (chat, completions, embeddings,
// responses), https://docs.anthropic.com/en/api/messages.

const OPENAI = new Set([
  "prompt_tokens",
  "completion_tokens",
  "total_tokens",
  "input_tokens",
  "output_tokens",
  ...["cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens", "text_tokens"].flatMap((name) => [
    `prompt_tokens_details.${name}`,
    `input_tokens_details.${name}`,
  ]),
  ...["reasoning_tokens", "audio_tokens", "image_tokens", "text_tokens"].flatMap((name) => [
    `completion_tokens_details.${name}`,
    `output_tokens_details.${name}`,
  ]),
  "completion_tokens_details.accepted_prediction_tokens",
  "completion_tokens_details.rejected_prediction_tokens",
]);

const ANTHROPIC = new Set([
  "input_tokens",
  "output_tokens",
  "cache_creation_input_tokens",
  "cache_read_input_tokens",
  "cache_creation.ephemeral_5m_input_tokens",
  "cache_creation.ephemeral_1h_input_tokens",
  "output_tokens_details.thinking_tokens",
  "server_tool_use.web_search_requests",
  "server_tool_use.web_fetch_requests",
]);

/** Undefined for providers that may report anything. */
export function knownUsageFields(
  provider: "OpenAI" | "OpenAICompatible" | "Anthropic",
): ReadonlySet<string> | undefined {
  switch (provider) {
    case "OpenAI":
      return OPENAI;
    case "Anthropic":
      return ANTHROPIC;
    case "OpenAICompatible":
      return undefined;
  }
}
