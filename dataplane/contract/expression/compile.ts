// The text of an expression -> a function. A fenced part of CEL, in which every number is a double. The compiler refuses
// with it what the data plane would not run. The library parses; checking and running are done here, so that nothing of it
// ever meets what a provider or a client sends.

import { Environment } from "@marcbachmann/cel-js";
import type { Language, Read } from "./language.ts";
import { type ExpressionProblem, MAX_DEPTH, MAX_LISTED, MAX_NODES, parseProblem, problem, Refusal } from "./problem.ts";
import { numberTerm } from "./terms.ts";

const MAX_LENGTH = 1024;

export interface Program<S> {
  readonly ok: true;
  /** Paths of the numbers that it reads: "prompt_tokens", "usage.prompt_tokens". */
  readonly names: readonly string[];
  /** May be anything but a useful number: infinite, not a number, negative. */
  readonly run: Read<S, number>;
}

const ENVIRONMENT = new Environment({
  limits: {
    maxAstNodes: MAX_NODES,
    maxDepth: MAX_DEPTH,
    maxCallArguments: 8,
    maxListElements: MAX_LISTED,
    maxMapEntries: 1,
  },
});

/** Never throws, whatever the text. */
export function compileProgram<S>(language: Language<S>, text: string): Program<S> | ExpressionProblem {
  // Short before it is parsed: the library's recursion over signs and brackets is then bounded as well.
  if (text.length > MAX_LENGTH) {
    return problem(text, [0, text.length], `an expression of at most ${String(MAX_LENGTH)} characters`);
  }
  const names = new Set<string>();
  try {
    const { run } = numberTerm({ language, names }, ENVIRONMENT.parse(text).ast);
    return { ok: true, names: [...names], run };
  } catch (error) {
    if (error instanceof Refusal) return problem(text, error.range, error.message);
    return parseProblem(text, error, language.general);
  }
}

/**
 * The amount that a counter moves by, a whole number from 0 to 2^53 - 1: `scale` times the value, rounded half up, and 0
 * when it is negative. Undefined when there is no finite value (division by zero).
 */
export function wholeAmount(value: number, scale: number): number | undefined {
  if (!Number.isFinite(value)) return undefined;
  // Math.round rounds half up, and exactly (0.49999999999999994 is 0).
  const scaled = value * scale;
  return scaled < 0.5 ? 0 : Math.min(Number.MAX_SAFE_INTEGER, Math.round(scaled));
}
