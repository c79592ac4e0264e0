// The one error of this folder: what went wrong with a call to the API server, in words that are ours. Texts of the server
// and of libraries stay out, because they can quote tokens, headers and field values.

import { z } from "zod";

export interface KubeFailure {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** Reason of the API server's Status ("Conflict", "Expired"), or one of ours: see REASONS. */
  readonly reason: string;
  /** The call, without query: "GET /api/v1/namespaces/a/secrets". */
  readonly call: string;
  /** What the server asks for before the next try. */
  readonly retryAfterMs?: number | undefined;
  /** Fields that the server refused, with its reason for each; names of fields only. */
  readonly fields?: readonly string[] | undefined;
}

/** Reasons of ours, where the API server gave none. */
export const REASONS = {
  /** Refused, reset, name not found: the socket ended without an answer. */
  connection: "ConnectionFailed",
  /** No answer, or no byte of it, in time. */
  timeout: "TimedOut",
  /** Ended by the caller. */
  aborted: "Aborted",
  /** The answer is not what the API promises. */
  malformed: "Malformed",
  /** Larger than this client reads. */
  tooLarge: "TooLarge",
  /** The kubeconfig or its plugin yields no credentials. */
  credentials: "CredentialsUnavailable",
  unknown: "Unknown",
} as const;

export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor({ status, reason, call, retryAfterMs, fields = [] }: KubeFailure) {
    const where = fields.length === 0 ? "" : ` (${fields.join(", ")})`;
    super(`${call}: ${status === 0 ? "" : `${status} `}${reason}${where}`);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** The resourceVersion or continue token asked for is compacted away. */
  get isExpired(): boolean {
    return this.status === 410;
  }

  /** May succeed when tried again as it is: no answer, overload, server fault, missing rights that somebody may grant. */
  get isTransient(): boolean {
    return this.status === 0 || this.status >= 500 || [401, 403, 408, 409, 429].includes(this.status);
  }
}

const MAX_FIELDS = 5;
const REASON = /^[A-Za-z]{1,64}$/;
const FIELD = /^[\w.[\]-]{1,128}$/;

const statusObject = z.object({
  reason: z.string().regex(REASON).optional().catch(undefined),
  code: z.int().optional().catch(undefined),
  details: z
    .object({
      retryAfterSeconds: z.number().min(0).max(3600).optional().catch(undefined),
      causes: z
        .array(z.object({ reason: z.string().regex(REASON).catch("?"), field: z.string().regex(FIELD).catch("?") }))
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});

/** From a Status object, of an answer's body or of an ERROR in a watch. Anything else gives the reason Unknown. */
export function errorFromStatus(body: unknown, call: string, httpStatus = 0): KubeError {
  const read = statusObject.safeParse(body);
  const { reason, code, details } = read.success ? read.data : {};
  const seconds = details?.retryAfterSeconds;
  return new KubeError({
    status: httpStatus === 0 ? (code ?? 0) : httpStatus,
    reason: reason ?? REASONS.unknown,
    call,
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
    fields: details?.causes?.slice(0, MAX_FIELDS).map((cause) => `${cause.field}: ${cause.reason}`),
  });
}

/** Whatever was thrown, as a KubeError that repeats nothing of it. */
export function toKubeError(thrown: unknown, call: string): KubeError {
  return thrown instanceof KubeError ? thrown : new KubeError({ status: 0, reason: REASONS.connection, call });
}
