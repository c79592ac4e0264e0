// Limits whose amount or window a request should have brought and has not. They are never skipped: the request is refused,
// before any counter is touched. In Shadow they refuse nothing; such a request does not count there.

import type { GatewayError } from "../respond/gateway-errors.ts";
import type { Exchange } from "./exchange.ts";

/** What the request is answered with; undefined when it may go on. Leaves limits in Shadow out of what it matched. */
export function findUnresolved(exchange: Exchange): GatewayError | undefined {
  const { matched } = exchange;
  if (matched.every(({ problem }) => problem === undefined)) return undefined;
  const unresolved = matched.filter(({ problem }) => problem !== undefined);
  exchange.unresolved = unresolved.map(({ record }) => record.limit);
  const refusing = unresolved.find(({ record }) => record.limit.mode === "Enforce");
  if (refusing === undefined) {
    exchange.matched = matched.filter(({ problem }) => problem === undefined);
    return undefined;
  }
  exchange.matched = [];
  const { limit } = refusing.record;
  exchange.unresolvedBy = limit;
  const { namespace, name } = limit.policy;
  const message = `Limit "${limit.name}" of policy ${namespace}/${name}: ${refusing.problem ?? ""}.`;
  return { code: "limit_unresolved", message };
}
