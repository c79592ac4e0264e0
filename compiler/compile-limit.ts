// One limit of a policy -> the form that the data plane runs: defaults filled in, counter named, label decided.

import type { LimitSpec } from "../crds/ai-rate-limit-policy.ts";
import type { CompiledLimit } from "../dataplane/contract/compiled.ts";
import { counterId } from "../dataplane/contract/keys.ts";
import { DEFAULT_MAX_KEYS, isClientChosen } from "../dataplane/core/client-chosen.ts";
import { MAX_WINDOW_MS } from "../dataplane/core/resolved-value.ts";
import { checkTemplate } from "./check-template.ts";
import { compileAmount } from "./compile-amount.ts";
import { compileCondition } from "./compile-condition.ts";
import { compileWindow, windowIdentity } from "./compile-window.ts";
import type { ObjectRef } from "./finding.ts";
import type { Reporter } from "./report.ts";
import { readWindowTemplate } from "./window-template.ts";

export interface LimitContext {
  readonly ref: ObjectRef;
  /** The policy's mode, for limits without their own. */
  readonly mode: CompiledLimit["mode"];
  /** Path of the limit: "spec.limits[2]". */
  readonly field: string;
  readonly report: Reporter;
  /** counters.namespace of the policy; "" when its counters are its own. */
  readonly counters: string;
}

/** What is returned is meaningless after an error was reported. */
export function compileLimit(limit: LimitSpec, context: LimitContext): CompiledLimit {
  const { ref, mode, field, report, counters } = context;
  const windowTemplate = readWindowTemplate(limit.window, `${field}.window.duration`, report);
  const window =
    windowTemplate === undefined
      ? compileWindow(limit.window, `${field}.window`, report)
      : { algorithm: limit.window.algorithm ?? "Sliding", durationMs: MAX_WINDOW_MS };
  const per = limit.per.map((part, i) => compilePart(part, `${field}.per[${String(i)}]`, report));
  warnClientControlled({ per, maxKeys: limit.maxKeys }, field, report);
  return {
    name: limit.name,
    counterId: counterId({
      namespace: ref.namespace,
      policy: ref.name,
      shared: counters,
      limit: limit.name,
      unit: limit.unit,
      window: windowTemplate === undefined ? windowIdentity(window) : `${window.algorithm}/*`,
      per: per.map(({ type, name, value = name }) => (value === undefined ? type : `${type}:${value}`)),
    }),
    mode: limit.mode ?? mode,
    when: limit.when.map((condition, i) => compileCondition(condition, `${field}.when[${String(i)}]`, report)),
    per,
    ...compileAmount(limit, field, report),
    window,
    ...(windowTemplate === undefined ? {} : { windowTemplate }),
    ...(limit.fallback ? { fallback: limit.fallback } : {}),
    ...(limit.maxKeys === undefined ? {} : { maxKeys: limit.maxKeys }),
    label: labelOf(limit),
  };
}

type Part = CompiledLimit["per"][number];

function compilePart(
  { type, name, value, skipIfMissing }: LimitSpec["per"][number],
  field: string,
  report: Reporter,
): Part {
  if (value !== undefined) checkTemplate(value, { field: `${field}.value`, report });
  return {
    type,
    ...(name === undefined ? {} : { name: type === "Header" ? name.toLowerCase() : name }),
    ...(value === undefined ? {} : { value }),
    ...(skipIfMissing === true ? { skipIfMissing } : {}),
  };
}

/** A client that may choose its own counter is not limited by it. */
function warnClientControlled(
  { per, maxKeys = DEFAULT_MAX_KEYS }: { readonly per: readonly Part[]; readonly maxKeys: number | undefined },
  field: string,
  report: Reporter,
): void {
  if (!isClientChosen(per)) return;
  const types = [...new Set(per.map(({ type }) => type))].join(" and ");
  report.warning({
    code: "ClientControlled",
    field: `${field}.per`,
    found: `type ${types} only, whose value the client chooses`,
    wanted: `another part beside it, such as {type: Consumer}; now ${String(maxKeys)} values (maxKeys) are told apart in a window`,
  });
}

/** The name of the limit is a legal header token by its own pattern. */
function labelOf(limit: LimitSpec): CompiledLimit["label"] {
  const text = limit.label ?? conditionLabel(limit.when);
  if (text !== undefined) return { kind: "fixed", text };
  const type = (["Backend", "Provider", "Model"] as const).find((fact) => limit.per.some((part) => part.type === fact));
  return type === undefined ? { kind: "fixed", text: limit.name } : { kind: "fact", type };
}

/** RFC 9110 section 5.6.2 token, short enough for a header name. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,63}$/;

/** The value of the first Provider or Backend condition that can only be one value, as the user wrote it. */
function conditionLabel(when: LimitSpec["when"]): string | undefined {
  const single = when.find(({ type, match, values }) => {
    return (type === "Provider" || type === "Backend") && match === "Exact" && values.length === 1;
  });
  const value = single?.values[0];
  return value !== undefined && TOKEN.test(value) ? value : undefined;
}
