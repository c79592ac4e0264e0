// MostSpecific policies that no request will ever choose, because another with the very same appliesTo goes before them.

import type { CompiledPolicy } from "../dataplane/contract/compiled.ts";
import { compareAge } from "./object-age.ts";
import type { Reporter } from "./report.ts";

export function warnNeverInForce(
  policies: readonly CompiledPolicy[],
  reporterOf: (policy: CompiledPolicy) => Reporter,
): void {
  const first = new Map<string, CompiledPolicy>();
  const firstEnforcing = new Map<string, CompiledPolicy>();
  const rivals = policies.filter(({ precedence }) => precedence === "MostSpecific").sort(compareAge);
  for (const policy of rivals) {
    const place = placeOf(policy);
    // One in Shadow displaces none that enforces.
    const before = isShadow(policy) ? first.get(place) : firstEnforcing.get(place);
    if (before === undefined) {
      if (!first.has(place)) first.set(place, policy);
      if (!isShadow(policy)) firstEnforcing.set(place, policy);
      continue;
    }
    reporterOf(policy).warning({
      code: "Conflicted",
      field: "spec.precedence",
      found: `MostSpecific, with the same appliesTo as policy ${before.name}, which goes before it`,
      wanted:
        "Additive, or another appliesTo: of equal MostSpecific policies the older is in force, and this one never",
    });
  }
}

function isShadow({ limits }: CompiledPolicy): boolean {
  return limits.every(({ mode }) => mode === "Shadow");
}

/** Lists are sets: neither order nor repetition tells them apart. */
function placeOf({ scope, appliesTo }: CompiledPolicy): string {
  const { consumers, consumerGroups, routes, backends } = appliesTo;
  return JSON.stringify([scope, ...[consumers, consumerGroups, routes, backends].map((list) => list?.toSorted())]);
}
