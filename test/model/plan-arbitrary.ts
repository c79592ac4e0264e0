// Random policies and requests. Values are few, so that requests meet limits and counters meet again; amounts are small
// beside each other, so that limits are crossed within a run.

import fc from "fast-check";
import {
  type AskPlan,
  BACKENDS,
  type CalendarPlan,
  CONSUMERS,
  type ConditionPlan,
  CREDENTIALS,
  type DurationPlan,
  EXPRESSIONS,
  type FactName,
  type LimitPlan,
  MAX_LIMIT,
  type PartPlan,
  type PolicyPlan,
  ROUTES,
  type StepPlan,
  TEMPLATES,
  type UnitName,
  type WindowPlan,
} from "./world-plan.ts";

function keysOf<T extends object>(record: T): (keyof T & string)[] {
  const keys: (keyof T & string)[] = [];
  for (const key in record) keys.push(key);
  return keys;
}

const VALUES: Readonly<Partial<Record<FactName, readonly string[]>>> = {
  Consumer: keysOf(CONSUMERS),
  ConsumerGroup: ["gold", "silver", "labs", "none"],
  Credential: [...CREDENTIALS],
  Service: ["llm", "none"],
  Path: ["/chat/v1/chat/completions", "/other"],
  Method: ["post", "GET"],
  Query: ["1", "2"],
  Model: ["m-a", "m-b", "m-other"],
  Provider: ["OpenAI", "openaicompatible"],
  Backend: keysOf(BACKENDS),
  Route: keysOf(ROUTES),
  Header: ["red", "blue"],
  IP: ["127.0.0.0/8", "127.0.0.1", "192.0.2.0/24"],
};
const FACTS = keysOf(VALUES);
const PATTERNS: Readonly<Partial<Record<FactName, readonly string[]>>> = {
  Model: ["m-*", "?-a", "m-b", "*"],
  Consumer: ["*a*", "bob", "c???l"],
  ConsumerGroup: ["*old", "s*"],
  Path: ["/*/v1/*", "/open*"],
};

const condition: fc.Arbitrary<ConditionPlan> = fc.constantFrom(...FACTS).chain((type) => {
  const some = (list: readonly string[]): fc.Arbitrary<string[]> => fc.subarray([...list]);
  const exact = fc.record({
    type: fc.constant(type),
    match: fc.constantFrom<ConditionPlan["match"]>(
      ...(type === "IP" ? ["Exact" as const] : ["Exact" as const, "Prefix" as const]),
    ),
    values: some(VALUES[type] ?? []),
  });
  const patterns = PATTERNS[type];
  if (patterns === undefined) return exact;
  const glob = fc.record({ type: fc.constant(type), match: fc.constant("Glob" as const), values: some(patterns) });
  return fc.oneof(exact, glob);
});

function part(type: fc.Arbitrary<PartPlan["type"]>): fc.Arbitrary<PartPlan> {
  return fc.record({ type, value: fc.constantFrom(...keysOf(TEMPLATES)), skipIfMissing: fc.boolean() });
}

const per: fc.Arbitrary<PartPlan[]> = fc.oneof(
  fc.tuple(part(fc.constant("Consumer"))),
  fc.tuple(part(fc.constant("Shared"))),
  fc.uniqueArray(part(fc.constantFrom(...FACTS, "Template" as const)), {
    minLength: 1,
    maxLength: 3,
    selector: ({ type }) => type,
  }),
);

/** Of these lengths each divides the next, and a day. */
export const MEMORY_WINDOWS = [2, 10, 60, 3600] as const;

/** Zones with summer time, one of them without midnight on the day that it begins, and one that lies half an hour off. */
const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kolkata"];

export const anyCalendar: fc.Arbitrary<CalendarPlan> = fc.record({
  algorithm: fc.constant("Calendar" as const),
  calendar: fc.constantFrom<CalendarPlan["calendar"]>("Hour", "Day", "Week", "Month", "Year"),
  timeZone: fc.constantFrom(...ZONES),
  anchorDay: fc.constantFrom(1, 15, 28, 30, 31),
  weekStart: fc.nat({ max: 6 }),
});

/** Of which two days make two. */
export const utcDays: fc.Arbitrary<CalendarPlan> = fc.constant({
  algorithm: "Calendar",
  calendar: "Day",
  timeZone: "UTC",
  anchorDay: 1,
  weekStart: 1,
});

function duration(seconds: readonly number[]): fc.Arbitrary<DurationPlan> {
  return fc.record({
    algorithm: fc.constantFrom<DurationPlan["algorithm"]>("Sliding", "Fixed", "FixedFromFirst"),
    seconds: fc.constantFrom(...seconds),
  });
}

/** A little before something turns: an hour, a day, a month or a year, or summer time. */
export const startMs: fc.Arbitrary<number> = fc
  .tuple(
    fc.constantFrom(
      Date.UTC(2026, 0, 1, 12),
      Date.UTC(2025, 0, 1),
      Date.UTC(2024, 2, 31, 1),
      Date.UTC(2024, 9, 27, 1),
      Date.UTC(2024, 8, 8, 4),
      Date.UTC(2025, 3, 6, 3),
      Date.UTC(2024, 1, 29, 5),
      Date.UTC(2025, 1, 28, 18, 30),
    ),
    fc.integer({ min: 1, max: 20_000 }),
  )
  .map(([turnMs, aheadMs]) => turnMs - aheadMs);

const UNITS: readonly UnitName[] = [
  "TotalTokens",
  "PromptTokens",
  "CompletionTokens",
  "CachedPromptTokens",
  "ReasoningTokens",
  "Requests",
  "RequestPrompt",
  "Cost",
  "Expression",
];
const NANO_PER_TOKEN = 400_000;

function limit(window: fc.Arbitrary<WindowPlan>): fc.Arbitrary<LimitPlan> {
  return fc
    .record({
      when: fc.oneof(fc.constant([]), fc.array(condition, { maxLength: 2 })),
      per,
      unit: fc.constantFrom(...UNITS),
      expression: fc.constantFrom(...keysOf(EXPRESSIONS)),
      limit: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 400 })),
      window,
      chargeRefused: fc.boolean(),
      estimates: fc.constant(false),
      isDynamic: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
      fallback: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
      isShadow: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    })
    .map((plan) => ({
      ...plan,
      isDynamic: plan.isDynamic && plan.unit !== "Cost",
      limit: plan.unit === "Cost" ? plan.limit * NANO_PER_TOKEN : plan.limit,
      chargeRefused: plan.chargeRefused && plan.unit === "RequestPrompt" && plan.window.algorithm === "Sliding",
    }));
}

function policy(window: fc.Arbitrary<WindowPlan>): fc.Arbitrary<PolicyPlan> {
  const few = <T>(list: readonly T[]): fc.Arbitrary<T[]> =>
    fc.oneof({ weight: 2, arbitrary: fc.constant<T[]>([]) }, fc.subarray([...list], { minLength: 1 }));
  const plan = fc.record({
    counters: fc.oneof({ weight: 3, arbitrary: fc.constant("") }, fc.constantFrom("x", "y")),
    appliesTo: fc.record({
      consumers: few(keysOf(CONSUMERS)),
      consumerGroups: few(["gold", "silver", "labs"]),
      routes: few(keysOf(ROUTES)),
      backends: fc.oneof({ weight: 4, arbitrary: fc.constant<(keyof typeof BACKENDS)[]>([]) }, few(keysOf(BACKENDS))),
    }),
    isMostSpecific: fc.boolean(),
    createdDay: fc.nat({ max: 3 }),
    limits: fc.array(limit(window), { minLength: 1, maxLength: 4 }),
  });
  return fc.tuple(plan, fc.boolean()).map(([each, estimates]) => ({
    ...each,
    limits: each.limits.map((own) => (each.counters === "" ? { ...own, estimates } : withoutExpression(own))),
  }));
}

/** A shared counter would be charged by one of several expressions, or hold one of several estimates. */
function withoutExpression(plan: LimitPlan): LimitPlan {
  return plan.unit === "Expression" ? { ...plan, unit: "TotalTokens" } : plan;
}

/** With windows of these lengths and of these calendars. */
export function policies(
  seconds: readonly number[],
  calendars: fc.Arbitrary<CalendarPlan>,
): fc.Arbitrary<readonly PolicyPlan[]> {
  const window = fc.oneof({ weight: 3, arbitrary: duration(seconds) }, calendars);
  return fc.array(policy(window), { minLength: 1, maxLength: 5 });
}

export const ask: fc.Arbitrary<AskPlan> = fc
  .record({
    consumer: fc.constantFrom("alice", "bob", "carol", "research"),
    route: fc.constantFrom(...keysOf(ROUTES)),
    model: fc.constantFrom("m-a", "m-b", "m-other", "other"),
    team: fc.constantFrom("", "red", "blue", "redder"),
    credential: fc.constantFrom(...CREDENTIALS),
    query: fc.constantFrom("", "1", "2"),
    limit: fc.constantFrom(0, 0, 5, 60, MAX_LIMIT),
    // Nothing at all would count as no report.
    prompt: fc.integer({ min: 1, max: 120 }),
    completion: fc.nat({ max: 90 }),
    cached: fc.nat({ max: 120 }),
    reasoning: fc.nat({ max: 90 }),
    promptBytes: fc.integer({ min: 1, max: 60 }),
    fails: fc.oneof({ weight: 7, arbitrary: fc.constant(false) }, fc.constant(true)),
    tookMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 3_000 }), fc.nat({ max: 90_000 })),
  })
  .map(({ prompt, completion, cached, reasoning, ...rest }) => ({
    ...rest,
    kind: "ask",
    usage: { prompt, completion, cached: Math.min(prompt, cached), reasoning: Math.min(completion, reasoning) },
  }));

const pass: fc.Arbitrary<StepPlan> = fc
  .oneof(
    fc.nat({ max: 3_000 }),
    fc.nat({ max: 130_000 }),
    fc.nat({ max: 8_000_000 }),
    fc.constantFrom(1, 60_000, 3_600_000, 86_400_000, 31 * 86_400_000),
  )
  .map((ms) => ({ kind: "pass", ms }));

export const steps: fc.Arbitrary<readonly StepPlan[]> = fc.array(
  fc.oneof({ weight: 4, arbitrary: ask }, { weight: 1, arbitrary: pass }),
  { minLength: 1, maxLength: 25 },
);
