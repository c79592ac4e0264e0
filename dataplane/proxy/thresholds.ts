// Whether a request brings a counter to a percentage of its limit that is told of. Of most requests only numbers are
// compared that are there anyway.

import type { LimitRecord } from "../config/snapshot.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Usage of the matched limit at this place has reached its first threshold or more, counting `added`. Called again with
 * each such request: who hears it knows what has been told.
 */
export type ThresholdReached = (exchange: Exchange, at: number, added: number) => void;

/** After a decision. `taken`: what the request asked for has been added. */
export function watchDecision(exchange: Exchange, taken: boolean, reached: ThresholdReached): void {
  const { matched, decision } = exchange;
  let at = 0;
  for (const { record } of matched) {
    const added = isCounted(record, taken) ? (decision?.statuses[at]?.ask ?? 0) : 0;
    if (reaches(exchange, at, added)) reached(exchange, at, added);
    at += 1;
  }
}

/** An estimate is told of when it is the truth. */
function isCounted({ asks, limit }: LimitRecord, taken: boolean): boolean {
  return taken ? asks !== "Estimate" : limit.chargeRefused === true;
}

/**
 * Whether the matched limit at this place has reached its first threshold by the figures of the decision and what is added.
 * What others added since is seen by the next decision. Figures that are not the store's own say nothing.
 */
export function reaches({ matched, decision, counted }: Exchange, at: number, added: number): boolean {
  if (counted === undefined) return false;
  const record = matched[at]?.record;
  const status = decision?.statuses[at];
  if (record === undefined || status === undefined) return false;
  return status.usage + added >= record.firstThreshold && status.limit === record.limit;
}
