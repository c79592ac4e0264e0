// What is kept of attempts to fetch an issuer's keys: a number for each, and a line when what goes wrong is new or over.

import type { Logger } from "pino";
import type { GatewayMetrics } from "./metrics/gateway-metrics.ts";

/** With more of them in trouble at once their lines repeat. */
const MAX_IN_TROUBLE = 1_000;

/** `problem` names addresses and reasons, and nothing of what was fetched. */
export function createIssuerRecorder(
  metrics: Pick<GatewayMetrics, "issuerKeysFetched">,
  log: Logger,
): (issuer: string, problem?: string) => void {
  const troubles = new Map<string, string>();
  return (issuer, problem) => {
    metrics.issuerKeysFetched(problem === undefined ? "ok" : "failed").value++;
    const before = troubles.get(issuer);
    if (problem === before) return;
    if (problem === undefined) {
      troubles.delete(issuer);
      log.info({ issuer }, "the keys of an issuer of tokens can be fetched again");
      return;
    }
    if (troubles.size >= MAX_IN_TROUBLE) troubles.clear();
    troubles.set(issuer, problem);
    log.warn({ issuer, reason: problem }, "the keys of an issuer of tokens cannot be fetched");
  };
}
