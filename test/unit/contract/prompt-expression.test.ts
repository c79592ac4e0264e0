// Expressions of unit RequestPrompt: what a prompt counts for, and what is refused with which words.

import { expect, test } from "vitest";
import { compilePromptExpression, type PromptSubject } from "../../../dataplane/contract/prompt-expression.ts";

const HEADERS = new Map([
  ["x-weight", "2.5"],
  ["x-negative", "-3"],
  ["x-words", "many"],
  ["x-hex", "0x10"],
  ["x-exponent", "1e9"],
  ["x-blank", " 5 "],
  ["x-team", "gold"],
]);

const SUBJECT: PromptSubject = {
  model: "gpt-4o",
  provider: "openai",
  promptBytes: 401,
  promptTokens: 101,
  messageCount: 3,
  maxTokens: 200,
  header: (name) => HEADERS.get(name),
};

test.for([
  ["prompt_bytes + prompt_tokens + message_count + max_tokens", 705],
  ['prompt_tokens * double(headers["x-weight"])', 253],
  ['prompt_tokens * double(headers["X-Weight"])', 253],
  ['headers["x-team"] == "gold" ? 1 : prompt_tokens', 1],
  ['model.startsWith("gpt-") && provider == "openai" ? 7 : 8', 7],
  // An absent header is an empty text, and that is 0.
  ['double(headers["x-absent"]) + 4', 4],
  ['headers["x-absent"] == "" ? 5 : 6', 5],
  ['max(1, double(headers["x-negative"]))', 1],
  ['double(headers["x-negative"])', 0],
  // A text that is no decimal number has no value.
  ['double(headers["x-words"])', undefined],
  ['double(headers["x-hex"])', undefined],
  ['double(headers["x-exponent"])', undefined],
  ['double(headers["x-blank"])', undefined],
  ["prompt_tokens / 0", undefined],
] as const)("[unit] %s is %s", ([text, wanted]) => {
  const compiled = compilePromptExpression(text);
  expect(compiled.ok ? compiled.evaluate(SUBJECT) : compiled).toBe(wanted);
});

const NAMES =
  'one of model, provider, prompt_bytes, prompt_tokens, message_count, max_tokens, or a header like headers["x-weight"]';

test.for([
  ["usage.prompt_tokens", "usage.prompt_tokens", 1, NAMES],
  ["headers", "headers", 1, NAMES],
  ["headers.foo", "headers.foo", 1, NAMES],
  ["model['a']", "model['a']", 1, NAMES],
  ["headers[model]", "model", 9, 'a name in quotes, like "x-team"'],
  ["headers['a b']", "headers['a b']", 1, NAMES],
  ["(1 + 2)['a']", "1 + 2", 2, NAMES],
  ["headers['x-weight'] * 2", "headers['x-weight']", 1, "a number; double(...) makes one of a text"],
  ["int(headers['x'])", "headers['x']", 5, "a number; double(...) makes one of a text"],
  ["double(model == 'a')", "model == 'a'", 8, "a number, not a condition"],
] as const)("[unit] refuses %j at %j, character %i, and wants %s", ([text, found, position, wanted]) => {
  expect(compilePromptExpression(text)).toEqual({ ok: false, found, position, wanted });
});
