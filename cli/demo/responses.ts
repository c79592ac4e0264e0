// POST /v1/responses of the demo upstream. https://platform.openai.com/docs/api-reference/responses

import type { Answer, DemoRequest, Frame, JsonRecord } from "./answer.ts";
import { answering, jsonAnswer, missing, readModel, readTokenCap, type TokenCounts } from "./openai.ts";
import {
  answerLength,
  answerText,
  contentTokens,
  countWords,
  DEFAULT_COMPLETION_TOKENS,
  messageTokens,
  tokenText,
} from "./tokens.ts";

export const responses: (request: DemoRequest) => Answer = answering((request) => {
  const { body } = request;
  const model = readModel(body);
  const promptTokens = inputTokens(body);
  const cap = readTokenCap(body, "max_output_tokens");
  const { tokens, truncated } = answerLength(model, {
    otherwise: cap === undefined ? DEFAULT_COMPLETION_TOKENS : Infinity,
    cap,
  });
  const draft: Draft = {
    id: `resp_${request.newId()}`,
    itemId: `msg_${request.newId()}`,
    createdAt: request.nowSeconds,
    model,
    cap: cap ?? null,
    body,
    counts: { promptTokens, completionTokens: tokens },
    truncated,
  };
  if (body["stream"] === true) return { kind: "stream", promptTokens, frames: responseFrames(draft) };
  return jsonAnswer(finished(draft), draft.counts);
});

interface Draft {
  readonly id: string;
  readonly itemId: string;
  readonly createdAt: number;
  readonly model: string;
  readonly cap: number | null;
  readonly body: JsonRecord;
  readonly counts: TokenCounts;
  readonly truncated: boolean;
}

function inputTokens(body: JsonRecord): number {
  const { input, instructions } = body;
  const asked =
    typeof input === "string" ? 1 + countWords(input) : Array.isArray(input) ? messageTokens(input) : undefined;
  if (asked === undefined) throw missing("input");
  return asked + contentTokens(instructions);
}

function* responseFrames(draft: Draft): Generator<Frame> {
  let sequence = 0;
  const event = (type: string, members: object, completionTokens = 0): Frame => {
    const text = `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...members })}\n\n`;
    sequence += 1;
    return { text, completionTokens };
  };
  const { itemId, counts, truncated } = draft;
  const place = { item_id: itemId, output_index: 0, content_index: 0 };
  const text = answerText(counts.completionTokens);
  const started = response(draft, { status: "in_progress", output: [], usage: null });
  yield event("response.created", { response: started });
  yield event("response.in_progress", { response: started });
  yield event("response.output_item.added", { output_index: 0, item: outputItem(itemId, "in_progress", []) });
  yield event("response.content_part.added", { ...place, part: textPart("") });
  for (let token = 0; token < counts.completionTokens; token += 1) {
    yield event("response.output_text.delta", { ...place, delta: tokenText(token), logprobs: [] }, 1);
  }
  yield event("response.output_text.done", { ...place, text, logprobs: [] });
  yield event("response.content_part.done", { ...place, part: textPart(text) });
  const status = truncated ? "incomplete" : "completed";
  yield event("response.output_item.done", { output_index: 0, item: outputItem(itemId, status, [textPart(text)]) });
  yield event(`response.${status}`, { response: finished(draft) });
}

function finished(draft: Draft): object {
  const { promptTokens, completionTokens } = draft.counts;
  const status = draft.truncated ? "incomplete" : "completed";
  return response(draft, {
    status,
    output: [outputItem(draft.itemId, status, [textPart(answerText(completionTokens))])],
    usage: {
      input_tokens: promptTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: completionTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: promptTokens + completionTokens,
    },
  });
}

interface Progress {
  readonly status: "in_progress" | "completed" | "incomplete";
  readonly output: readonly object[];
  readonly usage: object | null;
}

function response({ id, createdAt, model, cap, body }: Draft, { status, output, usage }: Progress): object {
  return {
    id,
    object: "response",
    created_at: createdAt,
    status,
    background: false,
    error: null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: body["instructions"] ?? null,
    max_output_tokens: cap,
    model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: status === "in_progress" ? "auto" : "default",
    store: true,
    temperature: 1,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
    usage,
    user: null,
    metadata: {},
  };
}

function outputItem(id: string, status: Progress["status"], content: readonly object[]): object {
  return { id, type: "message", status, content, role: "assistant" };
}

function textPart(text: string): object {
  return { type: "output_text", annotations: [], logprobs: [], text };
}
