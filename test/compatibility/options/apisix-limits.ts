// Apache APISIX ai-rate-limiting.

import type { OptionRow, OptionTable, TestRef } from "../option.ts";

const SETTINGS: readonly TestRef[] = [
  {
    file: "test/unit/settings/data-plane-settings.test.ts",
    test: "everything can be set, and an empty variable is none",
  },
];
const TLS: readonly TestRef[] = [
  { file: "test/redis/connection.test.ts", test: "TLS checks the server's certificate and shows its own" },
];
const SENTINEL: readonly TestRef[] = [
  { file: "test/redis/connection.test.ts", test: "behind Sentinel a fail-over loses and doubles no charge" },
];
const CLUSTER: readonly TestRef[] = [{ file: "test/contract/redis-store.test.ts", test: 'name: "cluster of six"' }];
const POOL = "One connection carries the commands of all requests, in pipelines; there is no pool to size.";
const TIMES = "Fixed: 50 ms for an operation, and a breaker that an outage opens.";

const LIMITS: readonly OptionRow[] = [
  {
    option: "limit",
    field: "limits[].limit",
    note: "One counter for each backend: `per: [{type: Backend}]`; beside `instances` with `fallback: true`.",
    cases: ["how much may be used", "a counter for each backend", "a limit for what no other limit concerns"],
  },
  {
    option: "time_window",
    field: "limits[].window.duration with algorithm: FixedFromFirst",
    cases: ["how long a window is", "a window from the first request"],
  },
  {
    option: "show_limit_quota_header",
    field: "response.headers.hide: All",
    note: "The headers there are `formats: [Instance]`.",
    cases: ["no limit headers at all", "headers by label alone"],
  },
  {
    option: "limit_strategy",
    values: ["total_tokens"],
    field: "limits[].unit: TotalTokens",
    note: "Prompt and completion. What a provider's total has beyond their sum counts as completion.",
    cases: ["prompt and completion tokens"],
  },
  {
    option: "limit_strategy",
    values: ["prompt_tokens"],
    field: "limits[].unit: PromptTokens",
    cases: ["prompt tokens"],
  },
  {
    option: "limit_strategy",
    values: ["completion_tokens"],
    field: "limits[].unit: CompletionTokens",
    cases: ["completion tokens"],
  },
  {
    option: "limit_strategy",
    values: ["expression"],
    field: "limits[].unit: Expression",
    cases: ["a formula over the provider's own fields"],
  },
  {
    option: "cost_expr",
    field: "limits[].expression",
    note: "CEL in place of Lua: the same arithmetic, `?:` for `and`/`or`. Nested fields can be read. Where there is no value the total tokens count.",
    cases: ["a formula over the provider's own fields"],
  },
  {
    option: "instances",
    field: "limits[] with when: [{type: Backend}], or appliesTo.backends",
    cases: ["a limit for one backend", "a policy for one backend"],
  },
  {
    option: "instances[].name",
    field: "limits[].when[].values",
    note: "Name of an `AIBackend`.",
    cases: ["a limit for one backend"],
  },
  { option: "instances[].limit", field: "limits[].limit", cases: ["how much may be used"] },
  { option: "instances[].time_window", field: "limits[].window.duration", cases: ["how long a window is"] },
  { option: "rejected_code", field: "response.statusCode", cases: ["the status of a refusal"] },
  {
    option: "rejected_msg",
    field: "response.message with bodyFormat: ErrorMsg",
    cases: ["the body error_msg"],
  },
  {
    option: "rules",
    field: "limits[]",
    note: "All that apply are checked and charged.",
    cases: ["several windows for one subject"],
  },
  {
    option: "rules[].count",
    field: "limits[].limit, with max where it is a template",
    note: "`${http_x_custom_count ?? 500}`. What is no integer from 1 to `max` is a 400, and charges nothing.",
    cases: ["how much may be used", "how much may be used, as the request says"],
  },
  {
    option: "rules[].time_window",
    field: "limits[].window.duration",
    note: "Also a template.",
    cases: ["how long a window is", "how long a window is, as the request says"],
  },
  {
    option: "rules[].key",
    field: "limits[].per: [{type: Template, value: ..., skipIfMissing: true}]",
    note: "The same variables and `??` defaults. A text without a variable is `per: [{type: Shared}]`.",
    cases: ["a counter for each text of variables", "a limit that does not concern requests without the variable"],
  },
  {
    option: "rules[].header_prefix",
    field: "limits[].label with formats: [Rule]",
    note: "Without a prefix the label is the rule's position there.",
    cases: ["headers by rule"],
  },
];

const STORES: readonly OptionRow[] = [
  {
    option: "policy",
    values: ["local"],
    field: "`ai-rate-limit run` without `--redis`",
    note: "Counters in the memory of the one process. Data planes of a cluster count in Redis.",
    tests: [{ file: "test/contract/memory-store.test.ts", test: 'name: "memory"' }],
  },
  {
    option: "policy",
    values: ["redis"],
    field: "AIRL_REDIS_URL, `--redis`",
    tests: [{ file: "test/contract/redis-store.test.ts", test: 'name: "one server"' }],
  },
  { option: "policy", values: ["redis-cluster"], field: "AIRL_REDIS_CLUSTER", tests: CLUSTER },
  { option: "policy", values: ["redis-sentinel"], field: "AIRL_REDIS_SENTINEL_MASTER", tests: SENTINEL },
  {
    option: "allow_degradation",
    later:
      "While Redis is away a data plane counts on its own share; letting everything pass, or nothing, cannot be chosen yet.",
  },
  { option: "redis_host", field: "AIRL_REDIS_URL", tests: SETTINGS },
  { option: "redis_port", field: "AIRL_REDIS_URL", tests: SETTINGS },
  { option: "redis_username", field: "AIRL_REDIS_USERNAME, or in the URL", tests: SETTINGS },
  { option: "redis_password", field: "AIRL_REDIS_PASSWORD, AIRL_REDIS_PASSWORD_FILE", tests: SETTINGS },
  { option: "redis_database", field: "AIRL_REDIS_DB, or in the URL", tests: SETTINGS },
  { option: "redis_timeout", none: TIMES },
  { option: "redis_connect_timeout", none: TIMES },
  { option: "redis_read_timeout", none: TIMES },
  { option: "redis_ssl", field: "AIRL_REDIS_URL with rediss:", tests: TLS },
  {
    option: "redis_ssl_verify",
    field: "AIRL_REDIS_TLS_CA_FILE",
    note: "Certificates are always verified.",
    tests: TLS,
  },
  { option: "redis_keepalive_timeout", none: POOL },
  { option: "redis_keepalive_pool", none: POOL },
  { option: "redis_cluster_nodes", field: "AIRL_REDIS_URL, several", tests: CLUSTER },
  { option: "redis_cluster_name", none: "A name for a shared connection pool; there is none." },
  { option: "redis_cluster_ssl", field: "AIRL_REDIS_URL with rediss:", tests: TLS },
  { option: "redis_cluster_ssl_verify", field: "AIRL_REDIS_TLS_CA_FILE", tests: TLS },
  { option: "redis_sentinels", field: "AIRL_REDIS_URL, several", tests: SENTINEL },
  { option: "redis_master_name", field: "AIRL_REDIS_SENTINEL_MASTER", tests: SENTINEL },
  {
    option: "redis_role",
    none: "Counters are read and written at the master: a replica is behind by what was just charged.",
  },
  { option: "sentinel_username", none: "Sentinels are asked with a password alone." },
  { option: "sentinel_password", field: "AIRL_REDIS_SENTINEL_PASSWORD_FILE", tests: SETTINGS },
];

export const APISIX_LIMITS: OptionTable = {
  system: "Apache APISIX",
  plugin: "ai-rate-limiting",
  intro: "Fields are those of `AIRateLimitPolicy`.",
  rows: [...LIMITS, ...STORES],
};
