// For each rule between fields: objects that keep it and objects that break it.

import { aBackend, aConsumer, aLimit, aPolicy, aRoute, type Manifest } from "../compiler/manifest-builders.ts";

export interface RuleRow {
  readonly base: Manifest;
  /** The object that the rule is about; list indexes 0. */
  readonly at: string;
  /** With every default written out, as the API server has filled them in when it evaluates a rule. */
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
  readonly message: string;
}

const HEADER_NAME =
  "a name (of the request header or query parameter) with types Header and Query, and with no other type";
const secretRef = { name: "s", key: "k" };
const keyHash = `sha256:${"0".repeat(64)}`;
const credential = { name: "main", apiKey: { value: "k" } };
const token = { issuer: "https://idp.example", audience: "ai", claims: [{ name: "sub", value: "alice" }] };
const EVERY_LIMIT = aLimit();
const limits = [aLimit({ when: [{ type: "Model" }], per: [{ type: "Model" }] })];

export const RULE_ROWS: readonly RuleRow[] = [
  {
    base: aConsumer({}, { credentials: [credential] }),
    at: "spec.credentials[0].apiKey",
    message: "exactly one of secretRef, keyHash and value",
    good: [{ secretRef }, { keyHash }, { value: "k" }],
    bad: [{}, { secretRef, value: "k" }, { secretRef, keyHash, value: "k" }],
  },
  {
    base: aBackend({}, { auth: { type: "APIKey", apiKey: {} } }),
    at: "spec.auth.apiKey",
    message: "exactly one of secretRef and value",
    good: [{ secretRef }, { value: "k" }],
    bad: [{}, { secretRef, value: "k" }],
  },
  {
    base: aBackend({}, { auth: { type: "APIKey", apiKey: { value: "k" } } }),
    at: "spec.auth.apiKey.name",
    message: "a header that does not frame the message (such as Host, Connection or Content-Length)",
    good: ["Authorization", "x-api-key", "hosts"],
    bad: ["Host", "host", "TE", "Transfer-Encoding", "content-length", "Keep-Alive", "upgrade", "Expect", "trailer"],
  },
  {
    base: aBackend(),
    at: "spec.auth",
    message: "apiKey with type APIKey, and with no other type",
    good: [{ type: "None" }, { type: "Passthrough" }, { type: "APIKey", apiKey: { value: "k" } }],
    bad: [
      { type: "APIKey" },
      { type: "None", apiKey: { value: "k" } },
      { type: "Passthrough", apiKey: { value: "k" } },
    ],
  },
  {
    base: aBackend(),
    at: "spec",
    message: "an endpoint with provider OpenAICompatible, like http://vllm.models.svc:8000",
    good: [{ provider: "OpenAI" }, { provider: "OpenAICompatible", endpoint: "https://a.example" }],
    bad: [{ provider: "OpenAICompatible" }],
  },
  {
    base: aConsumer({}, { credentials: [credential] }),
    at: "spec.credentials[0]",
    message: "exactly one of apiKey and jwt",
    good: [credential, { name: "main", jwt: token }],
    bad: [{ name: "main" }, { ...credential, jwt: token }],
  },
  {
    base: aRoute(),
    at: "spec.authentication",
    message: "apiKey, jwt or both, or none alone",
    good: [{ apiKey: {} }, { none: {} }, { jwt: {} }, { apiKey: {}, jwt: {} }],
    bad: [{}, { realm: "r" }, { apiKey: {}, none: {} }, { jwt: {}, none: {} }, { apiKey: {}, jwt: {}, none: {} }],
  },
  {
    base: aRoute(),
    at: "spec.authentication",
    message: "nothing else beside none: nobody is identified",
    good: [{ none: {} }, { apiKey: {}, realm: "r", anonymousConsumer: "a", runOnPreflight: false }],
    bad: [
      { none: {}, realm: "r" },
      { none: {}, anonymousConsumer: "a" },
      { none: {}, runOnPreflight: true },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0]",
    message: "an integer; a decimal number in quotes goes with unit Cost only",
    good: [
      { ...EVERY_LIMIT, unit: "TotalTokens", limit: 5 },
      { ...EVERY_LIMIT, unit: "Cost", limit: 5 },
      { ...EVERY_LIMIT, unit: "Cost", limit: "5.5" },
      { ...EVERY_LIMIT, unit: "Requests", limit: "$http_x", max: 5 },
    ],
    bad: [
      { ...EVERY_LIMIT, unit: "TotalTokens", limit: "5" },
      { ...EVERY_LIMIT, unit: "Requests", limit: "5.5" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0]",
    message: "max with a limit that is a template, and with no other limit",
    good: [
      { ...EVERY_LIMIT, unit: "TotalTokens", limit: "${http_x ?? 5}", max: 9 },
      { ...EVERY_LIMIT, unit: "TotalTokens", limit: 5 },
      { ...EVERY_LIMIT, unit: "Cost", limit: "5.5" },
    ],
    bad: [
      { ...EVERY_LIMIT, unit: "TotalTokens", limit: "${http_x ?? 5}" },
      { ...EVERY_LIMIT, unit: "TotalTokens", limit: 5, max: 9 },
      { ...EVERY_LIMIT, unit: "Cost", limit: "5.5", max: 9 },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0]",
    message: "no maxKeys, which goes with a Header, Query, Path or Template in per only",
    good: [
      { ...EVERY_LIMIT, unit: "TotalTokens", per: [{ type: "Consumer" }, { type: "Header", name: "x" }], maxKeys: 9 },
      { ...EVERY_LIMIT, unit: "TotalTokens", per: [{ type: "Path" }], maxKeys: 9 },
      { ...EVERY_LIMIT, unit: "TotalTokens", per: [{ type: "Shared" }] },
    ],
    bad: [{ ...EVERY_LIMIT, unit: "TotalTokens", per: [{ type: "Consumer" }], maxKeys: 9 }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0]",
    message: "an expression, which unit Expression counts by",
    good: [
      { ...EVERY_LIMIT, unit: "Expression", expression: "prompt_tokens" },
      { ...EVERY_LIMIT, unit: "Cost" },
      { ...EVERY_LIMIT, unit: "RequestPrompt" },
    ],
    bad: [{ ...EVERY_LIMIT, unit: "Expression" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0]",
    message: "no expression, which goes with unit Expression, Cost and RequestPrompt only",
    good: [
      { ...EVERY_LIMIT, unit: "Expression", expression: "prompt_tokens" },
      { ...EVERY_LIMIT, unit: "Cost", expression: "cost * 2.0" },
      { ...EVERY_LIMIT, unit: "RequestPrompt", expression: "prompt_bytes" },
      { ...EVERY_LIMIT, unit: "Requests" },
    ],
    bad: [
      { ...EVERY_LIMIT, unit: "Requests", expression: "1" },
      { ...EVERY_LIMIT, unit: "ReasoningTokens", expression: "prompt_tokens" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0]",
    message: "no chargeRefused, which goes with unit RequestPrompt and a Sliding window only",
    good: [
      { ...EVERY_LIMIT, chargeRefused: false },
      { ...EVERY_LIMIT, unit: "RequestPrompt", chargeRefused: true, window: { duration: "60s", algorithm: "Sliding" } },
    ],
    bad: [
      { ...EVERY_LIMIT, chargeRefused: true },
      { ...EVERY_LIMIT, unit: "RequestPrompt", chargeRefused: true, window: { duration: "60s", algorithm: "Fixed" } },
      { ...EVERY_LIMIT, unit: "RequestPrompt", chargeRefused: true, window: { calendar: "Day" } },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].window",
    message: "exactly one of duration and calendar",
    good: [{ duration: "60s" }, { calendar: "Day" }],
    bad: [{}, { duration: "60s", calendar: "Day" }, { timeZone: "Europe/Berlin" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].window",
    message: "no algorithm, which goes with duration only",
    good: [{ duration: "60s", algorithm: "Fixed" }, { calendar: "Day" }],
    bad: [{ calendar: "Day", algorithm: "Sliding" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].window",
    message: "no timeZone, which goes with calendar only",
    good: [{ calendar: "Day", timeZone: "Europe/Berlin" }, { calendar: "Hour" }],
    bad: [{ duration: "60s", timeZone: "Europe/Berlin" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].window",
    message: "no anchorDay, which goes with calendar Month only",
    good: [{ calendar: "Month", anchorDay: 31 }, { calendar: "Month" }],
    bad: [
      { calendar: "Week", anchorDay: 1 },
      { duration: "60s", anchorDay: 1 },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].window",
    message: "no weekStart, which goes with calendar Week only",
    good: [{ calendar: "Week", weekStart: "Sunday" }, { calendar: "Week" }],
    bad: [
      { calendar: "Month", weekStart: "Sunday" },
      { duration: "60s", weekStart: "Sunday" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].when[0]",
    message: HEADER_NAME,
    good: [
      { type: "Header", name: "x", match: "Exact" },
      { type: "Query", name: "x", match: "Exact" },
      { type: "Model", match: "Exact" },
    ],
    bad: [
      { type: "Header", match: "Exact" },
      { type: "Query", match: "Exact" },
      { type: "Model", name: "x", match: "Exact" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].when[0]",
    message: "no by, which goes with type Consumer only",
    good: [
      { type: "Consumer", by: "Name", match: "Exact" },
      { type: "Model", match: "Exact" },
    ],
    bad: [{ type: "Model", by: "Username", match: "Exact" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].when[0]",
    message: "no match with type IP: its values are addresses and CIDR ranges",
    good: [
      { type: "IP", match: "Exact" },
      { type: "Model", match: "Glob" },
    ],
    bad: [
      { type: "IP", match: "Glob" },
      { type: "IP", match: "Prefix" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].per[0]",
    message: HEADER_NAME,
    good: [{ type: "Header", name: "x" }, { type: "Query", name: "x" }, { type: "Shared" }],
    bad: [{ type: "Header" }, { type: "Query" }, { type: "Shared", name: "x" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].per[0]",
    message: "a value (the template) with type Template, and with no other type",
    good: [{ type: "Template", value: "$uri" }, { type: "Shared" }],
    bad: [{ type: "Template" }, { type: "Shared", value: "$uri" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].per[0]",
    message: "no skipIfMissing, which goes with types Header, Query and Template only",
    good: [
      { type: "Header", name: "x", skipIfMissing: true },
      { type: "Query", name: "x", skipIfMissing: false },
      { type: "Template", value: "$uri", skipIfMissing: true },
      { type: "Shared" },
    ],
    bad: [
      { type: "Consumer", skipIfMissing: true },
      { type: "Shared", skipIfMissing: false },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].per",
    message: "type Shared alone in its list",
    good: [[{ type: "Shared" }], [{ type: "Model" }, { type: "IP" }]],
    bad: [
      [{ type: "Shared" }, { type: "IP" }],
      [{ type: "IP" }, { type: "Shared" }],
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.response",
    message: "no hideDetails with bodyFormat ErrorMsg, which tells no details",
    good: [
      { bodyFormat: "ErrorMsg", hideDetails: false },
      { bodyFormat: "Message", hideDetails: true },
      { bodyFormat: "Dialect", hideDetails: true },
    ],
    bad: [{ bodyFormat: "ErrorMsg", hideDetails: true }],
  },
  ...["routes", "backends"].map((list) => ({
    base: aPolicy({}, { limits }),
    at: "spec",
    message: `no ${list} with scope Cluster: their names are those of one namespace`,
    good: [
      { limits, scope: "Cluster", appliesTo: { [list]: [] } },
      { limits, scope: "Cluster", appliesTo: { consumers: ["a"] } },
      { limits, scope: "Namespace", appliesTo: { [list]: ["a"] } },
    ],
    bad: [{ limits, scope: "Cluster", appliesTo: { [list]: ["a"] } }],
  })),
];
