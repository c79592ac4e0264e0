// The kind AIRateLimitPolicy: limits, to whom they apply, and how a refusal looks. Descriptions are the user manual.

import { z } from "zod";
import { amountFields, amountRules } from "./limit-amount.ts";
import { CHOSEN, condition, per } from "./limit-key.ts";
import { window } from "./limit-window.ts";
import { entryName, integer, namedList, numberedList, text } from "./meta.ts";
import { response } from "./policy-response.ts";
import { appliesTo, localListRule, scope } from "./policy-scope.ts";
import { withRules } from "./rule.ts";

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
  ...amountFields,
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
  ...amountRules,
  {
    cel: "!has(self.maxKeys) || self.per.exists(part, part.type in ['Header', 'Query', 'Path', 'Template'])",
    message: "no maxKeys, which goes with a Header, Query, Path or Template in per only",
    field: "maxKeys",
    holds: ({ maxKeys, per: parts }) => maxKeys === undefined || parts.some(({ type }) => CHOSEN.has(type)),
  },
]);

const admission = z.strictObject({
  estimate: z
    .enum(["None", "Prompt"])
    .default("None")
    .describe(
      "None: a request is checked against what earlier ones used, and counts when its answer is complete; requests at the " +
        "same time pass the same check. Prompt: the tokens of its prompt, estimated as a quarter of the bytes of its text, " +
        "count from the check on, in limits with unit TotalTokens, PromptTokens, Cost and Expression; a request is refused " +
        "when they would take a counter above its limit, and no more than the whole limit is estimated. When the answer is " +
        "complete the truth takes the place of the estimate; when there is none, the estimate is taken back. Default None.",
    ),
});

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
  admission: admission
    .prefault({})
    .describe("What counts of a request before it is sent on. Remaining on its own answer is then after the estimate."),
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
