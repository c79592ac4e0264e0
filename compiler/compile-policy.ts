// AIRateLimitPolicy -> its limits as the data plane runs them. Refuses limits that could not be told apart in an answer.

import type { PolicySpec } from "../crds/ai-rate-limit-policy.ts";
import type { CompiledLimit, CompiledPolicy } from "../dataplane/contract/compiled.ts";
import { compileLimit } from "./compile-limit.ts";
import { quoted } from "./found-text.ts";
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
  const limits = spec.limits.map((limit, index) =>
    compileLimit(limit, { ref, mode: spec.mode, field: `spec.limits[${String(index)}]`, report }),
  );
  refuseEqualHeaders(limits, report);
  if (report.hasError()) return undefined;
  return {
    kind: "AIRateLimitPolicy",
    namespace: ref.namespace,
    name: ref.name,
    createdMs,
    appliesTo: compileAppliesTo(spec.appliesTo),
    limits,
    response: spec.response,
  };
}

/** An empty list asks nothing, as an absent one. */
function compileAppliesTo(lists: PolicySpec["appliesTo"]): CompiledPolicy["appliesTo"] {
  return Object.fromEntries(Object.entries(lists).filter(([, names]) => names !== undefined && names.length > 0));
}

/**
 * Response headers are named by window and label (any case of letters); limits of different units get different ones.
 * Labels that depend on the request are left to the data plane, which shows the lowest remaining.
 */
function refuseEqualHeaders(limits: readonly CompiledLimit[], report: Reporter): void {
  const named = new Map<string, string>();
  for (const [index, { name, label, window, unit }] of limits.entries()) {
    if (label.kind !== "fixed") continue;
    const header = `${label.text.toLowerCase()} ${unit} ${String(window.durationMs)}`;
    const other = named.get(header);
    if (other === undefined) {
      named.set(header, name);
      continue;
    }
    report.error({
      code: "Conflicted",
      field: `spec.limits[${String(index)}].label`,
      found: quoted(label.text),
      wanted: `a label unlike that of limit ${other}, which has the same window and unit: headers could not tell them apart`,
    });
  }
}
