// What a status changes against the one that was written: whether anything is to be written, and when.

import type { DesiredCondition } from "../kube/conditions.ts";
import type { ObjectStatus } from "./object-state.ts";

/** Counts of data planes are written this often at most; during a roll-out they change with every Pod. */
export const COUNT_EVERY_MS = 10_000;

/** Nothing would change by writing the one over the other. */
export function sameStatus(a: ObjectStatus, b: ObjectStatus): boolean {
  return sameButCounts(a, b) && a.fields.proxies === b.fields.proxies && enforcedText(a) === enforcedText(b);
}

export interface LastWrite {
  readonly status: ObjectStatus;
  readonly atMs: number;
}

/** From when on it is to be written, never before `nowMs`; undefined when it is written already. */
export function writeDueMs(desired: ObjectStatus, last: LastWrite | undefined, nowMs: number): number | undefined {
  if (last === undefined) return nowMs;
  if (sameStatus(desired, last.status)) return undefined;
  return sameButCounts(desired, last.status) ? Math.max(nowMs, last.atMs + COUNT_EVERY_MS) : nowMs;
}

function sameButCounts(a: ObjectStatus, b: ObjectStatus): boolean {
  return (
    a.fields.observedGeneration === b.fields.observedGeneration &&
    a.conditions.length === b.conditions.length &&
    a.conditions.every((condition, index) => sameCondition(condition, b.conditions[index]))
  );
}

/** The message of Enforced counts data planes. */
function sameCondition(a: DesiredCondition, b: DesiredCondition | undefined): boolean {
  return (
    a.type === b?.type &&
    a.status === b.status &&
    a.reason === b.reason &&
    a.observedGeneration === b.observedGeneration &&
    (a.message === b.message || a.type === "Enforced")
  );
}

function enforcedText({ conditions }: ObjectStatus): string | undefined {
  return conditions.find(({ type }) => type === "Enforced")?.message;
}
