// A compiled policy -> what requests use of it: conditions as matchers, expressions and templates as functions.

import { type CompiledLimit, type CompiledPolicy, DEFAULT_NOTIFY } from "../contract/compiled.ts";
import { partOf } from "../contract/published.ts";
import { DEFAULT_MAX_KEYS, isClientChosen } from "../core/client-chosen.ts";
import type { KeyPart, Limit, PolicyRef } from "../core/limit.ts";
import { createMatcher } from "../core/match.ts";
import { compileTemplate } from "../core/template.ts";
import { thresholdsOf } from "../core/threshold.ts";
import type { Unit } from "../core/usage.ts";
import { createDynamics, withBrought } from "./dynamic-limit.ts";
import { createFormula } from "./formula.ts";
import { createWindow } from "./limit-window.ts";
import type { Asks, LimitRecord, PolicyRecord } from "./snapshot.ts";

/** Limits with what requests brought that are kept, of each; then they are made anew. */
const KEPT_RESOLVED = 256;

export function createPolicyRecord(compiled: CompiledPolicy): PolicyRecord {
  const limits: LimitRecord[] = [];
  const isShadow = compiled.limits.every(({ mode }) => mode === "Shadow");
  const policy: PolicyRecord = { compiled, isShadow, limits };
  const { namespace, name } = compiled;
  const part = partOf(compiled);
  const ref: PolicyRef = part === namespace ? { namespace, name } : { namespace, name, part };
  for (const each of compiled.limits) {
    const limit: Limit = { ...each, window: createWindow(each.window), per: each.per.map(usablePart), policy: ref };
    limits.push(createLimitRecord(limit, policy));
  }
  return policy;
}

function createLimitRecord(limit: Limit, policy: PolicyRecord): LimitRecord {
  const thresholds = thresholdsOf(policy.compiled.notify ?? DEFAULT_NOTIFY, limit.limit);
  const maySkip = limit.per.some(({ skipIfMissing }) => skipIfMissing === true);
  const dynamics = createDynamics(limit);
  const formula = createFormula(limit);
  return {
    limit,
    matchers: limit.when.map((condition) => createMatcher(condition)),
    maySkip,
    isSpecial: maySkip || limit.fallback === true || dynamics !== undefined,
    maxKeys: limit.maxKeys ?? (isClientChosen(limit.per) ? DEFAULT_MAX_KEYS : undefined),
    resolve: dynamics && createResolver(dynamics),
    policy,
    thresholds,
    firstThreshold: thresholds[0]?.amount ?? Infinity,
    asks: asksOf(limit, policy.compiled.admission),
    formula,
    needsPrices: countsPrices(limit, formula),
  };
}

/** Whoever keeps something by a limit finds it again with the next request that brings the same. */
function createResolver(dynamics: NonNullable<ReturnType<typeof createDynamics>>): NonNullable<LimitRecord["resolve"]> {
  const known = new WeakMap<LimitRecord, Map<string, LimitRecord>>();
  return (record, facts) => {
    const brought = dynamics(facts);
    if (typeof brought === "string") return brought;
    const id = `${String(brought.limit)} ${String(brought.durationMs)}`;
    const found = known.get(record)?.get(id);
    if (found !== undefined) return found;
    let ofRecord = known.get(record);
    if (ofRecord === undefined || ofRecord.size >= KEPT_RESOLVED) {
      ofRecord = new Map();
      known.set(record, ofRecord);
    }
    const limit = withBrought(record.limit, brought);
    const thresholds = thresholdsOf(record.policy.compiled.notify ?? DEFAULT_NOTIFY, limit.limit);
    const made = { ...record, limit, thresholds, firstThreshold: thresholds[0]?.amount ?? Infinity };
    ofRecord.set(id, made);
    return made;
  };
}

/** Admission has refused a template that does not compile. One that this version cannot read tells no requests apart. */
function usablePart(part: CompiledLimit["per"][number]): KeyPart {
  if (part.type !== "Template") return part;
  const template = compileTemplate(part.value ?? "");
  return { ...part, template: template.ok ? template : { resolve: () => "" } };
}

function countsPrices({ unit }: Limit, formula: LimitRecord["formula"]): boolean {
  return unit === "Cost" && (formula?.of !== "cost" || formula.needsPrices);
}

/** Units of which a prompt's estimate says something. */
const ESTIMATED: ReadonlySet<Unit> = new Set(["TotalTokens", "PromptTokens", "Cost", "Expression"]);

function asksOf({ unit }: Limit, admission: CompiledPolicy["admission"]): Asks {
  if (unit === "Requests") return "One";
  if (unit === "RequestPrompt") return "Prompt";
  return admission !== undefined && ESTIMATED.has(unit) ? "Estimate" : "Nothing";
}
