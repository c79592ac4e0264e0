// The expression of a limit as a function, by what it is about.

import { type CostExpression, compileCostExpression } from "../contract/cost-expression.ts";
import { compilePromptExpression, type PromptExpression } from "../contract/prompt-expression.ts";
import { compileUsageExpression, type UsageExpression } from "../contract/usage-expression.ts";
import type { Limit } from "../core/limit.ts";

export type Formula =
  | { readonly of: "usage"; readonly evaluate: UsageExpression["evaluate"] }
  | { readonly of: "cost"; readonly evaluate: CostExpression["evaluate"]; readonly needsPrices: boolean }
  | { readonly of: "prompt"; readonly evaluate: PromptExpression["evaluate"] };

/**
 * Undefined for limits without an expression. Admission has refused what does not compile; a text that this version cannot
 * read yields no number: never a free one.
 */
export function createFormula({ unit, expression }: Limit): Formula | undefined {
  if (unit === "Expression") {
    const compiled = compileUsageExpression(expression ?? "");
    return { of: "usage", evaluate: compiled.ok ? compiled.evaluate : noNumber };
  }
  if (expression === undefined) return undefined;
  if (unit === "RequestPrompt") {
    const compiled = compilePromptExpression(expression);
    return { of: "prompt", evaluate: compiled.ok ? compiled.evaluate : noNumber };
  }
  const compiled = compileCostExpression(expression);
  if (!compiled.ok) return { of: "cost", evaluate: noNumber, needsPrices: true };
  return { of: "cost", evaluate: compiled.evaluate, needsPrices: compiled.needsPrices };
}

function noNumber(): undefined {
  return undefined;
}
