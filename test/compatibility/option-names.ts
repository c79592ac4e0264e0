// Names of all options, and the values of those with a closed list, as the two systems document them: for Kong the JSON
// schema of AI Rate Limiting Advanced 3.14, for APISIX the attribute tables of ai-rate-limiting from 3.12 to 3.18; of the
// plugins around them what concerns limits, keys, windows, answers and identification.

export interface OptionName {
  readonly option: string;
  readonly values?: readonly string[];
}

const any = (...names: readonly string[]): readonly OptionName[] => names.map((option) => ({ option }));

const TOKENS = ["completion_tokens", "cost", "prompt_tokens", "total_tokens"];
const WINDOWS = ["fixed", "sliding"];

const KONG_LIMITS: readonly OptionName[] = [
  ...any("consumer", "consumer.id", "consumer_group", "consumer_group.id", "name"),
  ...any("route", "route.id", "service", "service.id"),
  { option: "protocols", values: ["grpc", "grpcs", "http", "https"] },
  ...any("config", "config.custom_cost_count_function", "config.decrease_by_fractions_in_redis"),
  ...any("config.dictionary_name", "config.disable_penalty", "config.error_code", "config.error_hide_providers"),
  ...any("config.error_message", "config.header_name", "config.hide_client_headers"),
  {
    option: "config.identifier",
    values: ["consumer", "consumer-group", "credential", "header", "ip", "path", "service"],
  },
  { option: "config.llm_format", values: ["anthropic", "bedrock", "cohere", "gemini", "huggingface", "openai"] },
  ...any("config.llm_providers", "config.llm_providers[].limit", "config.llm_providers[].window_size"),
  {
    option: "config.llm_providers[].name",
    values: [
      ...["anthropic", "azure", "bedrock", "cohere", "customCost", "gemini", "huggingface", "llama2", "mistral"],
      ...["openai", "requestPrompt"],
    ],
  },
  ...any("config.namespace", "config.path", "config.policies", "config.policies[].id", "config.policies[].limits"),
  ...any("config.policies[].limits[].limit", "config.policies[].limits[].window_size"),
  { option: "config.policies[].limits[].tokens_count_strategy", values: TOKENS },
  ...any("config.policies[].match", "config.policies[].match[].key", "config.policies[].match[].partition_by"),
  {
    option: "config.policies[].match[].type",
    values: ["consumer", "consumer_group", "header", "ip", "model", "path", "provider"],
  },
  ...any("config.policies[].match[].values"),
  { option: "config.policies[].window_type", values: WINDOWS },
  ...any("config.request_prompt_count_function", "config.retry_after_jitter_max", "config.sync_rate"),
  { option: "config.strategy", values: ["cluster", "local", "redis"] },
  { option: "config.tokens_count_strategy", values: TOKENS },
  { option: "config.window_type", values: WINDOWS },
];

const KONG_REDIS: readonly OptionName[] = [
  ...any("config.redis", "config.redis.host", "config.redis.port", "config.redis.database"),
  ...any("config.redis.username", "config.redis.password", "config.redis.ssl", "config.redis.ssl_verify"),
  ...any("config.redis.server_name", "config.redis.connect_timeout", "config.redis.send_timeout"),
  ...any("config.redis.read_timeout", "config.redis.keepalive_pool_size", "config.redis.keepalive_backlog"),
  ...any("config.redis.connection_is_proxied", "config.redis.cluster_nodes", "config.redis.cluster_nodes[].ip"),
  ...any("config.redis.cluster_nodes[].port", "config.redis.cluster_max_redirections"),
  ...any("config.redis.sentinel_master", "config.redis.sentinel_nodes", "config.redis.sentinel_nodes[].host"),
  ...any("config.redis.sentinel_nodes[].port", "config.redis.sentinel_username", "config.redis.sentinel_password"),
  { option: "config.redis.sentinel_role", values: ["any", "master", "slave"] },
  ...any("config.redis.cloud_authentication"),
  { option: "config.redis.cloud_authentication.auth_provider", values: ["aws", "azure", "gcp"] },
  ...[
    ...["aws_access_key_id", "aws_assume_role_arn", "aws_cache_name", "aws_is_serverless", "aws_region"],
    ...["aws_role_session_name", "aws_secret_access_key", "azure_client_id", "azure_client_secret"],
    ...["azure_tenant_id", "gcp_service_account_json"],
  ].map((name) => ({ option: `config.redis.cloud_authentication.${name}` })),
];

/** By "system plugin". */
export const OPTION_NAMES: Readonly<Record<string, readonly OptionName[]>> = {
  "Kong ai-rate-limiting-advanced": [...KONG_LIMITS, ...KONG_REDIS],
  "Kong calendar windows of AI Gateway 2.0": [
    { option: "window_type", values: ["calendar"] },
    { option: "limits[].period", values: ["month", "week"] },
    ...any("timezone", "limits[].month_day", "limits[].week_start_day"),
  ],
  "Kong key-auth": any(
    ...["config.anonymous", "config.hide_credentials", "config.key_in_body", "config.key_in_header"],
    ...["config.key_in_query", "config.key_names", "config.realm", "config.run_on_preflight"],
  ),
  "Kong consumers": any(
    ...["username", "custom_id", "groups", "keyauth_credentials[].key", "keyauth_credentials[].ttl"],
  ),
  "Kong ai-proxy": any(
    ...["config.model.provider", "config.model.name", "config.model.options.input_cost"],
    ...["config.model.options.output_cost"],
  ),
  "Apache APISIX ai-rate-limiting": [
    ...any("limit", "time_window", "show_limit_quota_header"),
    { option: "limit_strategy", values: ["total_tokens", "prompt_tokens", "completion_tokens", "expression"] },
    ...any("cost_expr", "instances", "instances[].name", "instances[].limit", "instances[].time_window"),
    ...any("rejected_code", "rejected_msg", "rules", "rules[].count", "rules[].time_window", "rules[].key"),
    ...any("rules[].header_prefix", "allow_degradation"),
    { option: "policy", values: ["local", "redis", "redis-cluster", "redis-sentinel"] },
    ...any("redis_host", "redis_port", "redis_username", "redis_password", "redis_database", "redis_timeout"),
    ...any("redis_ssl", "redis_ssl_verify", "redis_keepalive_timeout", "redis_keepalive_pool"),
    ...any("redis_cluster_nodes", "redis_cluster_name", "redis_cluster_ssl", "redis_cluster_ssl_verify"),
    ...any("redis_sentinels", "redis_master_name", "redis_role", "redis_connect_timeout", "redis_read_timeout"),
    ...any("sentinel_username", "sentinel_password"),
  ],
  "Apache APISIX key-auth": any(...["header", "query", "hide_credentials", "realm", "anonymous_consumer", "key"]),
  "Apache APISIX consumers": any("username", "group_id", "credentials", "plugins"),
  "Apache APISIX ai-proxy and ai-proxy-multi": [
    ...any("provider", "instances[].name", "instances[].provider", "options.model"),
    {
      option: "fallback_strategy",
      values: ["instance_health_and_rate_limiting", "rate_limiting", "http_429", "http_5xx"],
    },
  ],
};
