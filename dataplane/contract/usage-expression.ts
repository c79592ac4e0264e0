// Expressions of unit Expression: what a request counts for, over the usage fields of the provider.

import { compileProgram, wholeAmount } from "./expression/compile.ts";
import type { Language } from "./expression/language.ts";
import { numberAt } from "./expression/number-at.ts";
import type { ExpressionProblem } from "./expression/problem.ts";

type RawUsage = Readonly<Record<string, unknown>>;

export interface UsageExpression {
  readonly ok: true;
  /** Paths of the usage fields that it reads: "prompt_tokens", "prompt_tokens_details.cached_tokens". */
  readonly fields: readonly string[];
  /**
   * The value for a provider's usage object: a whole number from 0 to 2^53 - 1, rounded half up; a negative value is 0.
   * Fields that are absent or no numbers are 0. Undefined when there is no finite value (division by zero).
   */
  readonly evaluate: (usage: RawUsage) => number | undefined;
}

const LANGUAGE: Language<RawUsage> = {
  general:
    "arithmetic over usage fields: numbers, names, + - * /, comparisons, && || !, ?:, min, max, ceil, floor, round",
  condition: "a condition, like prompt_tokens > 1000",
  names: "a usage field",
  number(path) {
    const steps = path.split(".");
    return (usage) => numberAt(usage, steps);
  },
};

/** Never throws, whatever the text. */
export function compileUsageExpression(text: string): UsageExpression | ExpressionProblem {
  const program = compileProgram(LANGUAGE, text);
  if (!program.ok) return program;
  const { names, run } = program;
  return { ok: true, fields: names, evaluate: (usage) => wholeAmount(run(usage), 1) };
}
