// POST /v1/completions of the demo upstream. https://platform.openai.com/docs/api-reference/completions

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
import { answerLength, answerText, countWords, tokenText } from "./tokens.ts";

/** What the endpoint allows by default. */
const DEFAULT_TOKENS = 16;
const MAX_CHOICES = 128;

export const completions: (request: DemoRequest) => Answer = answering((request) => {
  const { body } = request;
  const model = readModel(body);
  const prompts = readPrompts(body);
  const cap = readTokenCap(body, "max_tokens");
  const options = readStreamOptions(body);
  const choices = prompts.length * (readInteger(body, "n", MAX_CHOICES) ?? 1);
  if (choices > MAX_CHOICES) throw refuse({ message: `prompts times n must be at most ${MAX_CHOICES}`, param: "n" });
  const { tokens, truncated } = answerLength(model, { otherwise: cap === undefined ? DEFAULT_TOKENS : Infinity, cap });
  const promptTokens = prompts.reduce((total, prompt) => total + prompt, 0);
  const counts = { promptTokens, completionTokens: tokens * choices };
  const reason = truncated ? "length" : "stop";
  const head = { id: `cmpl-${request.newId()}`, object: "text_completion", created: request.nowSeconds, model };
  if (options.stream) {
    return {
      kind: "stream",
      promptTokens,
      frames: chunkFrames({ head, options, counts, chunks: textChunks({ choices, tokens, reason }) }),
    };
  }
  const whole = Array.from({ length: choices }, (_, index) => choice(index, answerText(tokens), reason));
  return jsonAnswer({ ...head, choices: whole, usage: usageObject(counts) }, counts);
});

function* textChunks(shape: {
  choices: number;
  tokens: number;
  reason: string;
}): Generator<readonly [readonly object[], number]> {
  const { choices, tokens, reason } = shape;
  for (let token = 0; token < tokens; token += 1) {
    for (let index = 0; index < choices; index += 1) yield [[choice(index, tokenText(token), null)], 1];
  }
  for (let index = 0; index < choices; index += 1) yield [[choice(index, "", reason)], 0];
}

function choice(index: number, text: string, reason: string | null): object {
  return { text, index, logprobs: null, finish_reason: reason };
}

/** Tokens of each prompt: a text, a list of texts, a list of token ids, or a list of such lists. */
function readPrompts(body: JsonRecord): readonly number[] {
  const { prompt } = body;
  const prompts = promptSizes(prompt);
  if (prompts === undefined) throw missing("prompt");
  return prompts;
}

export function promptSizes(prompt: unknown): readonly number[] | undefined {
  if (typeof prompt === "string") return [countWords(prompt)];
  if (!Array.isArray(prompt) || prompt.length === 0) return undefined;
  if (prompt.every((item) => typeof item === "number")) return [prompt.length];
  return prompt.map((item: unknown) =>
    typeof item === "string" ? countWords(item) : Array.isArray(item) ? item.length : 0,
  );
}
