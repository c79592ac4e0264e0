// The Window format of limit headers: X-AI-RateLimit-Limit-<window>-<label> and its relatives.

import { amountText } from "../core/amount-text.ts";
import { type LabelledStatus, tightest, withoutRepeats } from "./labelled-status.ts";
import type { HeaderNames, LimitWords } from "./limit-words.ts";
import { type RefusedWait, resetSeconds, retryAfterSeconds } from "./retry-after.ts";

/** Adds name, value, name, value, ... Two limits of one name: the one with the least remaining is shown. */
export function writeWindow(out: string[], entries: readonly LabelledStatus[], cap: number): void {
  for (const { status, words } of tightest(withoutRepeats(entries, windowNames), cap)) {
    const { limit, remaining } = words.window;
    out.push(limit, words.limitText, remaining, amountText(status.limit.unit, status.remaining));
  }
}

export interface RefusedWindows {
  /** Not empty. */
  readonly exhausted: readonly LabelledStatus[];
  /** Of the request as a whole. */
  readonly wait: RefusedWait;
}

/** What a refusal adds: reset and retry-after of each exceeded limit and of the whole. One draw of jitter is in all waits. */
export function writeWindowResets(out: string[], { exhausted, wait }: RefusedWindows, cap: number): void {
  const { waitMs, jitterMs } = wait;
  out.push("X-AI-RateLimit-Reset", resetText(waitMs), "X-AI-RateLimit-Retry-After", retryText(waitMs + jitterMs));
  for (const { status, words } of tightest(withoutRepeats(exhausted, windowNames), cap)) {
    const { reset, retryAfter } = words.window;
    out.push(reset, resetText(status.waitMs), retryAfter, retryText(status.waitMs + jitterMs));
  }
}

function windowNames({ window }: LimitWords): HeaderNames {
  return window;
}

function resetText(ms: number): string {
  return String(Math.max(1, resetSeconds(ms)));
}

function retryText(ms: number): string {
  return String(retryAfterSeconds(ms));
}
