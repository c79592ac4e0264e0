// What headers say of a limit whatever its usage is: put together once, as it is said with every answer.

import type { ResponseRules } from "../contract/compiled.ts";
import { windowName } from "../contract/window-name.ts";
import { amountText } from "../core/amount-text.ts";
import type { LimitStatus } from "../core/decide.ts";
import type { Limit } from "../core/limit.ts";
import type { Unit } from "../core/usage.ts";
import { spanAt } from "../core/window.ts";
import { HeaderRules } from "./header-rules.ts";

/** The headers of one limit in one format. */
export class HeaderNames {
  /** Equal for names that differ in the case of letters only: to HTTP these are the same. */
  readonly key: string;
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
  readonly retryAfter: string;

  constructor(start: string, end: string) {
    this.key = `${start}${end}`.toLowerCase();
    this.limit = `${start}Limit${end}`;
    this.remaining = `${start}Remaining${end}`;
    this.reset = `${start}Reset${end}`;
    this.retryAfter = `${start}Retry-After${end}`;
  }
}

export class LimitWords {
  readonly label: string;
  readonly rules: HeaderRules;
  /** X-AI-RateLimit-Limit-minute-bedrock and its relatives. */
  readonly window: HeaderNames;
  readonly limitText: string;
  /** As a Structured Fields string, quotes included. */
  readonly sfName: string;
  readonly #sfPolicyStart: string;
  readonly #sfPolicyEnd: string;
  /** Undefined with a calendar, whose windows are not equally long. */
  readonly #sfPolicy: string | undefined;
  readonly #token: string;
  #instance: HeaderNames | undefined;
  #rule: HeaderNames | undefined;

  constructor({ policy, name, unit, limit, window, level }: Limit, label: string, rules: HeaderRules) {
    this.label = label;
    this.rules = rules;
    this.#token = headerToken(label);
    this.window = new HeaderNames("X-AI-RateLimit-", `-${windowName(window)}-${this.#token}`);
    this.limitText = amountText(unit, limit);
    const levelName = level === undefined ? "" : `/${level.name}`;
    this.sfName = sfString(`${policy.namespace}/${policy.name}/${name}${levelName}`);
    this.#sfPolicyStart = `${this.sfName};q=${sfInteger(limit)};w=`;
    this.#sfPolicyEnd = QUOTA_UNITS[unit];
    this.#sfPolicy = window.calendar === undefined ? this.#sfPolicyOf(window.durationMs) : undefined;
  }

  /** Its item in RateLimit-Policy. */
  sfPolicy({ limit: { window }, state, nowMs }: LimitStatus): string {
    if (this.#sfPolicy !== undefined) return this.#sfPolicy;
    const { startMs, endMs } = spanAt(window, state, nowMs);
    return this.#sfPolicyOf(endMs - startMs);
  }

  #sfPolicyOf(windowMs: number): string {
    return `${this.#sfPolicyStart}${String(Math.max(1, Math.ceil(windowMs / 1000)))}${this.#sfPolicyEnd}`;
  }

  /** X-AI-RateLimit-Limit-bedrock and its relatives. */
  get instance(): HeaderNames {
    this.#instance ??= new HeaderNames("X-AI-RateLimit-", `-${this.#token}`);
    return this.#instance;
  }

  /** X-AI-bedrock-RateLimit-Limit and its relatives. */
  get rule(): HeaderNames {
    this.#rule ??= new HeaderNames(`X-AI-${this.#token}-RateLimit-`, "");
    return this.#rule;
  }
}

const LABEL_LENGTH = 63;

/** RFC 9651 section 3.3.1: integers have at most 15 digits. */
const GREATEST = 999_999_999_999_999;

/** Parameter `qu`; without it the unit is requests. The draft registers no unit for tokens; this one says what is meant. */
const QUOTA_UNITS = {
  TotalTokens: ';qu="tokens"',
  PromptTokens: ';qu="tokens"',
  CompletionTokens: ';qu="tokens"',
  CachedPromptTokens: ';qu="tokens"',
  ReasoningTokens: ';qu="tokens"',
  RequestPrompt: ';qu="tokens"',
  Expression: ';qu="tokens"',
  Requests: "",
  // Never shown: q and r are integers, and money has decimals.
  Cost: "",
} as const satisfies Record<Unit, string>;

/** Labels of a limit whose words are kept; clients may choose them (models). */
const MAX_LABELS = 64;

/** The words of one limit by label: most have but one. */
class LimitVocabulary {
  last: LimitWords;
  readonly #rules: HeaderRules;
  readonly #byLabel = new Map<string, LimitWords>();

  constructor(limit: Limit, label: string, headers: ResponseRules["headers"]) {
    this.#rules = new HeaderRules(headers);
    this.last = this.#add(limit, label);
  }

  find(limit: Limit, label: string): LimitWords {
    if (this.last.label !== label) this.last = this.#byLabel.get(label) ?? this.#add(limit, label);
    return this.last;
  }

  #add(limit: Limit, label: string): LimitWords {
    if (this.#byLabel.size >= MAX_LABELS) this.#byLabel.clear();
    const words = new LimitWords(limit, label, this.#rules);
    this.#byLabel.set(label, words);
    return words;
  }
}

/** Goes with the configuration that the limit is of. */
const known = new WeakMap<Limit, LimitVocabulary>();

/** `headers`: those of the limit's own policy. */
export function wordsOf(limit: Limit, label: string, headers: ResponseRules["headers"]): LimitWords {
  const found = known.get(limit);
  if (found !== undefined) return found.find(limit, label);
  const made = new LimitVocabulary(limit, label, headers);
  known.set(limit, made);
  return made.last;
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
