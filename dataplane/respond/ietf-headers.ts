// The IETF format of limit headers: RateLimit-Policy and RateLimit as draft-ietf-httpapi-ratelimit-headers-10 has them, in
// the syntax of Structured Fields (RFC 9651).

import { refillMs } from "../core/decide.ts";
import { type LabelledStatus, tightest } from "./labelled-status.ts";
import { sfInteger, wordsOf } from "./limit-words.ts";
import { LONGEST_SECONDS } from "./retry-after.ts";

/**
 * Name, value, name, value; none without a limit. `r` is what remains before the present request is counted. `t` is the
 * time until r rises if nothing more is used, rounded up; absent while the whole limit remains.
 */
export function ietfHeaders(statuses: readonly LabelledStatus[]): string[] {
  return fields(statuses, () => true);
}

/** On a refusal only exhausted limits have a `t`: Retry-After, the longest of their waits, must not be earlier than any. */
export function ietfRefusalHeaders(statuses: readonly LabelledStatus[]): string[] {
  return fields(statuses, ({ status }) => status.exhausted);
}

function fields(all: readonly LabelledStatus[], tellsTime: (entry: LabelledStatus) => boolean): string[] {
  const statuses = all.every(isWhole) ? all : all.filter(isWhole);
  if (statuses.length === 0) return [];
  let policies = "";
  let limits = "";
  for (const entry of tightest(statuses)) {
    const { limit, remaining } = entry.status;
    const { sfName, sfPolicy } = wordsOf(limit, entry.label);
    const separator = policies === "" ? "" : ", ";
    policies += separator + sfPolicy;
    limits += `${separator}${sfName};r=${sfInteger(remaining)}${tellsTime(entry) ? timeOf(entry) : ""}`;
  }
  return ["RateLimit-Policy", policies, "RateLimit", limits];
}

/** Money has decimals, which q and r cannot have. */
function isWhole({ status }: LabelledStatus): boolean {
  return status.limit.unit !== "Cost";
}

function timeOf({ status }: LabelledStatus): string {
  const ms = refillMs(status);
  return ms === undefined ? "" : `;t=${String(Math.min(LONGEST_SECONDS, Math.ceil(ms / 1000)))}`;
}
