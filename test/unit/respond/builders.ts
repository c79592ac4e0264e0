// Limit statuses with defaults, for what is said about them.

import type { LimitStatus } from "../../../dataplane/core/decide.ts";
import type { Limit } from "../../../dataplane/core/limit.ts";
import type { Algorithm } from "../../../dataplane/core/window.ts";
import type { LabelledStatus } from "../../../dataplane/respond/labelled-status.ts";
import { aLimit } from "../config/builders.ts";

export interface StatusParts {
  readonly label?: string;
  readonly name?: string;
  readonly policy?: string;
  readonly limit?: number;
  readonly usage?: number;
  readonly seconds?: number;
  readonly waitMs?: number;
  readonly unit?: Limit["unit"];
  readonly algorithm?: Algorithm;
  /** How much of the window has passed. */
  readonly passedMs?: number;
  readonly formats?: LabelledStatus["formats"];
}

const DEFAULTS = {
  name: "minute",
  policy: "policy",
  limit: 100,
  usage: 0,
  seconds: 60,
  unit: "TotalTokens",
  waitMs: 1_000,
  algorithm: "Sliding",
  passedMs: 0,
  formats: ["Window"],
} as const satisfies StatusParts;

/** Used up when usage reaches the limit, as the core says. */
export function aStatus(parts: StatusParts = {}): LabelledStatus {
  const { name, policy, limit, usage, seconds, unit, waitMs, algorithm, passedMs, formats } = { ...DEFAULTS, ...parts };
  const exhausted = usage >= limit;
  const durationMs = seconds * 1000;
  const fromFirst = algorithm === "FixedFromFirst";
  const status: LimitStatus = {
    limit: {
      ...aLimit({ name, limit, unit, window: { algorithm, durationMs } }),
      policy: { namespace: "ai", name: policy },
    },
    // The first window after 1970 begins on the grid of any duration; one from the first request a little later.
    state: { index: fromFirst ? durationMs + 1 : 1, current: usage, previous: 0 },
    nowMs: durationMs + passedMs + (fromFirst ? 1 : 0),
    usage,
    remaining: Math.max(0, limit - Math.floor(usage)),
    exhausted,
    waitMs: exhausted ? waitMs : 0,
  };
  return { status, label: parts.label ?? name, formats };
}

/** name, value, name, value, ... as a record; a name that stands twice fails. */
export function headerRecord(headers: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (Object.hasOwn(record, name)) throw new Error(`${name} stands twice`);
    record[name] = headers[i + 1] ?? "";
  }
  return record;
}
