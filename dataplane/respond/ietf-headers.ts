// The IETF format of limit headers: RateLimit-Policy and RateLimit as draft-ietf-httpapi-ratelimit-headers-10 has them, in
// the syntax of Structured Fields (RFC 9651).

import { refillMs } from "../core/decide.ts";
import { type LabelledStatus, tightest } from "./labelled-status.ts";
import { sfInteger } from "./limit-words.ts";
import { LONGEST_SECONDS } from "./retry-after.ts";

/**
 * Adds name, value, name, value; none without a limit. `r` is what remains before the present request is counted. `t` is the
 * time until r rises if nothing more is used, rounded up; absent while the whole limit remains.
 */
export function writeIetf(out: string[], entries: readonly LabelledStatus[], cap: number): void {
  writeFields(out, entries, { cap, tellsTime: always });
}

/** On a refusal only exhausted limits have a `t`: Retry-After, the longest of their waits, must not be earlier than any. */
export function writeRefusedIetf(out: string[], entries: readonly LabelledStatus[], cap: number): void {
  writeFields(out, entries, { cap, tellsTime: isExhausted });
}

interface Fields {
  readonly cap: number;
  readonly tellsTime: (entry: LabelledStatus) => boolean;
}

function writeFields(out: string[], all: readonly LabelledStatus[], { cap, tellsTime }: Fields): void {
  const entries = all.every(isWhole) ? all : all.filter(isWhole);
  if (entries.length === 0) return;
  let policies = "";
  let limits = "";
  for (const entry of tightest(entries, cap)) {
    const { words, status } = entry;
    const separator = policies === "" ? "" : ", ";
    policies += separator + words.sfPolicy(status);
    limits += `${separator}${words.sfName};r=${sfInteger(status.remaining)}${tellsTime(entry) ? timeOf(entry) : ""}`;
  }
  out.push("RateLimit-Policy", policies, "RateLimit", limits);
}

function always(): boolean {
  return true;
}

function isExhausted({ status }: LabelledStatus): boolean {
  return status.exhausted;
}

/** Money has decimals, which q and r cannot have. */
function isWhole({ status }: LabelledStatus): boolean {
  return status.limit.unit !== "Cost";
}

function timeOf({ status }: LabelledStatus): string {
  const ms = refillMs(status);
  return ms === undefined ? "" : `;t=${String(Math.min(LONGEST_SECONDS, Math.ceil(ms / 1000)))}`;
}
