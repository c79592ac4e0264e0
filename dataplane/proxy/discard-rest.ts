// Reads past the rest of a request body whose answer has been given. A socket that is closed with bytes unread is reset, and
// the answer may be lost with them (RFC 9112 section 9.6); but nobody may keep sending for ever.

import type { IncomingMessage } from "node:http";

const LINGER_MS = 2_000;
const LINGER_BYTES = 64 * 1024 * 1024;

/** Calls `done` once: when the body is over, the client has gone, or enough was read past. */
export function discardRest(req: IncomingMessage, done: () => void): void {
  let bytes = 0;
  let isDone = false;
  const finish = (): void => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    done();
  };
  const timer = setTimeout(finish, LINGER_MS);
  req.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) finish();
  });
  for (const event of ["end", "close", "error"]) req.on(event, finish);
  req.resume();
}

/** A longer rest is not worth the connection. */
const READ_PAST_BYTES = 64 * 1024;

/** Whether so much of a request's body is still to come that its connection is rather closed than kept. */
export function hasLongRest(req: IncomingMessage): boolean {
  if (req.complete) return false;
  const { "content-length": length, "transfer-encoding": coding } = req.headers;
  return length === undefined ? coding !== undefined : Number(length) > READ_PAST_BYTES;
}
