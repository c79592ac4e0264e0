// The answer to a request that a limit refuses: status, headers and body as the policy of the deciding limit wants them.

import type { ResponseRules } from "../contract/compiled.ts";
import type { Decision } from "../core/decide.ts";
import type { Asker } from "./gateway-errors.ts";
import type { LabelledStatus } from "./labelled-status.ts";
import { writeRefusedLimitHeaders } from "./limit-headers.ts";
import { refusalBody } from "./refusal-body.ts";
import { retryHeaders } from "./retry-after.ts";

export interface Refusal {
  readonly status: number;
  /** Name, value, name, value, ... */
  readonly headers: readonly string[];
  readonly body: string;
  /** Absent: JSON. */
  readonly contentType?: string | undefined;
}

export interface RefusalInput {
  readonly decision: Extract<Decision, { kind: "deny" }>;
  /** Statuses of the enforced limits with what is said of them. */
  readonly labelled: readonly LabelledStatus[];
  /** Of the policy whose limit decided. */
  readonly response: ResponseRules;
  /** Drawn once for this answer, in milliseconds. */
  readonly jitterMs: number;
  readonly asker: Asker;
}

/** From here on a status tells a client that its request has failed. */
const FIRST_ERROR = 400;

export function refusal({ decision, labelled, response, jitterMs, asker }: RefusalInput): Refusal {
  const { decidedBy } = decision;
  const wait = { waitMs: decidedBy.waitMs, jitterMs };
  const headers: string[] = [];
  writeRefusedLimitHeaders(headers, labelled, wait);
  // Who gets an answer that looks as if all went well has nothing to try again.
  if (response.statusCode >= FIRST_ERROR) headers.push(...retryHeaders(wait.waitMs + wait.jitterMs));
  const { text: body, contentType } = refusalBody({ decidedBy, labelled, response, asker });
  return { status: response.statusCode, headers, body, contentType };
}
