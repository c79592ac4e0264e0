// What the parser lets pass although two readers could understand it differently, and what is beyond the gateway's own
// bounds. RFC 9112: sections 3.2 (Host, target), 6.1 (Transfer-Encoding), 11.2 (request smuggling).

import type { ClientRequest } from "../downstream/client-request.ts";
import type { HeaderList } from "../identify/header-list.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";
import { agreesWithHost, originForm } from "./request-target.ts";

export const MAX_HEADERS = 200;

/** Every such request ends its connection: what follows on it may not be what it seems. */
export function formProblem(req: ClientRequest, headers: HeaderList): GatewayError | undefined {
  const count = headers.names.length;
  if (count > MAX_HEADERS) {
    const message = `The request has more than ${String(MAX_HEADERS)} headers.`;
    return { code: "head_too_large", message, closes: true };
  }
  const found = malformed(req, headers);
  if (found !== undefined) return { code: "request_malformed", message: found, closes: true };
  if (headers.names.includes("expect") && headers.get("expect")?.toLowerCase() !== "100-continue") {
    return { code: "expectation_failed", message: "The only expectation that is met is 100-continue.", closes: true };
  }
  return undefined;
}

function malformed(req: ClientRequest, headers: HeaderList): string | undefined {
  const { httpVersion, url } = req;
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return `The request is HTTP/${httpVersion}; wanted HTTP/1.1.`;
  if (originForm(url) === undefined) {
    return `Request target ${JSON.stringify(url.slice(0, 64))} is not a path with a query, nor such a one behind http://host.`;
  }
  return hostProblem(req, headers) ?? codingProblem(httpVersion, headers);
}

function hostProblem({ httpVersion, url }: ClientRequest, headers: HeaderList): string | undefined {
  const { names } = headers;
  const host = names.indexOf("host");
  if (host < 0) return httpVersion === "1.1" ? "The request has no Host header; wanted exactly one." : undefined;
  if (names.includes("host", host + 1)) return "The request has more than one Host header; wanted exactly one.";
  // Whoever routed the request here may have gone by either.
  return agreesWithHost(url, headers.value(host)) ? undefined : "The request target names another host than Host does.";
}

function codingProblem(httpVersion: string, headers: HeaderList): string | undefined {
  if (!headers.names.includes("transfer-encoding")) return undefined;
  // A coding besides chunked would have to be undone; in HTTP/1.0 there is none, and other readers do not look for it.
  const isPlain = httpVersion === "1.1" && headers.get("transfer-encoding")?.toLowerCase() === "chunked";
  return isPlain ? undefined : "The request has a Transfer-Encoding other than chunked, or is HTTP/1.0 with one.";
}
