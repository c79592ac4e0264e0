// Expressions of unit RequestPrompt: what a request counts for before it is sent on.

import { compileProgram, wholeAmount } from "./expression/compile.ts";
import type { Language, Read } from "./expression/language.ts";
import type { ExpressionProblem } from "./expression/problem.ts";

/** What it may ask of a request that has been read. */
export interface PromptSubject {
  /** "" without one. */
  readonly model: string;
  /** Of the backend that the request would go to, in lower case. */
  readonly provider: string;
  /** UTF-8 bytes of the text that becomes prompt. */
  readonly promptBytes: number;
  /** Estimated from these. */
  readonly promptTokens: number;
  readonly messageCount: number;
  /** 0 without a cap. */
  readonly maxTokens: number;
  /** By lower-case name. */
  header(name: string): string | undefined;
}

export interface PromptExpression {
  readonly ok: true;
  /** A whole number from 0 to 2^53 - 1, rounded half up; undefined when there is no finite value. */
  readonly evaluate: (subject: PromptSubject) => number | undefined;
}

const NUMBERS = new Map<string, Read<PromptSubject, number>>([
  ["prompt_bytes", ({ promptBytes }) => promptBytes],
  ["prompt_tokens", ({ promptTokens }) => promptTokens],
  ["message_count", ({ messageCount }) => messageCount],
  ["max_tokens", ({ maxTokens }) => maxTokens],
]);

const TEXTS = new Map<string, Read<PromptSubject, string>>([
  ["model", ({ model }) => model],
  ["provider", ({ provider }) => provider],
]);

/** RFC 9110 section 5.6.2: token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

const LANGUAGE: Language<PromptSubject> = {
  general:
    "arithmetic over prompt_bytes, prompt_tokens, message_count and max_tokens: numbers, names, + - * /, comparisons, " +
    "&& || !, ?:, in, startsWith, endsWith, contains, min, max, ceil, floor, round, double",
  condition: 'a condition, like model == "gpt-4o"',
  names: `one of model, provider, ${[...NUMBERS.keys()].join(", ")}, or a header like headers["x-weight"]`,
  text: (path) => TEXTS.get(path),
  number: (path) => NUMBERS.get(path),
  entry(map, key) {
    if (map !== "headers" || !HEADER_NAME.test(key)) return undefined;
    const name = key.toLowerCase();
    return (subject) => subject.header(name) ?? "";
  },
};

/** Never throws, whatever the text. */
export function compilePromptExpression(text: string): PromptExpression | ExpressionProblem {
  const program = compileProgram(LANGUAGE, text);
  if (!program.ok) return program;
  const { run } = program;
  return { ok: true, evaluate: (subject) => wholeAmount(run(subject), 1) };
}
