// Warns of expressions that name usage fields which a provider they will meet does not report: those count 0 there, in
// silence. A formula over the fields of several providers is fine as long as each of them reports one of its fields.

import type { CompiledBackend, CompiledLimit, CompiledPolicy } from "../dataplane/contract/compiled.ts";
import { compileCostExpression } from "../dataplane/contract/cost-expression.ts";
import { compileUsageExpression } from "../dataplane/contract/usage-expression.ts";
import { knownUsageFields } from "../dataplane/contract/usage-fields.ts";
import { concernedBackends, type Reachable } from "./concerned-backends.ts";
import { withSuggestion } from "./nearest-name.ts";
import type { Reporter } from "./report.ts";

export interface ExpressionContext extends Reachable {
  readonly reporterOf: (policy: CompiledPolicy) => Reporter;
}

type Provider = CompiledBackend["provider"];

export function warnUnknownUsageFields(policies: readonly CompiledPolicy[], context: ExpressionContext): void {
  for (const policy of policies) {
    for (const [index, limit] of policy.limits.entries()) {
      const fields = usageFieldsOf(limit);
      if (fields.length === 0) continue;
      const providers = new Set(concernedBackends(policy, limit, context).map(({ provider }) => provider));
      const report = context.reporterOf(policy);
      const where = { field: `spec.limits[${String(index)}].expression`, limit: limit.name };
      for (const provider of providers) warnOfProvider(provider, { fields, providers, where, report });
    }
  }
}

/** The usage fields that its expression reads. */
function usageFieldsOf({ unit, expression }: CompiledLimit): readonly string[] {
  if (expression === undefined || (unit !== "Expression" && unit !== "Cost")) return [];
  const compiled = unit === "Cost" ? compileCostExpression(expression) : compileUsageExpression(expression);
  return compiled.ok ? compiled.fields : [];
}

interface Concern {
  readonly fields: readonly string[];
  /** All that the limit concerns. */
  readonly providers: ReadonlySet<Provider>;
  readonly where: { readonly field: string; readonly limit: string };
  readonly report: Reporter;
}

function warnOfProvider(provider: Provider, { fields, providers, where, report }: Concern): void {
  const known = knownUsageFields(provider);
  if (known === undefined) return;
  const absent = fields.filter((name) => !known.has(name));
  const isForOthers = absent.length < fields.length;
  for (const name of isForOthers ? absent.filter((one) => !mayReport(providers, one)) : absent) {
    report.warning({
      code: "UnknownUsageField",
      field: where.field,
      found: `usage field \`${name}\` in limit ${where.limit}, which provider ${provider} does not report: there it counts 0`,
      wanted: withSuggestion(`a field that ${provider} reports, such as ${examples(known)}`, name, known),
    });
  }
}

function mayReport(providers: ReadonlySet<Provider>, name: string): boolean {
  return [...providers].some((provider) => knownUsageFields(provider)?.has(name) ?? true);
}

function examples(known: ReadonlySet<string>): string {
  return [...known].slice(0, 4).join(", ");
}
