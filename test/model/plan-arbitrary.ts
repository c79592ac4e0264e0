// Random policies and requests. Values are few, so that requests meet limits and counters meet again; amounts are small
// beside each other, so that limits are crossed within a run.

import fc from "fast-check";
import {
  type AskPlan,
  BACKENDS,
  CONSUMERS,
  type ConditionPlan,
  CREDENTIALS,
  type DurationPlan,
  EXPRESSIONS,
  type FactName,
  type LimitPlan,
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
  ConsumerGroup: ["gold", "silver", "none"],
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
  return fc.record({ type, value: fc.constantFrom(...keysOf(TEMPLATES)), skipIfMissing: fc.constant(false) });
}

const per: fc.Arbitrary<PartPlan[]> = fc.oneof(
  fc.tuple(part(fc.constant("Consumer"))),
  fc.tuple(part(fc.constant("Shared"))),
  fc.uniqueArray(part(fc.constantFrom(...FACTS)), { minLength: 1, maxLength: 3, selector: ({ type }) => type }),
);

/** Of these lengths each divides the next, and a day. */
export const MEMORY_WINDOWS = [2, 10, 60, 3600] as const;

function window(seconds: readonly number[]): fc.Arbitrary<WindowPlan> {
  return fc.record({
    algorithm: fc.constantFrom<DurationPlan["algorithm"]>("Sliding", "Fixed", "FixedFromFirst"),
    seconds: fc.constantFrom(...seconds),
  });
}

const NANO_PER_TOKEN = 400_000;

function limit(seconds: readonly number[]): fc.Arbitrary<LimitPlan> {
  return fc
    .record({
      when: fc.oneof(fc.constant([]), fc.array(condition, { maxLength: 2 })),
      per,
      unit: fc.constantFrom<UnitName>(
        ...(["TotalTokens", "PromptTokens", "CompletionTokens", "Requests", "Cost", "Expression"] as const),
      ),
      expression: fc.constantFrom(...keysOf(EXPRESSIONS)),
      limit: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 400 })),
      window: window(seconds),
      chargeRefused: fc.boolean(),
      fallback: fc.constant(false),
      isShadow: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    })
    .map((plan) => ({
      ...plan,
      limit: plan.unit === "Cost" ? plan.limit * NANO_PER_TOKEN : plan.limit,
      chargeRefused: plan.chargeRefused && plan.unit === "RequestPrompt" && plan.window.algorithm === "Sliding",
    }));
}

function policy(seconds: readonly number[]): fc.Arbitrary<PolicyPlan> {
  const few = <T>(list: readonly T[]): fc.Arbitrary<T[]> =>
    fc.oneof({ weight: 2, arbitrary: fc.constant<T[]>([]) }, fc.subarray([...list], { minLength: 1 }));
  return fc.record({
    counters: fc.constant(""),
    appliesTo: fc.record({
      consumers: few(keysOf(CONSUMERS)),
      consumerGroups: few(["gold", "silver"]),
      routes: few(keysOf(ROUTES)),
      backends: fc.oneof({ weight: 4, arbitrary: fc.constant<(keyof typeof BACKENDS)[]>([]) }, few(keysOf(BACKENDS))),
    }),
    isMostSpecific: fc.boolean(),
    createdDay: fc.nat({ max: 3 }),
    limits: fc.array(limit(seconds), { minLength: 1, maxLength: 4 }),
  });
}

export function policies(seconds: readonly number[]): fc.Arbitrary<readonly PolicyPlan[]> {
  return fc.array(policy(seconds), { minLength: 1, maxLength: 5 });
}

export const ask: fc.Arbitrary<AskPlan> = fc
  .record({
    consumer: fc.constantFrom(...keysOf(CONSUMERS)),
    route: fc.constantFrom(...keysOf(ROUTES)),
    model: fc.constantFrom("m-a", "m-b", "m-other", "other"),
    team: fc.constantFrom("", "red", "blue", "redder"),
    credential: fc.constantFrom(...CREDENTIALS),
    query: fc.constantFrom("", "1", "2"),
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
    fc.constantFrom(1, 60_000, 3_600_000),
  )
  .map((ms) => ({ kind: "pass", ms }));

export const steps: fc.Arbitrary<readonly StepPlan[]> = fc.array(
  fc.oneof({ weight: 4, arbitrary: ask }, { weight: 1, arbitrary: pass }),
  { minLength: 1, maxLength: 25 },
);
