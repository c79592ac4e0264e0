// Which of the MostSpecific policies that apply to a request is in force. Pure; names in appliesTo are of the policy's own
// namespace, and so are the groups that are compared with them.

import type { AppliesTo } from "./match.ts";

export interface Candidate {
  readonly name: string;
  /** 0 when unknown: then the youngest, so that it takes nothing away from one that exists. */
  readonly createdMs: number;
  readonly appliesTo: AppliesTo;
  /** It is about all namespaces. */
  readonly isCluster: boolean;
  /** Of the consumers that it names, the nearest of the caller's line: 0 the caller itself, 1 its parent. 0 when it names none. */
  readonly above: number;
  /** It only counts and reports. */
  readonly isShadow: boolean;
}

/** Order of candidates that all apply to a caller with these groups: the most specific first. */
export function bySpecificity(groups: readonly string[]): (a: Candidate, b: Candidate) => number {
  return (a, b) =>
    rankOf(a.appliesTo) - rankOf(b.appliesTo) ||
    a.above - b.above ||
    Number(a.isCluster) - Number(b.isCluster) ||
    compareTexts(firstGroup(a, groups), firstGroup(b, groups)) ||
    compareNumbers(a.createdMs || Infinity, b.createdMs || Infinity) ||
    compareTexts(a.name, b.name);
}

/**
 * The candidates in force for a backend, of those in order: the first that enforces, and before it the first of all when
 * that is one in Shadow. So a Shadow policy is watched exactly where it would be chosen if all were enforced, and changes
 * nothing for the others.
 */
export function inForce<T extends Candidate>(ordered: readonly T[], backend: string): readonly T[] {
  const applying = ordered.filter(({ appliesTo }) => appliesTo.backends?.includes(backend) ?? true);
  const [first] = applying;
  if (first?.isShadow !== true) return applying.slice(0, 1);
  const enforced = applying.find(({ isShadow }) => !isShadow);
  return enforced === undefined ? [first] : [first, enforced];
}

/** consumer+route, group+route, consumer, group, route, all requests. A policy that names both is one for consumers. */
function rankOf({ consumers, consumerGroups, routes }: AppliesTo): number {
  if (consumers) return routes ? 0 : 2;
  if (consumerGroups) return routes ? 1 : 3;
  return routes ? 4 : 5;
}

/** The caller's group by which a policy for groups applies: of several the one that sorts first. */
function firstGroup({ appliesTo }: Candidate, groups: readonly string[]): string {
  if (appliesTo.consumers) return "";
  const named = groups.filter((group) => appliesTo.consumerGroups?.includes(group));
  return named.sort(compareTexts)[0] ?? "";
}

function compareNumbers(a: number, b: number): number {
  if (a === b) return 0; // also of two that are infinite
  return a < b ? -1 : 1;
}

/** By code units, as names sort everywhere here; not by the language of the host. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
