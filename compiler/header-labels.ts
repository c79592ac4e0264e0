// Response headers are named by window and label. Limits of one policy that would share a name get their unit appended, or
// are refused when even that does not tell them apart.

import type { CompiledLimit } from "../dataplane/contract/compiled.ts";
import { quoted } from "./found-text.ts";
import type { Reporter } from "./report.ts";

/** A token limit keeps the plain label, so that adding another unit beside it renames nothing. */
const SUFFIXES: Readonly<Record<CompiledLimit["unit"], string>> = {
  TotalTokens: "",
  PromptTokens: "-prompt",
  CompletionTokens: "-completion",
  Requests: "-requests",
  Cost: "-cost",
  Expression: "-expression",
};

/** A longer name would be cut in the header. */
const LABEL_LENGTH = 63;

export function distinctLabels(limits: readonly CompiledLimit[], report: Reporter): CompiledLimit[] {
  const units = new Map<string, Set<string>>();
  for (const limit of limits) {
    const name = headerName(limit);
    units.set(name, (units.get(name) ?? new Set()).add(limit.unit));
  }
  const labelled = limits.map((limit) => {
    return (units.get(headerName(limit))?.size ?? 0) > 1 ? withUnit(limit) : limit;
  });
  refuseEqual(labelled, report);
  return labelled;
}

/** What a header of this limit is told apart by: any case of letters is the same header. */
function headerName({ label, window }: CompiledLimit): string {
  const text = label.kind === "fixed" ? `fixed ${label.text.toLowerCase()}` : `fact ${label.type}${label.suffix ?? ""}`;
  return `${String(window.durationMs)} ${text}`;
}

function withUnit(limit: CompiledLimit): CompiledLimit {
  const suffix = SUFFIXES[limit.unit];
  if (suffix === "") return limit;
  const { label } = limit;
  if (label.kind === "fact") return { ...limit, label: { ...label, suffix } };
  return { ...limit, label: { kind: "fixed", text: label.text.slice(0, LABEL_LENGTH - suffix.length) + suffix } };
}

/** Labels that depend on the request are left to the data plane, which shows the lowest remaining. */
function refuseEqual(limits: readonly CompiledLimit[], report: Reporter): void {
  const named = new Map<string, string>();
  for (const [index, limit] of limits.entries()) {
    const { name, label } = limit;
    if (label.kind !== "fixed") continue;
    const header = headerName(limit);
    const other = named.get(header);
    if (other === undefined) {
      named.set(header, name);
      continue;
    }
    report.error({
      code: "Conflicted",
      field: `spec.limits[${String(index)}].label`,
      found: quoted(label.text),
      wanted: `a label unlike that of limit ${other}, which has the same window and unit: headers could not tell them apart`,
    });
  }
}
