// What a limit counts and how much of it: the amount in the unit's own integers, and the expression when it has one.

import type { LimitSpec } from "../crds/ai-rate-limit-policy.ts";
import type { CompiledLimit } from "../dataplane/contract/compiled.ts";
import { compileCostExpression } from "../dataplane/contract/cost-expression.ts";
import { compilePromptExpression } from "../dataplane/contract/prompt-expression.ts";
import { compileUsageExpression } from "../dataplane/contract/usage-expression.ts";
import { parseNano } from "../dataplane/core/nano.ts";
import { readAmount as readAmountText } from "../dataplane/core/resolved-value.ts";
import { checkTemplate } from "./check-template.ts";
import { quoted } from "./found-text.ts";
import type { Reporter } from "./report.ts";

/** `field` is the limit's path. What is returned is meaningless after an error was reported. */
export function compileAmount(
  limit: LimitSpec,
  field: string,
  report: Reporter,
): Pick<CompiledLimit, "unit" | "limit" | "limitTemplate" | "expression" | "chargeRefused"> {
  const { unit, expression, chargeRefused } = limit;
  if (expression !== undefined) checkExpression(limit, `${field}.expression`, report);
  return {
    unit,
    ...(limit.max === undefined
      ? { limit: readAmount(limit, `${field}.limit`, report) }
      : compileBrought(unit, { template: String(limit.limit), max: limit.max, field, report })),
    ...(expression === undefined ? {} : { expression }),
    ...(chargeRefused ? { chargeRefused } : {}),
  };
}

/** The schema has checked that a text goes with Cost only. */
function readAmount({ unit, limit }: LimitSpec, field: string, report: Reporter): number {
  if (unit !== "Cost" && typeof limit === "number") return limit;
  const nano = parseNano(String(limit)) ?? 0;
  if (nano > 0) return nano;
  const wanted = "an amount of money above 0 and below 9007199.254740992";
  report.error({ code: "Invalid", field, found: quoted(String(limit)), wanted });
  return 1;
}

interface BroughtAmount {
  readonly template: string;
  readonly max: number;
  readonly field: string;
  readonly report: Reporter;
}

/** The schema has checked that max goes with a template only. */
function compileBrought(
  unit: LimitSpec["unit"],
  { template, max, field, report }: BroughtAmount,
): Pick<CompiledLimit, "limit" | "limitTemplate"> {
  const amount = unit === "Cost" ? (parseNano(String(max)) ?? 0) : max;
  if (amount === 0) {
    const wanted = "an integer from 1 to 9007199 with unit Cost";
    report.error({ code: "Invalid", field: `${field}.max`, found: String(max), wanted });
  }
  const wanted = unit === "Cost" ? "an amount of money above 0, at most" : "an integer from 1 to";
  checkTemplate(template, {
    field: `${field}.limit`,
    report,
    default: { wanted: `${wanted} ${String(max)} (max) as default`, reads: (text) => readBrought(text, unit, amount) },
  });
  return { limit: Math.max(1, amount), limitTemplate: template };
}

function readBrought(text: string, unit: LimitSpec["unit"], max: number): boolean {
  return readAmountText(text, { unit, max }) !== undefined;
}

function checkExpression({ unit, expression = "" }: LimitSpec, field: string, report: Reporter): void {
  const compiled = compilerOf(unit)(expression);
  if (compiled.ok) return;
  const what = compiled.found === "" ? "nothing" : quoted(compiled.found);
  const found = `${what} at character ${String(compiled.position)}`;
  report.error({ code: "Invalid", field, found, wanted: compiled.wanted });
}

function compilerOf(
  unit: LimitSpec["unit"],
): typeof compileCostExpression | typeof compilePromptExpression | typeof compileUsageExpression {
  if (unit === "Cost") return compileCostExpression;
  return unit === "RequestPrompt" ? compilePromptExpression : compileUsageExpression;
}
