// Every error that the gateway itself answers with: one table of codes and statuses, one body shape per dialect.
// Clients match on the code, people read the message: what was found, what was wanted, where.

interface ErrorRow {
  readonly status: number;
  /** `type` of the OpenAI error object; SDKs choose their class by the status. */
  readonly type: string;
}

const ROWS = {
  request_malformed: { status: 400, type: "invalid_request_error" },
  body_malformed: { status: 400, type: "invalid_request_error" },
  credential_missing: { status: 401, type: "authentication_error" },
  credential_duplicated: { status: 401, type: "authentication_error" },
  credential_unknown: { status: 401, type: "authentication_error" },
  route_not_found: { status: 404, type: "not_found_error" },
  operation_unknown: { status: 404, type: "not_found_error" },
  method_not_allowed: { status: 405, type: "invalid_request_error" },
  body_too_large: { status: 413, type: "invalid_request_error" },
  body_encoded: { status: 415, type: "invalid_request_error" },
  internal: { status: 500, type: "server_error" },
  upstream_unreachable: { status: 502, type: "server_error" },
  upstream_protocol: { status: 502, type: "server_error" },
  backend_missing: { status: 503, type: "server_error" },
  config_missing: { status: 503, type: "server_error" },
  upstream_timeout: { status: 504, type: "server_error" },
} as const satisfies Record<string, ErrorRow>;

export type GatewayErrorCode = keyof typeof ROWS;

export interface GatewayError {
  readonly code: GatewayErrorCode;
  readonly message: string;
  /** The connection cannot be used further: the rest of the body is not read. */
  readonly closes?: boolean | undefined;
}

export function statusOf(code: GatewayErrorCode): number {
  return ROWS[code].status;
}

/** OpenAI's error object: {"error":{"message","type","param","code"}}. */
export function errorBody({ code, message }: GatewayError): string {
  return JSON.stringify({ error: { message, type: ROWS[code].type, param: null, code } });
}

/** Further headers of an error's answer: name, value, name, value, ... */
export function errorHeaders({ code }: GatewayError): readonly string[] {
  // RFC 9110 section 11.6.1: a 401 names a scheme. Bearer is what official SDKs send.
  if (ROWS[code].status === 401) return ["WWW-Authenticate", 'Bearer realm="ai-rate-limit"'];
  if (code === "method_not_allowed") return ["Allow", "POST, GET"];
  return code === "config_missing" || code === "backend_missing" ? ["Retry-After", "5"] : [];
}
