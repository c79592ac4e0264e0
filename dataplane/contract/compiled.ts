// The compiled configuration: what the compiler writes and the data plane reads. Owned by the data plane; strict, so that an
// unknown key or version is refused and the last good configuration stays. Holds no readable secret.

import { z } from "zod";
import { isTimeZone } from "./time-zones.ts";
import { TOKEN_ALGORITHMS } from "./token-algorithms.ts";

const name = z.string().min(1).max(253);
const factType = z.enum([
  "Consumer",
  "ConsumerGroup",
  "Credential",
  "Model",
  "Provider",
  "Backend",
  "Route",
  "Service",
  "Path",
  "Method",
  "Header",
  "Query",
  "IP",
]);
const positive = z.number().int().positive();
const natural = z.number().int().min(0);

/** What may not be said of most consumers is left out: there are many of them, and older data planes read them. */
export const compiledConsumer = z.strictObject({
  kind: z.literal("Consumer"),
  namespace: name,
  name,
  username: z.string(),
  customID: z.string().optional(),
  groups: z.array(z.string()),
  /** Name of the consumer above it, in its namespace. */
  parent: name.optional(),
  credentials: z.array(
    z.strictObject({
      name: z.string(),
      /** Of its key, one for each master in use; see keyHmac in keyring.ts. None with jwt. */
      keyHmacs: z.array(z.string()),
      /** What a token must say to be this consumer's. */
      jwt: z
        .strictObject({
          issuer: z.string(),
          audience: z.string(),
          claims: z.array(z.strictObject({ name: z.string(), value: z.string() })).min(1),
        })
        .optional(),
      /** From then on it identifies nobody. Absent: never. */
      expiresAtMs: natural.optional(),
    }),
  ),
  /** Its requests are refused. */
  suspended: z.literal(true).optional(),
  /** Globs in lower case. An empty `allow` allows all; `deny` goes before it. */
  models: z.strictObject({ allow: z.array(z.string()), deny: z.array(z.string()) }).optional(),
});

/** The credential, sealed for this backend alone, once for each master in use; see seal in keyring.ts. */
const sealed = z.array(z.string());

export const compiledBackend = z.strictObject({
  kind: z.literal("AIBackend"),
  namespace: name,
  name,
  provider: z.enum(["OpenAI", "OpenAICompatible", "Anthropic"]),
  /** Scheme, host and port; no path. Example "https://api.openai.com". */
  origin: z.string(),
  /** Used as it is, for the one call that it names, when the endpoint had a path; else the provider's path follows. */
  path: z.string().optional(),
  auth: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("None") }),
    z.strictObject({ type: z.literal("Passthrough") }),
    z.strictObject({ type: z.literal("APIKey"), header: z.string(), prefix: z.string(), sealed }),
  ]),
  /** What its models cost, in nano units of the currency (1e-9) per million tokens. Absent: no model has prices. */
  prices: z
    .strictObject({
      currency: z.string(),
      models: z
        .array(z.strictObject({ name: z.string(), input: natural, output: natural, cachedInput: natural }))
        .min(1),
    })
    .optional(),
  usage: z.strictObject({ injectIncludeUsage: z.boolean(), onMissing: z.enum(["ChargeEstimate", "ChargeZero"]) }),
  timeouts: z.strictObject({ connectMs: positive, firstByteMs: positive, streamIdleMs: positive }),
});

const keyPlaces = {
  /** Lower-case header names and query names; headers are looked at first, in order. */
  headers: z.array(z.string()),
  query: z.array(z.string()),
  hideCredentials: z.boolean(),
};

const identification = {
  /** Consumer of the route's namespace, for callers who are not identified. */
  anonymousConsumer: name.optional(),
  /** Of the challenge in 401 answers. Absent: "ai-rate-limit". */
  realm: z.string().optional(),
  /** CORS preflight requests pass without identification. */
  skipsPreflight: z.literal(true).optional(),
};

const jwt = z.strictObject({
  /** Lower case; "authorization" is read with the Bearer scheme. */
  header: z.string(),
  /** Those accepted, each with its keys' URL when that is not to be looked up. Absent: those of the consumers. */
  issuers: z.array(z.strictObject({ issuer: z.string(), jwksUri: z.string().optional() })).optional(),
  algorithms: z.array(z.enum(TOKEN_ALGORITHMS)).min(1),
  clockSkewMs: natural,
  hideCredentials: z.boolean(),
});

export const compiledRoute = z.strictObject({
  kind: z.literal("AIRoute"),
  namespace: name,
  name,
  /** metadata.creationTimestamp in ms; 0 when unknown. The older route wins a tie. */
  createdMs: z.number(),
  matches: z.array(
    z.strictObject({
      path: z.strictObject({ type: z.enum(["Exact", "PathPrefix"]), value: z.string() }),
      methods: z.array(z.string()),
      hostnames: z.array(z.string()),
      headers: z.array(z.strictObject({ name: z.string(), value: z.string() })),
    }),
  ),
  authentication: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("None") }),
    z.strictObject({ type: z.literal("APIKey"), ...keyPlaces, ...identification }),
    /** With apiKey: a key identifies as well, where no token is presented. */
    z.strictObject({ type: z.literal("JWT"), jwt, apiKey: z.strictObject(keyPlaces).optional(), ...identification }),
  ]),
  backends: z.array(z.strictObject({ name, weight: z.number().int().min(0) })),
  service: z.string().optional(),
});

const condition = z.strictObject({
  type: factType,
  name: z.string().optional(),
  by: z.enum(["Name", "Username", "CustomID"]).optional(),
  match: z.enum(["Exact", "Prefix", "Glob", "CIDR"]),
  values: z.array(z.string()),
});

const compiledCalendar = z.strictObject({
  unit: z.enum(["Hour", "Day", "Week", "Month", "Year"]),
  /** One that this version knows: elsewhere the windows would end at other times. */
  timeZone: z.string().refine(isTimeZone, { error: "not a time zone that this version knows" }),
  /** Month: 1..31. Absent: 1. */
  anchorDay: z.number().int().min(1).max(31).optional(),
  /** Week: 0 is Sunday. Absent: 1. */
  weekStart: z.number().int().min(0).max(6).optional(),
});

const compiledWindow = z
  .strictObject({
    algorithm: z.enum(["Sliding", "Fixed", "FixedFromFirst", "Calendar"]),
    /** Calendar: of such windows in general, for words. */
    durationMs: positive,
    /** With Calendar, and with no other. */
    calendar: compiledCalendar.optional(),
  })
  .refine(({ algorithm, calendar }) => (algorithm === "Calendar") === (calendar !== undefined), {
    error: "calendar goes with algorithm Calendar, and with no other",
  });

export const compiledLimit = z.strictObject({
  name: z.string(),
  counterId: z.string(),
  mode: z.enum(["Enforce", "Shadow"]),
  when: z.array(condition),
  per: z.array(
    z.strictObject({
      type: z.union([factType, z.literal("Template"), z.literal("Shared")]),
      name: z.string().optional(),
      /** Text of the template, with type Template and with no other; see core/template.ts. */
      value: z.string().optional(),
      skipIfMissing: z.literal(true).optional(),
    }),
  ),
  unit: z.enum([
    "TotalTokens",
    "PromptTokens",
    "CompletionTokens",
    "CachedPromptTokens",
    "ReasoningTokens",
    "Requests",
    "RequestPrompt",
    "Cost",
    "Expression",
  ]),
  /** Nano units of a currency (1e-9) with unit Cost. */
  limit: positive,
  /** The text that the limit is read from with each request; `limit` is then the greatest that is taken. */
  limitTemplate: z.string().optional(),
  /** The text that the window's length is read from; its durationMs is then the greatest that is taken. */
  windowTemplate: z.string().optional(),
  fallback: z.literal(true).optional(),
  /** Absent: DEFAULT_MAX_KEYS where the client alone chooses the key values, else no bound. See core/client-chosen.ts. */
  maxKeys: positive.optional(),
  /** With unit Expression always, with Cost and RequestPrompt if wanted, and with no other. */
  expression: z.string().optional(),
  /** With unit RequestPrompt and a sliding window alone; absent: false. */
  chargeRefused: z.literal(true).optional(),
  window: compiledWindow,
  label: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("fixed"), text: z.string() }),
    z.strictObject({
      kind: z.literal("fact"),
      type: z.enum(["Backend", "Provider", "Model"]),
      suffix: z.string().optional(),
    }),
  ]),
});

export const compiledPolicy = z.strictObject({
  kind: z.literal("AIRateLimitPolicy"),
  namespace: name,
  name,
  createdMs: z.number(),
  /** For the requests of all namespaces. Absent: for those of its own, so that most policies are without it. */
  scope: z.literal("Cluster").optional(),
  /** Absent list: not asked. Present: one of its names must hold. */
  appliesTo: z.strictObject({
    consumers: z.array(name).optional(),
    consumerGroups: z.array(z.string()).optional(),
    routes: z.array(name).optional(),
    backends: z.array(name).optional(),
  }),
  precedence: z.enum(["Additive", "MostSpecific"]),
  limits: z.array(compiledLimit),
  /** Absent: nothing is estimated before the answer. */
  admission: z.strictObject({ estimate: z.literal("Prompt") }).optional(),
  /** What is absent has its default, so that most policies are without it, and data planes that do not know it read them. */
  response: z.strictObject({
    statusCode: z.number().int().min(200).max(599),
    bodyFormat: z.enum(["Dialect", "Message", "ErrorMsg"]),
    message: z.string(),
    hideDetails: z.literal(true).optional(),
    headers: z.strictObject({
      formats: z.array(z.enum(["Window", "Instance", "Rule", "IETF", "IETFDraft03", "OpenAI", "Anthropic"])),
      hide: z.enum(["Quota", "All"]).optional(),
      /** Absent: DEFAULT_MAX_LIMITS. */
      maxLimits: z.number().int().min(1).max(64).optional(),
    }),
    /** Upper bound of what is added to Retry-After, drawn anew for each refusal. Absent: nothing is added. */
    retryAfterJitterMs: positive.optional(),
  }),
  /** Percentages of a limit that are told of, ascending. Absent: DEFAULT_NOTIFY, so that most policies are without it. */
  notify: z.array(z.number().int().min(1).max(100)).max(8).optional(),
});

export const DEFAULT_NOTIFY: readonly number[] = [80, 100];

/** How many limits a header format shows. */
export const DEFAULT_MAX_LIMITS = 4;

export const compiledObject = z.discriminatedUnion("kind", [
  compiledConsumer,
  compiledBackend,
  compiledRoute,
  compiledPolicy,
]);

export type CompiledConsumer = z.infer<typeof compiledConsumer>;
export type CompiledBackend = z.infer<typeof compiledBackend>;
export type CompiledRoute = z.infer<typeof compiledRoute>;
export type CompiledPolicy = z.infer<typeof compiledPolicy>;
export type ResponseRules = CompiledPolicy["response"];
export type HeaderFormat = ResponseRules["headers"]["formats"][number];
export type CompiledWindow = z.infer<typeof compiledWindow>;
export type CompiledLimit = z.infer<typeof compiledLimit>;
export type CompiledObject = z.infer<typeof compiledObject>;
