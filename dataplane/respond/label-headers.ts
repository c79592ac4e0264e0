// The formats that name a limit by its label alone, and tell on every answer when it is there again. Instance:
// X-AI-RateLimit-Limit-<label>, -Remaining- and -Reset-. Rule: X-AI-<label>-RateLimit-Limit, -Remaining and -Reset.

import { amountText } from "../core/amount-text.ts";
import { resetMs } from "../core/decide.ts";
import { FORMAT } from "./header-rules.ts";
import { type LabelledStatus, tightest, withoutRepeats } from "./labelled-status.ts";
import type { HeaderNames, LimitWords } from "./limit-words.ts";
import { secondsText } from "./reset-text.ts";

interface LabelFormat {
  readonly format: typeof FORMAT.Instance | typeof FORMAT.Rule;
  readonly namesOf: (words: LimitWords) => HeaderNames;
}

export const INSTANCE: LabelFormat = { format: FORMAT.Instance, namesOf: ({ instance }) => instance };
export const RULE: LabelFormat = { format: FORMAT.Rule, namesOf: ({ rule }) => rule };

export interface LabelHeaders {
  readonly as: LabelFormat;
  readonly cap: number;
}

/** Adds name, value, name, value, ... Of a limit whose quota is hidden the reset alone. */
export function writeLabels(out: string[], entries: readonly LabelledStatus[], { as, cap }: LabelHeaders): void {
  for (const { status, words } of tightest(withoutRepeats(entries, as.namesOf), cap)) {
    const { limit, remaining, reset } = as.namesOf(words);
    if ((words.rules.shown & as.format) !== 0) {
      out.push(limit, words.limitText, remaining, amountText(status.limit.unit, status.remaining));
    }
    out.push(reset, secondsText(resetMs(status)));
  }
}
