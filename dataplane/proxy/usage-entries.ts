// The limits that can concern a consumer on some routes: one entry for each counter that they lead to, whatever backend or
// model a request goes to. Pure: reads the configuration, not the counters.

import type { LimitPlans, UnknownFacts } from "../config/limit-plan.ts";
import type { BackendRecord, ConsumerRecord, LimitRecord, RouteRecord } from "../config/snapshot.ts";
import type { Counter } from "../core/counter-store.ts";
import { keyValues, labelText } from "../core/match.ts";
import type { RequestFacts } from "../core/request-facts.ts";

export interface UsageEntry {
  readonly record: LimitRecord;
  /** Undefined when it is kept for something that is not known before a request comes. */
  readonly counter: Counter | undefined;
  readonly label: string;
  /** Type and value of each part of what the counter is kept for; those of a counter that is not known have no value. */
  readonly per: readonly (readonly [type: string, value: string | undefined])[];
  /** Names of routes and backends on which it counts; some of them when there are many. */
  readonly routes: Set<string>;
  readonly backends: Set<string>;
}

export interface UsageQuestion {
  readonly plans: LimitPlans;
  readonly consumer: ConsumerRecord;
  readonly credential: string;
  readonly routes: readonly RouteRecord[];
  /** The model that is asked about; undefined: whatever model. */
  readonly model: string | undefined;
  readonly clientIp: string;
}

export interface UsageEntries {
  readonly entries: readonly UsageEntry[];
  /** There are more, or more is to be said of these. */
  readonly isCut: boolean;
}

const MAX_ENTRIES = 128;
const MAX_PAIRS = 1_024;
const MAX_NAMES = 16;

/** What only a request says. */
const SENT = ["Header", "Query", "Path", "Method"] as const;
const WITHOUT_MODEL: UnknownFacts = {
  ofConditions: new Set([...SENT, "IP", "Model"]),
  ofCounters: new Set([...SENT, "Template", "Model"]),
};
const WITH_MODEL: UnknownFacts = {
  ofConditions: new Set([...SENT, "IP"]),
  ofCounters: new Set([...SENT, "Template"]),
};

export function usageEntries(question: UsageQuestion): UsageEntries {
  const { routes, plans, consumer, model } = question;
  const pairs = routes.flatMap((route) => route.backends.map((backend) => ({ route, backend })));
  const collected = new Collected();
  for (const pair of pairs.slice(0, MAX_PAIRS)) {
    const facts = factsOf(question, pair);
    const unknown = model === undefined ? WITHOUT_MODEL : WITH_MODEL;
    for (const { record, counter } of plans.possible({ route: pair.route, consumer }, facts, unknown)) {
      const known = counter === undefined ? byModel(plans, record, facts) : [{ record, counter, facts }];
      if (known.length === 0) collected.add({ record, counter: undefined, facts });
      for (const each of known) collected.add(each);
    }
  }
  return { entries: collected.entries, isCut: collected.isCut || pairs.length > MAX_PAIRS };
}

interface Found {
  readonly record: LimitRecord;
  readonly counter: Counter | undefined;
  readonly facts: RequestFacts;
}

class Collected {
  isCut = false;
  readonly #entries = new Map<string, UsageEntry>();

  get entries(): readonly UsageEntry[] {
    return [...this.#entries.values()];
  }

  add({ record, counter, facts }: Found): void {
    const { policy, name, level } = record.limit;
    const limitId = `${policy.namespace}/${policy.name}/${name}/${level?.name ?? ""}`;
    // Limits of several policies may share a counter.
    const id = counter === undefined ? limitId : `${limitId} ${counter.key} ${counter.field}`;
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      if (this.#entries.size >= MAX_ENTRIES) {
        this.isCut = true;
        return;
      }
      entry = makeEntry(record, counter, facts);
      this.#entries.set(id, entry);
    }
    this.#note(entry.routes, facts.route);
    this.#note(entry.backends, facts.backend);
  }

  #note(names: Set<string>, name: string): void {
    if (names.size < MAX_NAMES || names.has(name)) names.add(name);
    else this.isCut = true;
  }
}

function makeEntry(record: LimitRecord, counter: Counter | undefined, facts: RequestFacts): UsageEntry {
  const { limit } = record;
  const per =
    counter === undefined
      ? limit.per.map(({ type, name = "", value }) => [nameOf(type, value ?? name), undefined] as const)
      : keyValues(limit, facts).map(([type, value]) => [type, type === "Shared" ? undefined : value] as const);
  return {
    record,
    counter,
    label: labelText(limit.label, limit.name, facts),
    per,
    routes: new Set(),
    backends: new Set(),
  };
}

/** As it stands in the values of a key. */
function nameOf(type: string, name: string): string {
  return name === "" ? type : `${type}:${name}`;
}

/** Where nothing but the model is missing and the limit names its models one by one: a counter for each of them. */
function byModel(plans: LimitPlans, record: LimitRecord, facts: RequestFacts): readonly Found[] {
  const { limit, matchers } = record;
  if (facts.model !== undefined || record.resolve !== undefined) return [];
  if (limit.per.some(({ type }) => WITH_MODEL.ofCounters.has(type))) return [];
  const named = limit.when.find(
    ({ type, match, values }) => type === "Model" && match === "Exact" && values.length > 0,
  );
  const ofModels = matchers.filter(({ condition }) => condition.type === "Model");
  return (named?.values ?? [])
    .map((model) => ({ ...facts, model }))
    .filter((known) => ofModels.every((matcher) => matcher.matches(known)))
    .map((known) => ({ record, counter: plans.counterOf(record, known), facts: known }));
}

interface Pair {
  readonly route: RouteRecord;
  readonly backend: BackendRecord;
}

/** Of a request that has not come: what it would send is not known. */
function factsOf(
  { consumer, credential, model, clientIp }: UsageQuestion,
  { route: { namespace, name, service }, backend }: Pair,
): RequestFacts {
  return {
    namespace,
    route: name,
    service,
    consumer,
    credential,
    model,
    backend: backend.name,
    provider: backend.provider,
    clientIp,
    path: "",
    queryText: "",
    method: "",
    header: () => undefined,
    query: () => undefined,
  };
}
