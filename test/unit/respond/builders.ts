// Limit statuses with defaults, for what is said about them.

import type { ResponseRules } from "../../../dataplane/contract/compiled.ts";
import type { LimitStatus } from "../../../dataplane/core/decide.ts";
import type { Limit } from "../../../dataplane/core/limit.ts";
import type { Algorithm } from "../../../dataplane/core/window.ts";
import { LabelledStatus } from "../../../dataplane/respond/labelled-status.ts";
import { wordsOf } from "../../../dataplane/respond/limit-words.ts";
import { aLimit } from "../config/builders.ts";

export interface StatusParts {
  readonly label?: string;
  readonly name?: string;
  readonly policy?: string;
  readonly limit?: number;
  readonly usage?: number;
  readonly ask?: number;
  readonly seconds?: number;
  readonly waitMs?: number;
  readonly unit?: Limit["unit"];
  readonly algorithm?: Algorithm;
  /** How much of the window has passed. */
  readonly passedMs?: number;
  readonly formats?: ResponseRules["headers"]["formats"];
  readonly hide?: ResponseRules["headers"]["hide"];
  readonly maxLimits?: number;
}

const DEFAULTS = {
  name: "minute",
  policy: "policy",
  limit: 100,
  usage: 0,
  ask: 0,
  seconds: 60,
  unit: "TotalTokens",
  waitMs: 1_000,
  algorithm: "Sliding",
  passedMs: 0,
  formats: ["Window"],
  maxLimits: 4,
} satisfies StatusParts & { readonly algorithm: Algorithm; readonly unit: Limit["unit"] };

/** Used up when usage reaches the limit, as the core says. */
export function aStatus(parts: StatusParts = {}): LabelledStatus {
  const { name, policy, limit, usage, ask, seconds, unit, waitMs, algorithm, passedMs, formats, maxLimits } = {
    ...DEFAULTS,
    ...parts,
  };
  const exhausted = usage >= limit;
  const durationMs = seconds * 1000;
  const fromFirst = algorithm === "FixedFromFirst";
  const status: LimitStatus = {
    limit: {
      ...aLimit({ name, limit, unit }),
      window: { algorithm, durationMs },
      policy: { namespace: "ai", name: policy },
    },
    // The first window after 1970 begins on the grid of any duration; one from the first request a little later.
    state: { index: fromFirst ? durationMs + 1 : 1, current: usage, previous: 0 },
    nowMs: durationMs + passedMs + (fromFirst ? 1 : 0),
    usage,
    ask,
    remaining: Math.max(0, limit - Math.floor(usage)),
    exhausted,
    waitMs: exhausted ? waitMs : 0,
  };
  const { hide } = parts;
  const headers = { formats, maxLimits, ...(hide !== undefined && { hide }) };
  return new LabelledStatus(status, wordsOf(status.limit, parts.label ?? name, headers));
}

/** What a writer adds. */
export function written(write: (out: string[]) => unknown): string[] {
  const out: string[] = [];
  write(out);
  return out;
}

/** name, value, name, value, ... as a record; a name that stands twice, in whatever case, fails. */
export function headerRecord(headers: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  const seen = new Set<string>();
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (seen.has(name.toLowerCase())) throw new Error(`${name} stands twice`);
    seen.add(name.toLowerCase());
    record[name] = headers[i + 1] ?? "";
  }
  return record;
}
