// Answers of the gateway itself: codes, statuses and bodies that clients match on.

import { describe, expect, test } from "vitest";
import { errorBody, errorHeaders, type GatewayErrorCode, statusOf } from "../../../dataplane/respond/gateway-errors.ts";

const TABLE = {
  request_malformed: [400, "invalid_request_error", "invalid_request_error"],
  limit_unresolved: [400, "invalid_request_error", "invalid_request_error"],
  body_malformed: [400, "invalid_request_error", "invalid_request_error"],
  dialect_unsupported: [400, "invalid_request_error", "invalid_request_error"],
  credential_missing: [401, "authentication_error", "authentication_error"],
  credential_duplicated: [401, "authentication_error", "authentication_error"],
  credential_unknown: [401, "authentication_error", "authentication_error"],
  route_not_found: [404, "not_found_error", "not_found_error"],
  operation_unknown: [404, "not_found_error", "not_found_error"],
  method_not_allowed: [405, "invalid_request_error", "invalid_request_error"],
  request_timeout: [408, "invalid_request_error", "invalid_request_error"],
  body_too_large: [413, "invalid_request_error", "request_too_large"],
  body_encoded: [415, "invalid_request_error", "invalid_request_error"],
  expectation_failed: [417, "invalid_request_error", "invalid_request_error"],
  usage_too_often: [429, "requests", "rate_limit_error"],
  head_too_large: [431, "invalid_request_error", "invalid_request_error"],
  internal: [500, "server_error", "api_error"],
  credential_expired: [401, "authentication_error", "authentication_error"],
  credential_invalid: [401, "authentication_error", "authentication_error"],
  credential_malformed: [401, "authentication_error", "authentication_error"],
  consumer_suspended: [403, "permission_error", "permission_error"],
  model_denied: [403, "permission_error", "permission_error"],
  issuer_unavailable: [503, "server_error", "api_error"],
  upstream_unreachable: [502, "server_error", "api_error"],
  upstream_protocol: [502, "server_error", "api_error"],
  backend_missing: [503, "server_error", "api_error"],
  config_missing: [503, "server_error", "api_error"],
  backend_locked: [503, "server_error", "api_error"],
  parent_missing: [503, "server_error", "api_error"],
  price_missing: [503, "server_error", "api_error"],
  upstream_timeout: [504, "server_error", "timeout_error"],
} as const satisfies Record<GatewayErrorCode, readonly [number, string, string]>;

const rows = Object.entries(TABLE).map(([code, [status, type, anthropicType]]) => ({
  code,
  status,
  type,
  anthropicType,
}));

function isCode(code: string): code is GatewayErrorCode {
  return Object.hasOwn(TABLE, code);
}

describe("each code has its status and body", () => {
  test.for(rows)(
    "[unit] $code is $status $type, to Anthropic clients $anthropicType",
    ({ code, status, type, anthropicType }) => {
      if (!isCode(code)) throw new Error(code);
      expect(statusOf(code)).toBe(status);
      const error = { code, message: 'What was "found".' };
      expect(errorBody(error, { dialect: "OpenAI", requestId: "r-1" })).toBe(
        `{"error":{"message":"What was \\"found\\".","type":"${type}","param":null,"code":"${code}"}}`,
      );
      expect(errorBody(error, { dialect: "Anthropic", requestId: "r-1" })).toBe(
        `{"type":"error","error":{"type":"${anthropicType}","message":"What was \\"found\\"."},"request_id":"r-1"}`,
      );
    },
  );
});

describe("headers", () => {
  test.for([
    { code: "credential_missing", headers: ["WWW-Authenticate", 'Bearer realm="ai-rate-limit"'] },
    { code: "credential_duplicated", headers: ["WWW-Authenticate", 'Bearer realm="ai-rate-limit"'] },
    { code: "credential_unknown", headers: ["WWW-Authenticate", 'Bearer realm="ai-rate-limit"'] },
    { code: "method_not_allowed", headers: ["Allow", "POST, GET"] },
    { code: "config_missing", headers: ["Retry-After", "5"] },
    { code: "backend_missing", headers: ["Retry-After", "5"] },
    { code: "price_missing", headers: ["x-should-retry", "false"] },
    { code: "backend_locked", headers: ["x-should-retry", "false"] },
    { code: "upstream_timeout", headers: [] },
  ] as const)("[unit] $code says $headers", ({ code, headers }) => {
    expect(errorHeaders({ code, message: "" })).toEqual(headers);
  });
});
