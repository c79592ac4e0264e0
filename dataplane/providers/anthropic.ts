// Anthropic's API as the proxy sees it: which paths are calls of it, and how each call's bodies are read.
// Paths: https://docs.anthropic.com/en/api/overview

import { createAnthropicJsonMeter, createAnthropicStreamMeter } from "./anthropic-meter.ts";
import { barePath } from "./bare-path.ts";
import { createJsonRequestReader } from "./json-request.ts";
import { mediaKind } from "./media-type.ts";
import { createPassthroughMeter } from "./passthrough-meter.ts";
import type { Dialect, Operation, ResponseMeter } from "./provider.ts";
import { modelsOperation, unchargedOperation } from "./uncharged.ts";

const MESSAGES: Operation = {
  name: "messages",
  dialect: "Anthropic",
  upstreamPath: "/v1/messages",
  charged: true,
  readRequest: createJsonRequestReader,
  injectUsage: () => undefined,
  meterResponse: meterMessages,
};

const COUNT_TOKENS: Operation = unchargedOperation({
  name: "count_tokens",
  dialect: "Anthropic",
  upstreamPath: "/v1/messages/count_tokens",
  readRequest: createJsonRequestReader,
});

export const anthropicDialect: Dialect = {
  name: "Anthropic",
  operationFor: (method, path) => {
    const bare = barePath(path);
    if (method === "GET") return modelsOperation("Anthropic", bare);
    if (method !== "POST") return undefined;
    if (bare.endsWith(MESSAGES.upstreamPath)) return MESSAGES;
    return bare.endsWith(COUNT_TOKENS.upstreamPath) ? COUNT_TOKENS : undefined;
  },
  defaultOperation: MESSAGES,
};

function meterMessages(contentType: string): ResponseMeter {
  const kind = mediaKind(contentType);
  if (kind === "events") return createAnthropicStreamMeter();
  return kind === "json" ? createAnthropicJsonMeter() : createPassthroughMeter();
}
