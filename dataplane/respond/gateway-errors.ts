// Every error that the gateway itself answers with: one table of codes and statuses, one body shape per dialect.
// Clients match on the code, people read the message: what was found, what was wanted, where.

import type { DialectName } from "../providers/provider.ts";

/** `type` of the error object in each dialect; SDKs choose their class by the status. */
interface ErrorRow extends Readonly<Record<DialectName, string>> {
  readonly status: number;
}

const ROWS = {
  request_malformed: { status: 400, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  body_malformed: { status: 400, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  dialect_unsupported: { status: 400, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  limit_unresolved: { status: 400, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  credential_missing: { status: 401, OpenAI: "authentication_error", Anthropic: "authentication_error" },
  credential_duplicated: { status: 401, OpenAI: "authentication_error", Anthropic: "authentication_error" },
  credential_expired: { status: 401, OpenAI: "authentication_error", Anthropic: "authentication_error" },
  credential_invalid: { status: 401, OpenAI: "authentication_error", Anthropic: "authentication_error" },
  credential_malformed: { status: 401, OpenAI: "authentication_error", Anthropic: "authentication_error" },
  credential_unknown: { status: 401, OpenAI: "authentication_error", Anthropic: "authentication_error" },
  consumer_suspended: { status: 403, OpenAI: "permission_error", Anthropic: "permission_error" },
  model_denied: { status: 403, OpenAI: "permission_error", Anthropic: "permission_error" },
  route_not_found: { status: 404, OpenAI: "not_found_error", Anthropic: "not_found_error" },
  operation_unknown: { status: 404, OpenAI: "not_found_error", Anthropic: "not_found_error" },
  method_not_allowed: { status: 405, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  request_timeout: { status: 408, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  body_too_large: { status: 413, OpenAI: "invalid_request_error", Anthropic: "request_too_large" },
  body_encoded: { status: 415, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  expectation_failed: { status: 417, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  usage_too_often: { status: 429, OpenAI: "requests", Anthropic: "rate_limit_error" },
  head_too_large: { status: 431, OpenAI: "invalid_request_error", Anthropic: "invalid_request_error" },
  internal: { status: 500, OpenAI: "server_error", Anthropic: "api_error" },
  upstream_unreachable: { status: 502, OpenAI: "server_error", Anthropic: "api_error" },
  upstream_protocol: { status: 502, OpenAI: "server_error", Anthropic: "api_error" },
  backend_locked: { status: 503, OpenAI: "server_error", Anthropic: "api_error" },
  backend_missing: { status: 503, OpenAI: "server_error", Anthropic: "api_error" },
  config_missing: { status: 503, OpenAI: "server_error", Anthropic: "api_error" },
  issuer_unavailable: { status: 503, OpenAI: "server_error", Anthropic: "api_error" },
  parent_missing: { status: 503, OpenAI: "server_error", Anthropic: "api_error" },
  price_missing: { status: 503, OpenAI: "server_error", Anthropic: "api_error" },
  upstream_timeout: { status: 504, OpenAI: "server_error", Anthropic: "timeout_error" },
} as const satisfies Record<string, ErrorRow>;

/** What may be over in seconds, without anybody's doing. */
const SHORT_LIVED = new Set<GatewayErrorCode>(["config_missing", "backend_missing", "issuer_unavailable"]);

export type GatewayErrorCode = keyof typeof ROWS;

export interface GatewayError {
  readonly code: GatewayErrorCode;
  readonly message: string;
  /** The connection cannot be used further: the rest of the body is not read. */
  readonly closes?: boolean | undefined;
  /** In place of those that go with its code. */
  readonly headers?: readonly string[] | undefined;
}

export function statusOf(code: GatewayErrorCode): number {
  return ROWS[code].status;
}

/** Whom an answer is for. */
export interface Asker {
  readonly dialect: DialectName;
  readonly requestId: string;
}

/**
 * OpenAI's error object is {"error":{"message","type","param","code"}}; Anthropic's has no code, and names the request:
 * {"type":"error","error":{"type","message"},"request_id"}.
 */
export function errorBody({ code, message }: GatewayError, { dialect, requestId }: Asker): string {
  const type = ROWS[code][dialect];
  if (dialect === "Anthropic") return anthropicError({ type, message }, requestId);
  return JSON.stringify({ error: { message, type, param: null, code } });
}

export function anthropicError(error: { readonly type: string; readonly message: string }, requestId: string): string {
  return JSON.stringify({ type: "error", error: { type: error.type, message: error.message }, request_id: requestId });
}

/** Further headers of an error's answer: name, value, name, value, ... */
export function errorHeaders({ code, headers }: GatewayError): readonly string[] {
  if (headers !== undefined) return headers;
  // RFC 9110 section 11.6.1: a 401 names a scheme. Bearer is what official SDKs send.
  if (ROWS[code].status === 401) return ["WWW-Authenticate", 'Bearer realm="ai-rate-limit"'];
  if (code === "method_not_allowed") return ["Allow", "POST, GET"];
  // RFC 9110 section 12.5.3: what a server that refuses a coding would take.
  if (code === "body_encoded") return ["Accept-Encoding", "identity"];
  // Somebody has to mend the configuration: SDKs, which would sleep and try again after a 503, are told not to.
  if (code === "price_missing" || code === "backend_locked") return ["x-should-retry", "false"];
  return SHORT_LIVED.has(code) ? ["Retry-After", "5"] : [];
}
