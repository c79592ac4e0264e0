// The status that an object shall have: a pure function of what the compiler found, what is published and what the data
// planes acknowledged. Every condition is always there; what is not known yet is Unknown with reason Pending.

import type { Finding } from "../../compiler/finding.ts";
import { enforcedOf } from "./enforced.ts";
import { meaningOf } from "./finding-meaning.ts";
import { bySeverity, findingsText } from "./findings-text.ts";
import type { InForce, ObjectState, ObjectStatus, Verdict } from "./object-state.ts";
import { isoSeconds } from "./time-text.ts";

export function desiredStatus(state: ObjectState): ObjectStatus {
  const { generation: observedGeneration } = state;
  const programmed = programmedOf(state);
  const enforced = enforcedOf(state, programmed);
  const conditions = [
    { type: "Accepted", ...acceptedOf(state), observedGeneration },
    { type: "ResolvedRefs", ...resolvedOf(state), observedGeneration },
    { type: "Programmed", ...programmed, observedGeneration },
  ];
  if (enforced === undefined) return { conditions, fields: { observedGeneration } };
  const { proxies, ...verdict } = enforced;
  return {
    conditions: [...conditions, { type: "Enforced", ...verdict, observedGeneration }],
    fields: { observedGeneration, proxies },
  };
}

/** A warning leaves the object accepted, and is told all the same. */
function acceptedOf(state: ObjectState): Verdict {
  if (state.findings === undefined) return notCompiled(state);
  const findings = bySeverity(findingsOf(state.findings, "Accepted"));
  const [worst] = findings;
  if (worst === undefined) return { status: "True", reason: "Accepted", message: "the spec is valid" };
  const { reason } = meaningOf(worst);
  if (worst.severity === "warning") return { status: "True", reason, message: findingsText(findings) };
  return { status: "False", reason, message: findingsText(findings) + outcomeText(state) };
}

/** What a name stands for is there or not: for that it does not matter whether the object can do without. */
function resolvedOf(state: ObjectState): Verdict {
  if (state.findings === undefined) return notCompiled(state);
  const findings = bySeverity(findingsOf(state.findings, "ResolvedRefs"));
  const [worst] = findings;
  if (worst !== undefined) {
    const outcome = worst.severity === "error" ? outcomeText(state) : "";
    return { status: "False", reason: meaningOf(worst).reason, message: findingsText(findings) + outcome };
  }
  const error = state.findings.find(({ severity }) => severity === "error");
  if (error === undefined) {
    return { status: "True", reason: "ResolvedRefs", message: "everything that the spec names exists" };
  }
  return { status: "Unknown", reason: meaningOf(error).reason, message: "not looked at: the spec is not accepted" };
}

function programmedOf(state: ObjectState): Verdict {
  const { findings, inForce, generation } = state;
  if (findings === undefined) return notCompiled(state);
  if (inForce?.generation !== generation) {
    const [worst] = bySeverity(findings.filter(({ severity }) => severity === "error"));
    // Nothing speaks against it, so the compiler is about to say what it made of it.
    if (worst === undefined) return notCompiled(state);
    const message = `generation ${String(generation)} is not in force${stayingText(inForce)}`;
    return { status: "False", reason: meaningOf(worst).reason, message };
  }
  if (inForce.published !== undefined) {
    const message = `published with revision ${String(inForce.published.revision)}`;
    return { status: "True", reason: "Programmed", message };
  }
  if (state.storeAwaySinceMs === undefined) {
    return { status: "Unknown", reason: "Pending", message: "not published yet" };
  }
  const since = isoSeconds(state.storeAwaySinceMs);
  return {
    status: "False",
    reason: "StoreUnavailable",
    message: `not published: Redis cannot be reached since ${since}`,
  };
}

function findingsOf(findings: readonly Finding[], condition: "Accepted" | "ResolvedRefs"): readonly Finding[] {
  return findings.filter((finding) => meaningOf(finding).condition === condition);
}

function notCompiled({ generation }: ObjectState): Verdict {
  return { status: "Unknown", reason: "Pending", message: `generation ${String(generation)} is not looked at yet` };
}

/** What an error means for the object. An object may be in force in spite of one: a Consumer without a usable credential. */
function outcomeText({ generation, inForce }: ObjectState): string {
  if (inForce?.generation === generation) return "";
  return inForce === undefined ? "; not in force" : stayingText(inForce);
}

function stayingText(inForce: InForce | undefined): string {
  return inForce === undefined ? "" : `; generation ${String(inForce.generation)} stays in force`;
}
