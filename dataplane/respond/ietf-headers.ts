// The IETF format of limit headers: RateLimit-Policy and RateLimit as draft-ietf-httpapi-ratelimit-headers-10 has them, in
// the syntax of Structured Fields (RFC 9651).

import { refillMs } from "../core/decide.ts";
import type { Limit } from "../core/limit.ts";
import type { Unit } from "../core/usage.ts";
import { type LabelledStatus, tightest } from "./labelled-status.ts";
import { LONGEST_SECONDS } from "./retry-after.ts";

/** RFC 9651 section 3.3.1: integers have at most 15 digits. */
const GREATEST = 999_999_999_999_999;

/** Parameter `qu`; without it the unit is requests. The draft registers no unit for tokens; this one says what is meant. */
const QUOTA_UNITS = {
  TotalTokens: ';qu="tokens"',
  PromptTokens: ';qu="tokens"',
  CompletionTokens: ';qu="tokens"',
  Expression: ';qu="tokens"',
  Requests: "",
  // Never shown: q and r are integers, and money has decimals.
  Cost: "",
} as const satisfies Record<Unit, string>;

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
  const statuses = all.filter(({ status }) => status.limit.unit !== "Cost");
  if (statuses.length === 0) return [];
  const policies: string[] = [];
  const limits: string[] = [];
  for (const entry of tightest(statuses)) {
    const { limit, remaining } = entry.status;
    const name = sfString(nameOf(limit));
    const seconds = String(Math.max(1, Math.ceil(limit.window.durationMs / 1000)));
    policies.push(`${name};q=${sfInteger(limit.limit)};w=${seconds}${QUOTA_UNITS[limit.unit]}`);
    limits.push(`${name};r=${sfInteger(remaining)}${tellsTime(entry) ? timeOf(entry) : ""}`);
  }
  return ["RateLimit-Policy", policies.join(", "), "RateLimit", limits.join(", ")];
}

function nameOf({ policy, name }: Limit): string {
  return `${policy.namespace}/${policy.name}/${name}`;
}

function timeOf({ status }: LabelledStatus): string {
  const ms = refillMs(status);
  return ms === undefined ? "" : `;t=${String(Math.min(LONGEST_SECONDS, Math.ceil(ms / 1000)))}`;
}

function sfInteger(value: number): string {
  return String(Math.min(GREATEST, value));
}

/** RFC 9651 section 3.3.3: printable ASCII in quotes, with \ before " and \. Anything else becomes _. */
function sfString(text: string): string {
  return `"${text.replace(/[^ -~]/g, "_").replace(/["\\]/g, "\\$&")}"`;
}
