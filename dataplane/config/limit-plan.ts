// The limits that can concern a caller on a route, worked out once and kept: what is left per request is the conditions on
// model, backend, headers and address. Also fills limits in to counters and keeps those.

import { counterKey } from "../contract/keys.ts";
import type { Counter } from "../core/counter-store.ts";
import { appliesToCaller, keyValues } from "../core/match.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import type { ConsumerRecord, LimitRecord, RouteRecord, Snapshot } from "./snapshot.ts";

/** Counters kept with their hashed keys; twice this many at the most. */
const COUNTER_CACHE = 50_000;
const PLAN_CACHE = 50_000;
/** Longer key values, which only clients make up, are hashed anew each time: the cache stays small in bytes too. */
const LONGEST_CACHED = 512;

export interface MatchedLimit {
  readonly record: LimitRecord;
  readonly counter: Counter;
}

export interface LimitPlans {
  /** The limits that a request must pass, in policy order. */
  match(caller: Caller, facts: RequestFacts): readonly MatchedLimit[];
}

export interface Caller {
  readonly route: RouteRecord;
  readonly consumer: ConsumerRecord | undefined;
}

interface PlanEntry {
  readonly record: LimitRecord;
  /** Present when the caller alone decides the counter. */
  readonly counter: Counter | undefined;
  readonly backends: readonly string[] | undefined;
}

const STATIC_PARTS = new Set(["Consumer", "ConsumerGroup", "Route", "Shared"]);

export function createLimitPlans(snapshot: Snapshot, prefix: string): LimitPlans {
  const counterFor = createCounterSource(prefix);
  const anonymous = new Map<RouteRecord, readonly PlanEntry[]>();
  const plans = createGenerationCache<ConsumerRecord, Map<RouteRecord, readonly PlanEntry[]>>(PLAN_CACHE);

  function planFor(caller: Caller, facts: RequestFacts): readonly PlanEntry[] {
    const { route, consumer } = caller;
    let byRoute = consumer ? plans.get(consumer) : anonymous;
    if (byRoute === undefined) {
      byRoute = new Map();
      if (consumer) plans.set(consumer, byRoute);
    }
    let plan = byRoute.get(route);
    if (plan === undefined) {
      plan = makePlan(caller, facts);
      byRoute.set(route, plan);
    }
    return plan;
  }

  function makePlan(caller: Caller, facts: RequestFacts): readonly PlanEntry[] {
    const { route, consumer } = caller;
    return snapshot.policiesOf(route.namespace).flatMap(({ compiled, limits }) => {
      const mismatch = appliesToCaller(compiled.appliesTo, compiled.namespace, { route: route.name, consumer });
      if (mismatch !== undefined) return [];
      return limits.map((record) => {
        const isStatic = consumer !== undefined && record.limit.per.every((part) => STATIC_PARTS.has(part.type));
        return {
          record,
          counter: isStatic ? counterFor(record, facts) : undefined,
          backends: compiled.appliesTo.backends,
        };
      });
    });
  }

  return {
    match(caller, facts) {
      const matched: MatchedLimit[] = [];
      for (const { record, counter, backends } of planFor(caller, facts)) {
        if (backends && !backends.includes(facts.backend)) continue;
        if (!record.matchers.every((matcher) => matcher.matches(facts))) continue;
        matched.push({ record, counter: counter ?? counterFor(record, facts) });
      }
      return matched;
    },
  };
}

/** Fills limits in to counters. */
function createCounterSource(prefix: string): (record: LimitRecord, facts: RequestFacts) => Counter {
  const counters = createGenerationCache<string, Counter>(COUNTER_CACHE);
  return ({ limit }, facts) => {
    const values = keyValues(limit, facts);
    const cacheKey = JSON.stringify([limit.policy.namespace, limit.counterId, values]);
    const cached = cacheKey.length <= LONGEST_CACHED;
    const known = cached ? counters.get(cacheKey) : undefined;
    if (known) return known;
    const counter = {
      ...counterKey(prefix, limit.policy.namespace, values),
      field: limit.counterId,
      window: limit.window,
    };
    if (cached) counters.set(cacheKey, counter);
    return counter;
  };
}

interface Cache<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
}

/** Keeps the last `size` to 2 x `size` entries used: two generations, the older dropped when the younger is full. */
function createGenerationCache<K, V>(size: number): Cache<K, V> {
  let young = new Map<K, V>();
  let old = new Map<K, V>();
  function set(key: K, value: V): void {
    if (young.size >= size) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  }
  return {
    get(key) {
      const value = young.get(key);
      if (value !== undefined) return value;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    set,
  };
}
