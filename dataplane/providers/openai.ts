// OpenAI's API as the proxy sees it: which paths are calls of it, and how each call's bodies are read.
// Paths: https://platform.openai.com/docs/api-reference. Other dialects that share the shape reuse these operations.

import { barePath } from "./bare-path.ts";
import { createJsonRequestReader } from "./json-request.ts";
import { mediaKind } from "./media-type.ts";
import { createOpenAiJsonMeter, createPromptOnlyMeter } from "./openai-json-meter.ts";
import { createChatRequestReader, injectIncludeUsage } from "./openai-request.ts";
import { OpenAiStreamMeter } from "./openai-stream-meter.ts";
import { createPassthroughMeter } from "./passthrough-meter.ts";
import type { Dialect, MeterOptions, Operation, ResponseMeter } from "./provider.ts";
import { createResponsesStreamMeter } from "./responses-meter.ts";
import { createResponsesRequestReader } from "./responses-request.ts";
import { modelsOperation, unchargedOperation } from "./uncharged.ts";

/** A stored response, or what belongs to it. Ids of responses have no characters that a path gives a meaning to. */
const RESPONSE_PATH = /\/responses\/([\w-]{1,128})(\/input_items|\/cancel)?$/;
/** What is done with a stored response: method, and what follows the id. */
const RESPONSE_CALLS = new Set(["GET ", "GET /input_items", "POST /cancel", "DELETE "]);

const CHAT: Operation = {
  name: "chat",
  dialect: "OpenAI",
  upstreamPath: "/v1/chat/completions",
  charged: true,
  readRequest: createChatRequestReader,
  injectUsage: injectIncludeUsage,
  meterResponse: meterChoices,
};

const COMPLETIONS: Operation = { ...CHAT, name: "completions", upstreamPath: "/v1/completions" };

const EMBEDDINGS: Operation = {
  name: "embeddings",
  dialect: "OpenAI",
  upstreamPath: "/v1/embeddings",
  charged: true,
  readRequest: createJsonRequestReader,
  injectUsage: () => undefined,
  meterResponse: (contentType) =>
    mediaKind(contentType) === "json" ? createPromptOnlyMeter() : createPassthroughMeter(),
};

const RESPONSES: Operation = {
  name: "responses",
  dialect: "OpenAI",
  upstreamPath: "/v1/responses",
  charged: true,
  readRequest: createResponsesRequestReader,
  injectUsage: () => undefined,
  meterResponse: meterResponses,
};

const COUNT_INPUT: Operation = unchargedOperation({
  name: "count_input_tokens",
  dialect: "OpenAI",
  upstreamPath: "/v1/responses/input_tokens",
  readRequest: createJsonRequestReader,
});

/** With or without /v1 before them: some clients are given a base URL without it. The first that fits decides. */
const POSTED: readonly (readonly [suffix: string, operation: Operation])[] = [
  ["/chat/completions", CHAT],
  ["/completions", COMPLETIONS],
  ["/embeddings", EMBEDDINGS],
  ["/responses", RESPONSES],
  ["/responses/input_tokens", COUNT_INPUT],
];

/** Operations by what only their bodies have, for paths that say nothing. */
export const openAiByBody = {
  chat: CHAT,
  completions: COMPLETIONS,
  embeddings: EMBEDDINGS,
  responses: RESPONSES,
} as const;

export const openAiDialect: Dialect = {
  name: "OpenAI",
  operationFor: (method, path) => {
    const bare = barePath(path);
    const posted = method === "POST" ? POSTED.find(([suffix]) => bare.endsWith(suffix))?.[1] : undefined;
    return posted ?? storedResponse(method, bare) ?? (method === "GET" ? modelsOperation("OpenAI", bare) : undefined);
  },
  defaultOperation: CHAT,
};

function meterChoices(contentType: string, options: MeterOptions): ResponseMeter {
  const kind = mediaKind(contentType);
  if (kind === "events") return new OpenAiStreamMeter(options);
  return kind === "json" ? createOpenAiJsonMeter() : createPassthroughMeter();
}

function meterResponses(contentType: string): ResponseMeter {
  const kind = mediaKind(contentType);
  if (kind === "events") return createResponsesStreamMeter();
  return kind === "json" ? createOpenAiJsonMeter() : createPassthroughMeter();
}

/** Costs nothing: what it shows was charged when it was made. */
function storedResponse(method: string, path: string): Operation | undefined {
  const [whole, id = "", rest = ""] = RESPONSE_PATH.exec(path) ?? [];
  if (whole === undefined || !RESPONSE_CALLS.has(`${method} ${rest}`)) return undefined;
  return unchargedOperation({ name: "stored_response", dialect: "OpenAI", upstreamPath: `/v1/responses/${id}${rest}` });
}
