// What is told to a client whose bytes are no request, or did not come in time.

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { errorBody, errorHeaders, type GatewayError, statusOf } from "../respond/gateway-errors.ts";
import type { Fault } from "./llhttp.ts";

const LINGER_MS = 1_000;

export const TIMED_OUT: GatewayError = {
  code: "request_timeout",
  message: "The request did not come to its end in time.",
};

export function faultProblem({ code, reason }: Fault, maxHeadBytes: number): GatewayError {
  if (code === "HPE_HEADER_OVERFLOW") {
    return { code: "head_too_large", message: `The request head has more than ${String(maxHeadBytes)} bytes.` };
  }
  // The parser's words name a rule of HTTP, never the bytes that broke it.
  return { code: "request_malformed", message: `The request is not HTTP/1.1: ${reason || code}.` };
}

/** Answers on the bare socket and closes it; for connections on which no response is open. */
export function endWith(socket: Duplex, error: GatewayError, requestId: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf(error.code);
  // What cannot be read names no API: OpenAI's shape is the one that most clients know.
  const body = errorBody(error, { dialect: "OpenAI", requestId });
  const headers = [
    ...errorHeaders(error),
    ...["X-AIRL-Request-Id", requestId],
    ...["Content-Type", "application/json; charset=utf-8"],
    ...["Content-Length", String(Buffer.byteLength(body))],
    ...["Connection", "close"],
  ];
  const lines = headers.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${headers[i + 1] ?? ""}`] : []));
  const head = [`HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}`, ...lines].join("\r\n");
  socket.end(`${head}\r\n\r\n${body}`);
  // A socket closed with bytes unread is reset, and the answer may be lost: what still comes is read past for a moment.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("end", () => socket.destroy());
  socket.once("close", () => {
    clearTimeout(timer);
  });
}
