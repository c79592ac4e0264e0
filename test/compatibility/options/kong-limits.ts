// Kong AI Rate Limiting Advanced, all but its Redis block.

import type { OptionRow, OptionTable } from "../option.ts";

const SCOPES: readonly OptionRow[] = [
  { option: "name", none: "The kind `AIRateLimitPolicy` says what it is." },
  { option: "config", none: "The fields below stand in the policy's spec itself." },
  {
    option: "consumer",
    field: "appliesTo.consumers",
    note: "With `precedence: MostSpecific` it takes the place of less specific policies, as a plugin on a consumer does.",
    cases: ["a policy for one consumer", "of policies of which one is in force the most specific"],
  },
  {
    option: "consumer.id",
    field: "appliesTo.consumers",
    note: "Consumers are named, not numbered.",
    cases: ["a policy for one consumer"],
  },
  { option: "consumer_group", field: "appliesTo.consumerGroups", cases: ["a policy for one consumer group"] },
  {
    option: "consumer_group.id",
    field: "appliesTo.consumerGroups",
    note: "Groups are plain names.",
    cases: ["a policy for one consumer group"],
  },
  { option: "route", field: "appliesTo.routes", cases: ["a policy for one route"] },
  { option: "route.id", field: "appliesTo.routes", note: "Routes are named.", cases: ["a policy for one route"] },
  {
    option: "service",
    field: "limits[].when: [{type: Service, values: [...]}]",
    note: "`spec.service` of an `AIRoute` names it.",
    cases: ["a limit for one service"],
  },
  {
    option: "service.id",
    field: "limits[].when: [{type: Service, values: [...]}]",
    note: "Services are plain names.",
    cases: ["a limit for one service"],
  },
  {
    option: "protocols",
    values: ["grpc", "grpcs", "http", "https"],
    none: "LLM providers are called by HTTP; a policy holds for whatever comes in.",
  },
];

const COUNTING: readonly OptionRow[] = [
  {
    option: "config.custom_cost_count_function",
    field: "limits[].expression with unit: Cost",
    note: "CEL in place of Lua, over model, provider, the provider's usage and the prices of the backend.",
    cases: ["money by a formula"],
  },
  {
    option: "config.decrease_by_fractions_in_redis",
    none: "Cost is counted in whole billionths of a currency unit, in every store: nothing is cut off, and sums do not drift.",
  },
  {
    option: "config.dictionary_name",
    none: "There is no shared memory of worker processes to be named: counters are in Redis, or in the one process.",
  },
  {
    option: "config.disable_penalty",
    field: "limits[].chargeRefused",
    note: "`false` there is `true` here; with `unit: RequestPrompt` and a sliding window, as there.",
    cases: ["refused requests that count"],
  },
  {
    option: "config.namespace",
    field: "counters.namespace",
    note: "Limits of one name count together. Without it a policy has counters of its own, which edits of other fields keep.",
    cases: ["counters that policies share"],
  },
  {
    option: "config.request_prompt_count_function",
    field: "limits[].expression with unit: RequestPrompt",
    note: "CEL in place of Lua, over model, provider, the prompt's size and the request's headers.",
    cases: ["a formula for prompts"],
  },
  {
    option: "config.tokens_count_strategy",
    values: ["total_tokens"],
    field: "limits[].unit: TotalTokens",
    cases: ["prompt and completion tokens"],
  },
  {
    option: "config.tokens_count_strategy",
    values: ["prompt_tokens"],
    field: "limits[].unit: PromptTokens",
    cases: ["prompt tokens"],
  },
  {
    option: "config.tokens_count_strategy",
    values: ["completion_tokens"],
    field: "limits[].unit: CompletionTokens",
    cases: ["completion tokens"],
  },
  { option: "config.tokens_count_strategy", values: ["cost"], field: "limits[].unit: Cost", cases: ["money"] },
  {
    option: "config.window_type",
    values: ["sliding"],
    field: "limits[].window.algorithm: Sliding",
    cases: ["a sliding window remembers the one before it"],
  },
  {
    option: "config.window_type",
    values: ["fixed"],
    field: "limits[].window.algorithm: Fixed",
    cases: ["a fixed window begins anew"],
  },
];

const ANSWERS: readonly OptionRow[] = [
  { option: "config.error_code", field: "response.statusCode", cases: ["the status of a refusal"] },
  {
    option: "config.error_message",
    field: "response.message with bodyFormat: Message",
    note: "The labels of the exhausted limits follow it.",
    cases: ["the message and the labels of what is exhausted"],
  },
  {
    option: "config.error_hide_providers",
    field: "response.hideDetails",
    cases: ["the message without labels"],
  },
  {
    option: "config.hide_client_headers",
    field: "response.headers.hide: Quota",
    note: "Refusals still tell resets and waits, as there.",
    cases: ["no limits and no remainders in headers, but resets"],
  },
  {
    option: "config.retry_after_jitter_max",
    field: "response.retryAfterJitter",
    note: "One draw for each refusal; Reset stays as it is.",
    cases: ["waits that differ from client to client"],
  },
  {
    option: "config.llm_format",
    values: ["openai", "anthropic"],
    none: "The client's dialect is recognised from path and body; a refusal has its shape.",
  },
  {
    option: "config.llm_format",
    values: ["bedrock", "cohere", "gemini", "huggingface"],
    later: "These dialects are not read yet.",
  },
];

const KEYS: readonly OptionRow[] = [
  {
    option: "config.identifier",
    values: ["consumer"],
    field: "limits[].per: [{type: Consumer}]",
    note: "The default. Without a known consumer the client's address.",
    cases: ["a counter for each consumer"],
  },
  {
    option: "config.identifier",
    values: ["consumer-group"],
    field: "limits[].per: [{type: ConsumerGroup}]",
    cases: ["a counter for each consumer group"],
  },
  {
    option: "config.identifier",
    values: ["credential"],
    field: "limits[].per: [{type: Credential}]",
    cases: ["a counter for each credential"],
  },
  {
    option: "config.identifier",
    values: ["header"],
    field: "limits[].per: [{type: Header, name: ...}]",
    cases: ["a counter for each value of a header"],
  },
  {
    option: "config.identifier",
    values: ["ip"],
    field: "limits[].per: [{type: IP}]",
    note: "Behind proxies with `AIRL_TRUSTED_PROXIES`; IPv6 by /64.",
    cases: ["a counter for each address"],
  },
  {
    option: "config.identifier",
    values: ["path"],
    field: "limits[].per: [{type: Path}]",
    cases: ["a counter for each path"],
  },
  {
    option: "config.identifier",
    values: ["service"],
    field: "limits[].per: [{type: Service}]",
    cases: ["a counter for each service"],
  },
  {
    option: "config.header_name",
    field: "limits[].per[].name",
    cases: ["a counter for each value of a header"],
  },
  {
    option: "config.path",
    field: "limits[].when: [{type: Path, values: [...]}]",
    cases: ["a limit for one path"],
  },
];

const PROVIDERS: readonly OptionRow[] = [
  {
    option: "config.llm_providers",
    field: "limits[]",
    note: "One limit for each provider and window.",
    cases: ["several windows for one subject", "headers by window and label"],
  },
  {
    option: "config.llm_providers[].name",
    values: ["openai", "anthropic"],
    field: "limits[].when: [{type: Provider, values: [...]}]",
    note: "Such a limit concerns requests that would go to the provider, and its label is the provider's name.",
    cases: ["a limit for one provider", "the label is the provider's"],
  },
  {
    option: "config.llm_providers[].name",
    values: ["azure", "bedrock", "cohere", "gemini", "huggingface", "llama2", "mistral"],
    later: "These providers are not spoken to yet.",
  },
  {
    option: "config.llm_providers[].name",
    values: ["customCost"],
    field: "limits[].unit: Cost with expression",
    cases: ["money by a formula"],
  },
  {
    option: "config.llm_providers[].name",
    values: ["requestPrompt"],
    field: "limits[].unit: RequestPrompt",
    note: "Without an expression a quarter of the bytes of the prompt's text. Answers bear X-AI-RateLimit-Query-Cost.",
    cases: ["what prompts count for, before they are sent on", "what a prompt counts for is told"],
  },
  {
    option: "config.llm_providers[].limit",
    field: "limits[].limit",
    note: "Tokens are whole numbers; of money up to nine digits after the point.",
    cases: ["how much may be used"],
  },
  {
    option: "config.llm_providers[].window_size",
    field: "limits[].window.duration",
    cases: ["how long a window is"],
  },
];

const POLICIES: readonly OptionRow[] = [
  {
    option: "config.policies",
    field: "AIRateLimitPolicy",
    note: "All that match are charged and enforced. `admission.estimate: Prompt` counts an estimate at the check, as there.",
    cases: [
      "every policy that matches is charged and enforced",
      "an estimate at the check that is corrected to the truth",
    ],
  },
  {
    option: "config.policies[].id",
    none: "Policies are objects of their own and name what they apply to; nothing has to refer to them.",
  },
  {
    option: "config.policies[].limits",
    field: "limits[]",
    cases: ["several windows for one subject"],
  },
  { option: "config.policies[].limits[].limit", field: "limits[].limit", cases: ["how much may be used"] },
  {
    option: "config.policies[].limits[].window_size",
    field: "limits[].window.duration",
    cases: ["how long a window is"],
  },
  {
    option: "config.policies[].limits[].tokens_count_strategy",
    values: ["total_tokens", "prompt_tokens", "completion_tokens", "cost"],
    field: "limits[].unit",
    note: "Each limit has its own.",
    cases: ["prompt and completion tokens", "prompt tokens", "completion tokens", "money"],
  },
  {
    option: "config.policies[].match",
    field: "limits[].when",
    note: "All conditions must hold. Without any the limit always applies; `fallback: true` makes it one for what no other limit of the policy concerns.",
    cases: ["all conditions must hold", "a limit for what no other limit concerns"],
  },
  {
    option: "config.policies[].match[].type",
    values: ["consumer"],
    field: "limits[].when[].type: Consumer",
    cases: ["a limit for one consumer"],
  },
  {
    option: "config.policies[].match[].type",
    values: ["consumer_group"],
    field: "limits[].when[].type: ConsumerGroup",
    cases: ["a limit for one consumer group"],
  },
  {
    option: "config.policies[].match[].type",
    values: ["header"],
    field: "limits[].when[].type: Header",
    note: "Values are compared exactly, upper and lower case included.",
    cases: ["a limit for one value of a header"],
  },
  {
    option: "config.policies[].match[].type",
    values: ["ip"],
    field: "limits[].when[].type: IP",
    note: "Addresses and CIDR ranges.",
    cases: ["a limit for addresses"],
  },
  {
    option: "config.policies[].match[].type",
    values: ["model"],
    field: "limits[].when[].type: Model",
    note: "The model that the client asks for.",
    cases: ["a limit for one model"],
  },
  {
    option: "config.policies[].match[].type",
    values: ["path"],
    field: "limits[].when[].type: Path",
    note: "Exact, by prefix or by glob (`match`).",
    cases: ["a limit for one path"],
  },
  {
    option: "config.policies[].match[].type",
    values: ["provider"],
    field: "limits[].when[].type: Provider",
    cases: ["a limit for one provider"],
  },
  {
    option: "config.policies[].match[].key",
    field: "limits[].when[].by, or name with type Header",
    note: "`id` has no counterpart: consumers and groups are known by name.",
    cases: ["a limit for one username", "a limit for one custom id", "a limit for one value of a header"],
  },
  {
    option: "config.policies[].match[].values",
    field: "limits[].when[].values",
    cases: ["any of the values"],
  },
  {
    option: "config.policies[].match[].partition_by",
    field: "limits[].per",
    note: "What is listed there has a counter for each value; several make one for each combination; `Shared` is one for all.",
    cases: ["a counter for each model", "a counter for each combination", "one counter for all"],
  },
  {
    option: "config.policies[].window_type",
    values: ["sliding", "fixed"],
    field: "limits[].window.algorithm",
    cases: ["a sliding window remembers the one before it", "a fixed window begins anew"],
  },
];

const STORES: readonly OptionRow[] = [
  {
    option: "config.strategy",
    values: ["local"],
    field: "`ai-rate-limit run` without `--redis`",
    note: "Counters in the memory of the one process. Data planes of a cluster count in Redis.",
    tests: [{ file: "test/contract/memory-store.test.ts", test: 'name: "memory"' }],
  },
  {
    option: "config.strategy",
    values: ["redis"],
    field: "AIRL_REDIS_URL, `--redis`",
    tests: [{ file: "test/contract/redis-store.test.ts", test: 'name: "one server"' }],
  },
  {
    option: "config.strategy",
    values: ["cluster"],
    none: "Counters in Kong's own database, which a data plane apart from its control plane cannot use either.",
  },
  {
    option: "config.sync_rate",
    later: "Every check and charge goes to Redis at once, as with 0.",
  },
];

export const KONG_LIMITS: OptionTable = {
  system: "Kong",
  plugin: "ai-rate-limiting-advanced",
  intro:
    "Fields are those of `AIRateLimitPolicy`. A plugin on a consumer, group, route or service is a policy with " +
    "`precedence: MostSpecific`.",
  rows: [...SCOPES, ...COUNTING, ...ANSWERS, ...KEYS, ...PROVIDERS, ...POLICIES, ...STORES],
};

/** Of AI Gateway 2.0, whose limits are policies alone; its other options are those above. */
export const KONG_CALENDAR: OptionTable = {
  system: "Kong",
  plugin: "calendar windows of AI Gateway 2.0",
  intro:
    "Fields are those of `limits[].window`. The other options of its policies are those of `config.policies` above.",
  rows: [
    {
      option: "window_type",
      values: ["calendar"],
      field: "calendar: Hour, Day, Week, Month or Year",
      cases: ["a window of the calendar"],
    },
    {
      option: "timezone",
      field: "timeZone",
      note: "Summer time is observed; the database of zones is the product's own.",
      cases: ["the time zone of the calendar"],
    },
    { option: "limits[].period", values: ["month", "week"], field: "calendar", cases: ["a window of the calendar"] },
    {
      option: "limits[].month_day",
      field: "anchorDay",
      note: "In a shorter month its last day.",
      cases: ["the day of the month on which a window starts"],
    },
    {
      option: "limits[].week_start_day",
      field: "weekStart",
      cases: ["the day of the week on which a window starts"],
    },
  ],
};
