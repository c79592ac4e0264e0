// AIRateLimitPolicy -> its limits as the data plane runs them. Refuses limits that could not be told apart in an answer.

import type { PolicySpec } from "../crds/ai-rate-limit-policy.ts";
import { type CompiledPolicy, DEFAULT_NOTIFY } from "../dataplane/contract/compiled.ts";
import { compileLimit } from "./compile-limit.ts";
import { compileResponse } from "./compile-response.ts";
import type { Finding } from "./finding.ts";
import { quoted } from "./found-text.ts";
import { distinctLabels } from "./header-labels.ts";
import type { PolicyObject } from "./read-manifest.ts";
import { createReporter } from "./report.ts";

export interface CompiledBody {
  /** Undefined after an error. */
  readonly compiled: CompiledPolicy | undefined;
  readonly findings: readonly Finding[];
}

/** Everything about a policy that depends on nothing but itself. */
export function compilePolicy({ ref, createdMs, spec }: PolicyObject, systemNamespace: string): CompiledBody {
  const findings: Finding[] = [];
  const report = createReporter(ref, findings);
  if (spec.scope === "Cluster" && ref.namespace !== systemNamespace) {
    // Without the name of that namespace: nobody is told of a namespace that is not his.
    const wanted = '"Namespace": only policies of the system namespace are about all namespaces';
    report.error({ code: "Invalid", field: "spec.scope", found: quoted(spec.scope), wanted });
  }
  const compiled = spec.limits.map((limit, index) =>
    compileLimit(limit, {
      ref,
      mode: spec.mode,
      field: `spec.limits[${String(index)}]`,
      report,
      counters: spec.counters.namespace,
    }),
  );
  const limits = distinctLabels(compiled, { formats: spec.response.headers.formats, report });
  const response = compileResponse(spec.response, report);
  if (report.hasError()) return { compiled: undefined, findings };
  return {
    compiled: {
      kind: "AIRateLimitPolicy",
      namespace: ref.namespace,
      name: ref.name,
      createdMs,
      ...(spec.scope === "Cluster" && { scope: spec.scope }),
      appliesTo: compileAppliesTo(spec.appliesTo),
      precedence: spec.precedence,
      limits,
      ...(spec.admission.estimate === "Prompt" ? { admission: { estimate: spec.admission.estimate } } : {}),
      response,
      ...compileNotify(spec.notify),
    },
    findings,
  };
}

function compileNotify(entries: PolicySpec["notify"]): Pick<CompiledPolicy, "notify"> {
  const notify = entries.map(({ percent }) => percent).sort((a, b) => a - b);
  return notify.join() === DEFAULT_NOTIFY.join() ? {} : { notify };
}

/** An empty list asks nothing, as an absent one. */
function compileAppliesTo(lists: PolicySpec["appliesTo"]): CompiledPolicy["appliesTo"] {
  return Object.fromEntries(Object.entries(lists).filter(([, names]) => names !== undefined && names.length > 0));
}
