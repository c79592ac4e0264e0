// The body of a refusal, in the format that the policy wants.

import type { ResponseRules } from "../contract/compiled.ts";
import { windowName } from "../contract/window-name.ts";
import { amountText } from "../core/amount-text.ts";
import type { LimitStatus } from "../core/decide.ts";
import type { Level, Limit, PolicyRef } from "../core/limit.ts";
import type { Unit } from "../core/usage.ts";
import type { Window } from "../core/window.ts";
import { type Asker, anthropicError } from "./gateway-errors.ts";
import type { LabelledStatus } from "./labelled-status.ts";
import { resetSeconds } from "./retry-after.ts";
import { statusPhrase } from "./status-phrase.ts";

/** Message bodies without a message of their own start like this; the exhausted labels follow. */
const DEFAULT_MESSAGE = "AI token rate limit exceeded for provider(s): ";

const UNIT_WORDS = {
  TotalTokens: "tokens",
  PromptTokens: "prompt tokens",
  CompletionTokens: "completion tokens",
  CachedPromptTokens: "cached prompt tokens",
  ReasoningTokens: "reasoning tokens",
  Requests: "requests",
  RequestPrompt: "prompt units",
  Cost: "in cost",
  Expression: "units",
} as const satisfies Record<Unit, string>;

/** OpenAI's refusal says in `type` what ran out (docs: error codes, rate limits); cost is our addition. */
const ERROR_TYPES = {
  TotalTokens: "tokens",
  PromptTokens: "tokens",
  CompletionTokens: "tokens",
  CachedPromptTokens: "tokens",
  ReasoningTokens: "tokens",
  Requests: "requests",
  RequestPrompt: "tokens",
  Cost: "cost",
  Expression: "tokens",
} as const satisfies Record<Unit, string>;

export interface RefusalBody {
  readonly text: string;
  /** Absent: JSON. */
  readonly contentType?: string | undefined;
}

export interface BodyInput {
  /** The limit with the longest wait. */
  readonly decidedBy: LimitStatus;
  readonly labelled: readonly LabelledStatus[];
  /** Of the policy of that limit. */
  readonly response: ResponseRules;
  readonly asker: Asker;
}

export function refusalBody(input: BodyInput): RefusalBody {
  const { statusCode, bodyFormat, message } = input.response;
  if (bodyFormat === "Message") return { text: messageBody(input) };
  if (bodyFormat === "Dialect") return { text: dialectBody(input) };
  // Both end their line, as clients that were written for this format may expect.
  if (message !== "") return { text: `${JSON.stringify({ error_msg: message })}\n` };
  return { text: `${statusPhrase(statusCode)}\n`, contentType: "text/plain; charset=utf-8" };
}

/** The labels of the exhausted limits of the deciding policy, each once; hideDetails leaves the text alone. */
function messageBody({ decidedBy, labelled, response }: BodyInput): string {
  const text = response.message || DEFAULT_MESSAGE;
  if (response.hideDetails) return JSON.stringify({ message: text });
  const { policy } = decidedBy.limit;
  const exhausted = labelled.filter(({ status }) => status.exhausted && isSame(status.limit.policy, policy));
  const labels = new Set(exhausted.map(({ words }) => words.label));
  return JSON.stringify({ message: text + [...labels].join(", ") });
}

function dialectBody({ decidedBy, response, asker }: BodyInput): string {
  const message = response.message || describe(decidedBy, response);
  if (asker.dialect === "Anthropic") return anthropicError({ type: "rate_limit_error", message }, asker.requestId);
  const type = ERROR_TYPES[decidedBy.limit.unit];
  return JSON.stringify({ error: { message, type, param: null, code: "rate_limit_exceeded" } });
}

function isSame(a: PolicyRef, b: PolicyRef): boolean {
  return a.namespace === b.namespace && a.name === b.name;
}

/** Names limit, window and wait, and that it is the gateway that refuses. */
function describe({ limit, usage, ask, waitMs }: LimitStatus, { hideDetails }: ResponseRules): string {
  const wait =
    waitMs === Infinity ? "It can never pass." : `Try again in ${String(Math.max(1, resetSeconds(waitMs)))} s.`;
  if (hideDetails) return `Gateway limit reached. ${wait}`;
  const { policy, name, unit, window, level } = limit;
  const used = amountText(unit, Math.floor(usage));
  return (
    `Gateway limit "${name}" of policy ${policy.namespace}/${policy.name}${levelText(level)} reached: ${amountText(unit, limit.limit)} ` +
    `${UNIT_WORDS[unit]} per ${periodText(window)}, ${used} used${askedText(usage, ask, limit)}. ${wait}`
  );
}

/** "minute", "90 seconds", "calendar month (Europe/Berlin)". */
function periodText(window: Window): string {
  const { calendar } = window;
  if (calendar !== undefined) return `calendar ${calendar.unit.toLowerCase()} (${calendar.timeZone})`;
  const name = windowName(window);
  return /^\d/.test(name) ? `${name} seconds` : name;
}

/** Whose budget it is, where that is not the caller's own. */
function levelText(level: Level | undefined): string {
  if (level === undefined) return "";
  const levels = level.above === 1 ? "1 level" : `${String(level.above)} levels`;
  return ` for Consumer ${level.name}, ${levels} above the caller,`;
}

/** Said where the limit is not used up by itself. */
function askedText(usage: number, ask: number, { unit, limit }: Limit): string {
  if (usage >= limit) return "";
  const beyond = ask > limit ? ", more than the whole limit" : "";
  return `, and this request asks for ${amountText(unit, ask)}${beyond}`;
}
