// Answers that the gateway makes itself: errors and refusals. Every one carries the request's id and says that no upstream
// answered.

import { errorBody, errorHeaders, type GatewayError, statusOf } from "../respond/gateway-errors.ts";
import { discardRest, hasLongRest } from "./discard-rest.ts";
import type { Exchange } from "./exchange.ts";

/** RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: answers that have no content. */
const BODILESS = new Set([204, 205, 304]);

const JSON_TYPE = "application/json; charset=utf-8";

export interface OwnAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
  /** Default JSON. */
  readonly contentType?: string | undefined;
  /** The connection cannot be used further. */
  readonly closes?: boolean | undefined;
}

export function answerError(exchange: Exchange, error: GatewayError): void {
  exchange.errorCode = error.code;
  answer(exchange, {
    status: statusOf(error.code),
    headers: errorHeaders(error),
    body: errorBody(error, { dialect: exchange.dialect, requestId: exchange.id }),
    closes: error.closes,
  });
}

export function answer(exchange: Exchange, { status, headers, body, contentType, closes }: OwnAnswer): void {
  const { req, res } = exchange;
  exchange.status = status;
  if (res.headersSent || res.destroyed) return;
  const elapsedMs = Math.max(0, Math.round(performance.now() - exchange.startedAt));
  const all = [...headers, "X-AIRL-Request-Id", exchange.id, "X-AIRL-Response-Latency", String(elapsedMs)];
  const hasBody = !BODILESS.has(status);
  if (hasBody) all.push(...bodyHeaders(body, contentType));
  const ends = closes === true || hasLongRest(req, exchange.headers);
  if (ends) all.push("Connection", "close");
  res.writeHead(status, all);
  // A HEAD answer has the headers of the answer and no body.
  const text = hasBody && req.method !== "HEAD" ? body : "";
  if (ends) endConnection(exchange, text);
  else res.end(text);
}

function bodyHeaders(body: string, contentType = JSON_TYPE): string[] {
  return ["Content-Type", contentType, "Content-Length", String(Buffer.byteLength(body))];
}

function endConnection({ req, res, unreadable }: Exchange, text: string): void {
  if (req.complete || unreadable) {
    res.end(text);
    return;
  }
  res.write(text);
  discardRest(req, () => {
    res.end();
  });
}
