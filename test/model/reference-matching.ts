// Which policies are in force for a request, which limits concern it, and what they are counted for: the rules once more, in
// the plainest words.

import {
  type AskPlan,
  BACKENDS,
  CONSUMERS,
  type ConditionPlan,
  type ConsumerName,
  type FactName,
  type LimitPlan,
  type PartPlan,
  type PolicyPlan,
  ROUTES,
  TEMPLATES,
} from "./world-plan.ts";

const ADDRESS = "127.0.0.1";

/** A request as limits see it. */
export interface Subject {
  readonly consumer: string | undefined;
  /** The caller and whom it belongs to, the nearest first. */
  readonly line: readonly ConsumerName[];
  /** On whom counters for each consumer count: the caller, unless a policy names one above it. */
  readonly counted: string | undefined;
  readonly groups: readonly string[];
  readonly route: string;
  readonly backend: string;
  readonly provider: string;
  readonly model: string;
  readonly credential: string | undefined;
  readonly service: string | undefined;
  readonly path: string;
  readonly team: string | undefined;
  readonly query: string | undefined;
  readonly promptBytes: number;
}

export function subjectOf(ask: AskPlan): Subject {
  const { backend, identifies, service } = ROUTES[ask.route];
  const line = identifies ? lineOf(ask.consumer) : [];
  return {
    line,
    counted: line[0],
    credential: identifies ? ask.credential : undefined,
    service,
    path: `/${ask.route}/v1/chat/completions`,
    query: ask.query === "" ? undefined : ask.query,
    consumer: identifies ? ask.consumer : undefined,
    groups: [...new Set(line.flatMap((name) => CONSUMERS[name].groups))],
    route: ask.route,
    backend,
    provider: BACKENDS[backend].provider.toLowerCase(),
    model: ask.model,
    team: ask.team === "" ? undefined : ask.team,
    promptBytes: ask.promptBytes,
  };
}

function lineOf(consumer: ConsumerName): readonly ConsumerName[] {
  const { parent } = CONSUMERS[consumer];
  return parent === undefined ? [consumer] : [consumer, ...lineOf(parent)];
}

/** Of a policy that names consumers a limit for each consumer holds on every one that it names, above the caller too. */
export function levelsOf(
  { appliesTo }: PolicyPlan,
  { per }: LimitPlan,
  { line, consumer }: Subject,
): readonly (string | undefined)[] {
  const named = line.filter((name) => appliesTo.consumers.includes(name));
  return named.length > 0 && per.some(({ type }) => type === "Consumer") ? named : [consumer];
}

/** Positions of the policies, in order. */
export function policiesInForce(policies: readonly PolicyPlan[], subject: Subject): readonly number[] {
  const applying = policies.flatMap((policy, at) => (applies(policy, subject) ? [{ policy, at }] : []));
  const rivals = applying.filter(({ policy }) => policy.isMostSpecific);
  const best = (among: readonly Placed[]): Placed | undefined =>
    among.find((one) => among.every((other) => other === one || goesBefore(one, other, subject)));
  const chosen = best(rivals);
  const enforced = best(rivals.filter(({ policy }) => !isShadow(policy)));
  return applying
    .filter((each) => !each.policy.isMostSpecific || each === enforced || (each === chosen && isShadow(each.policy)))
    .map(({ at }) => at);
}

interface Placed {
  readonly policy: PolicyPlan;
  readonly at: number;
}

function isShadow({ limits }: PolicyPlan): boolean {
  return limits.every((limit) => limit.isShadow);
}

function applies({ appliesTo }: PolicyPlan, { line, groups, route, backend }: Subject): boolean {
  const names = (list: readonly string[], own: readonly string[]): boolean =>
    list.length === 0 || own.some((name) => list.includes(name));
  return (
    names(appliesTo.consumers, line) &&
    names(appliesTo.consumerGroups, groups) &&
    names(appliesTo.routes, [route]) &&
    names(appliesTo.backends, [backend])
  );
}

const LADDER = [
  (p: PolicyPlan) => p.appliesTo.consumers.length > 0 && p.appliesTo.routes.length > 0,
  (p: PolicyPlan) => p.appliesTo.consumerGroups.length > 0 && p.appliesTo.routes.length > 0,
  (p: PolicyPlan) => p.appliesTo.consumers.length > 0,
  (p: PolicyPlan) => p.appliesTo.consumerGroups.length > 0,
  (p: PolicyPlan) => p.appliesTo.routes.length > 0,
  () => true,
];

/** Rung of the ladder; then, for policies of consumers, how near to the caller, and of groups, the name of the group; then age; then name. */
function goesBefore(one: Placed, other: Placed, subject: Subject): boolean {
  const keys = ({ policy, at }: Placed): readonly (number | string)[] => [
    LADDER.findIndex((rung) => rung(policy)),
    subject.line.findIndex((name) => policy.appliesTo.consumers.includes(name)),
    policy.appliesTo.consumers.length > 0
      ? ""
      : (subject.groups.filter((group) => policy.appliesTo.consumerGroups.includes(group)).toSorted()[0] ?? ""),
    policy.createdDay === 0 ? Infinity : policy.createdDay,
    at,
  ];
  const [a, b] = [keys(one), keys(other)];
  const differs = a.findIndex((value, i) => value !== b[i]);
  return differs >= 0 && (a[differs] ?? 0) < (b[differs] ?? 0);
}

function matchesAll(conditions: readonly ConditionPlan[], subject: Subject): boolean {
  return conditions.every((condition) => {
    const own = valuesOf(condition.type, subject);
    return condition.values.length === 0 ? own.length > 0 : own.some((value) => fits(condition, value));
  });
}

function fits({ match, values, type }: ConditionPlan, value: string): boolean {
  if (type === "IP") return values.some((range) => range === "127.0.0.0/8" || range === ADDRESS);
  const known =
    type === "Provider"
      ? values.map((each) => each.toLowerCase())
      : type === "Method"
        ? values.map((each) => each.toUpperCase())
        : values;
  if (match === "Exact") return known.includes(value);
  if (match === "Prefix") return known.some((each) => value.startsWith(each));
  return known.some((each) => new RegExp(`^${each.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(value));
}

function present(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

function valuesOf(type: FactName, subject: Subject): readonly string[] {
  switch (type) {
    case "Consumer":
      return present(subject.consumer);
    case "ConsumerGroup":
      return subject.groups;
    case "Credential":
      return present(subject.credential);
    case "Service":
      return present(subject.service);
    case "Path":
      return [subject.path];
    case "Method":
      return ["POST"];
    case "Header":
      return present(subject.team);
    case "Query":
      return present(subject.query);
    case "IP":
      return [ADDRESS];
    case "Model":
      return [subject.model];
    case "Provider":
      return [subject.provider];
    case "Backend":
      return [subject.backend];
    case "Route":
      return [subject.route];
  }
}

/** Limits of a policy that concern a request: of its own limits those whose conditions hold and whose keys are there. */
export function limitsFor(limits: readonly LimitPlan[], subject: Subject): readonly LimitPlan[] {
  const meant = limits.filter(
    (limit) => matchesAll(limit.when, subject) && limit.per.every((part) => !isSkipped(part, subject)),
  );
  const first = meant.filter(({ fallback }) => !fallback);
  // One that only watches takes no request from one that enforces.
  const displaces = (other: LimitPlan, limit: LimitPlan): boolean => limit.isShadow || !other.isShadow;
  return meant.filter((limit) => !limit.fallback || !first.some((other) => displaces(other, limit)));
}

function isSkipped({ type, value, skipIfMissing }: PartPlan, { team, query }: Subject): boolean {
  if (!skipIfMissing) return false;
  if (type === "Header") return team === undefined;
  if (type === "Query") return query === undefined;
  return type === "Template" && TEMPLATES[value](team, query) === undefined;
}

/** What a counter is kept for: the kind of thing and which one. */
export function valueFor(part: PartPlan, plan: LimitPlan, subject: Subject): readonly [string, string] {
  const value = ownValue(part, plan, subject);
  if (value !== undefined) return [part.type === "Template" ? `Template ${part.value}` : part.type, value];
  if (part.type === "ConsumerGroup") return valueFor({ ...part, type: "Consumer" }, plan, subject);
  if (part.type === "Service") return ["Route", subject.route];
  return ["IP", ADDRESS];
}

function ownValue({ type, value }: PartPlan, plan: LimitPlan, subject: Subject): string | undefined {
  switch (type) {
    case "Shared":
      return "";
    case "Consumer":
      return subject.counted;
    case "Template":
      return TEMPLATES[value](subject.team, subject.query);
    case "ConsumerGroup": {
      const asked = plan.when.filter((condition) => condition.type === "ConsumerGroup");
      const sorted = subject.groups.toSorted();
      return sorted.find((group) => matchesAll(asked, { ...subject, groups: [group] })) ?? sorted[0];
    }
    case "Credential":
      return subject.credential === undefined ? undefined : `${String(subject.consumer)} ${subject.credential}`;
    default:
      return valuesOf(type, subject)[0];
  }
}
