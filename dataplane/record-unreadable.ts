// What is kept of bytes that never became a request: a number, and one line for each connection that ended by them. The line
// has words of the gateway and of the parser only, nothing that the client sent.

import type { Logger } from "pino";
import type { Unreadable } from "./downstream/client-connection.ts";
import type { GatewayMetrics } from "./metrics/gateway-metrics.ts";
import { statusOf } from "./respond/gateway-errors.ts";

export function createUnreadableRecorder(metrics: GatewayMetrics, log: Logger): (what: Unreadable) => void {
  return ({ requestId, reason, parser }) => {
    metrics.unreadable(reason).value++;
    const status = requestId === undefined || reason === "pipelined_too_many" ? undefined : statusOf(reason);
    log.info({ requestId, status, error: reason, parser: parser === "" ? undefined : parser }, "unreadable request");
  };
}
