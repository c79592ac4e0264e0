// What is told to a client whose bytes are no request: node's parser refuses them before there is anything to handle.

import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { errorBody, errorHeaders, type GatewayError, statusOf } from "./respond/gateway-errors.ts";

const LINGER_MS = 1_000;

/** Undefined when the connection itself failed: nobody listens any more. */
export function clientProblem(error: Error, maxHeadBytes: number): GatewayError | undefined {
  const code = parserCode(error);
  if (code === "HPE_HEADER_OVERFLOW") {
    return { code: "head_too_large", message: `The request head has more than ${String(maxHeadBytes)} bytes.` };
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return { code: "request_timeout", message: "The request did not come to its end in time." };
  }
  if (!code.startsWith("HPE_")) return undefined;
  // The parser's words name a rule of HTTP, never the bytes that broke it.
  return { code: "request_malformed", message: `The request is not HTTP/1.1: ${textOf(error, "reason") || code}.` };
}

/** The parser's own name for what is wrong: "HPE_INVALID_METHOD". Never a byte of what the client sent. */
export function parserCode(error: Error): string {
  const code = textOf(error, "code");
  return /^[A-Z0-9_]{1,64}$/.test(code) ? code : "";
}

function textOf(error: Error, key: "code" | "reason"): string {
  const value: unknown = Reflect.get(error, key);
  return typeof value === "string" ? value : "";
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
