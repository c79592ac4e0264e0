// The limits that can concern a caller on a route, worked out once and kept: what is left per request is the conditions on
// model, backend, headers and address, and which MostSpecific policy the backend leaves. Also fills limits in to counters and keeps those.

import { type CounterKey, counterKey } from "../contract/keys.ts";
import type { Counter } from "../core/counter-store.ts";
import { createGenerationCache } from "../core/generation-cache.ts";
import type { FactType, Level, Limit } from "../core/limit.ts";
import { appliesToCaller, keyValues, namedInLine } from "../core/match.ts";
import { bySpecificity, type Candidate, inForce } from "../core/precedence.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import type { Window } from "../core/window.ts";
import { type Line, NO_LINE } from "./lineage.ts";
import type { ConsumerRecord, LimitRecord, PolicyRecord, RouteRecord, Snapshot } from "./snapshot.ts";

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
  /** As `match` when these facts of the request are not known: what a limit asks of them counts as met. */
  possible(caller: Caller, facts: RequestFacts, unknown: UnknownFacts): readonly PossibleLimit[];
  /** The counter of a limit for these facts. */
  counterOf(record: LimitRecord, facts: RequestFacts): Counter;
}

export interface UnknownFacts {
  readonly ofConditions: ReadonlySet<FactType>;
  readonly ofCounters: ReadonlySet<FactType | "Shared">;
}

export interface PossibleLimit {
  readonly record: LimitRecord;
  /** Undefined when it is kept for something that is not known. */
  readonly counter: Counter | undefined;
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
  /** Its policy, when that is one of which only the most specific is in force. */
  readonly rival: Rival | undefined;
}

/** Plans of one consumer, by route, as long as its ancestors are these. */
class ConsumerPlans {
  readonly line: Line;
  readonly byRoute = new Map<RouteRecord, Plan>();

  constructor(line: Line) {
    this.line = line;
  }
}

interface Rival extends Candidate {
  readonly policy: PolicyRecord;
}

interface Plan {
  readonly entries: readonly PlanEntry[];
  /** The MostSpecific policies, most specific first. */
  readonly rivals: readonly Rival[];
}

const NO_RIVALS: readonly Rival[] = [];

const STATIC_PARTS = new Set(["Consumer", "ConsumerGroup", "Route", "Shared"]);

export function createLimitPlans(snapshot: Snapshot, prefix: string): LimitPlans {
  const counterFor = createCounterSource(prefix);
  const levels = createLevels();
  const anonymous = new ConsumerPlans(NO_LINE);
  const plans = createGenerationCache<ConsumerRecord, ConsumerPlans>(PLAN_CACHE);

  function plansOf(consumer: ConsumerRecord): ConsumerPlans {
    const { line } = consumer;
    const known = plans.get(consumer);
    if (known?.line === line) return known;
    const made = new ConsumerPlans(line);
    plans.set(consumer, made);
    return made;
  }

  function planFor(caller: Caller, facts: RequestFacts): Plan {
    const { route, consumer } = caller;
    const { byRoute } = consumer ? plansOf(consumer) : anonymous;
    let plan = byRoute.get(route);
    if (plan === undefined) {
      plan = makePlan(caller, facts, { snapshot, counterFor, levels });
      byRoute.set(route, plan);
    }
    return plan;
  }

  return {
    counterOf: counterFor,
    possible: (caller, facts, unknown) =>
      withinReach(planFor(caller, facts), facts, unknown).map(({ record, counter }) => {
        const isKnown = record.limit.per.every(({ type }) => !unknown.ofCounters.has(type));
        return { record, counter: isKnown ? (counter ?? counterFor(record, facts)) : undefined };
      }),
    match(caller, facts) {
      const matched: MatchedLimit[] = [];
      const { entries, rivals } = planFor(caller, facts);
      const chosen = rivals.length === 0 ? NO_RIVALS : inForce(rivals, facts.backend);
      for (const { record, counter, backends, rival } of entries) {
        if (rival && !chosen.includes(rival)) continue;
        if (backends && !backends.includes(facts.backend)) continue;
        if (!record.matchers.every((matcher) => matcher.matches(facts))) continue;
        matched.push({ record, counter: counter ?? counterFor(record, facts) });
      }
      return matched;
    },
  };
}

type CounterSource = (record: LimitRecord, facts: RequestFacts) => Counter;

interface PlanSources {
  readonly snapshot: Snapshot;
  readonly counterFor: CounterSource;
  readonly levels: Levels;
}

function makePlan(caller: Caller, facts: RequestFacts, { snapshot, counterFor, levels }: PlanSources): Plan {
  const { route, consumer } = caller;
  const policies = snapshot.policiesOf(route.namespace).filter(({ compiled: { appliesTo, namespace } }) => {
    return appliesToCaller(appliesTo, namespace, { route: route.name, consumer }) === undefined;
  });
  const rivals = rivalsAmong(policies, caller);
  const entries = policies.flatMap((policy) => {
    const { backends } = policy.compiled.appliesTo;
    const rival = rivals.find((each) => each.policy === policy);
    return levels.of(policy, consumer).map((record) => {
      const isStatic = consumer !== undefined && record.limit.per.every((part) => STATIC_PARTS.has(part.type));
      return { record, counter: isStatic ? counterFor(record, facts) : undefined, backends, rival };
    });
  });
  return { entries, rivals };
}

/** Those of the limits in force that no known fact rules out. */
function withinReach(
  { entries, rivals }: Plan,
  facts: RequestFacts,
  { ofConditions }: UnknownFacts,
): readonly PlanEntry[] {
  const chosen = inForce(rivals, facts.backend);
  return entries.filter(({ record, backends, rival }) => {
    if (rival && !chosen.includes(rival)) return false;
    if (backends && !backends.includes(facts.backend)) return false;
    return record.matchers.every((each) => ofConditions.has(each.condition.type) || each.matches(facts));
  });
}

function rivalsAmong(policies: readonly PolicyRecord[], { consumer }: Caller): readonly Rival[] {
  return policies
    .filter(({ compiled }) => compiled.precedence === "MostSpecific")
    .map((policy) => {
      const { name, createdMs, appliesTo, scope } = policy.compiled;
      const [nearest] = consumer ? namedInLine(appliesTo.consumers ?? [], consumer) : [];
      const { above } = nearest ?? { above: 0 };
      return { name, createdMs, appliesTo, isCluster: scope === "Cluster", above, isShadow: policy.isShadow, policy };
    })
    .sort(bySpecificity(consumer?.groups ?? []));
}

/** The limits of a policy that a caller meets, each for every consumer that it is to be counted on. */
interface Levels {
  of(policy: PolicyRecord, caller: ConsumerRecord | undefined): readonly LimitRecord[];
}

/** A policy that names consumers counts on them, also when one that belongs to them calls: on each that it names. */
function createLevels(): Levels {
  const known = new WeakMap<LimitRecord, Map<string, LimitRecord>>();
  const atLevel = (record: LimitRecord, level: Level): LimitRecord => {
    if (level.above === 0) return record;
    const ofRecord = known.get(record) ?? new Map<string, LimitRecord>();
    known.set(record, ofRecord);
    const id = `${String(level.above)} ${level.name}`;
    const found = ofRecord.get(id) ?? { ...record, limit: limitAt(record.limit, level) };
    ofRecord.set(id, found);
    return found;
  };
  return {
    of({ limits, compiled }, caller) {
      const { consumers } = compiled.appliesTo;
      if (consumers === undefined || caller === undefined || caller.line === NO_LINE) return limits;
      const named = namedInLine(consumers, caller);
      return limits.flatMap((record) => {
        const isPerConsumer = record.limit.per.some(({ type }) => type === "Consumer");
        return isPerConsumer ? named.map((level) => atLevel(record, level)) : [record];
      });
    },
  };
}

/** The label tells it apart from the same limit of the others. */
function limitAt(limit: Limit, level: Level): Limit {
  const { label } = limit;
  const suffix = `-${level.name}`;
  return {
    ...limit,
    level,
    label:
      label.kind === "fixed"
        ? { kind: "fixed", text: label.text + suffix }
        : { ...label, suffix: (label.suffix ?? "") + suffix },
  };
}

/** A class: objects that are spread together each get a shape of their own, and whatever reads them is slower for it. */
class FilledCounter implements Counter {
  readonly key: string;
  readonly tag: number;
  readonly field: string;
  readonly window: Window;

  constructor({ key, tag }: CounterKey, { counterId, window }: Limit) {
    this.key = key;
    this.tag = tag;
    this.field = counterId;
    this.window = window;
  }
}

/** Fills limits in to counters. */
function createCounterSource(prefix: string): CounterSource {
  const counters = createGenerationCache<string, Counter>(COUNTER_CACHE);
  // Counters of the same key values share one string for their key: maps by key then compare no text.
  const keys = createGenerationCache<string, CounterKey>(COUNTER_CACHE);
  return ({ limit }, facts) => {
    const values = keyValues(limit, facts);
    const { namespace, part = namespace } = limit.policy;
    const cacheKey = JSON.stringify([part, limit.counterId, values]);
    const cached = cacheKey.length <= LONGEST_CACHED;
    const known = cached ? counters.get(cacheKey) : undefined;
    if (known) return known;
    const made = counterKey(prefix, part, values);
    const key = keys.get(made.key) ?? made;
    const counter = new FilledCounter(key, limit);
    if (cached) {
      keys.set(made.key, key);
      counters.set(cacheKey, counter);
    }
    return counter;
  };
}
