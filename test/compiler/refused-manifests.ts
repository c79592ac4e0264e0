// Every way to get a manifest wrong that somebody will find, with the exact line that they are shown.

import { aBackend, aConsumer, aRoute } from "./manifest-builders.ts";
import { LABEL, OBJECT_NAME, type Refused, type Row } from "./refused-fields.ts";

const consumer = aConsumer({ name: "user1" }, { credentials: [{ name: "main", apiKey: { value: "k-1" } }] });
const backend = aBackend({}, { auth: { type: "APIKey", apiKey: { value: "sk-1" } } });
const route = aRoute();
const HASH = `sha256:${"ab".repeat(32)}`;
const PLAIN_NAME = "a name of 1 to 253 characters, without spaces at its ends";
const TIMEOUT = "a duration: a number and ms, s, m or h, like 5s";
const HEADER = "a header name: letters, digits and !#$%&'*+-.^_`|~, at most 128";
const ENDPOINT = "an http or https URL without user, query and fragment, like https://llm.example.com";
const ONE_OF_TWO = "exactly one of apiKey and jwt";
const KEY_SOURCE =
  "an https URL without user, query and fragment, like https://idp.example.com (http for loopback addresses only)";
const CLAIM_VALUE = "a claim's value: a text of 1 to 1024 characters (numbers, true and false in quotes)";
const INSTANT = "a time like 2027-01-31T00:00:00Z (RFC 3339)";
const MODEL =
  "a model's name of 1 to 256 printable ASCII characters without spaces, * for any text and ? for one character";
const SKEW = "a duration from 0s to 10m, like 30s";
const REALM = "1 to 256 printable ASCII characters, without spaces at its ends";
const HOW = "apiKey, jwt or both, or none alone";
const NONE_ALONE = "nothing else beside none: nobody is identified";
const ONE_OF_THREE = "exactly one of secretRef, keyHash and value";

const common: Row[] = [
  { at: "apiVersion", to: undefined, line: "apiVersion: found nothing, wanted airatelimit.dev/v1alpha1" },
  {
    at: "apiVersion",
    to: "airatelimit.dev/v1",
    line: 'apiVersion: found "airatelimit.dev/v1", wanted airatelimit.dev/v1alpha1',
  },
  { at: "metadata.name", to: "User_1", line: `metadata.name: found "User_1", wanted ${OBJECT_NAME}` },
  { at: "metadata.name", to: undefined, line: `metadata.name: found nothing, wanted ${OBJECT_NAME}` },
  { at: "metadata.name", to: "a..b", line: `metadata.name: found "a..b", wanted ${OBJECT_NAME}` },
  {
    at: "metadata.name",
    to: "a".repeat(254),
    line: `metadata.name: found "${"a".repeat(79)}..., wanted ${OBJECT_NAME}`,
  },
  { at: "metadata.namespace", to: "a.b", line: `metadata.namespace: found "a.b", wanted ${LABEL}` },
  {
    at: "metadata.namspace",
    to: "ai",
    line: "metadata.namspace: found an unknown field, wanted a known field; did you mean `namespace`?",
  },
  { at: "metadata", to: "user1", line: "metadata: found a string, wanted an object" },
  { at: "spec", to: undefined, line: "spec: found nothing, wanted an object" },
  { at: "spec", to: [], line: "spec: found a list of 0, wanted an object" },
  { at: "specs", to: {}, line: "specs: found an unknown field, wanted a known field; did you mean `spec`?" },
  {
    at: "data",
    to: {},
    line: "data: found an unknown field, wanted one of apiVersion, kind, metadata, spec, status",
  },
];

const consumers: Row[] = [
  { at: "spec.username", to: " user1", line: `spec.username: found " user1", wanted ${PLAIN_NAME}` },
  { at: "spec.customID", to: "", line: `spec.customID: found "", wanted ${PLAIN_NAME}` },
  { at: "spec.customID", to: 42, line: `spec.customID: found 42, wanted ${PLAIN_NAME}` },
  { at: "spec.username", to: 1, line: `spec.username: found 1, wanted ${PLAIN_NAME}` },
  { at: "spec.parentRef", to: "team", line: "spec.parentRef: found a string, wanted an object" },
  { at: "spec.parentRef", to: {}, line: `spec.parentRef.name: found nothing, wanted ${OBJECT_NAME}` },
  { at: "spec.parentRef", to: { name: "A b" }, line: `spec.parentRef.name: found "A b", wanted ${OBJECT_NAME}` },
  {
    at: "spec.parentRef",
    to: { name: "team", namespace: "other" },
    line: "spec.parentRef.namespace: found an unknown field, wanted one of name",
  },
  {
    at: "spec.parentRef",
    to: { name: "user1" },
    line: "spec.parentRef.name: found a cycle: user1 -> user1, wanted a parent that does not itself belong to this Consumer",
  },
  { at: "spec.groups", to: "gold", line: "spec.groups: found a string, wanted a list" },
  { at: "spec.groups", to: ["gold", ""], line: `spec.groups[1]: found "", wanted ${PLAIN_NAME}` },
  { at: "spec.groups", to: ["gold", "gold"], line: 'spec.groups[1]: found "gold", wanted an entry unlike entry 0' },
  {
    at: "spec.groups",
    to: Array.from({ length: 65 }, (_, i) => `g${String(i)}`),
    line: "spec.groups: found a list of 65, wanted at most 64 entries",
  },
  {
    at: "spec.group",
    to: ["gold"],
    line: "spec.group: found an unknown field, wanted a known field; did you mean `groups`?",
  },
  { at: "spec.credentials[0].name", to: undefined, line: `spec.credentials[0].name: found nothing, wanted ${LABEL}` },
  {
    at: "spec.credentials",
    to: [
      { name: "a", apiKey: { value: "k-1" } },
      { name: "a", apiKey: { value: "k-2" } },
    ],
    line: "spec.credentials[1]: found an object, wanted an entry unlike entry 0",
  },
  {
    at: "spec.credentials[0].apiKey",
    to: {},
    line: `spec.credentials[0].apiKey: found none of them, wanted ${ONE_OF_THREE}`,
  },
  {
    at: "spec.credentials[0].apiKey.keyHash",
    to: HASH,
    line: `spec.credentials[0].apiKey: found keyHash and value, wanted ${ONE_OF_THREE}`,
  },
  {
    at: "spec.credentials[0].apiKey",
    to: "k-secret",
    line: "spec.credentials[0].apiKey: found a string, wanted an object",
  },
  {
    at: "spec.credentials[0].apiKey",
    to: { keyHash: "k-secret" },
    line: 'spec.credentials[0].apiKey.keyHash: found (hidden), wanted "sha256:" and 64 hexadecimal digits',
  },
  {
    at: "spec.credentials[0].apiKey.value",
    to: "k-secret ",
    line: "spec.credentials[0].apiKey.value: found (hidden), wanted a key of 1 to 4096 printable ASCII characters, without spaces at its ends",
  },
  {
    at: "spec.credentials[0].apiKey",
    to: { secretRef: { name: "K", key: "k" } },
    line: `spec.credentials[0].apiKey.secretRef.name: found (hidden), wanted ${OBJECT_NAME}`,
  },
  {
    at: "spec.credentials[0].apikey",
    to: { value: "k" },
    line: "spec.credentials[0].apikey: found an unknown field, wanted a known field; did you mean `apiKey`?",
  },
  {
    at: "spec.credentials[0].apiKey",
    to: undefined,
    line: `spec.credentials[0]: found none of them, wanted ${ONE_OF_TWO}`,
  },
  {
    at: "spec.credentials[0].jwt",
    to: { issuer: "https://idp.example", audience: "ai", claims: [{ name: "sub", value: "a" }] },
    line: `spec.credentials[0]: found apiKey and jwt, wanted ${ONE_OF_TWO}`,
  },
  ...["2027-01-31", "2027-01-31T00:00:00", "2027-02-29T00:00:00Z", "2027-01-31T24:00:01Z", "in a year"].map((to) => ({
    at: "spec.credentials[0].expiresAt",
    to,
    line: `spec.credentials[0].expiresAt: found "${to}", wanted ${INSTANT}`,
  })),
  {
    at: "spec.credentials[0].expiresAt",
    to: 1_800_000_000,
    line: `spec.credentials[0].expiresAt: found 1800000000, wanted ${INSTANT}`,
  },
  { at: "spec.suspended", to: "yes", line: 'spec.suspended: found "yes", wanted true or false' },
  { at: "spec.models", to: ["gpt-4o"], line: "spec.models: found a list of 1, wanted an object" },
  { at: "spec.models", to: { allow: ["gpt 4"] }, line: `spec.models.allow[0]: found "gpt 4", wanted ${MODEL}` },
  { at: "spec.models", to: { deny: [""] }, line: `spec.models.deny[0]: found "", wanted ${MODEL}` },
  {
    at: "spec.models",
    to: { allow: ["a", "a"] },
    line: 'spec.models.allow[1]: found "a", wanted an entry unlike entry 0',
  },
  {
    at: "spec.models",
    to: { allowed: ["a"] },
    line: "spec.models.allowed: found an unknown field, wanted a known field; did you mean `allow`?",
  },
];

const withToken = aConsumer(
  { name: "user1" },
  {
    credentials: [
      {
        name: "sso",
        jwt: { issuer: "https://idp.example", audience: "ai", claims: [{ name: "sub", value: "alice" }] },
      },
    ],
  },
);
const JWT = "spec.credentials[0].jwt";

const tokens: Row[] = [
  ...[
    "http://idp.example",
    "idp.example",
    "https://u:p@idp.example",
    "https://idp.example/?a=b",
    "https://a:99999",
  ].map((to) => ({ at: `${JWT}.issuer`, to, line: `${JWT}.issuer: found "${to}", wanted ${KEY_SOURCE}` })),
  {
    at: `${JWT}.audience`,
    to: undefined,
    line: `${JWT}.audience: found nothing, wanted an audience of 1 to 1024 printable ASCII characters`,
  },
  { at: `${JWT}.claims`, to: [], line: `${JWT}.claims: found a list of 0, wanted at least 1 entry` },
  { at: `${JWT}.claims`, to: undefined, line: `${JWT}.claims: found nothing, wanted a list` },
  { at: `${JWT}.claims[0].value`, to: 42, line: `${JWT}.claims[0].value: found (hidden), wanted ${CLAIM_VALUE}` },
  { at: `${JWT}.claims[0].value`, to: "", line: `${JWT}.claims[0].value: found (hidden), wanted ${CLAIM_VALUE}` },
  {
    at: `${JWT}.claims[0].name`,
    to: "a b",
    line: `${JWT}.claims[0].name: found "a b", wanted a claim's name of 1 to 256 printable ASCII characters without spaces`,
  },
  {
    at: `${JWT}.claims`,
    to: [
      { name: "sub", value: "a" },
      { name: "sub", value: "b" },
    ],
    line: `${JWT}.claims[1]: found an object, wanted an entry unlike entry 0`,
  },
];

const PRICE =
  'a decimal number in quotes from "0" to "999999.999999999", like "0.15", with at most 9 digits after the point';
const price = { inputPer1M: "0.15", outputPer1M: "0.60", currency: "USD" };

const backends: Row[] = [
  ...[0.15, "-1", "1000000", "0.0000000001", "1e3", ".5", ""].map((to) => ({
    at: "spec.models",
    to: [{ name: "a", prices: { ...price, inputPer1M: to } }],
    line: `spec.models[0].prices.inputPer1M: found ${JSON.stringify(to)}, wanted ${PRICE}`,
  })),
  {
    at: "spec.models",
    to: [{ name: "a", prices: { ...price, currency: "usd" } }],
    line: 'spec.models[0].prices.currency: found "usd", wanted a currency code of 3 capital letters, like USD',
  },
  {
    at: "spec.models",
    to: [{ name: "a", prices: price }, { name: "b" }, { name: "c", prices: { ...price, currency: "EUR" } }],
    line: 'spec.models[2].prices.currency: found "EUR", wanted USD, as model "a" has it: a counter cannot add up two currencies',
  },
  {
    at: "spec.models",
    to: [{ name: "a" }, { name: "a" }],
    line: "spec.models[1]: found an object, wanted an entry unlike entry 0",
  },
  {
    at: "spec.provider",
    to: "openai",
    line: 'spec.provider: found "openai", wanted one of OpenAI, OpenAICompatible, Anthropic',
  },
  {
    at: "spec.provider",
    to: undefined,
    line: "spec.provider: found nothing, wanted one of OpenAI, OpenAICompatible, Anthropic",
  },
  {
    at: "spec.provider",
    to: "OpenAICompatible",
    line: "spec.endpoint: found nothing, wanted an endpoint with provider OpenAICompatible, like http://vllm.models.svc:8000",
  },
  { at: "spec.endpoint", to: "api.openai.com", line: `spec.endpoint: found "api.openai.com", wanted ${ENDPOINT}` },
  { at: "spec.endpoint", to: "ftp://a.example", line: `spec.endpoint: found "ftp://a.example", wanted ${ENDPOINT}` },
  {
    at: "spec.endpoint",
    to: "https://user:secret@a.example",
    line: `spec.endpoint: found (hidden), wanted ${ENDPOINT}`,
  },
  {
    at: "spec.endpoint",
    to: "https://a.example/?key=secret",
    line: `spec.endpoint: found (hidden), wanted ${ENDPOINT}`,
  },
  {
    at: "spec.endpoint",
    to: "https://a.example:99999",
    line: 'spec.endpoint: found "https://a.example:99999", wanted a URL with a valid host and port, like https://llm.example.com',
  },
  {
    at: "spec.auth.type",
    to: "None",
    line: "spec.auth.apiKey: found an object, wanted apiKey with type APIKey, and with no other type",
  },
  {
    at: "spec.auth.apiKey",
    to: undefined,
    line: "spec.auth.apiKey: found nothing, wanted apiKey with type APIKey, and with no other type",
  },
  {
    at: "spec.auth.apiKey",
    to: {},
    line: "spec.auth.apiKey: found none of them, wanted exactly one of secretRef and value",
  },
  { at: "spec.auth.apiKey.name", to: "X Key", line: `spec.auth.apiKey.name: found "X Key", wanted ${HEADER}` },
  {
    at: "spec.auth.apiKey.name",
    to: "Content-Length",
    line: 'spec.auth.apiKey.name: found "Content-Length", wanted a header that does not frame the message (such as Host, Connection or Content-Length)',
  },
  {
    at: "spec.auth.apiKey.prefix",
    to: "Bearer\r\n",
    line: "spec.auth.apiKey.prefix: found (hidden), wanted at most 64 printable ASCII characters",
  },
  { at: "spec.auth.allowPlaintext", to: "yes", line: 'spec.auth.allowPlaintext: found "yes", wanted true or false' },
  { at: "spec.timeouts", to: { connect: "5" }, line: `spec.timeouts.connect: found "5", wanted ${TIMEOUT}` },
  {
    at: "spec.timeouts",
    to: { connect: "0s" },
    line: 'spec.timeouts.connect: found "0s", wanted a duration from 1ms to 24h',
  },
  {
    at: "spec.timeouts",
    to: { streamIdle: "25h" },
    line: 'spec.timeouts.streamIdle: found "25h", wanted a duration from 1ms to 24h',
  },
  {
    at: "spec.usage",
    to: { onMissing: "Charge" },
    line: 'spec.usage.onMissing: found "Charge", wanted one of ChargeEstimate, ChargeZero',
  },
];

const routes: Row[] = [
  { at: "spec.matches", to: [], line: "spec.matches: found a list of 0, wanted at least 1 entry" },
  { at: "spec.matches", to: undefined, line: "spec.matches: found nothing, wanted a list" },
  {
    at: "spec.matches[0].path.value",
    to: "anything",
    line: 'spec.matches[0].path.value: found "anything", wanted a path: / and printable ASCII characters without ? and #, at most 1024',
  },
  {
    at: "spec.matches[0].path.value",
    to: "/a?b",
    line: 'spec.matches[0].path.value: found "/a?b", wanted a path: / and printable ASCII characters without ? and #, at most 1024',
  },
  {
    at: "spec.matches[0].path.type",
    to: "Prefix",
    line: 'spec.matches[0].path.type: found "Prefix", wanted one of Exact, PathPrefix',
  },
  {
    at: "spec.matches[0].methods",
    to: ["post"],
    line: 'spec.matches[0].methods[0]: found "post", wanted one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS',
  },
  {
    at: "spec.matches[0].hostnames",
    to: ["a.*.example"],
    line: 'spec.matches[0].hostnames[0]: found "a.*.example", wanted a lower-case host name like api.example.com, or "*.example.com" for every name below it',
  },
  {
    at: "spec.authentication",
    to: { apiKey: {}, none: {} },
    line: `spec.authentication: found apiKey and none, wanted ${HOW}`,
  },
  { at: "spec.authentication", to: {}, line: `spec.authentication: found none of them, wanted ${HOW}` },
  {
    at: "spec.authentication",
    to: { realm: "team" },
    line: `spec.authentication: found none of them, wanted ${HOW}`,
  },
  {
    at: "spec.authentication",
    to: { jwt: {}, none: {} },
    line: `spec.authentication: found jwt and none, wanted ${HOW}`,
  },
  {
    at: "spec.authentication",
    to: { none: {}, anonymousConsumer: "guest" },
    line: `spec.authentication: found none and anonymousConsumer, wanted ${NONE_ALONE}`,
  },
  {
    at: "spec.authentication",
    to: { none: {}, runOnPreflight: true },
    line: `spec.authentication: found none and runOnPreflight, wanted ${NONE_ALONE}`,
  },
  {
    at: "spec.authentication",
    to: { apiKey: {}, realm: "a\nb" },
    line: `spec.authentication.realm: found "a\\nb", wanted ${REALM}`,
  },
  {
    at: "spec.authentication",
    to: { apiKey: {}, anonymousConsumer: "Guest" },
    line: `spec.authentication.anonymousConsumer: found "Guest", wanted ${OBJECT_NAME}`,
  },
  {
    at: "spec.authentication",
    to: { jwt: { algorithms: ["HS256"] } },
    line: 'spec.authentication.jwt.algorithms[0]: found "HS256", wanted one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA',
  },
  ...["11m", "601s", "1h", "-1s", "30"].map((to) => ({
    at: "spec.authentication",
    to: { jwt: { clockSkew: to } },
    line: `spec.authentication.jwt.clockSkew: found "${to}", wanted ${SKEW}`,
  })),
  {
    at: "spec.authentication",
    to: { jwt: { header: "X Token" } },
    line: `spec.authentication.jwt.header: found "X Token", wanted ${HEADER}`,
  },
  {
    at: "spec.authentication",
    to: { jwt: { issuers: [{ issuer: "https://idp.example", jwksUri: "http://idp.example/keys" }] } },
    line: `spec.authentication.jwt.issuers[0].jwksUri: found "http://idp.example/keys", wanted ${KEY_SOURCE}`,
  },
  {
    at: "spec.authentication",
    to: { jwt: { issuers: [{ issuer: "https://idp.example" }, { issuer: "https://idp.example" }] } },
    line: "spec.authentication.jwt.issuers[1]: found an object, wanted an entry unlike entry 0",
  },
  {
    at: "spec.authentication",
    to: { apiKey: { headers: ["api key"] } },
    line: `spec.authentication.apiKey.headers[0]: found "api key", wanted ${HEADER}`,
  },
  {
    at: "spec.authentication",
    to: { apiKey: { header: ["apikey"] } },
    line: "spec.authentication.apiKey.header: found an unknown field, wanted a known field; did you mean `headers`?",
  },
  { at: "spec.service", to: "chat ", line: `spec.service: found "chat ", wanted ${PLAIN_NAME}` },
  { at: "spec.backendRefs", to: [], line: "spec.backendRefs: found a list of 0, wanted at least 1 entry" },
  {
    at: "spec.backendRefs[0].weight",
    to: -1,
    line: "spec.backendRefs[0].weight: found -1, wanted an integer from 0 to 1000000",
  },
];

export const REFUSED_MANIFESTS: readonly Refused[] = [
  { title: "Consumer", base: consumer, rows: [...common, ...consumers] },
  { title: "Consumer with a token", base: withToken, rows: tokens },
  { title: "AIBackend", base: backend, rows: backends },
  { title: "AIRoute", base: route, rows: routes },
];
