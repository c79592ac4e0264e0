// The limits that can concern a caller on a route, worked out once and kept: what is left per request is the conditions on
// model, backend, headers and address, and which MostSpecific policy the backend leaves.

import type { Counter } from "../core/counter-store.ts";
import { createGenerationCache } from "../core/generation-cache.ts";
import type { FactType, KeyPart, Level, Limit } from "../core/limit.ts";
import { appliesToCaller, namedInLine } from "../core/match.ts";
import { bySpecificity, type Candidate, inForce } from "../core/precedence.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import { type CounterSource, createCounterSource } from "./counter-source.ts";
import type { KeyCensus } from "./key-census.ts";
import { type Line, NO_LINE } from "./lineage.ts";
import { MatchedLimit } from "./matched-limit.ts";
import type { ConsumerRecord, LimitRecord, PolicyRecord, RouteRecord, Snapshot } from "./snapshot.ts";
import { displaces, type SpecialSources, specialLimit } from "./special-limits.ts";

/** Plans kept, by consumer; twice this many at the most. */
const PLAN_CACHE = 50_000;

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
  readonly ofCounters: ReadonlySet<KeyPart["type"]>;
}

export interface PossibleLimit {
  readonly record: LimitRecord;
  /** Undefined when it is kept for something that is not known, or the request says of what length its window is. */
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
  /** Its conditions alone do not say whether and how it concerns a request. */
  readonly isSpecial: boolean;
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

const STATIC_PARTS = new Set(["Consumer", "ConsumerGroup", "Route", "Service", "Shared"]);

export function createLimitPlans(
  snapshot: Snapshot,
  { prefix, census }: { readonly prefix: string; readonly census: KeyCensus },
): LimitPlans {
  const counterFor = createCounterSource(prefix, census);
  const sources: SpecialSources = { counterFor, census };
  const planFor = createPlanMemory({ snapshot, counterFor, levels: createLevels() });
  return {
    counterOf: counterFor,
    possible: (caller, facts, unknown) =>
      withinReach(planFor(caller, facts), facts, unknown).map(({ record, counter }) => {
        const isKnown =
          record.resolve === undefined && record.limit.per.every(({ type }) => !unknown.ofCounters.has(type));
        return { record, counter: isKnown ? (counter ?? counterFor(record, facts)) : undefined };
      }),
    match(caller, facts) {
      const matched: MatchedLimit[] = [];
      const { entries, rivals } = planFor(caller, facts);
      const chosen = rivals.length === 0 ? NO_RIVALS : inForce(rivals, facts.backend);
      for (const entry of entries) {
        if (!isInForce(entry, facts.backend, chosen)) continue;
        const { record, counter, isSpecial } = entry;
        if (!record.matchers.every((matcher) => matcher.matches(facts))) continue;
        if (!isSpecial) {
          matched.push(new MatchedLimit(record, counter ?? counterFor(record, facts)));
          continue;
        }
        const special = specialLimit(record, { facts, before: matched }, sources);
        if (special) matched.push(special);
      }
      return matched;
    },
  };
}

interface PlanSources {
  readonly snapshot: Snapshot;
  readonly counterFor: CounterSource;
  readonly levels: Levels;
}

/** Plans are made once for a caller on a route, and anew when its ancestors are others. */
function createPlanMemory(sources: PlanSources): (caller: Caller, facts: RequestFacts) => Plan {
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

  return (caller, facts) => {
    const { route, consumer } = caller;
    const { byRoute } = consumer ? plansOf(consumer) : anonymous;
    let plan = byRoute.get(route);
    if (plan === undefined) {
      plan = makePlan(caller, facts, sources);
      byRoute.set(route, plan);
    }
    return plan;
  };
}

function makePlan(caller: Caller, facts: RequestFacts, { snapshot, counterFor, levels }: PlanSources): Plan {
  const { route, consumer } = caller;
  const policies = snapshot.policiesOf(route.namespace).filter(({ compiled: { appliesTo, namespace } }) => {
    return appliesToCaller(appliesTo, namespace, { route: route.name, consumer }) === undefined;
  });
  const rivals = rivalsAmong(policies, caller);
  const isShared = sharesCounter(policies);
  const entries = policies.flatMap((policy) => {
    const { backends } = policy.compiled.appliesTo;
    const rival = rivals.find((each) => each.policy === policy);
    return fallbacksLast(levels.of(policy, consumer)).map((record) => {
      const isStatic = consumer !== undefined && record.limit.per.every((part) => STATIC_PARTS.has(part.type));
      const isSpecial = record.isSpecial || isShared(record);
      return { record, counter: isStatic ? counterFor(record, facts) : undefined, backends, rival, isSpecial };
    });
  });
  return { entries, rivals };
}

/** Whether a limit gives way is known once the others of its policy have been looked at. */
function fallbacksLast(limits: readonly LimitRecord[]): readonly LimitRecord[] {
  const fallbacks = limits.filter(({ limit }) => limit.fallback === true);
  return fallbacks.length === 0 ? limits : [...limits.filter(({ limit }) => limit.fallback !== true), ...fallbacks];
}

/** Limits of several policies with one counters.namespace have one identity. */
function sharesCounter(policies: readonly PolicyRecord[]): (record: LimitRecord) => boolean {
  const known = new Set<string>();
  const shared = new Set<string>();
  for (const { limits } of policies) {
    for (const { limit } of limits) (known.has(limit.counterId) ? shared : known).add(limit.counterId);
  }
  return ({ limit }) => shared.has(limit.counterId);
}

/** Whether its policy is, for requests to a backend. */
function isInForce({ backends, rival }: PlanEntry, backend: string, chosen: readonly Rival[]): boolean {
  if (rival && !chosen.includes(rival)) return false;
  return backends?.includes(backend) ?? true;
}

/** Those of the limits in force that no known fact rules out. */
function withinReach(
  { entries, rivals }: Plan,
  facts: RequestFacts,
  { ofConditions }: UnknownFacts,
): readonly PlanEntry[] {
  const chosen = inForce(rivals, facts.backend);
  const reached = entries.filter((entry) => {
    const { record } = entry;
    if (!isInForce(entry, facts.backend, chosen)) return false;
    return record.matchers.every((each) => ofConditions.has(each.condition.type) || each.matches(facts));
  });
  // Of those in reach some are met for certain; what gives way to them is not reached.
  const certain = reached.filter(({ record }) => {
    return !record.maySkip && record.matchers.every(({ condition }) => !ofConditions.has(condition.type));
  });
  return reached.filter(({ record: { limit, policy } }) => {
    if (limit.fallback !== true) return true;
    return !certain.some(({ record }) => record.policy === policy && displaces(record.limit, limit));
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
