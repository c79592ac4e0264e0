// The Window format of limit headers: X-AI-RateLimit-Limit-<window>-<label> and its relatives.

import { amountText } from "../core/amount-text.ts";
import type { LimitStatus } from "../core/decide.ts";
import { type LabelledStatus, share, tightest } from "./labelled-status.ts";
import { wordsOf } from "./limit-words.ts";
import { retryAfterSeconds } from "./retry-after.ts";

/** Name, value, name, value, ... Two limits of one name: the one with the least remaining is shown. */
export function windowHeaders(statuses: readonly LabelledStatus[]): string[] {
  const headers: string[] = [];
  for (const { status, label } of shown(statuses)) {
    const { limitHeader, limitText, remainingHeader } = wordsOf(status.limit, label);
    headers.push(limitHeader, limitText, remainingHeader, amountText(status.limit.unit, status.remaining));
  }
  return headers;
}

/** What a refusal adds: reset and retry-after of each exceeded limit and of the whole (the largest). */
export function refusalHeaders(exhausted: readonly LabelledStatus[], waitMs: number): string[] {
  const whole = String(retryAfterSeconds(waitMs));
  const headers = ["X-AI-RateLimit-Reset", whole, "X-AI-RateLimit-Retry-After", whole];
  for (const entry of shown(exhausted)) {
    const seconds = String(retryAfterSeconds(entry.status.waitMs));
    const suffix = suffixOf(entry);
    headers.push(`X-AI-RateLimit-Reset-${suffix}`, seconds, `X-AI-RateLimit-Retry-After-${suffix}`, seconds);
  }
  return headers;
}

/** One for each end of their headers' names. */
function shown(statuses: readonly LabelledStatus[]): readonly LabelledStatus[] {
  return tightest(hasRepeats(statuses) ? withoutRepeats(statuses) : statuses);
}

function hasRepeats(statuses: readonly LabelledStatus[]): boolean {
  for (const [i, entry] of statuses.entries()) {
    for (let other = 0; other < i; other += 1) {
      const earlier = statuses[other];
      if (earlier !== undefined && suffixOf(earlier) === suffixOf(entry)) return true;
    }
  }
  return false;
}

function withoutRepeats(statuses: readonly LabelledStatus[]): readonly LabelledStatus[] {
  const bySuffix = new Map<string, LabelledStatus>();
  for (const entry of statuses) {
    const suffix = suffixOf(entry);
    const other = bySuffix.get(suffix);
    if (other === undefined || tighter(entry.status, other.status)) bySuffix.set(suffix, entry);
  }
  return [...bySuffix.values()];
}

/** Of two limits under one name: least remaining (as a share where they count different things), then the longest wait. */
function tighter(a: LimitStatus, b: LimitStatus): boolean {
  if (a.limit.unit !== b.limit.unit) return share(a) < share(b) || (share(a) === share(b) && a.waitMs > b.waitMs);
  return a.remaining < b.remaining || (a.remaining === b.remaining && a.waitMs > b.waitMs);
}

function suffixOf({ status, label }: LabelledStatus): string {
  return wordsOf(status.limit, label).suffix;
}
