// The kind AIBackend: one endpoint of one LLM provider, and how to authenticate there. Descriptions are the user manual.

import { z } from "zod";
import { decimal, headerName, inlineKey, namedList, secretRef, text, timeoutDuration } from "./meta.ts";
import { exactlyOneOf, withRules } from "./rule.ts";

export const PROVIDERS = ["OpenAI", "OpenAICompatible", "Anthropic"] as const;

/** RFC 9112 and RFC 9110 section 7.6.1: fields that frame the message or belong to the connection. */
const FRAMING_HEADERS = [
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const credentialHeader = withRules(headerName(), [
  {
    cel: `!(self.lowerAscii() in [${FRAMING_HEADERS.map((name) => `'${name}'`).join(", ")}])`,
    message: "a header that does not frame the message (such as Host, Connection or Content-Length)",
    holds: (name) => !FRAMING_HEADERS.includes(name.toLowerCase()),
  },
]);

const apiKey = withRules(
  z.strictObject({
    secretRef: secretRef().optional().describe("The key is read from a Secret. The way to do it in production."),
    value: inlineKey()
      .optional()
      .describe("The key itself, readable by everyone who may read this object. For development; gives a warning."),
    name: credentialHeader
      .optional()
      .describe(
        "Name of the request header that carries the key. Default x-api-key with provider Anthropic, else Authorization.",
      ),
    prefix: text({ wanted: "at most 64 printable ASCII characters", min: 0, max: 64, pattern: /^[ -~]*$/ })
      .optional()
      .describe('Text before the key in the header. Default "Bearer " when name is Authorization, else nothing.'),
  }),
  [exactlyOneOf("secretRef", "value")],
);

const auth = withRules(
  z.strictObject({
    type: z
      .enum(["APIKey", "Passthrough", "None"])
      .default("None")
      .describe(
        "APIKey: requests are sent with the key below. Passthrough: with the credential that the client sent. None: " +
          "without any. Default None.",
      ),
    apiKey: apiKey
      .optional()
      .describe("The provider's API key, with type APIKey only. Exactly one of secretRef and value says what it is."),
    allowPlaintext: z
      .boolean()
      .default(false)
      .describe(
        "Allows a credential (type APIKey or Passthrough) to be sent over http to another host, where anyone on the way " +
          "can read it. Not needed for https and for loopback addresses. Default false.",
      ),
  }),
  [
    {
      cel: "(self.type == 'APIKey') == has(self.apiKey)",
      message: "apiKey with type APIKey, and with no other type",
      field: "apiKey",
      holds: (value) => (value.type === "APIKey") === (value.apiKey !== undefined),
    },
  ],
);

const usage = z.strictObject({
  injectIncludeUsage: z
    .boolean()
    .default(true)
    .describe(
      "Asks the provider to report usage in streams (stream_options.include_usage) when the client did not; the extra " +
        "chunk is taken out of the answer again. Switch off for endpoints that refuse the option. Default true.",
    ),
  onMissing: z
    .enum(["ChargeEstimate", "ChargeZero"])
    .default("ChargeEstimate")
    .describe(
      "What a successful answer without usage costs. ChargeEstimate: an estimate from the text that was relayed (bytes / " +
        "4). ChargeZero: nothing. Default ChargeEstimate.",
    ),
});

const price = (): z.ZodString =>
  decimal(
    6,
    'a decimal number in quotes from "0" to "999999.999999999", like "0.15", with at most 9 digits after the point',
  );

const prices = z.strictObject({
  inputPer1M: price().describe('What a million prompt tokens cost, like "0.15"; "0" is free.'),
  outputPer1M: price().describe('What a million completion tokens cost, like "0.60"; "0" is free.'),
  cachedInputPer1M: price()
    .optional()
    .describe("What a million prompt tokens cost that the provider read from its cache. Default: as inputPer1M."),
  currency: text({
    wanted: "a currency code of 3 capital letters, like USD",
    min: 3,
    max: 3,
    pattern: /^[A-Z]{3}$/,
  }).describe(
    "Currency of the prices: 3 capital letters, like USD; the same for all models of the backend. Amounts are never converted.",
  ),
});

const model = z.strictObject({
  name: text({ wanted: "a model name of 1 to 256 characters", max: 256 }).describe(
    "Name of the model exactly as clients ask for it.",
  ),
  prices: prices
    .optional()
    .describe("What the model costs. A model without prices counts at the highest ones of this backend."),
});

const timeouts = z.strictObject({
  connect: timeoutDuration()
    .default("5s")
    .describe("Longest time to connect, TLS included; 504 after it. From 1ms to 24h. Default 5s."),
  firstByte: timeoutDuration()
    .default("60s")
    .describe(
      "Longest time from the last byte of the request to the head of the answer; 504 after it. From 1ms to 24h. Default 60s.",
    ),
  streamIdle: timeoutDuration()
    .default("60s")
    .describe("Longest silence within an answer, after which it is cut off. From 1ms to 24h. Default 60s."),
});

export const backendSpec = withRules(
  z.strictObject({
    provider: z
      .enum(PROVIDERS)
      .describe(
        "Which API the endpoint speaks. OpenAI: api.openai.com. OpenAICompatible: the same API elsewhere (vLLM, LiteLLM, " +
          "...). Anthropic: Anthropic's Messages API. A backend gets only requests of the API that it speaks.",
      ),
    endpoint: text({
      wanted: "an http or https URL without user, query and fragment, like https://llm.example.com",
      max: 2048,
      pattern: /^https?:\/\/[^\s/?#@\\]+(\/[^\s?#\\]*)?$/,
    })
      .optional()
      .describe(
        "URL of the provider. Without a path, the provider's own path for each operation follows; with a path it is used " +
          "as it is, for the one call that the path names (else chat, or Anthropic messages). Default https://api.openai.com with provider OpenAI, https://api.anthropic.com with " +
          "Anthropic; required with OpenAICompatible.",
      ),
    auth: auth.prefault({}).describe("How requests are authenticated with the provider. Default: not at all."),
    models: namedList(model, 0, 256)
      .default([])
      .describe(
        "The models that have prices, for limits with unit Cost and for the cost metric. Clients may ask for others all the " +
          "same; they count at the highest prices here. Under a Cost limit, requests to a backend without any price are refused.",
      ),
    usage: usage.prefault({}).describe("How the provider's usage figures are obtained and replaced."),
    timeouts: timeouts.prefault({}).describe("How long the provider may take: durations like 500ms, 5s or 1m30s."),
  }),
  [
    {
      cel: "self.provider != 'OpenAICompatible' || has(self.endpoint)",
      message: "an endpoint with provider OpenAICompatible, like http://vllm.models.svc:8000",
      field: "endpoint",
      holds: (spec) => spec.provider !== "OpenAICompatible" || spec.endpoint !== undefined,
    },
  ],
);

export type BackendSpec = z.output<typeof backendSpec>;
