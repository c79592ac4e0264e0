// AIRateLimitPolicy -> its limits as the data plane runs them. Refuses limits that could not be told apart in an answer.

import type { PolicySpec } from "../crds/ai-rate-limit-policy.ts";
import type { CompiledPolicy } from "../dataplane/contract/compiled.ts";
import { compileLimit } from "./compile-limit.ts";
import { distinctLabels } from "./header-labels.ts";
import type { ObjectIndex } from "./object-index.ts";
import { warnUnknownTargets } from "./policy-targets.ts";
import type { PolicyObject } from "./read-manifest.ts";
import type { Reporter } from "./report.ts";

export interface PolicyContext {
  readonly index: ObjectIndex;
  readonly systemNamespace: string;
  readonly report: Reporter;
}

/** Undefined after reporting an error. */
export function compilePolicy(policy: PolicyObject, context: PolicyContext): CompiledPolicy | undefined {
  const { ref, createdMs, spec } = policy;
  const { report } = context;
  warnUnknownTargets(policy, context);
  const compiled = spec.limits.map((limit, index) =>
    compileLimit(limit, { ref, mode: spec.mode, field: `spec.limits[${String(index)}]`, report }),
  );
  const limits = distinctLabels(compiled, report);
  if (report.hasError()) return undefined;
  return {
    kind: "AIRateLimitPolicy",
    namespace: ref.namespace,
    name: ref.name,
    createdMs,
    appliesTo: compileAppliesTo(spec.appliesTo),
    precedence: spec.precedence,
    limits,
    response: spec.response,
  };
}

/** An empty list asks nothing, as an absent one. */
function compileAppliesTo(lists: PolicySpec["appliesTo"]): CompiledPolicy["appliesTo"] {
  return Object.fromEntries(Object.entries(lists).filter(([, names]) => names !== undefined && names.length > 0));
}
