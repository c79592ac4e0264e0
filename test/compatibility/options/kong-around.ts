// What Kong's limits lean on: the Redis block, key-auth, consumers, and prices of ai-proxy.

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
const CLOUD = "Tokens of cloud identities for Redis.";

const redis = (name: string, row: Omit<Extract<OptionRow, { field: string }>, "option">): OptionRow => ({
  option: `config.redis${name === "" ? "" : `.${name}`}`,
  ...row,
});
const none = (name: string, reason: string): OptionRow => ({ option: `config.redis.${name}`, none: reason });
const later = (name: string): OptionRow => ({
  option: `config.redis.cloud_authentication${name}`,
  later: CLOUD,
});

export const KONG_REDIS_ROWS: readonly OptionRow[] = [
  redis("", { field: "AIRL_REDIS_*", note: "Of the data plane, not of a policy.", tests: SETTINGS }),
  redis("host", { field: "AIRL_REDIS_URL", tests: SETTINGS }),
  redis("port", { field: "AIRL_REDIS_URL", tests: SETTINGS }),
  redis("database", { field: "AIRL_REDIS_DB, or in the URL", tests: SETTINGS }),
  redis("username", { field: "AIRL_REDIS_USERNAME, or in the URL", tests: SETTINGS }),
  redis("password", { field: "AIRL_REDIS_PASSWORD, AIRL_REDIS_PASSWORD_FILE", tests: SETTINGS }),
  redis("ssl", { field: "AIRL_REDIS_URL with rediss:", tests: TLS }),
  redis("ssl_verify", {
    field: "AIRL_REDIS_TLS_CA_FILE",
    note: "Certificates are always verified; the file names who may have signed them.",
    tests: TLS,
  }),
  redis("server_name", { field: "AIRL_REDIS_TLS_SERVER_NAME", tests: SETTINGS }),
  none("connect_timeout", TIMES),
  none("send_timeout", TIMES),
  none("read_timeout", TIMES),
  none("keepalive_pool_size", POOL),
  none("keepalive_backlog", POOL),
  none("connection_is_proxied", "No command is sent that a proxy would need to be spared."),
  redis("cluster_nodes", { field: "AIRL_REDIS_CLUSTER with several URLs", tests: CLUSTER }),
  redis("cluster_nodes[].ip", { field: "AIRL_REDIS_URL", tests: CLUSTER }),
  redis("cluster_nodes[].port", { field: "AIRL_REDIS_URL", tests: CLUSTER }),
  none("cluster_max_redirections", "The map of slots is followed; a redirection is taken where it points."),
  redis("sentinel_master", { field: "AIRL_REDIS_SENTINEL_MASTER", tests: SENTINEL }),
  redis("sentinel_nodes", { field: "AIRL_REDIS_URL, several", tests: SENTINEL }),
  redis("sentinel_nodes[].host", { field: "AIRL_REDIS_URL", tests: SENTINEL }),
  redis("sentinel_nodes[].port", { field: "AIRL_REDIS_URL", tests: SENTINEL }),
  none("sentinel_username", "Sentinels are asked with a password alone."),
  redis("sentinel_password", { field: "AIRL_REDIS_SENTINEL_PASSWORD_FILE", tests: SETTINGS }),
  {
    option: "config.redis.sentinel_role",
    values: ["any", "master", "slave"],
    none: "Counters are read and written at the master: a replica is behind by what was just charged.",
  },
  later(""),
  { option: "config.redis.cloud_authentication.auth_provider", values: ["aws", "azure", "gcp"], later: CLOUD },
  ...[
    ...["aws_access_key_id", "aws_assume_role_arn", "aws_cache_name", "aws_is_serverless", "aws_region"],
    ...["aws_role_session_name", "aws_secret_access_key", "azure_client_id", "azure_client_secret"],
    ...["azure_tenant_id", "gcp_service_account_json"],
  ].map((name) => later(`.${name}`)),
];

export const KONG_KEY_AUTH: OptionTable = {
  system: "Kong",
  plugin: "key-auth",
  intro: "Fields are those of `spec.authentication` of an `AIRoute`.",
  rows: [
    {
      option: "config.key_names",
      field: "apiKey.headers, apiKey.query",
      note: "Each place has its own list; the first listed place that is present decides.",
      cases: ["the headers of the key", "the query parameters of the key"],
    },
    { option: "config.key_in_header", field: "apiKey.headers", cases: ["keys in the query only"] },
    { option: "config.key_in_query", field: "apiKey.query", cases: ["keys in headers only"] },
    {
      option: "config.key_in_body",
      none: "A key in a prompt's body would be stored with it by whoever logs prompts; official SDKs send headers.",
    },
    {
      option: "config.hide_credentials",
      field: "apiKey.hideCredentials",
      note: "On unless switched off.",
      cases: ["the key is kept from the provider"],
    },
    {
      option: "config.anonymous",
      field: "anonymousConsumer",
      cases: ["a consumer for callers without a key"],
    },
    { option: "config.realm", field: "realm", cases: ["the realm of a 401"] },
    {
      option: "config.run_on_preflight",
      field: "runOnPreflight",
      cases: ["preflight requests without a key"],
    },
  ],
};

export const KONG_CONSUMERS: OptionTable = {
  system: "Kong",
  plugin: "consumers",
  intro: "Fields are those of `Consumer`.",
  rows: [
    { option: "username", field: "spec.username", cases: ["a limit for one username"] },
    {
      option: "custom_id",
      field: "spec.customID",
      note: "Conditions ask for it with `by: CustomID`.",
      cases: ["a limit for one custom id"],
    },
    {
      option: "groups",
      field: "spec.groups",
      note: "Of a consumer in several groups the policy of the group counts whose name sorts first.",
      cases: ["a policy for one consumer group"],
    },
    {
      option: "keyauth_credentials[].key",
      field: "spec.credentials[].apiKey",
      cases: ["a key identifies its consumer", "several keys of a consumer"],
    },
    {
      option: "keyauth_credentials[].ttl",
      field: "spec.credentials[].expiresAt",
      note: "A moment, not a number of seconds: applying the same again prolongs nothing.",
      cases: ["a credential that expires"],
    },
  ],
};

export const KONG_AI_PROXY: OptionTable = {
  system: "Kong",
  plugin: "ai-proxy",
  intro: "What limits read of ai-proxy and ai-proxy-advanced. Fields are those of `AIBackend`.",
  rows: [
    {
      option: "config.model.provider",
      field: "spec.provider",
      note: "Limits with a Provider condition ask for it.",
      cases: ["a limit for one provider"],
    },
    {
      option: "config.model.name",
      field: "spec.models[].name",
      note: "Names the model that prices are for.",
      cases: ["money"],
    },
    {
      option: "config.model.options.input_cost",
      field: "spec.models[].prices.inputPer1M",
      note: "Per million tokens, as there.",
      cases: ["the price of prompt tokens"],
    },
    {
      option: "config.model.options.output_cost",
      field: "spec.models[].prices.outputPer1M",
      cases: ["the price of completion tokens"],
    },
  ],
};
