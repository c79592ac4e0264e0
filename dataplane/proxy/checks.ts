// From the limits that a request matched to the store's question, and from its answer to a decision with labels.

import type { MatchedLimit } from "../config/limit-plan.ts";
import type { HeaderFormat } from "../contract/compiled.ts";
import type { Admission, Check } from "../core/counter-store.ts";
import { type CheckedLimit, decide } from "../core/decide.ts";
import type { Limit } from "../core/limit.ts";
import { labelText } from "../core/match.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import type { LabelledStatus } from "../respond/labelled-status.ts";
import type { Exchange } from "./exchange.ts";

/** What admission asks of the counters of the limits matched. */
export function checksOf(exchange: Exchange): Check[] {
  return exchange.matched.map(({ record: { limit }, counter }) => ({
    counter,
    ask: limit.unit === "Requests" ? 1 : 0,
    refuseAt: limit.mode === "Shadow" ? Infinity : limit.limit,
  }));
}

/** Sets the decision, and what the answer says of the limits. */
export function applyDecision(exchange: Exchange, admission: Admission, facts: RequestFacts): void {
  const { matched } = exchange;
  const checked: CheckedLimit[] = [];
  for (const [i, { record }] of matched.entries()) {
    const state = admission.states[i];
    if (state !== undefined) checked.push({ limit: record.limit, state });
  }
  const decision = decide(checked, admission.nowMs);
  const labelled: LabelledStatus[] = [];
  for (const [i, status] of decision.statuses.entries()) {
    const { limit } = status;
    if (limit.mode !== "Enforce") continue;
    labelled.push({ status, label: labelText(limit.label, limit.name, facts), formats: formatsOf(matched, limit, i) });
  }
  exchange.decision = decision;
  exchange.labelled = labelled;
}

/** Statuses are as many as matched limits, and at the same places, unless the store left one out. */
function formatsOf(matched: readonly MatchedLimit[], limit: Limit, at: number): readonly HeaderFormat[] {
  const near = matched[at];
  const found = near?.record.limit === limit ? near : matched.find(({ record }) => record.limit === limit);
  return found?.record.policy.compiled.response.headers.formats ?? [];
}
