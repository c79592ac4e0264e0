// One limit of a policy -> the form that the data plane runs: defaults filled in, counter named, label decided.

import type { LimitSpec } from "../crds/ai-rate-limit-policy.ts";
import type { CompiledLimit } from "../dataplane/contract/compiled.ts";
import { counterId } from "../dataplane/contract/keys.ts";
import { compileAmount } from "./compile-amount.ts";
import { compileCondition } from "./compile-condition.ts";
import { compileWindow, windowIdentity } from "./compile-window.ts";
import type { ObjectRef } from "./finding.ts";
import type { Reporter } from "./report.ts";

export interface LimitContext {
  readonly ref: ObjectRef;
  /** The policy's mode, for limits without their own. */
  readonly mode: CompiledLimit["mode"];
  /** Path of the limit: "spec.limits[2]". */
  readonly field: string;
  readonly report: Reporter;
}

/** What is returned is meaningless after an error was reported. */
export function compileLimit(limit: LimitSpec, { ref, mode, field, report }: LimitContext): CompiledLimit {
  const window = compileWindow(limit.window, `${field}.window`, report);
  const per = limit.per.map(({ type, name }) => (name === undefined ? { type } : { type, name: name.toLowerCase() }));
  warnClientControlled(per, field, report);
  return {
    name: limit.name,
    counterId: counterId({
      namespace: ref.namespace,
      policy: ref.name,
      limit: limit.name,
      unit: limit.unit,
      window: windowIdentity(window),
      per: per.map((part) => ("name" in part ? `${part.type}:${part.name}` : part.type)),
    }),
    mode: limit.mode ?? mode,
    when: limit.when.map((condition, i) => compileCondition(condition, `${field}.when[${String(i)}]`, report)),
    per,
    ...compileAmount(limit, field, report),
    window,
    label: labelOf(limit),
  };
}

/** A client that may choose its own counter is not limited by it. */
function warnClientControlled(per: CompiledLimit["per"], field: string, report: Reporter): void {
  if (!per.every(({ type }) => type === "Header")) return;
  report.warning({
    code: "ClientControlled",
    field: `${field}.per`,
    found: "type Header only, whose value the client chooses",
    wanted: "another part beside it, such as {type: Consumer}",
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
