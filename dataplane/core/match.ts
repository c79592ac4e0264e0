// Which limits concern a request, and what their counters are kept for. Pure. Mismatches are named, so that `explain` and
// tests can say why a limit did not apply.

import { type Cidr, cidrContains, ipText, parseCidr, parseIp } from "./ip.ts";
import type { Condition, FactType, KeyPart, Label, Level, Limit } from "./limit.ts";
import type { ConsumerFacts, RequestFacts } from "./request-facts.ts";

/** Lists that are given must each name the request; within a list any name does. */
export interface AppliesTo {
  readonly consumers?: readonly string[] | undefined;
  readonly consumerGroups?: readonly string[] | undefined;
  readonly routes?: readonly string[] | undefined;
  readonly backends?: readonly string[] | undefined;
}

export type AppliesToMismatch = "consumers" | "consumerGroups" | "routes" | "backends";

/** The part of appliesTo that is known before a backend is chosen. Names are local to the policy's namespace. */
export function appliesToCaller(
  appliesTo: AppliesTo,
  namespace: string,
  caller: { readonly route: string; readonly consumer?: ConsumerFacts | undefined },
): AppliesToMismatch | undefined {
  const local = caller.consumer?.namespace === namespace ? caller.consumer : undefined;
  if (!namesOne(appliesTo.routes, [caller.route])) return "routes";
  if (!namesOne(appliesTo.consumers, local ? lineOf(local) : [])) return "consumers";
  if (!namesOne(appliesTo.consumerGroups, local?.groups ?? [])) return "consumerGroups";
  return undefined;
}

/** The caller's name and those of its ancestors, the nearest first: who names a consumer means all who belong to it. */
function lineOf({ name, ancestors = [] }: ConsumerFacts): readonly string[] {
  return [name, ...ancestors];
}

/** How far above the caller each consumer of its line stands that the list names: 0 the caller itself. The nearest first. */
export function namedInLine(consumers: readonly string[], caller: ConsumerFacts): readonly Level[] {
  return lineOf(caller)
    .map((name, above) => ({ name, above }))
    .filter(({ name }) => consumers.includes(name));
}

/** A list that is not given asks for nothing. */
function namesOne(list: readonly string[] | undefined, names: readonly string[]): boolean {
  return list === undefined || names.some((name) => list.includes(name));
}

/** A condition compiled for repeated use: CIDR texts parsed once. */
export interface Matcher {
  readonly condition: Condition;
  matches(facts: RequestFacts): boolean;
}

export function createMatcher(condition: Condition): Matcher {
  const test = valueTest(condition);
  if (condition.type === "ConsumerGroup") {
    return { condition, matches: ({ consumer }) => consumer?.groups.some(test) ?? false };
  }
  const read = factOf({ ...condition, type: condition.type });
  const matches = (facts: RequestFacts): boolean => {
    const value = read(facts);
    return value !== undefined && test(value);
  };
  return { condition, matches };
}

function valueTest(condition: Condition): (value: string) => boolean {
  const { values, match } = condition;
  if (values.length === 0) return () => true;
  switch (match) {
    case "Exact": {
      const set = new Set(values);
      return (value) => set.has(value);
    }
    case "Prefix":
      return (value) => values.some((prefix) => value.startsWith(prefix));
    case "Glob":
      return (value) => values.some((pattern) => globMatches(pattern, value));
    case "CIDR": {
      const blocks = values.map((text) => parseCidr(text)).filter((block) => block !== undefined);
      return (value) => addressIn(blocks, value);
    }
  }
}

function addressIn(blocks: readonly Cidr[], value: string): boolean {
  const address = parseIp(value);
  return address !== undefined && blocks.some((block) => cidrContains(block, address));
}

/** A fact of a request as text; undefined when it is absent. An empty value is there. */
type ReadFact = (facts: RequestFacts) => string | undefined;

interface SingleFact {
  readonly type: Exclude<FactType, "ConsumerGroup">;
  readonly name?: string | undefined;
  readonly by?: Condition["by"];
}

function factOf({ type, name = "", by = "Name" }: SingleFact): ReadFact {
  switch (type) {
    case "Consumer":
      return CONSUMER_FACTS[by];
    case "Header":
      return (facts) => facts.header(name);
    case "Query":
      return (facts) => facts.query(name);
    default:
      return FACTS[type];
  }
}

const CONSUMER_FACTS: Readonly<Record<NonNullable<Condition["by"]>, ReadFact>> = {
  Name: ({ consumer }) => consumer?.name,
  Username: ({ consumer }) => consumer?.username,
  CustomID: ({ consumer }) => consumer?.customID,
};

/** What the client sent under a name of its own. */
function sentText({ type, name = "" }: Pick<KeyPart, "type" | "name">, facts: RequestFacts): string | undefined {
  return type === "Query" ? facts.query(name) : facts.header(name);
}

type SimpleFact = Exclude<FactType, "Consumer" | "ConsumerGroup" | "Header" | "Query">;

const FACTS: Readonly<Record<SimpleFact, ReadFact>> = {
  Credential: (facts) => facts.credential,
  Model: (facts) => facts.model,
  Provider: (facts) => facts.provider,
  Backend: (facts) => facts.backend,
  Route: (facts) => facts.route,
  Service: (facts) => facts.service,
  Path: (facts) => facts.path,
  Method: (facts) => facts.method,
  IP: (facts) => facts.clientIp,
};

/**
 * Glob with `*` (any run of characters) and `?` (one character), the whole value, case-sensitive. Linear back-tracking to
 * the last `*` only: at most pattern x value steps, so hostile values cannot make it slow.
 */
export function globMatches(pattern: string, value: string): boolean {
  let p = 0;
  let v = 0;
  let starAt = -1;
  let retryAt = 0;
  while (v < value.length) {
    const c = pattern[p];
    if (c === "*") {
      starAt = p++;
      retryAt = v;
    } else if (c !== undefined && (c === "?" || c === value[v])) {
      p++;
      v++;
    } else if (starAt >= 0) {
      p = starAt + 1;
      v = ++retryAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** Whether the request lacks something without which the limit does not concern it. */
export function isSkipped({ per }: Limit, facts: RequestFacts): boolean {
  return per.some((part) => part.skipIfMissing === true && isMissing(part, facts));
}

function isMissing(part: KeyPart, facts: RequestFacts): boolean {
  if (part.type === "Template") return part.template?.resolve(facts) === undefined;
  return (part.type === "Header" || part.type === "Query") && sentText(part, facts) === undefined;
}

/**
 * Type and value of each part of `per` for a request, as they go into the counter's key. A missing identity falls back to
 * the client address, so that callers without one are still limited one by one.
 */
export function keyValues(limit: Limit, facts: RequestFacts): readonly (readonly [string, string])[] {
  return limit.per.map((part) => keyValue(part, limit, facts));
}

function keyValue(part: KeyPart, limit: Limit, facts: RequestFacts): readonly [string, string] {
  switch (part.type) {
    case "Shared":
      // The counter's own id keeps unrelated shared counters in hashes of their own, spread over the store.
      return ["Shared", limit.counterId];
    case "Consumer":
      return consumerKey(limit, facts);
    case "ConsumerGroup":
      return groupKey(limit, facts);
    case "Credential":
      return credentialKey(facts);
    case "Service":
      // A route that names no service is one of its own.
      return facts.service === undefined
        ? ["Route", nameIn(facts.namespace, facts.route, limit)]
        : ["Service", nameIn(facts.namespace, facts.service, limit)];
    case "Header":
    case "Query":
      return sentKey(`${part.type}:${part.name ?? ""}`, sentText(part, facts), facts);
    case "Template":
      return sentKey(`Template:${part.value ?? ""}`, part.template?.resolve(facts), facts);
    case "IP":
      return addressKey(facts);
    case "Route":
    case "Backend":
      return [part.type, nameIn(facts.namespace, FACTS[part.type](facts) ?? "", limit)];
    default:
      return [part.type, FACTS[part.type](facts) ?? ""];
  }
}

function sentKey(type: string, value: string | undefined, facts: RequestFacts): readonly [string, string] {
  return value === undefined ? addressKey(facts) : [type, value];
}

/** Names of credentials are unique within their consumer. */
function credentialKey(facts: RequestFacts): readonly [string, string] {
  const { consumer, credential } = facts;
  if (consumer === undefined || credential === undefined) return addressKey(facts);
  return ["Credential", `${consumer.namespace}/${consumer.name}/${credential}`];
}

function consumerKey({ level }: Limit, facts: RequestFacts): readonly [string, string] {
  const { consumer } = facts;
  return consumer ? ["Consumer", `${consumer.namespace}/${level?.name ?? consumer.name}`] : addressKey(facts);
}

/** IPv6 is counted by /64: one subscriber owns at least that much and could change addresses with every request. */
function addressKey({ clientIp }: RequestFacts): readonly [string, string] {
  const bits = clientIp.includes(":") ? parseIp(clientIp) : undefined;
  return ["IP", bits === undefined ? clientIp : `${ipText((bits >> 64n) << 64n)}/64`];
}

/** The group that a ConsumerGroup condition of this limit names, else the consumer's first by name; without any, the consumer. */
function groupKey(limit: Limit, facts: RequestFacts): readonly [string, string] {
  const groups = [...(facts.consumer?.groups ?? [])].sort();
  const tests = limit.when.filter((c) => c.type === "ConsumerGroup").map((c) => valueTest(c));
  const group = groups.find((g) => tests.every((test) => test(g))) ?? groups[0];
  if (group === undefined) return consumerKey(limit, facts);
  return ["ConsumerGroup", nameIn(facts.consumer?.namespace ?? "", group, limit)];
}

/** A counter for all namespaces tells apart what has one name in several of them. */
function nameIn(namespace: string, name: string, { policy }: Limit): string {
  return policy.part === undefined ? name : `${namespace}/${name}`;
}

/** The limit's label in this request. */
export function labelText(label: Label, limitName: string, facts: RequestFacts): string {
  if (label.kind === "fixed") return label.text;
  return (FACTS[label.type](facts) ?? limitName) + (label.suffix ?? "");
}
