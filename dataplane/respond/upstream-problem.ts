// What a client is told when its upstream fails; addresses and internals stay in the log.

import type { UpstreamErrorCode } from "../upstream/upstream.ts";
import type { GatewayError, GatewayErrorCode } from "./gateway-errors.ts";

const PROBLEMS: Readonly<Record<UpstreamErrorCode, readonly [GatewayErrorCode, string]>> = {
  connect_failed: ["upstream_unreachable", "could not be reached"],
  connect_timeout: ["upstream_timeout", "did not accept a connection in time"],
  egress_denied: ["upstream_unreachable", "has an address that may not be dialled"],
  first_byte_timeout: ["upstream_timeout", "did not begin to answer in time"],
  stream_idle_timeout: ["upstream_timeout", "stopped answering"],
  connection_lost: ["upstream_unreachable", "closed the connection before it answered"],
  protocol_error: ["upstream_protocol", "answered with something that is not HTTP"],
  aborted: ["upstream_unreachable", "was given up"],
};

export function upstreamProblem(code: UpstreamErrorCode, backend: string): GatewayError {
  const [errorCode, words] = PROBLEMS[code];
  return { code: errorCode, message: `The upstream of AIBackend ${backend} ${words}.` };
}
