// Which limits concern a request, and what their counters are kept for. Pure. Mismatches are named, so that `explain` and
// tests can say why a limit did not apply.

import { type Cidr, cidrContains, ipText, parseCidr, parseIp } from "./ip.ts";
import type { Condition, KeyPart, Label, Level, Limit } from "./limit.ts";
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
  return { condition, matches: (facts) => valuesOf(condition, facts).some(test) };
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

/** The request's values for a condition's type; none when the fact is absent. */
function valuesOf(condition: Condition, facts: RequestFacts): readonly string[] {
  switch (condition.type) {
    case "Consumer":
      return presence(condition.by === "Username" ? facts.consumer?.username : facts.consumer?.name);
    case "ConsumerGroup":
      return facts.consumer?.groups ?? [];
    case "Header":
      return presence(facts.header(condition.name ?? ""));
    default:
      return presence(simpleFact(condition.type, facts));
  }
}

function simpleFact(type: "Model" | "Provider" | "Backend" | "Route" | "IP", facts: RequestFacts): string | undefined {
  switch (type) {
    case "Model":
      return facts.model;
    case "Provider":
      return facts.provider;
    case "Backend":
      return facts.backend;
    case "Route":
      return facts.route;
    case "IP":
      return facts.clientIp;
  }
}

function presence(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

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
    case "Header": {
      const value = facts.header(part.name ?? "");
      return value === undefined ? addressKey(facts) : [`Header:${part.name ?? ""}`, value];
    }
    case "IP":
      return addressKey(facts);
    case "Route":
    case "Backend":
      return [part.type, nameIn(facts.namespace, simpleFact(part.type, facts) ?? "", limit)];
    default:
      return [part.type, simpleFact(part.type, facts) ?? ""];
  }
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
  return (simpleFact(label.type, facts) ?? limitName) + (label.suffix ?? "");
}
