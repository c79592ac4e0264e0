// The formats that show one limit of a kind, the one with the least share remaining: IETFDraft03 one of all, OpenAI and
// Anthropic one of requests and one of each kind of tokens that they know.

import { amountText } from "../core/amount-text.ts";
import { type LimitStatus, resetMs } from "../core/decide.ts";
import type { Unit } from "../core/usage.ts";
import { FORMAT } from "./header-rules.ts";
import { byTightness, type LabelledStatus } from "./labelled-status.ts";
import { durationText, instantText, wholeSecondsText } from "./reset-text.ts";

interface Kind {
  /** Names of units. */
  readonly units: ReadonlySet<string>;
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

export interface KindFormat {
  readonly format: typeof FORMAT.IETFDraft03 | typeof FORMAT.OpenAI | typeof FORMAT.Anthropic;
  readonly kinds: readonly Kind[];
  readonly resetText: (status: LimitStatus) => string;
}

/** What the limits of a unit are to clients of a provider; undefined: no header of theirs. */
interface KindNames {
  readonly openai: "requests" | "tokens" | undefined;
  readonly anthropic: "requests" | "tokens" | "input-tokens" | "output-tokens" | undefined;
}

/** OpenAI's tokens are prompt and completion, so whichever runs out first. Money has decimals, which no client expects. */
const NAMES = {
  TotalTokens: { openai: "tokens", anthropic: "tokens" },
  PromptTokens: { openai: "tokens", anthropic: "input-tokens" },
  CompletionTokens: { openai: "tokens", anthropic: "output-tokens" },
  // Parts of what clients know: their remaining says nothing of the whole.
  CachedPromptTokens: { openai: undefined, anthropic: undefined },
  ReasoningTokens: { openai: undefined, anthropic: undefined },
  Requests: { openai: "requests", anthropic: "requests" },
  RequestPrompt: { openai: "tokens", anthropic: "input-tokens" },
  Cost: { openai: undefined, anthropic: undefined },
  Expression: { openai: "tokens", anthropic: "tokens" },
} as const satisfies Record<Unit, KindNames>;

function unitsOf(isOfKind: (names: KindNames) => boolean): ReadonlySet<string> {
  return new Set(Object.entries(NAMES).flatMap(([unit, names]) => (isOfKind(names) ? [unit] : [])));
}

/** draft-ietf-httpapi-ratelimit-headers-03, in its simplest form. Its figures are whole numbers. */
export const IETF_DRAFT_03: KindFormat = {
  format: FORMAT.IETFDraft03,
  kinds: [
    {
      units: new Set(Object.keys(NAMES).filter((unit) => unit !== "Cost")),
      limit: "RateLimit-Limit",
      remaining: "RateLimit-Remaining",
      reset: "RateLimit-Reset",
    },
  ],
  resetText: (status) => wholeSecondsText(resetMs(status)),
};

/** OpenAI's documentation, "Rate limits in headers". */
export const OPENAI: KindFormat = {
  format: FORMAT.OpenAI,
  kinds: (["requests", "tokens"] as const).map((name) => ({
    units: unitsOf(({ openai }) => openai === name),
    limit: `x-ratelimit-limit-${name}`,
    remaining: `x-ratelimit-remaining-${name}`,
    reset: `x-ratelimit-reset-${name}`,
  })),
  resetText: (status) => durationText(resetMs(status)),
};

/** Anthropic's documentation, "Rate limits", response headers. */
export const ANTHROPIC: KindFormat = {
  format: FORMAT.Anthropic,
  kinds: (["requests", "tokens", "input-tokens", "output-tokens"] as const).map((name) => ({
    units: unitsOf(({ anthropic }) => anthropic === name),
    limit: `anthropic-ratelimit-${name}-limit`,
    remaining: `anthropic-ratelimit-${name}-remaining`,
    reset: `anthropic-ratelimit-${name}-reset`,
  })),
  resetText: (status) => instantText(status.nowMs + resetMs(status)),
};

/** Adds name, value, name, value, ... Of a limit whose quota is hidden the reset alone. */
export function writeKinds(out: string[], entries: readonly LabelledStatus[], as: KindFormat): void {
  for (const kind of as.kinds) {
    const entry = tightestOf(entries, kind.units);
    if (entry === undefined) continue;
    const { status, words } = entry;
    if ((words.rules.shown & as.format) !== 0) {
      out.push(kind.limit, words.limitText, kind.remaining, amountText(status.limit.unit, status.remaining));
    }
    out.push(kind.reset, as.resetText(status));
  }
}

/** The first of several that are alike. */
function tightestOf(entries: readonly LabelledStatus[], units: ReadonlySet<string>): LabelledStatus | undefined {
  let found: LabelledStatus | undefined;
  for (const entry of entries) {
    if (!units.has(entry.status.limit.unit)) continue;
    if (found === undefined || byTightness(entry, found) < 0) found = entry;
  }
  return found;
}
