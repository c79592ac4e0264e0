// What a limit of an AIRateLimitPolicy counts, and how much of it may be used.

import { z } from "zod";
import { decimalOrTemplate, integer, integerOrText, text } from "./meta.ts";
import type { Rule } from "./rule.ts";

const UNITS = [
  "TotalTokens",
  "PromptTokens",
  "CompletionTokens",
  "CachedPromptTokens",
  "ReasoningTokens",
  "Requests",
  "RequestPrompt",
  "Cost",
  "Expression",
] as const;

const BY_EXPRESSION: ReadonlySet<(typeof UNITS)[number]> = new Set(["Expression", "Cost", "RequestPrompt"]);

const AMOUNT =
  'an integer from 1 to 9007199254740991; with unit Cost also a decimal number in quotes, like "12.50"; or a template';

export const amountFields = {
  unit: z
    .enum(UNITS)
    .default("TotalTokens")
    .describe(
      "What is counted. Tokens count when the answer is complete, as the provider reports them: TotalTokens is prompt and " +
        "completion, CachedPromptTokens the part of the prompt that the provider read from its cache, ReasoningTokens the " +
        "part of the completion that is no answer yet. Requests count when they are let in. RequestPrompt is what a prompt " +
        "counts for, before it is sent on: its tokens, estimated as a quarter of the bytes of its text, or the value of " +
        "expression; a request is refused when that would take the counter above the limit. Cost is money by the prices " +
        "of the backend that answered (models of AIBackend), or the value of expression. Expression: the value of " +
        "expression. Default TotalTokens.",
    ),
  expression: text({ wanted: "an expression of 1 to 1024 characters", max: 1024 })
    .optional()
    .describe(
      "What a request counts for, in CEL: wanted with unit Expression, possible with Cost and RequestPrompt. Expression: over " +
        "the usage fields of the provider, like prompt_tokens * 0.5 + completion_tokens * 6 or " +
        "prompt_tokens_details.cached_tokens. Cost: in the currency, over model, provider, usage.<field>, " +
        "tokens.prompt, .completion, .cachedPrompt, .reasoning and .total (alike for all providers), prices.inputPer1M, " +
        ".outputPer1M and .cachedInputPer1M of the backend, and cost, which is what these prices make of it; like " +
        'model.startsWith("gpt-") ? cost * 1.2 : tokens.total * 0.000002. RequestPrompt: over model, provider, prompt_bytes, ' +
        'prompt_tokens (estimated), message_count, max_tokens and headers["name"]; like double(headers["x-weight"]) * ' +
        "prompt_tokens. All numbers are doubles; a field that is absent is 0, and a text that is absent empty. Known are + - * " +
        "/, comparisons, && || !, ?:, min, max, ceil, floor and round; of texts == and !=, in, startsWith, endsWith, contains " +
        "and double. The value is rounded half up (Cost: to 1e-9) and at least 0; where it has none (division by zero) the " +
        "total tokens count, with RequestPrompt those of the prompt, and with Cost what the prices make of them.",
    ),
  limit: integerOrText(integer(1, Number.MAX_SAFE_INTEGER), decimalOrTemplate(7, AMOUNT), AMOUNT).describe(
    "An integer; with unit Cost also a decimal number in quotes with at most 9 digits after the point, in the currency of " +
      "the backends' prices, below 9007199.254740992. How much of unit may be used per window. A request is refused when it is used up; the request that crosses the limit " +
      "completes. Changing it keeps the counters. Or a template that each request brings it with, as an integer from 1 to " +
      "max (with unit Cost also a decimal number): ${http_x_limit ?? 500}; see value of per. What is none of these is answered " +
      "400. All requests of a counter share it, whatever limit they bring.",
  ),
  max: integer(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      "With a limit that is a template, and only then: the greatest limit that a request may bring, with unit Cost in units " +
        "of the currency.",
    ),
  chargeRefused: z
    .boolean()
    .default(false)
    .describe(
      "With unit RequestPrompt and a sliding window only: what a refused request asks for is counted too, so that whoever " +
        "goes on asking waits longer. Default false.",
    ),
};

interface Amount {
  readonly unit: (typeof UNITS)[number];
  readonly expression?: string | undefined;
  readonly limit: number | string;
  readonly max?: number | undefined;
  readonly chargeRefused: boolean;
  readonly window: { readonly duration?: string | undefined; readonly algorithm?: string | undefined };
}

function isSliding({ duration, algorithm = "Sliding" }: Amount["window"]): boolean {
  return duration !== undefined && algorithm === "Sliding";
}

/** Between these fields, and the window. */
export const amountRules: readonly Rule<Amount>[] = [
  {
    cel: "self.unit == 'Cost' || type(self.limit) == int || self.limit.contains('$')",
    message: "an integer; a decimal number in quotes goes with unit Cost only",
    field: "limit",
    holds: ({ unit, limit: amount }) => unit === "Cost" || typeof amount === "number" || amount.includes("$"),
  },
  {
    cel: "has(self.max) == (type(self.limit) != int && self.limit.contains('$'))",
    message: "max with a limit that is a template, and with no other limit",
    field: "max",
    holds: ({ max, limit: amount }) => (max !== undefined) === (typeof amount === "string" && amount.includes("$")),
  },
  {
    cel: "self.unit != 'Expression' || has(self.expression)",
    message: "an expression, which unit Expression counts by",
    field: "expression",
    holds: (value) => value.unit !== "Expression" || value.expression !== undefined,
  },
  {
    cel: "!has(self.expression) || (self.unit in ['Expression', 'Cost', 'RequestPrompt'])",
    message: "no expression, which goes with unit Expression, Cost and RequestPrompt only",
    field: "expression",
    holds: (value) => value.expression === undefined || BY_EXPRESSION.has(value.unit),
  },
  {
    cel: "!self.chargeRefused || (self.unit == 'RequestPrompt' && has(self.window.duration) && (!has(self.window.algorithm) || self.window.algorithm == 'Sliding'))",
    message: "no chargeRefused, which goes with unit RequestPrompt and a Sliding window only",
    field: "chargeRefused",
    holds: (value) => !value.chargeRefused || (value.unit === "RequestPrompt" && isSliding(value.window)),
  },
];
