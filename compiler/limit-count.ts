// The bound on limits for one request, as far as it can be seen without one: limits that every request of a namespace
// meets. What depends on the request is bounded by the data plane.

import type { CompiledPolicy } from "../dataplane/contract/compiled.ts";
import { compareAge } from "./object-age.ts";
import type { Reporter } from "./report.ts";

const MAX_LIMITS = 64;

export interface LimitCount {
  /** Of one namespace. */
  readonly policies: readonly CompiledPolicy[];
  /** Of another one, in force for all: they are met first, so that no namespace crowds them out. */
  readonly everywhere: readonly CompiledPolicy[];
  readonly reporterOf: (policy: CompiledPolicy) => Reporter;
}

/**
 * The policies that stay in force. Those for all namespaces and then the older ones keep their limits; the one that goes
 * over the bound is refused.
 */
export function refuseTooManyLimits({ policies, everywhere, reporterOf }: LimitCount): readonly CompiledPolicy[] {
  const ownSeats = new Set(policies.filter((policy) => policy.scope !== "Cluster").map(seatOf));
  const chosen = new Set<string>();
  const refused = new Set<CompiledPolicy>();
  let total = 0;
  for (const policy of [...everywhere.toSorted(compareAge), ...policies.toSorted(widestAndOldestFirst)]) {
    const seat = seatOf(policy);
    if (seat !== undefined) {
      // A namespace's own displaces the one for all.
      if (chosen.has(seat) || (policy.scope === "Cluster" && ownSeats.has(seat))) continue;
    }
    const added = unconditionalLimits(policy);
    if (added > 0 && total + added > MAX_LIMITS) {
      refused.add(policy);
      reporterOf(policy).error({
        code: "TooManyLimits",
        field: "spec.limits",
        found: `${String(added)} limits on every request of the namespace, beside ${String(total)} of ${othersOf(policy, everywhere)}`,
        wanted: `at most ${String(MAX_LIMITS)} together; narrow them with appliesTo or when`,
      });
      continue;
    }
    total += added;
    if (seat !== undefined) chosen.add(seat);
  }
  return policies.filter((policy) => !refused.has(policy));
}

function othersOf({ scope }: CompiledPolicy, everywhere: readonly CompiledPolicy[]): string {
  return everywhere.length > 0 && scope !== "Cluster"
    ? "older policies and those for all namespaces"
    : "older policies";
}

function widestAndOldestFirst(a: CompiledPolicy, b: CompiledPolicy): number {
  if (a.scope !== b.scope) return a.scope === "Cluster" ? -1 : 1;
  return compareAge(a, b);
}

/** Of the MostSpecific policies for the whole namespace only the oldest takes part, and beside it the oldest in Shadow. */
function seatOf({ precedence, appliesTo, limits }: CompiledPolicy): string | undefined {
  if (precedence === "Additive" || Object.keys(appliesTo).length > 0) return undefined;
  return limits.every(({ mode }) => mode === "Shadow") ? "Shadow" : "Enforce";
}

function unconditionalLimits({ appliesTo, limits }: CompiledPolicy): number {
  return Object.keys(appliesTo).length > 0 ? 0 : limits.filter(({ when }) => when.length === 0).length;
}
