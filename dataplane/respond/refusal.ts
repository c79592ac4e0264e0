// The answer to a request that a limit refuses: status, headers and body in the dialect of the request.

import type { CompiledPolicy } from "../contract/compiled.ts";
import { amountText } from "../core/amount-text.ts";
import type { Decision } from "../core/decide.ts";
import type { Unit } from "../core/usage.ts";
import { type Asker, anthropicError } from "./gateway-errors.ts";
import type { LabelledStatus } from "./labelled-status.ts";
import { refusedLimitHeaders } from "./limit-headers.ts";
import { windowName } from "./limit-words.ts";
import { retryAfterSeconds, retryHeaders } from "./retry-after.ts";

/** Message bodies without a message of their own start like this; the exhausted labels follow. */
const DEFAULT_MESSAGE = "AI token rate limit exceeded for provider(s): ";

const UNIT_WORDS = {
  TotalTokens: "tokens",
  PromptTokens: "prompt tokens",
  CompletionTokens: "completion tokens",
  Requests: "requests",
  Cost: "in cost",
  Expression: "units",
} as const satisfies Record<Unit, string>;

/** OpenAI's refusal says in `type` what ran out (docs: error codes, rate limits); cost is our addition. */
const ERROR_TYPES = {
  TotalTokens: "tokens",
  PromptTokens: "tokens",
  CompletionTokens: "tokens",
  Requests: "requests",
  Cost: "cost",
  Expression: "tokens",
} as const satisfies Record<Unit, string>;

export interface Refusal {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

export interface RefusalInput {
  readonly decision: Extract<Decision, { kind: "deny" }>;
  /** Statuses of the enforced limits with their labels. */
  readonly labelled: readonly LabelledStatus[];
  /** `response` of the policy whose limit decided. */
  readonly response: CompiledPolicy["response"];
  readonly asker: Asker;
}

export function refusal(input: RefusalInput): Refusal {
  const { decision, labelled, response } = input;
  const exhausted = labelled.filter((entry) => entry.status.exhausted);
  const { waitMs } = decision.decidedBy;
  const headers = [...refusedLimitHeaders(labelled, waitMs), ...retryHeaders(waitMs)];
  return { status: response.statusCode, headers, body: bodyOf(input, exhausted) };
}

function bodyOf({ decision, response, asker }: RefusalInput, exhausted: readonly LabelledStatus[]): string {
  const { decidedBy } = decision;
  if (response.bodyFormat === "Message") {
    const { policy } = decidedBy.limit;
    const ofPolicy = exhausted.filter(({ status }) => samePolicy(status.limit.policy, policy));
    const labels = [...new Set(ofPolicy.map((entry) => entry.label))];
    return JSON.stringify({ message: (response.message || DEFAULT_MESSAGE) + labels.join(", ") });
  }
  const message = response.message || describe(decidedBy);
  if (asker.dialect === "Anthropic") return anthropicError({ type: "rate_limit_error", message }, asker.requestId);
  // OpenAI's refusal (docs: error codes, rate limits): `type` says what ran out.
  const type = ERROR_TYPES[decidedBy.limit.unit];
  return JSON.stringify({ error: { message, type, param: null, code: "rate_limit_exceeded" } });
}

function samePolicy(a: { namespace: string; name: string }, b: { namespace: string; name: string }): boolean {
  return a.namespace === b.namespace && a.name === b.name;
}

/** Names limit, window and wait, and that it is the gateway that refuses. */
function describe({ limit, usage, waitMs }: RefusalInput["decision"]["decidedBy"]): string {
  const { policy, name, unit, window } = limit;
  const windowText = windowName(window.durationMs);
  const per = /^\d/.test(windowText) ? `${windowText} seconds` : windowText;
  const used = amountText(unit, Math.floor(usage));
  return (
    `Gateway limit "${name}" of policy ${policy.namespace}/${policy.name} reached: ${amountText(unit, limit.limit)} ` +
    `${UNIT_WORDS[unit]} per ${per}, ${used} used. Try again in ${String(retryAfterSeconds(waitMs))} s.`
  );
}
