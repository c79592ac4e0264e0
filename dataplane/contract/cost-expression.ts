// Expressions of unit Cost: what a request costs, where that is not tokens times prices.

import { compileProgram, wholeAmount } from "./expression/compile.ts";
import type { Language, Read } from "./expression/language.ts";
import { numberAt } from "./expression/number-at.ts";
import type { ExpressionProblem } from "./expression/problem.ts";

/** What it may ask of a request that has been answered. */
export interface CostSubject {
  /** The provider's own usage object, or what stands for it. */
  readonly usage: Readonly<Record<string, unknown>>;
  /** The same in the gateway's own words, alike for all providers. */
  readonly tokens: Tokens;
  /** What the client asked for; "" without one. */
  readonly model: string;
  /** Of the backend, in lower case. */
  readonly provider: string;
  /** In units of the currency per million tokens; zeros where the backend has none. */
  readonly prices: Prices;
  /** By these prices, in units of the currency. */
  readonly cost: number;
}

interface Tokens {
  readonly prompt: number;
  readonly completion: number;
  readonly cachedPrompt: number;
  readonly reasoning: number;
  readonly total: number;
}

interface Prices {
  readonly inputPer1M: number;
  readonly outputPer1M: number;
  readonly cachedInputPer1M: number;
}

export interface CostExpression {
  readonly ok: true;
  /** Paths of the usage fields that it reads, without "usage.". */
  readonly fields: readonly string[];
  /** It is nothing without prices of the backend. */
  readonly needsPrices: boolean;
  /** In nano units of the currency (1e-9), rounded half up, at least 0; undefined when there is no finite value. */
  readonly evaluate: (subject: CostSubject) => number | undefined;
}

const NANO = 1e9;
const USAGE = "usage.";

const NUMBERS = new Map<string, Read<CostSubject, number>>([
  ["cost", ({ cost }) => cost],
  ["prices.inputPer1M", ({ prices }) => prices.inputPer1M],
  ["prices.outputPer1M", ({ prices }) => prices.outputPer1M],
  ["prices.cachedInputPer1M", ({ prices }) => prices.cachedInputPer1M],
  ["tokens.prompt", ({ tokens }) => tokens.prompt],
  ["tokens.completion", ({ tokens }) => tokens.completion],
  ["tokens.cachedPrompt", ({ tokens }) => tokens.cachedPrompt],
  ["tokens.reasoning", ({ tokens }) => tokens.reasoning],
  ["tokens.total", ({ tokens }) => tokens.total],
]);

const TEXTS = new Map<string, Read<CostSubject, string>>([
  ["model", ({ model }) => model],
  ["provider", ({ provider }) => provider],
]);

const LANGUAGE: Language<CostSubject> = {
  general:
    "arithmetic over cost, usage, tokens and prices: numbers, names, + - * /, comparisons, && || !, ?:, in, startsWith, " +
    "endsWith, contains, min, max, ceil, floor, round",
  condition: 'a condition, like model == "gpt-4o"',
  names: `one of model, provider, ${[...NUMBERS.keys()].join(", ")}, or a usage field like usage.prompt_tokens`,
  text: (path) => TEXTS.get(path),
  number(path) {
    if (!path.startsWith(USAGE)) return NUMBERS.get(path);
    const steps = path.slice(USAGE.length).split(".");
    return ({ usage }) => numberAt(usage, steps);
  },
};

/** Never throws, whatever the text. */
export function compileCostExpression(text: string): CostExpression | ExpressionProblem {
  const program = compileProgram(LANGUAGE, text);
  if (!program.ok) return program;
  const { names, run } = program;
  return {
    ok: true,
    fields: names.filter((name) => name.startsWith(USAGE)).map((name) => name.slice(USAGE.length)),
    needsPrices: names.some((name) => name === "cost" || name.startsWith("prices.")),
    evaluate: (subject) => wholeAmount(run(subject), NANO),
  };
}
