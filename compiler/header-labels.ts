// Response headers are named by window and label, in some formats by the label alone. Limits of one policy that would share
// a name get their unit appended, or are refused when even that does not tell them apart.

import type { CompiledLimit, HeaderFormat } from "../dataplane/contract/compiled.ts";
import { windowName } from "../dataplane/contract/window-name.ts";
import { quoted } from "./found-text.ts";
import type { Reporter } from "./report.ts";

/** A token limit keeps the plain label, so that adding another unit beside it renames nothing. */
const SUFFIXES: Readonly<Record<CompiledLimit["unit"], string>> = {
  TotalTokens: "",
  PromptTokens: "-prompt",
  CompletionTokens: "-completion",
  CachedPromptTokens: "-cached",
  ReasoningTokens: "-reasoning",
  Requests: "-requests",
  RequestPrompt: "-request-prompt",
  Cost: "-cost",
  Expression: "-expression",
};

/** A longer name would be cut in the header. */
const LABEL_LENGTH = 63;

export interface LabelContext {
  /** Those that the policy shows its limits in. */
  readonly formats: readonly HeaderFormat[];
  readonly report: Reporter;
}

export function distinctLabels(limits: readonly CompiledLimit[], { formats, report }: LabelContext): CompiledLimit[] {
  const namedBy = namings(formats);
  const units = new Map<string, Set<string>>();
  for (const limit of limits) {
    for (const name of namesOf(limit, namedBy)) units.set(name, (units.get(name) ?? new Set()).add(limit.unit));
  }
  const labelled = limits.map((limit) => {
    const isShared = namesOf(limit, namedBy).some((name) => (units.get(name)?.size ?? 0) > 1);
    return isShared ? withUnit(limit) : limit;
  });
  refuseEqual(labelled, { namedBy, report });
  return labelled;
}

/** How the names of a group of headers begin, and what they end with. */
interface Naming {
  readonly format: HeaderFormat;
  readonly family: string;
  readonly hasWindow: boolean;
}

/** Of the same family: label minute-x of an Instance header is the name of label x with a minute in the Window format. */
const WINDOW: Naming = { format: "Window", family: "X-AI-RateLimit", hasWindow: true };
const INSTANCE: Naming = { format: "Instance", family: "X-AI-RateLimit", hasWindow: false };
const RULE: Naming = { format: "Rule", family: "X-AI-Rule", hasWindow: false };

/** Labels are told apart as Window headers whatever is shown: so adding that format to a policy never makes it invalid. */
function namings(formats: readonly HeaderFormat[]): readonly Naming[] {
  return [WINDOW, INSTANCE, RULE].filter((each) => each === WINDOW || formats.includes(each.format));
}

/** What the headers of this limit are told apart by: any case of letters is the same header. */
function namesOf({ label, window, windowTemplate }: CompiledLimit, namedBy: readonly Naming[]): readonly string[] {
  const text = label.kind === "fixed" ? label.text.toLowerCase() : `<${label.type}>${label.suffix ?? ""}`;
  return namedBy.map(
    ({ family, hasWindow }) => `${family} ${hasWindow ? `${windowTemplate ?? windowName(window)}-` : ""}${text}`,
  );
}

function withUnit(limit: CompiledLimit): CompiledLimit {
  const suffix = SUFFIXES[limit.unit];
  if (suffix === "") return limit;
  const { label } = limit;
  if (label.kind === "fact") return { ...limit, label: { ...label, suffix } };
  return { ...limit, label: { kind: "fixed", text: label.text.slice(0, LABEL_LENGTH - suffix.length) + suffix } };
}

/** Labels that depend on the request are left to the data plane, which shows the lowest remaining. */
function refuseEqual(limits: readonly CompiledLimit[], { namedBy, report }: Named): void {
  const owners = new Map<string, Owner>();
  for (const [index, limit] of limits.entries()) {
    const { name, label } = limit;
    if (label.kind !== "fixed") continue;
    const names = namesOf(limit, namedBy);
    const other = names.map((each) => owners.get(each)).find((owner) => owner !== undefined);
    for (const [i, each] of names.entries()) {
      if (!owners.has(each)) owners.set(each, { limit: name, format: namedBy[i]?.format ?? "Window" });
    }
    if (other === undefined) continue;
    report.error({
      code: "Conflicted",
      field: `spec.limits[${String(index)}].label`,
      found: quoted(label.text),
      wanted: `a label unlike that of limit ${other.limit}: headers of format ${other.format} could not tell them apart`,
    });
  }
}

interface Named {
  readonly namedBy: readonly Naming[];
  readonly report: Reporter;
}

/** Whose name a header has already, in which format. */
interface Owner {
  readonly limit: string;
  readonly format: HeaderFormat;
}
