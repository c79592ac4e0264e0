// CORS preflight requests (Fetch Standard, section 3.2.2): a browser asks before it sends the real request, and sends no
// credential with the question. Routes may let them pass without identification.

import { barePath } from "../providers/bare-path.ts";
import type { Dialects } from "../providers/dialects.ts";
import type { Operation } from "../providers/provider.ts";
import { unchargedOperation } from "../providers/uncharged.ts";
import type { Exchange } from "./exchange.ts";
import { announcedBytes } from "./read-body.ts";

const METHOD = "access-control-request-method";

/** Only without a body: what passes unidentified carries nothing. */
export function isPreflight({ req, headers }: Pick<Exchange, "req" | "headers">): boolean {
  if (req.method !== "OPTIONS") return false;
  if (headers.get("origin") === undefined || headers.get(METHOD) === undefined) return false;
  return announcedBytes(headers) === 0 && !headers.names.includes("transfer-encoding");
}

/** What the real request will be asked by. */
export function announcedMethod({ headers }: Pick<Exchange, "headers">): string {
  return headers.get(METHOD) ?? "";
}

/** The question goes where the real request would: to the path of its operation, and costs nothing. */
export function preflightOf({ name, dialect, upstreamPath }: Operation): Operation {
  return unchargedOperation({ name, dialect, upstreamPath });
}

/** Of a path that says nothing: the main call of a dialect that the route's backends speak. */
export function preflightOfPath({ route, dialect, path }: Exchange, dialects: Dialects): Operation {
  const other = dialect === "OpenAI" ? "Anthropic" : "OpenAI";
  const isServed = route?.byDialect[dialect].isEmpty === false;
  return preflightOf(dialects.operationAt(barePath(path), isServed ? dialect : other));
}
