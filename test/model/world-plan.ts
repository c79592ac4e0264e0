// What a run of the model is made of: policies and requests as plain data, the same for the gateway and for the reference.

/** Three callers by key, and whom two of them belong to: a team, which may call too, and its organisation. */
export const CONSUMERS = {
  alice: { groups: ["gold"], parent: "research" },
  bob: { groups: ["silver", "gold"], parent: "research" },
  carol: { groups: [], parent: undefined },
  research: { groups: ["labs"], parent: "acme" },
  acme: { groups: [], parent: undefined },
} as const satisfies Readonly<Record<string, { groups: readonly string[]; parent: string | undefined }>>;

/** Each route leads to one backend, so that who answers is no matter of turns. */
export const ROUTES = {
  chat: { backend: "one", identifies: true, service: "llm" },
  other: { backend: "two", identifies: true, service: "llm" },
  open: { backend: "one", identifies: false, service: undefined },
} as const;

/** The greatest limit that a request may bring. */
export const MAX_LIMIT = 500;

/** Of every consumer. */
export const CREDENTIALS = ["main", "spare"] as const;

/** Texts of variables, and what they are with a value of x-team and of q; undefined when no variable is there. */
export const TEMPLATES = {
  "${http_x_team}|${arg_q}": (team, q) =>
    team === undefined && q === undefined ? undefined : `${team ?? ""}|${q ?? ""}`,
  "q=${arg_q ?? none}": (_team, q) => `q=${q ?? "none"}`,
  $http_x_team: (team) => team,
} as const satisfies Readonly<Record<string, (team: string | undefined, q: string | undefined) => string | undefined>>;

export type TemplateText = keyof typeof TEMPLATES;

export const BACKENDS = {
  one: { provider: "OpenAICompatible" },
  two: { provider: "OpenAI" },
} as const;

/** Nano units per million tokens; other models cost the highest of each. */
export const PRICES = {
  "m-a": { input: 150_000_000n, output: 600_000_000n, cached: 75_000_000n },
  "m-b": { input: 30_000_000_001n, output: 7n, cached: 30_000_000_001n },
} as const;

/** What a request counts for, as written and as it is meant. */
export const EXPRESSIONS = {
  "prompt_tokens * 2 + completion_tokens": (usage: Usage) => usage.prompt * 2 + usage.completion,
  "completion_tokens * 0.5": (usage: Usage) => Math.floor(usage.completion / 2 + 0.5),
  "prompt_tokens - 50": (usage: Usage) => Math.max(0, usage.prompt - 50),
  "completion_tokens > 40 ? 3 : prompt_tokens_details.cached_tokens": (usage: Usage) =>
    usage.completion > 40 ? 3 : usage.cached,
  "prompt_tokens / absent": (usage: Usage) => usage.prompt + usage.completion,
} as const satisfies Readonly<Record<string, (usage: Usage) => number>>;

export type ConsumerName = keyof typeof CONSUMERS;
export type RouteName = keyof typeof ROUTES;
export type ExpressionText = keyof typeof EXPRESSIONS;

export interface Usage {
  readonly prompt: number;
  readonly completion: number;
  /** Part of prompt. */
  readonly cached: number;
  /** Part of completion. */
  readonly reasoning: number;
}

export type FactName =
  | "Consumer"
  | "ConsumerGroup"
  | "Credential"
  | "Model"
  | "Provider"
  | "Backend"
  | "Route"
  | "Service"
  | "Path"
  | "Method"
  | "Header"
  | "Query"
  | "IP";

export interface PartPlan {
  readonly type: FactName | "Template" | "Shared";
  /** With type Template. */
  readonly value: TemplateText;
  /** With types that a request may lack. */
  readonly skipIfMissing: boolean;
}

export interface ConditionPlan {
  readonly type: FactName;
  readonly match: "Exact" | "Prefix" | "Glob";
  readonly values: readonly string[];
}

export type UnitName =
  | "TotalTokens"
  | "PromptTokens"
  | "CompletionTokens"
  | "CachedPromptTokens"
  | "ReasoningTokens"
  | "Requests"
  | "RequestPrompt"
  | "Cost"
  | "Expression";

export interface LimitPlan {
  readonly when: readonly ConditionPlan[];
  readonly per: readonly PartPlan[];
  readonly unit: UnitName;
  /** With unit Expression. */
  readonly expression: ExpressionText;
  /** With unit Cost: nano units. */
  readonly limit: number;
  readonly window: WindowPlan;
  /** With unit RequestPrompt and a sliding window only. */
  readonly chargeRefused: boolean;
  /** A request may bring another limit in header x-limit. Not with unit Cost. */
  readonly isDynamic: boolean;
  /** Of its policy: what a prompt is estimated at counts from the check on. */
  readonly estimates: boolean;
  /** Concerns what no other limit of its policy concerns. */
  readonly fallback: boolean;
  readonly isShadow: boolean;
}

export type WindowPlan = DurationPlan | CalendarPlan;

export interface DurationPlan {
  readonly algorithm: "Sliding" | "Fixed" | "FixedFromFirst";
  readonly seconds: number;
}

export interface CalendarPlan {
  readonly algorithm: "Calendar";
  readonly calendar: "Hour" | "Day" | "Week" | "Month" | "Year";
  readonly timeZone: string;
  /** Of Month. */
  readonly anchorDay: number;
  /** Of Week: 0 is Sunday. */
  readonly weekStart: number;
}

export interface PolicyPlan {
  /** Of its counters; "" for its own. */
  readonly counters: string;
  readonly appliesTo: {
    readonly consumers: readonly ConsumerName[];
    readonly consumerGroups: readonly string[];
    readonly routes: readonly RouteName[];
    readonly backends: readonly (keyof typeof BACKENDS)[];
  };
  readonly isMostSpecific: boolean;
  /** Day of January 2025 on which it was made; 0: not known. */
  readonly createdDay: number;
  readonly limits: readonly LimitPlan[];
}

export interface AskPlan {
  readonly kind: "ask";
  readonly consumer: ConsumerName;
  readonly route: RouteName;
  readonly model: string;
  readonly credential: (typeof CREDENTIALS)[number];
  /** Of header x-team; "" for none. */
  readonly team: string;
  /** Of query parameter q; "" for none. */
  readonly query: string;
  /** Of header x-limit; 0 for none. */
  readonly limit: number;
  /** Length of the prompt's text. */
  readonly promptBytes: number;
  readonly usage: Usage;
  /** The provider fails and reports no usage. */
  readonly fails: boolean;
  /** From the check to the charge. */
  readonly tookMs: number;
}

export type StepPlan = AskPlan | { readonly kind: "pass"; readonly ms: number };
