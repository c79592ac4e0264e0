// POST /v1/messages and /v1/messages/count_tokens of the demo upstream. https://docs.anthropic.com/en/api/messages

import type { Answer, DemoRequest, Dialect, Frame, JsonRecord } from "./answer.ts";
import {
  answerLength,
  answerText,
  contentTokens,
  DEFAULT_COMPLETION_TOKENS,
  messageTokens,
  tokenText,
} from "./tokens.ts";

interface AnthropicProblem {
  readonly status: number;
  readonly type: string;
  readonly message: string;
}

function errorAnswer({ status, type, message }: AnthropicProblem, requestId: string): Answer {
  const body = { type: "error", error: { type, message }, request_id: `req_${requestId}` };
  return { kind: "error", status, body: JSON.stringify(body) };
}

function invalid(message: string, requestId: string): Answer {
  return errorAnswer({ status: 400, type: "invalid_request_error", message }, requestId);
}

export const anthropicDialect: Dialect = {
  unauthorized: (headers, requestId) => {
    const { authorization } = headers;
    const bearer = typeof authorization === "string" && /^Bearer +\S/i.test(authorization);
    if (bearer || (headers["x-api-key"] ?? "") !== "") return undefined;
    return errorAnswer(
      { status: 401, type: "authentication_error", message: "x-api-key header is required" },
      requestId,
    );
  },
  malformed: (requestId) => invalid("The request body is not valid JSON: expected an object", requestId),
  tooLarge: (requestId) =>
    errorAnswer({ status: 413, type: "request_too_large", message: "Request exceeds the maximum size" }, requestId),
  notFound: (_, requestId) => errorAnswer({ status: 404, type: "not_found_error", message: "Not found" }, requestId),
  headers: (requestId, nowSeconds) => {
    const reset = `${new Date(nowSeconds * 1000).toISOString().slice(0, 19)}Z`;
    return {
      "request-id": `req_${requestId}`,
      "anthropic-organization-id": "demo",
      "anthropic-ratelimit-requests-limit": "4000",
      "anthropic-ratelimit-requests-remaining": "3999",
      "anthropic-ratelimit-requests-reset": reset,
      "anthropic-ratelimit-tokens-limit": "400000",
      "anthropic-ratelimit-tokens-remaining": "400000",
      "anthropic-ratelimit-tokens-reset": reset,
      "anthropic-ratelimit-input-tokens-limit": "400000",
      "anthropic-ratelimit-input-tokens-remaining": "400000",
      "anthropic-ratelimit-input-tokens-reset": reset,
      "anthropic-ratelimit-output-tokens-limit": "80000",
      "anthropic-ratelimit-output-tokens-remaining": "80000",
      "anthropic-ratelimit-output-tokens-reset": reset,
    };
  },
};

export function messages(request: DemoRequest): Answer {
  const { body } = request;
  const model = String(body["model"]);
  const cap = Number(body["max_tokens"]);
  const problem = faultOf(request) ?? faultOfCap(body["max_tokens"]);
  if (problem !== undefined) return invalid(problem, request.newId());
  const promptTokens = inputTokens(body);
  // max_tokens is required here, so it says nothing of the length wished for: it cuts an answer and does not stretch it.
  const { tokens, truncated } = answerLength(model, { otherwise: DEFAULT_COMPLETION_TOKENS, cap });
  const stopReason = truncated ? "max_tokens" : "end_turn";
  const draft: Draft = { id: `msg_${request.newId()}`, model, promptTokens, tokens, stopReason };
  if (body["stream"] === true) return { kind: "stream", promptTokens, frames: messageFrames(draft) };
  const content = [{ type: "text", text: answerText(tokens) }];
  const whole = message(draft, { content, stopReason, outputTokens: tokens });
  return { kind: "json", body: JSON.stringify(whole), charged: { promptTokens, completionTokens: tokens } };
}

export function countTokens(request: DemoRequest): Answer {
  const problem = faultOf(request);
  if (problem !== undefined) return invalid(problem, request.newId());
  return { kind: "json", body: JSON.stringify({ input_tokens: inputTokens(request.body) }) };
}

/** What is wrong with the parts that both endpoints need. */
function faultOf({ body, headers }: DemoRequest): string | undefined {
  if ((headers["anthropic-version"] ?? "") === "") return "anthropic-version: header is required";
  if (typeof body["model"] !== "string" || body["model"] === "") return "model: Field required";
  if (body["messages"] === undefined) return "messages: Field required";
  if (!Array.isArray(body["messages"])) return "messages: Input should be a valid array";
  if (body["messages"].length === 0) return "messages: at least one message is required";
  return undefined;
}

function faultOfCap(cap: unknown): string | undefined {
  if (cap === undefined) return "max_tokens: Field required";
  if (typeof cap !== "number" || !Number.isInteger(cap)) return "max_tokens: Input should be a valid integer";
  return cap < 1 ? "max_tokens: Input should be greater than or equal to 1" : undefined;
}

function inputTokens({ messages: list, system }: JsonRecord): number {
  return messageTokens(Array.isArray(list) ? list : []) + contentTokens(system);
}

interface Draft {
  readonly id: string;
  readonly model: string;
  readonly promptTokens: number;
  readonly tokens: number;
  readonly stopReason: string;
}

interface Progress {
  readonly content: readonly object[];
  readonly stopReason: string | null;
  readonly outputTokens: number;
}

function message({ id, model, promptTokens }: Draft, { content, stopReason, outputTokens }: Progress): object {
  return {
    model,
    id,
    type: "message",
    role: "assistant",
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage: {
      input_tokens: promptTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
      output_tokens: outputTokens,
      service_tier: "standard",
    },
  };
}

/** Usage in message_delta is cumulative for the message: it repeats the input and has the whole output. */
function* messageFrames(draft: Draft): Generator<Frame> {
  const { promptTokens, tokens, stopReason } = draft;
  const started = message(draft, { content: [], stopReason: null, outputTokens: Math.min(1, tokens) });
  yield event("message_start", { message: started });
  yield event("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  yield { text: 'event: ping\ndata: {"type": "ping"}\n\n', completionTokens: 0 };
  for (let token = 0; token < tokens; token += 1) {
    yield event("content_block_delta", { index: 0, delta: { type: "text_delta", text: tokenText(token) } }, 1);
  }
  yield event("content_block_stop", { index: 0 });
  const usage = {
    input_tokens: promptTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: tokens,
  };
  yield event("message_delta", { delta: { stop_reason: stopReason, stop_sequence: null }, usage });
  yield event("message_stop", {});
}

function event(type: string, members: object, completionTokens = 0): Frame {
  return { text: `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`, completionTokens };
}
