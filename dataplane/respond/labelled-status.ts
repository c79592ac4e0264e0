// A limit as headers and messages show it, and which limits are shown when there are many.

import type { HeaderFormat } from "../contract/compiled.ts";
import type { LimitStatus } from "../core/decide.ts";

/** A status with its label in this request, and the header formats of its policy. */
export interface LabelledStatus {
  readonly status: LimitStatus;
  readonly label: string;
  readonly formats: readonly HeaderFormat[];
}

/** At most this many limits are shown: those with the least share remaining. */
const SHOWN = 4;

export function tightest(statuses: readonly LabelledStatus[]): readonly LabelledStatus[] {
  if (statuses.length <= SHOWN) return statuses;
  return statuses
    .toSorted(({ status: a }, { status: b }) => share(a) - share(b) || b.waitMs - a.waitMs)
    .slice(0, SHOWN);
}

/** What remains, as a part of the limit: comparable across units. */
export function share(status: LimitStatus): number {
  return status.remaining / status.limit.limit;
}

/** Those that a format shows. */
export function inFormat(format: HeaderFormat, statuses: readonly LabelledStatus[]): readonly LabelledStatus[] {
  return statuses.every(({ formats }) => formats.includes(format))
    ? statuses
    : statuses.filter(({ formats }) => formats.includes(format));
}
