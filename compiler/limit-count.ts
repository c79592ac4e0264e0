// The bound on limits for one request, as far as it can be seen without one: limits that every request of a namespace
// meets. What depends on the request is bounded by the data plane.

import type { CompiledPolicy } from "../dataplane/contract/compiled.ts";
import { compareAge } from "./object-age.ts";
import type { Reporter } from "./report.ts";

const MAX_LIMITS = 64;

/** The policies that stay in force. Older ones keep their limits; the one that goes over the bound is refused. */
export function refuseTooManyLimits(
  policies: readonly CompiledPolicy[],
  reporterOf: (policy: CompiledPolicy) => Reporter,
): readonly CompiledPolicy[] {
  const totals = new Map<string, number>();
  const chosen = new Set<string>();
  const refused = new Set<CompiledPolicy>();
  for (const policy of [...policies].sort(compareAge)) {
    const before = totals.get(policy.namespace) ?? 0;
    const seat = seatOf(policy);
    if (seat !== undefined && chosen.has(seat)) continue;
    const total = before + unconditionalLimits(policy);
    if (total <= MAX_LIMITS || total === before) {
      totals.set(policy.namespace, total);
      if (seat !== undefined) chosen.add(seat);
      continue;
    }
    refused.add(policy);
    reporterOf(policy).error({
      code: "TooManyLimits",
      field: "spec.limits",
      found: `${String(total - before)} limits on every request of the namespace, beside ${String(before)} of older policies`,
      wanted: `at most ${String(MAX_LIMITS)} together; narrow them with appliesTo or when`,
    });
  }
  return policies.filter((policy) => !refused.has(policy));
}

/** Of the MostSpecific policies for the whole namespace only the oldest takes part, and beside it the oldest in Shadow. */
function seatOf({ namespace, precedence, appliesTo, limits }: CompiledPolicy): string | undefined {
  if (precedence === "Additive" || Object.keys(appliesTo).length > 0) return undefined;
  return `${namespace}/${limits.every(({ mode }) => mode === "Shadow") ? "Shadow" : "Enforce"}`;
}

function unconditionalLimits({ appliesTo, limits }: CompiledPolicy): number {
  return Object.keys(appliesTo).length > 0 ? 0 : limits.filter(({ when }) => when.length === 0).length;
}
