// What headers say of a limit whatever its usage is: put together once, as it is said with every answer.

import { amountText } from "../core/amount-text.ts";
import type { Limit } from "../core/limit.ts";
import type { Unit } from "../core/usage.ts";

export interface LimitWords {
  readonly label: string;
  /** End of the Window format's names: "minute-bedrock". */
  readonly suffix: string;
  readonly limitHeader: string;
  readonly remainingHeader: string;
  readonly limitText: string;
  /** As a Structured Fields string, quotes included. */
  readonly sfName: string;
  /** Its item in RateLimit-Policy. */
  readonly sfPolicy: string;
}

const WINDOW_NAMES = new Map<number, string>([
  [1, "second"],
  [60, "minute"],
  [3_600, "hour"],
  [86_400, "day"],
  [2_592_000, "month"],
  [31_536_000, "year"],
]);

const LABEL_LENGTH = 63;

/** RFC 9651 section 3.3.1: integers have at most 15 digits. */
const GREATEST = 999_999_999_999_999;

/** Parameter `qu`; without it the unit is requests. The draft registers no unit for tokens; this one says what is meant. */
const QUOTA_UNITS = {
  TotalTokens: ';qu="tokens"',
  PromptTokens: ';qu="tokens"',
  CompletionTokens: ';qu="tokens"',
  Expression: ';qu="tokens"',
  Requests: "",
  // Never shown: q and r are integers, and money has decimals.
  Cost: "",
} as const satisfies Record<Unit, string>;

/** By limit, of the label said last: most have but one. Goes with the configuration that the limit is of. */
const known = new WeakMap<Limit, LimitWords>();

export function wordsOf(limit: Limit, label: string): LimitWords {
  const found = known.get(limit);
  if (found?.label === label) return found;
  const words = make(limit, label);
  known.set(limit, words);
  return words;
}

function make({ policy, name, unit, limit, window }: Limit, label: string): LimitWords {
  const suffix = `${windowName(window.durationMs)}-${headerToken(label)}`;
  const sfName = sfString(`${policy.namespace}/${policy.name}/${name}`);
  const seconds = String(Math.max(1, Math.ceil(window.durationMs / 1000)));
  return {
    label,
    suffix,
    limitHeader: `X-AI-RateLimit-Limit-${suffix}`,
    remainingHeader: `X-AI-RateLimit-Remaining-${suffix}`,
    limitText: amountText(unit, limit),
    sfName,
    sfPolicy: `${sfName};q=${sfInteger(limit)};w=${seconds}${QUOTA_UNITS[unit]}`,
  };
}

/** "minute" for 60,000 ms, ..., else the seconds. */
export function windowName(durationMs: number): string {
  const seconds = durationMs / 1000;
  return WINDOW_NAMES.get(seconds) ?? String(seconds);
}

/** A label as it may stand in a header's name (RFC 9110 section 5.6.2: token). */
export function headerToken(label: string): string {
  return label.slice(0, LABEL_LENGTH).replace(/[^A-Za-z0-9!#$%&'*+.^_`|~-]/g, "_") || "_";
}

export function sfInteger(value: number): string {
  return String(Math.min(GREATEST, value));
}

/** RFC 9651 section 3.3.3: printable ASCII in quotes, with \ before " and \. Anything else becomes _. */
function sfString(text: string): string {
  return `"${text.replace(/[^ -~]/g, "_").replace(/["\\]/g, "\\$&")}"`;
}
