// The kind AIRateLimitPolicy: limits, to whom they apply, and how a refusal looks. Descriptions are the user manual.

import { z } from "zod";
import { CHOSEN, condition, per } from "./limit-key.ts";
import {
  decimalOrTemplate,
  entryName,
  integer,
  integerOrText,
  namedList,
  numberedList,
  text,
  windowDuration,
} from "./meta.ts";
import { response } from "./policy-response.ts";
import { appliesTo, localListRule, scope } from "./policy-scope.ts";
import { exactlyOneOf, type Rule, withRules } from "./rule.ts";

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;

const windowFields = z.strictObject({
  duration: windowDuration()
    .optional()
    .describe(
      "Length of the window: a number and s, m, h or d, like 30s, 1m, 24h or 1h30m; from 1s to 366d. Or a template that each " +
        "request brings it with, as whole seconds or as such a text: ${http_x_window ?? 60s}; see value of per. Requests that " +
        "bring another length count in counters of their own, at most 32 lengths of a limit at a time; what is no length is " +
        "answered 400. Either this or calendar.",
    ),
  algorithm: z
    .enum(["Sliding", "Fixed", "FixedFromFirst"])
    .optional()
    .describe(
      "With duration only. Sliding: what was used in the last duration, with the window before fading out evenly. Fixed: " +
        "starts at 0 on every multiple of duration since 1970-01-01T00:00:00Z. FixedFromFirst: starts at 0 with the first " +
        "request that meets the limit, also one that another limit refuses, and lasts for duration; the first request or " +
        "late charge after that starts the next. Default Sliding.",
    ),
  calendar: z
    .enum(["Hour", "Day", "Week", "Month", "Year"])
    .optional()
    .describe(
      "A window of the calendar of timeZone, which starts at 0: with each full hour, at the beginning of each day, of weekStart " +
        "in each week, of anchorDay in each month, of 1 January in each year. Summer time is observed: a day may have 23 or " +
        "25 hours, and begins where its first moment is when midnight is left out. An hour that comes twice is two windows.",
    ),
  timeZone: text({
    wanted: "a time zone of the IANA database, like Europe/Berlin",
    max: 64,
    pattern: /^[A-Za-z][A-Za-z0-9+_-]*(\/[A-Za-z0-9+_-]+)*$/,
  })
    .optional()
    .describe("With calendar only: a time zone of the IANA database, like Europe/Berlin. Default UTC."),
  anchorDay: integer(1, 31)
    .optional()
    .describe(
      "With calendar Month only: the day of the month on which the window starts, 1 to 31; in a month that is shorter, its last " +
        "day. Default 1.",
    ),
  weekStart: z
    .enum(WEEKDAYS)
    .optional()
    .describe("With calendar Week only: the day on which the window starts. Default Monday."),
});

type WindowFields = z.output<typeof windowFields>;

/** A field that says something of the calendar's windows, or of one unit of them alone. */
function calendarField(name: keyof WindowFields, unit?: WindowFields["calendar"]): Rule<WindowFields> {
  return {
    cel: `!has(self.${name}) || (has(self.calendar)${unit === undefined ? "" : ` && self.calendar == '${unit}'`})`,
    message: `no ${name}, which goes with calendar${unit === undefined ? "" : ` ${unit}`} only`,
    field: name,
    holds: ({ [name]: value, calendar }) =>
      value === undefined || (unit === undefined ? calendar !== undefined : calendar === unit),
  };
}

const window = withRules(windowFields, [
  exactlyOneOf("duration", "calendar"),
  {
    cel: "!has(self.algorithm) || has(self.duration)",
    message: "no algorithm, which goes with duration only",
    field: "algorithm",
    holds: ({ algorithm, duration }) => algorithm === undefined || duration !== undefined,
  },
  calendarField("timeZone"),
  calendarField("anchorDay", "Month"),
  calendarField("weekStart", "Week"),
]);

const AMOUNT =
  'an integer from 1 to 9007199254740991; with unit Cost also a decimal number in quotes, like "12.50"; or a template';

const limitFields = z.strictObject({
  name: entryName().describe("Name of the limit, unique within the policy. Another name starts another counter."),
  when: z
    .array(condition)
    .max(8)
    .default([])
    .describe("The limit concerns requests for which all of these hold. Default: every request of the policy."),
  per: per
    .default([{ type: "Consumer" }])
    .describe("What a counter is kept for: one for each combination of these. Default: one for each consumer."),
  unit: z
    .enum(["TotalTokens", "PromptTokens", "CompletionTokens", "Requests", "Cost", "Expression"])
    .default("TotalTokens")
    .describe(
      "What is counted. Tokens count when the answer is complete, as the provider reports them; TotalTokens is prompt and " +
        "completion. Requests count when they are let in. Cost is money by the prices of the backend that answered (models " +
        "of AIBackend). Expression: the value of expression. Default TotalTokens.",
    ),
  expression: text({ wanted: "an expression of 1 to 1024 characters", max: 1024 })
    .optional()
    .describe(
      "With unit Expression only: what a request counts for, in CEL over the usage fields of the provider, like " +
        "prompt_tokens * 0.5 + completion_tokens * 6 or prompt_tokens_details.cached_tokens. All numbers are doubles and a " +
        "field that is absent is 0. Known are + - * /, comparisons, && || !, ?:, min, max, ceil, floor and round. The value " +
        "is rounded half up and at least 0; where it has none (division by zero) the total tokens count.",
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
  window: window.describe("The time in which the limit may be used. Changing it starts new counters."),
  label: text({
    wanted: "a label: letters, digits and !#$%&'*+-.^_`|~, at most 63",
    max: 63,
    pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  })
    .optional()
    .describe(
      "Name of the limit in response headers and messages. Default: the value of the first Provider or Backend condition " +
        "with one Exact value; else, when per has Backend, Provider or Model, its value in this request; else name.",
    ),
  fallback: z
    .boolean()
    .default(false)
    .describe(
      "With true the limit concerns only requests that no other limit of this policy concerns. A limit in Shadow displaces none " +
        "that enforces. Default false.",
    ),
  maxKeys: integer(1, 100_000)
    .optional()
    .describe(
      "How many values of per each data plane tells apart in a window, with a Header, Query, Path or Template in per; the rest " +
        "shares one counter. Default: 10000 where clients alone choose the values of per, else no bound.",
    ),
  mode: z
    .enum(["Enforce", "Shadow"])
    .optional()
    .describe("As mode of the policy, for this limit alone, and before it. Default: the policy's."),
});

const limit = withRules(limitFields, [
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
    cel: "!has(self.maxKeys) || self.per.exists(part, part.type in ['Header', 'Query', 'Path', 'Template'])",
    message: "no maxKeys, which goes with a Header, Query, Path or Template in per only",
    field: "maxKeys",
    holds: ({ maxKeys, per: parts }) => maxKeys === undefined || parts.some(({ type }) => CHOSEN.has(type)),
  },
  {
    cel: "(self.unit == 'Expression') == has(self.expression)",
    message: "an expression with unit Expression, and with no other unit",
    field: "expression",
    holds: (value) => (value.unit === "Expression") === (value.expression !== undefined),
  },
]);

const WANTED_COUNTERS =
  "nothing or a name: lower-case letters, digits and -, starting and ending with a letter or digit, at most 63";

const counters = z.strictObject({
  namespace: text({ wanted: WANTED_COUNTERS, min: 0, max: 63, pattern: /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/ })
    .default("")
    .describe(
      "Policies of this namespace with the same text here share counters: limits of one name, unit, window and per count " +
        "together, and a request that meets several of them counts once. Default (empty): the policy has counters of its own.",
    ),
});

const threshold = z.strictObject({
  percent: integer(1, 100).describe("How much of a limit is used up, in percent of it, 1 to 100."),
});

const policyFields = z.strictObject({
  appliesTo: appliesTo
    .prefault({})
    .describe(
      "Which requests the policy is about: every list that is given must fit, and within a list any name does. An empty " +
        "list counts as not given. Default: every request of the namespace. A name that does not exist gives a warning.",
    ),
  scope,
  precedence: z
    .enum(["Additive", "MostSpecific"])
    .default("Additive")
    .describe(
      "Additive: enforced beside all other policies. MostSpecific: of all MostSpecific policies that apply to a request only " +
        "one is enforced, by the lists that appliesTo gives: consumers with routes, consumerGroups with routes, consumers, " +
        "consumerGroups, routes, none of these; of consumers that belong to each other the nearest to the caller; then " +
        "scope Namespace before Cluster. Of several groups the one whose name sorts first; then the older policy, then the name. appliesTo.backends narrows where a policy applies and does not raise its rank. A policy whose limits " +
        "are all in Shadow displaces none that enforces: it counts and reports beside the chosen one where it would be " +
        "chosen itself if every Shadow policy were enforced. Default Additive.",
    ),
  mode: z
    .enum(["Enforce", "Shadow"])
    .default("Enforce")
    .describe("Enforce: exhausted limits refuse. Shadow: they count and report, and never refuse. Default Enforce."),
  counters: counters.prefault({}).describe("Whether counters are shared with other policies."),
  limits: namedList(limit, 1, 16).describe(
    "The limits. Every one that concerns a request is checked and charged; any exhausted one refuses. See precedence for " +
      "policies of which only one is enforced.",
  ),
  response: response
    .prefault({})
    .describe(
      "How a refusal looks. When limits of several policies are exhausted, the one with the longest wait decides.",
    ),
  notify: numberedList(threshold, "percent", 8)
    .default([{ percent: 80 }, { percent: 100 }])
    .describe(
      "When a counter of a limit reaches one of these, once in a window, it is told: as an Event of this policy, as a metric, " +
        "and to a webhook if the operator has set one. An empty list switches it off. Default 80 and 100.",
    ),
});

export const policySpec = withRules(policyFields, [localListRule("routes"), localListRule("backends")]);

export type PolicySpec = z.output<typeof policySpec>;
export type LimitSpec = PolicySpec["limits"][number];
export type ConditionSpec = LimitSpec["when"][number];
