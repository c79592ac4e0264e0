// What a limit counts and how much of it: the amount in the unit's own integers, and the expression when it has one.

import type { LimitSpec } from "../crds/ai-rate-limit-policy.ts";
import type { CompiledLimit } from "../dataplane/contract/compiled.ts";
import { compileExpression } from "../dataplane/contract/expression.ts";
import { quoted } from "./found-text.ts";
import { parseNano } from "./nano.ts";
import type { Reporter } from "./report.ts";

/** `field` is the limit's path. What is returned is meaningless after an error was reported. */
export function compileAmount(
  limit: LimitSpec,
  field: string,
  report: Reporter,
): Pick<CompiledLimit, "unit" | "limit" | "expression"> {
  const { unit, expression } = limit;
  if (expression !== undefined) checkExpression(expression, `${field}.expression`, report);
  return {
    unit,
    limit: readAmount(limit, `${field}.limit`, report),
    ...(expression === undefined ? {} : { expression }),
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

function checkExpression(text: string, field: string, report: Reporter): void {
  const compiled = compileExpression(text);
  if (compiled.ok) return;
  const what = compiled.found === "" ? "nothing" : quoted(compiled.found);
  const found = `${what} at character ${String(compiled.position)}`;
  report.error({ code: "Invalid", field, found, wanted: compiled.wanted });
}
