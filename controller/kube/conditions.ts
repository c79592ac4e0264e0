// Pure: what status an object shall have against what it has. Conditions follow the Kubernetes API conventions ("Typical
// status properties"): told apart by type, with the time of the last change of status.

import { z } from "zod";

export interface DesiredCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

export interface DesiredStatus {
  readonly conditions: readonly DesiredCondition[];
  /** Our other fields of status: texts and numbers by name. */
  readonly fields?: Readonly<Record<string, string | number>>;
}

export type WrittenStatus = Readonly<Record<string, unknown>> & { readonly conditions: readonly WrittenCondition[] };
export type WrittenCondition = DesiredCondition & { readonly lastTransitionTime: string };

const seenCondition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().catch(""),
  message: z.string().catch(""),
  observedGeneration: z.number().optional().catch(undefined),
  lastTransitionTime: z.string().catch(""),
});
const seenStatus = z.looseObject({ conditions: z.array(seenCondition).catch([]) });

/** Longest message that the API conventions allow. */
const MAX_MESSAGE = 32_768;

/**
 * What is to be written, or undefined when `seen` (an object's status, of any shape) says it already. Conditions of other
 * owners count for nothing. A condition keeps its lastTransitionTime while its status stays.
 */
export function statusToWrite(desired: DesiredStatus, seen: unknown, wallMs: number): WrittenStatus | undefined {
  const read = seenStatus.safeParse(seen);
  const status: Readonly<Record<string, unknown>> = read.success ? read.data : {};
  const before = new Map((read.success ? read.data.conditions : []).map((condition) => [condition.type, condition]));
  const now = new Date(wallMs).toISOString().replace(/\.\d{3}Z$/, "Z");
  let changed = Object.entries(desired.fields ?? {}).some(([name, value]) => status[name] !== value);
  const conditions = desired.conditions.map((condition) => {
    const message = condition.message.slice(0, MAX_MESSAGE);
    const old = before.get(condition.type);
    const same =
      old?.status === condition.status &&
      old.reason === condition.reason &&
      old.message === message &&
      old.observedGeneration === condition.observedGeneration;
    changed ||= !same;
    const keptTime = old?.status === condition.status && old.lastTransitionTime !== "" ? old.lastTransitionTime : now;
    return { ...condition, message, lastTransitionTime: keptTime };
  });
  return changed ? { ...desired.fields, conditions } : undefined;
}
