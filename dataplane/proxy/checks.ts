// From the limits that a request matched to the store's question, and from its answer to a decision with labels.

import type { MatchedLimit } from "../config/matched-limit.ts";
import type { ResponseRules } from "../contract/compiled.ts";
import type { Admission, Check, Counter } from "../core/counter-store.ts";
import { type CheckedLimit, decide } from "../core/decide.ts";
import type { Limit } from "../core/limit.ts";
import { labelText } from "../core/match.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import { LabelledStatus } from "../respond/labelled-status.ts";
import { wordsOf } from "../respond/limit-words.ts";
import type { Exchange } from "./exchange.ts";

/** What admission asks of the counters of the limits matched. */
export function checksOf(exchange: Exchange): Check[] {
  const checks: Check[] = [];
  for (const matched of exchange.matched) checks.push(new LimitCheck(matched));
  return checks;
}

/** A class, as objects written out change their shape with the size of a number, and all that reads them is slower for it. */
class LimitCheck implements Check {
  readonly counter: Counter;
  readonly ask: number;
  readonly refuseAt: number;

  constructor({ record: { limit }, counter, repeats }: MatchedLimit) {
    this.counter = counter;
    this.ask = limit.unit === "Requests" && !repeats ? 1 : 0;
    this.refuseAt = refuseAtOf(limit);
  }
}

export function refuseAtOf({ mode, limit }: Limit): number {
  return mode === "Shadow" ? Infinity : limit;
}

/** Sets the decision, and what the answer says of the limits. */
export function applyDecision(exchange: Exchange, admission: Admission, facts: RequestFacts): void {
  const { matched } = exchange;
  const checked: CheckedLimit[] = [];
  for (let i = 0; i < matched.length; i += 1) {
    const limit = matched[i]?.record.limit;
    const state = admission.states[i];
    if (limit !== undefined && state !== undefined) checked.push({ limit, state });
  }
  const decision = decide(checked, admission.nowMs);
  const labelled: LabelledStatus[] = [];
  let at = 0;
  for (const status of decision.statuses) {
    const { limit } = status;
    const response = responseOf(matched, limit, at);
    at += 1;
    if (limit.mode === "Shadow" || response === undefined) continue;
    const words = wordsOf(limit, labelText(limit.label, limit.name, facts), response.headers);
    labelled.push(new LabelledStatus(status, words));
  }
  exchange.decision = decision;
  exchange.isDecidedLocally = admission.source === "local";
  if (admission.source === "store") exchange.counted = facts;
  exchange.labelled = labelled;
}

const NO_LIMITS: readonly Limit[] = [];

/** Shadow limits that would have refused, without those of policies that hide all that their headers tell. */
export function shadowedLimits({ decision, matched }: Exchange): readonly Limit[] {
  if (decision === undefined || decision.shadowed.length === 0) return NO_LIMITS;
  return decision.shadowed
    .map(({ limit }) => limit)
    .filter(
      (limit) =>
        matched.find(({ record }) => record.limit === limit)?.record.policy.compiled.response.headers.hide !== "All",
    );
}

/** Statuses are as many as matched limits, and at the same places, unless the store left one out. */
function responseOf(matched: readonly MatchedLimit[], limit: Limit, at: number): ResponseRules | undefined {
  const near = matched[at];
  const found = near?.record.limit === limit ? near : matched.find(({ record }) => record.limit === limit);
  return found?.record.policy.compiled.response;
}
