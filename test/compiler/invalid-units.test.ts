// Amounts of money and expressions that are refused at admission, with the exact words.

import { test } from "vitest";
import { aLimit, aPolicy, compiled } from "./manifest-builders.ts";

const AMOUNT =
  'an integer from 1 to 9007199254740991; with unit Cost also a decimal number in quotes, like "12.50"; or a template';
const EXPRESSION =
  "arithmetic over usage fields: numbers, names, + - * /, comparisons, && || !, ?:, min, max, ceil, floor, round";
const COST =
  "arithmetic over cost, usage, tokens and prices: numbers, names, + - * /, comparisons, && || !, ?:, in, startsWith, " +
  "endsWith, contains, min, max, ceil, floor, round";
const COST_NAMES =
  "one of model, provider, cost, prices.inputPer1M, prices.outputPer1M, prices.cachedInputPer1M, tokens.prompt, " +
  "tokens.completion, tokens.cachedPrompt, tokens.reasoning, tokens.total, or a usage field like usage.prompt_tokens";
const PROMPT_NAMES =
  'one of model, provider, prompt_bytes, prompt_tokens, message_count, max_tokens, or a header like headers["x-weight"]';

test.for([
  ...["twelve", "-1", "1e3", "1.0000000001", ".5", "10000000"].map((to) => ({
    limit: { unit: "Cost", limit: to },
    line: `spec.limits[0].limit: found ${JSON.stringify(to)}, wanted ${AMOUNT}`,
  })),
  ...["0", "0.000000000", "9007199.254740992", "9999999", 9_007_200].map((to) => ({
    limit: { unit: "Cost", limit: to },
    line: `spec.limits[0].limit: found "${String(to)}", wanted an amount of money above 0 and below 9007199.254740992`,
  })),
  ...[
    ["prompt_tokens +", "nothing at character 16", EXPRESSION],
    ['1 + "a"', '"\\"a\\"" at character 5', "a number"],
    ["a > 5", '"a > 5" at character 1', "a number, not a condition"],
    ["1 + (2", "nothing at character 7", '")"'],
  ].map(([expression = "", found = "", wanted = ""]) => ({
    limit: { unit: "Expression", expression, limit: 1 },
    line: `spec.limits[0].expression: found ${found}, wanted ${wanted}`,
  })),
  ...[
    ["cost +", "nothing at character 7", COST],
    ["prompt_tokens", '"prompt_tokens" at character 1', COST_NAMES],
    ["model", '"model" at character 1', "a number; double(...) makes one of a text"],
    ["cost > 1", '"cost > 1" at character 1', "a number, not a condition"],
  ].map(([expression = "", found = "", wanted = ""]) => ({
    limit: { unit: "Cost", expression, limit: 1 },
    line: `spec.limits[0].expression: found ${found}, wanted ${wanted}`,
  })),
  ...[
    ["usage.prompt_tokens", '"usage.prompt_tokens" at character 1', PROMPT_NAMES],
    ['headers["x"]', '"headers[\\"x\\"]" at character 1', "a number; double(...) makes one of a text"],
    ["headers[model]", '"model" at character 9', 'a name in quotes, like "x-team"'],
  ].map(([expression = "", found = "", wanted = ""]) => ({
    limit: { unit: "RequestPrompt", expression, limit: 1 },
    line: `spec.limits[0].expression: found ${found}, wanted ${wanted}`,
  })),
])("[unit] refuses $limit", ({ limit, line }, { expect }) => {
  const { objects, findings } = compiled(aPolicy({}, { limits: [aLimit(limit)] }));
  const errors = findings.map(
    ({ severity, field, found, wanted }) => `${severity} ${field}: found ${found}, wanted ${wanted}`,
  );
  expect(errors).toEqual([`error ${line}`]);
  expect(objects).toEqual([]);
});
