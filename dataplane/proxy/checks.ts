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
import { askOf } from "./asks.ts";
import { estimatedPrompt } from "./estimated-usage.ts";
import type { Exchange } from "./exchange.ts";

/** What admission asks of the counters of the limits matched. */
export function checksOf(exchange: Exchange): Check[] {
  const checks: Check[] = [];
  for (const matched of exchange.matched) checks.push(new LimitCheck(matched, askOf(matched.record, exchange)));
  return checks;
}

/** A class, as objects written out change their shape with the size of a number, and all that reads them is slower for it. */
class LimitCheck implements Check {
  readonly counter: Counter;
  readonly ask: number;
  readonly refuseAt: number;
  readonly isRepeat: boolean;
  readonly mustFit: boolean;
  readonly isProvisional: boolean;
  readonly countsRefused: boolean;

  constructor({ record, counter, repeats }: MatchedLimit, ask: number) {
    const { limit, asks } = record;
    this.counter = counter;
    this.ask = ask;
    this.isRepeat = repeats;
    this.refuseAt = refuseAtOf(limit);
    // Where nothing is estimated, the limit refuses as one that counts afterwards.
    this.isProvisional = asks === "Estimate" && ask > 0;
    this.mustFit = asks === "Prompt" || this.isProvisional;
    this.countsRefused = limit.chargeRefused === true;
  }
}

export function refuseAtOf({ mode, limit }: Limit): number {
  return mode === "Shadow" ? Infinity : limit;
}

/** Sets the decision, and what the answer says of the limits. `checks` are those that the admission answers. */
export function applyDecision(exchange: Exchange, { checks, admission }: Answered, facts: RequestFacts): void {
  const { matched } = exchange;
  const checked: CheckedLimit[] = [];
  for (let i = 0; i < matched.length; i += 1) {
    const limit = matched[i]?.record.limit;
    const state = admission.states[i];
    if (limit !== undefined && state !== undefined) checked.push({ limit, state, asked: checks[i] });
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
  keepHolds(exchange, admission);
  exchange.isDecidedLocally = admission.source === "local";
  if (admission.source === "store") exchange.counted = facts;
  exchange.labelled = labelled;
}

function keepHolds(exchange: Exchange, { holds }: Admission): void {
  const { info } = exchange;
  exchange.holds = holds;
  if (holds.length > 0 && info !== undefined) exchange.estimatedPrompt = estimatedPrompt(info);
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

export interface Answered {
  readonly checks: readonly Check[];
  readonly admission: Admission;
}

/** Statuses are as many as matched limits, and at the same places, unless the store left one out. */
function responseOf(matched: readonly MatchedLimit[], limit: Limit, at: number): ResponseRules | undefined {
  const near = matched[at];
  const found = near?.record.limit === limit ? near : matched.find(({ record }) => record.limit === limit);
  return found?.record.policy.compiled.response;
}
