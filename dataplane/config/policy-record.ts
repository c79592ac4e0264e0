// A compiled policy -> what requests use of it: conditions as matchers, expressions as functions.

import { type CompiledLimit, type CompiledPolicy, DEFAULT_NOTIFY } from "../contract/compiled.ts";
import { compileExpression, type Expression } from "../contract/expression.ts";
import { partOf } from "../contract/published.ts";
import type { PolicyRef } from "../core/limit.ts";
import { createMatcher } from "../core/match.ts";
import { thresholdsOf } from "../core/threshold.ts";
import { createWindow } from "./limit-window.ts";
import type { LimitRecord, PolicyRecord } from "./snapshot.ts";

export function createPolicyRecord(compiled: CompiledPolicy): PolicyRecord {
  const limits: LimitRecord[] = [];
  const isShadow = compiled.limits.every(({ mode }) => mode === "Shadow");
  const policy: PolicyRecord = { compiled, isShadow, limits };
  const { namespace, name } = compiled;
  const part = partOf(compiled);
  const ref: PolicyRef = part === namespace ? { namespace, name } : { namespace, name, part };
  for (const limit of compiled.limits) {
    const matchers = limit.when.map((condition) => createMatcher(condition));
    const thresholds = thresholdsOf(compiled.notify ?? DEFAULT_NOTIFY, limit.limit);
    limits.push({
      limit: { ...limit, window: createWindow(limit.window), policy: ref },
      matchers,
      policy,
      thresholds,
      firstThreshold: thresholds[0]?.amount ?? Infinity,
      evaluate: evaluatorOf(limit),
    });
  }
  return policy;
}

/** Admission has refused what does not compile. A text that this version cannot read yields no number: never a free one. */
function evaluatorOf({ unit, expression = "" }: CompiledLimit): Expression["evaluate"] | undefined {
  if (unit !== "Expression") return undefined;
  const compiled = compileExpression(expression);
  return compiled.ok ? compiled.evaluate : () => undefined;
}
