// A limit as headers and messages show it, and which limits are shown when there are many.

import type { LimitStatus } from "../core/decide.ts";
import type { Format } from "./header-rules.ts";
import type { HeaderNames, LimitWords } from "./limit-words.ts";

/** A status with what is said of its limit in this request. A class: one is made for each limit of a request. */
export class LabelledStatus {
  readonly status: LimitStatus;
  readonly words: LimitWords;

  constructor(status: LimitStatus, words: LimitWords) {
    this.status = status;
    this.words = words;
  }
}

/**
 * Those that are shown: of n that have less left than it, a limit is shown where n is below the maxLimits of its policy, and
 * below `cap`. In their own order when that is all of them, else the fullest first.
 */
export function tightest(entries: readonly LabelledStatus[], cap: number): readonly LabelledStatus[] {
  if (areFewEnough(entries, cap)) return entries;
  return entries.toSorted(byTightness).filter(({ words }, rank) => rank < Math.min(cap, words.rules.maxLimits));
}

function areFewEnough(entries: readonly LabelledStatus[], cap: number): boolean {
  const { length } = entries;
  if (length > cap) return false;
  for (const { words } of entries) if (length > words.rules.maxLimits) return false;
  return true;
}

/** What remains, as a part of the limit: comparable across units. */
function share({ status }: LabelledStatus): number {
  return status.remaining / status.limit.limit;
}

/** The least share remaining first, then the longest wait. */
export function byTightness(a: LabelledStatus, b: LabelledStatus): number {
  return share(a) - share(b) || b.status.waitMs - a.status.waitMs;
}

/** Those whose limit and remaining a format shows. */
export function shownIn(format: Format, entries: readonly LabelledStatus[]): readonly LabelledStatus[] {
  for (const { words } of entries) {
    if ((words.rules.shown & format) === 0) return entries.filter((entry) => (entry.words.rules.shown & format) !== 0);
  }
  return entries;
}

/** More than this many are compared by a map of their names, else one by one. */
const FEW = 8;

/** One for each name: of several the one with the least remaining. */
export function withoutRepeats(
  entries: readonly LabelledStatus[],
  namesOf: (words: LimitWords) => HeaderNames,
): readonly LabelledStatus[] {
  if (entries.length <= FEW && !hasRepeats(entries, namesOf)) return entries;
  const byKey = new Map<string, LabelledStatus>();
  for (const entry of entries) {
    const { key } = namesOf(entry.words);
    const other = byKey.get(key);
    if (other === undefined || isTighter(entry, other)) byKey.set(key, entry);
  }
  return [...byKey.values()];
}

function hasRepeats(entries: readonly LabelledStatus[], namesOf: (words: LimitWords) => HeaderNames): boolean {
  for (let i = 1; i < entries.length; i += 1) {
    const entry = entries[i];
    for (let other = 0; other < i; other += 1) {
      const earlier = entries[other];
      if (entry && earlier && namesOf(earlier.words).key === namesOf(entry.words).key) return true;
    }
  }
  return false;
}

/** Of two limits under one name: least remaining (as a share where they count different things), then the longest wait. */
function isTighter(a: LabelledStatus, b: LabelledStatus): boolean {
  if (a.status.limit.unit !== b.status.limit.unit) return byTightness(a, b) < 0;
  const difference = a.status.remaining - b.status.remaining;
  return difference < 0 || (difference === 0 && a.status.waitMs > b.status.waitMs);
}
