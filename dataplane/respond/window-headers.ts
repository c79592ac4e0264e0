// The Window format of limit headers: X-AI-RateLimit-Limit-<window>-<label> and its relatives.

import { amountText } from "../core/amount-text.ts";
import type { LimitStatus } from "../core/decide.ts";
import { type LabelledStatus, share, tightest } from "./labelled-status.ts";
import { retryAfterSeconds } from "./retry-after.ts";

const WINDOW_NAMES = new Map<number, string>([
  [1, "second"],
  [60, "minute"],
  [3_600, "hour"],
  [86_400, "day"],
  [2_592_000, "month"],
  [31_536_000, "year"],
]);

const LABEL_LENGTH = 63;

/** "minute" for 60,000 ms, ..., else the seconds. */
export function windowName(durationMs: number): string {
  const seconds = durationMs / 1000;
  return WINDOW_NAMES.get(seconds) ?? String(seconds);
}

/** A label as it may stand in a header's name (RFC 9110 section 5.6.2: token). */
export function headerToken(label: string): string {
  return label.slice(0, LABEL_LENGTH).replace(/[^A-Za-z0-9!#$%&'*+.^_`|~-]/g, "_") || "_";
}

/** Name, value, name, value, ... Two limits of one name: the one with the least remaining is shown. */
export function windowHeaders(statuses: readonly LabelledStatus[]): string[] {
  const headers: string[] = [];
  for (const [suffix, status] of shown(statuses)) {
    const { unit, limit } = status.limit;
    headers.push(`X-AI-RateLimit-Limit-${suffix}`, amountText(unit, limit));
    headers.push(`X-AI-RateLimit-Remaining-${suffix}`, amountText(unit, status.remaining));
  }
  return headers;
}

/** What a refusal adds: reset and retry-after of each exceeded limit and of the whole (the largest). */
export function refusalHeaders(exhausted: readonly LabelledStatus[], waitMs: number): string[] {
  const whole = String(retryAfterSeconds(waitMs));
  const headers = ["X-AI-RateLimit-Reset", whole, "X-AI-RateLimit-Retry-After", whole];
  for (const [suffix, status] of shown(exhausted)) {
    const seconds = String(retryAfterSeconds(status.waitMs));
    headers.push(`X-AI-RateLimit-Reset-${suffix}`, seconds, `X-AI-RateLimit-Retry-After-${suffix}`, seconds);
  }
  return headers;
}

/** By the end of their headers' names, each once. */
function shown(statuses: readonly LabelledStatus[]): readonly (readonly [string, LimitStatus])[] {
  const bySuffix = new Map<string, LabelledStatus>();
  for (const entry of statuses) {
    const suffix = suffixOf(entry);
    const other = bySuffix.get(suffix);
    if (other === undefined || tighter(entry.status, other.status)) bySuffix.set(suffix, entry);
  }
  return tightest([...bySuffix.values()]).map((entry) => [suffixOf(entry), entry.status]);
}

/** Of two limits under one name: least remaining (as a share where they count different things), then the longest wait. */
function tighter(a: LimitStatus, b: LimitStatus): boolean {
  if (a.limit.unit !== b.limit.unit) return share(a) < share(b) || (share(a) === share(b) && a.waitMs > b.waitMs);
  return a.remaining < b.remaining || (a.remaining === b.remaining && a.waitMs > b.waitMs);
}

function suffixOf({ status, label }: LabelledStatus): string {
  return `${windowName(status.limit.window.durationMs)}-${headerToken(label)}`;
}
