// How many tokens a request to the demo upstream costs, and the text of its answers. The same request always costs the
// same, so that a limit can be watched filling up.

import { isRecord } from "../../compiler/is-record.ts";

/** Without a hint in the request an answer has this many tokens. */
export const DEFAULT_COMPLETION_TOKENS = 20;
/** What the demo models produce at most for one choice. */
export const MAX_COMPLETION_TOKENS = 16_384;

const WORDS = "the quick brown fox counts every token while the lazy dog sleeps under an old and quiet budget".split(
  " ",
);

/** The text of one token of an answer; joined in order they are the answer. */
export function tokenText(index: number): string {
  const word = WORDS[index % WORDS.length] ?? "";
  return index === 0 ? word : ` ${word}`;
}

export function answerText(tokens: number): string {
  return Array.from({ length: tokens }, (_, index) => tokenText(index)).join("");
}

/** One token for each word. Linear in the text, whatever it holds. */
export function countWords(text: string): number {
  let words = 0;
  let inside = false;
  for (let index = 0; index < text.length; index += 1) {
    const blank = text.charCodeAt(index) <= 32;
    if (!blank && !inside) words += 1;
    inside = !blank;
  }
  return words;
}

/** Words of a text, or of the text parts of a list of parts. */
export function contentTokens(content: unknown): number {
  if (typeof content === "string") return countWords(content);
  if (!Array.isArray(content)) return 0;
  return sum(content, (part: unknown) => (isRecord(part) ? contentTokens(part["text"] ?? part["content"]) : 0));
}

/** One token for the role of each message, and one for each word in it. */
export function messageTokens(messages: readonly unknown[]): number {
  return sum(messages, (message) => 1 + (isRecord(message) ? contentTokens(message["content"]) : 0));
}

function sum(values: readonly unknown[], size: (value: unknown) => number): number {
  return values.reduce<number>((total, value) => total + size(value), 0);
}

export interface AnswerLength {
  readonly tokens: number;
  /** The answer ends because it may not become longer. */
  readonly truncated: boolean;
}

/**
 * A model named like "demo-512" has 512 tokens to say, others have `otherwise` (which may be Infinity). Never more than
 * `cap`, the most that the request allows, nor than a demo model can.
 */
export function answerLength(
  model: string,
  { otherwise, cap }: { otherwise: number; cap?: number | undefined },
): AnswerLength {
  const named = /^demo-(\d{1,9})$/.exec(model)?.[1];
  const length = Math.min(named === undefined ? otherwise : Number(named), MAX_COMPLETION_TOKENS);
  const tokens = Math.min(length, cap ?? length);
  return { tokens, truncated: tokens < length };
}
