// POST /v1/chat/completions of the demo upstream. https://platform.openai.com/docs/api-reference/chat

import type { Answer, DemoRequest, JsonRecord } from "./answer.ts";
import {
  answering,
  chunkFrames,
  jsonAnswer,
  missing,
  readInteger,
  readModel,
  readStreamOptions,
  readTokenCap,
  refuse,
  usageObject,
} from "./openai.ts";
import { answerLength, answerText, DEFAULT_COMPLETION_TOKENS, messageTokens, tokenText } from "./tokens.ts";

const FINGERPRINT = "fp_0123456789";
const MAX_CHOICES = 128;

/** A cap in the request is taken as the length wished for, unless the model names one: then it only cuts. */
export const chatCompletions: (request: DemoRequest) => Answer = answering((request) => {
  const { body } = request;
  const model = readModel(body);
  const messages = readMessages(body);
  const cap = readCap(body);
  const options = readStreamOptions(body);
  const choices = readInteger(body, "n", MAX_CHOICES) ?? 1;
  const length = answerLength(model, { otherwise: cap === undefined ? DEFAULT_COMPLETION_TOKENS : Infinity, cap });
  const counts = { promptTokens: messageTokens(messages), completionTokens: length.tokens * choices };
  const finishReason = length.truncated ? "length" : "stop";
  const head = { id: `chatcmpl-${request.newId()}`, created: request.nowSeconds, model };
  const shape: Shape = { choices, tokens: length.tokens, finishReason };
  if (options.stream) {
    const { id, created } = head;
    const chunkHead = {
      id,
      object: "chat.completion.chunk",
      created,
      model,
      service_tier: "default",
      system_fingerprint: FINGERPRINT,
    };
    const frames = chunkFrames({ head: chunkHead, options, counts, chunks: chatChunks(shape) });
    return { kind: "stream", promptTokens: counts.promptTokens, frames };
  }
  const completion = {
    id: head.id,
    object: "chat.completion",
    created: head.created,
    model,
    choices: Array.from({ length: choices }, (_, index) => wholeChoice(index, shape)),
    usage: usageObject(counts),
    service_tier: "default",
    system_fingerprint: FINGERPRINT,
  };
  return jsonAnswer(completion, counts);
});

interface Shape {
  readonly choices: number;
  readonly tokens: number;
  readonly finishReason: "stop" | "length";
}

function wholeChoice(index: number, { tokens, finishReason }: Shape): object {
  const message = { role: "assistant", content: answerText(tokens), refusal: null, annotations: [] };
  return { index, message, logprobs: null, finish_reason: finishReason };
}

/** The role first, then one token a chunk, the choices in turn, then the reason for the end. */
function* chatChunks({ choices, tokens, finishReason }: Shape): Generator<readonly [readonly object[], number]> {
  const choice = (index: number, delta: object, reason: string | null = null): readonly object[] => [
    { index, delta, logprobs: null, finish_reason: reason },
  ];
  const indexes = Array.from({ length: choices }, (_, index) => index);
  for (const index of indexes) yield [choice(index, { role: "assistant", content: "", refusal: null }), 0];
  for (let token = 0; token < tokens; token += 1) {
    for (const index of indexes) yield [choice(index, { content: tokenText(token) }), 1];
  }
  for (const index of indexes) yield [choice(index, {}, finishReason), 0];
}

function readMessages(body: JsonRecord): readonly unknown[] {
  const { messages } = body;
  const param = "messages";
  if (messages === undefined || messages === null) throw missing(param);
  if (!Array.isArray(messages)) {
    const message = `Invalid type for '${param}': expected an array of objects, but got ${typeof messages} instead.`;
    throw refuse({ message, param, code: "invalid_type" });
  }
  if (messages.length === 0) {
    const message = `Invalid '${param}': empty array. Expected an array with minimum length 1, but got an empty array instead.`;
    throw refuse({ message, param, code: "empty_array" });
  }
  return messages;
}

function readCap(body: JsonRecord): number | undefined {
  const older = readTokenCap(body, "max_tokens");
  const newer = readTokenCap(body, "max_completion_tokens");
  if (older !== undefined && newer !== undefined) {
    const message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
    throw refuse({ message, code: "invalid_parameter_combination" });
  }
  return newer ?? older;
}
