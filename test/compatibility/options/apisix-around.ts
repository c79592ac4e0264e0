// What APISIX's limits lean on: key-auth, consumers, and the instances of ai-proxy-multi.

import type { OptionTable } from "../option.ts";

export const APISIX_KEY_AUTH: OptionTable = {
  system: "Apache APISIX",
  plugin: "key-auth",
  intro: "Fields are those of `spec.authentication` of an `AIRoute`; `key` is a credential of a `Consumer`.",
  rows: [
    { option: "header", field: "apiKey.headers", cases: ["the headers of the key"] },
    { option: "query", field: "apiKey.query", cases: ["the query parameters of the key"] },
    {
      option: "hide_credentials",
      field: "apiKey.hideCredentials",
      note: "On unless switched off, and for every place that may carry the key.",
      cases: ["the key is kept from the provider"],
    },
    { option: "realm", field: "realm", cases: ["the realm of a 401"] },
    {
      option: "anonymous_consumer",
      field: "anonymousConsumer",
      cases: ["a consumer for callers without a key"],
    },
    { option: "key", field: "spec.credentials[].apiKey", cases: ["a key identifies its consumer"] },
  ],
};

export const APISIX_CONSUMERS: OptionTable = {
  system: "Apache APISIX",
  plugin: "consumers",
  intro: "Fields are those of `Consumer` unless they say otherwise.",
  rows: [
    { option: "username", field: "metadata.name, spec.username", cases: ["a limit for one username"] },
    {
      option: "group_id",
      field: "spec.groups",
      note: "A plugin on a group has one counter for its members: `per: [{type: ConsumerGroup}]`.",
      cases: ["a policy for one consumer group", "a counter for each consumer group"],
    },
    { option: "credentials", field: "spec.credentials", cases: ["several keys of a consumer"] },
    {
      option: "plugins",
      field: "AIRateLimitPolicy with appliesTo.consumers, precedence: MostSpecific",
      note: "It replaces the limits of the route, as there.",
      cases: ["of policies of which one is in force the most specific"],
    },
  ],
};

export const APISIX_AI_PROXY: OptionTable = {
  system: "Apache APISIX",
  plugin: "ai-proxy and ai-proxy-multi",
  intro: "What limits read of them. Fields are those of `AIBackend` and `AIRoute`.",
  rows: [
    { option: "provider", field: "spec.provider", cases: ["a limit for one provider"] },
    {
      option: "instances[].name",
      field: "metadata.name of the AIBackend",
      note: "Limits name it, and their headers bear it.",
      cases: ["a limit for one backend"],
    },
    { option: "instances[].provider", field: "spec.provider", cases: ["a limit for one provider"] },
    {
      option: "options.model",
      later: "A backend's own model. Limits with a Model condition ask for what the client named.",
    },
    {
      option: "fallback_strategy",
      values: ["instance_health_and_rate_limiting", "rate_limiting", "http_429", "http_5xx"],
      later: "Another backend where the first is exhausted or fails.",
    },
  ],
};
