// Expressions of unit Cost: what they come to, in nano units, and what is refused with which words.

import { describe, expect, test } from "vitest";
import { type CostSubject, compileCostExpression } from "../../../dataplane/contract/cost-expression.ts";
import type { ExpressionProblem } from "../../../dataplane/contract/expression/problem.ts";

const SUBJECT: CostSubject = {
  usage: { prompt_tokens: 1000, completion_tokens: 500, prompt_tokens_details: { cached_tokens: 400 }, text: "12" },
  tokens: { prompt: 1000, completion: 500, cachedPrompt: 400, reasoning: 200, total: 1500 },
  model: "gpt-4o-mini",
  provider: "openai",
  prices: { inputPer1M: 0.15, outputPer1M: 0.6, cachedInputPer1M: 0.075 },
  cost: 0.00042,
};

function valueOf(text: string, subject = SUBJECT): number | undefined | ExpressionProblem {
  const compiled = compileCostExpression(text);
  return compiled.ok ? compiled.evaluate(subject) : compiled;
}

test.for([
  ["0.0000063", 6300],
  ["cost", 420_000],
  ["cost * 1.2", 504_000],
  ["(tokens.prompt * prices.inputPer1M + tokens.completion * prices.outputPer1M) / 1000000", 450_000],
  ["usage.prompt_tokens / 1000 * 0.03 + usage.completion_tokens / 1000 * 0.06", 60_000_000],
  ["usage.prompt_tokens_details.cached_tokens * 0.000001", 400_000],
  ["tokens.reasoning + tokens.cachedPrompt + tokens.total", 2_100_000_000_000],
  ["usage.absent + usage.text", 0],
  // By model and provider.
  ['model == "gpt-4" ? 2.0 : 1.0', 1_000_000_000],
  ['model.startsWith("gpt-") ? 2.0 : 1.0', 2_000_000_000],
  ['model.endsWith("-mini") && model.contains("4o") && provider != "anthropic" ? 0.5 : 1.0', 500_000_000],
  ['model in ["gpt-4", "gpt-4o-mini"] ? cost : 0', 420_000],
  ["model in ['gpt-4'] || provider in [] ? 1 : 2", 2_000_000_000],
  // kong trap 15, apisix trap 26: rounded half up to 1e-9, at the end, and never below 0.
  ["0.0000000005", 1],
  ["0.0000000004", 0],
  ["0 - 5", 0],
  ["1e300", Number.MAX_SAFE_INTEGER],
  // No value.
  ["cost / 0", undefined],
  ["tokens.prompt / usage.absent", undefined],
] as const)("[unit] %s is %s", ([text, wanted]) => {
  expect(valueOf(text)).toBe(wanted);
});

test.for([
  ["model == 'a' ? 1.0 : tokens.total * 0.5", false],
  ["usage.prompt_tokens", false],
  ["cost", true],
  ["prices.inputPer1M * 2", true],
] as const)("[unit] %s needs prices of the backend: %s", ([text, needsPrices]) => {
  expect(compileCostExpression(text)).toMatchObject({ ok: true, needsPrices });
});

test("[unit] names the usage fields that it reads", () => {
  const compiled = compileCostExpression("usage.prompt_tokens + usage.a.b * cost + tokens.total");
  expect(compiled).toMatchObject({ fields: ["prompt_tokens", "a.b"] });
});

const NAMES =
  "one of model, provider, cost, prices.inputPer1M, prices.outputPer1M, prices.cachedInputPer1M, tokens.prompt, " +
  "tokens.completion, tokens.cachedPrompt, tokens.reasoning, tokens.total, or a usage field like usage.prompt_tokens";
const GENERAL =
  "arithmetic over cost, usage, tokens and prices: numbers, names, + - * /, comparisons, && || !, ?:, in, startsWith, " +
  "endsWith, contains, min, max, ceil, floor, round";
const METHODS = "one of the methods startsWith, endsWith, contains";
const CONDITION = 'a condition, like model == "gpt-4o"';

describe("refusals", () => {
  test.for([
    ["prompt_tokens", "prompt_tokens", 1, NAMES],
    ["usage", "usage", 1, NAMES],
    ["prices.input", "prices.input", 1, NAMES],
    ["headers['x']", "headers['x']", 1, GENERAL],
    ["model", "model", 1, "a number; double(...) makes one of a text"],
    ["cost + 'a'", "'a'", 8, "a number; double(...) makes one of a text"],
    ["model == 1 ? 1 : 2", "1", 10, "a text, as on the other side"],
    ["1 == model ? 1 : 2", "1", 1, "a text, as on the other side"],
    ["model < 'b' ? 1 : 2", "model", 1, "numbers: texts are compared with == and != only"],
    ["true ? model : 'b'", "model", 8, "a number"],
    ["model ? 1 : 2", "model", 1, CONDITION],
    ["cost.startsWith('a') ? 1 : 2", "cost", 1, "a text"],
    ["model.matches('(a+)+') ? 1 : 2", "model.matches('(a+)+')", 1, METHODS],
    ["model.startsWith(provider) ? 1 : 2", "provider", 18, "a text in quotes"],
    ["model.contains('a', 'b') ? 1 : 2", "model.contains('a', 'b')", 1, "1 argument for contains"],
    ["1.0.contains('a') ? 1 : 2", "1.0", 1, "a text"],
    ["model in provider ? 1 : 2", "provider", 10, 'a list of texts in quotes, like ["gpt-4", "gpt-4o"]'],
    ["model in [1] ? 1 : 2", "1", 11, "a text in quotes"],
    ["cost in ['a'] ? 1 : 2", "cost", 1, "a text"],
    ["min(model)", "model", 5, "a number; double(...) makes one of a text"],
    ["size(model)", "size(model)", 1, "one of the functions min, max, ceil, floor, round, double, int, uint"],
    ["['a'].exists(x, x == model) ? 1 : 2", "['a'].exists(x, x == model)", 1, METHODS],
    ["has(usage.a) ? 1 : 2", "has(usage.a)", 1, "one of the functions min, max, ceil, floor, round, double, int, uint"],
    ["{'a': 1}", "{'a': 1}", 1, GENERAL],
    ["model + 'a' == 'b' ? 1 : 2", "model", 1, "a number; double(...) makes one of a text"],
  ] as const)("[unit] refuses %j at %j, character %i, and wants %s", ([text, found, position, wanted]) => {
    expect(compileCostExpression(text)).toEqual({ ok: false, found, position, wanted });
  });

  test("[unit] a list of more texts than are looked through is refused", () => {
    const list = Array.from({ length: 65 }, (_, i) => `'m${String(i)}'`).join(",");
    expect(compileCostExpression(`model in [${list}] ? 1 : 2`)).toMatchObject({ wanted: "at most 64 texts in a list" });
  });
});

test("[unit] of a long text only the beginning is looked at, so that a client cannot make it slow", () => {
  const model = `${"a".repeat(2000)}z`;
  expect(valueOf("model.endsWith('z') ? 1 : 2", { ...SUBJECT, model })).toBe(2e9);
  expect(valueOf(`model.startsWith('${"a".repeat(100)}') ? 1 : 2`, { ...SUBJECT, model })).toBe(1e9);
});
