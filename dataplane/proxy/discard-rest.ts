// Reads past the rest of a request body whose answer has been given. A socket that is closed with bytes unread is reset, and
// the answer may be lost with them (RFC 9112 section 9.6); but nobody may keep sending for ever.

import type { ClientRequest } from "../downstream/client-request.ts";
import type { HeaderList } from "../identify/header-list.ts";

const LINGER_MS = 2_000;
const LINGER_BYTES = 64 * 1024 * 1024;

/** Calls `done` once: when the body is over, the client has gone, or enough was read past. */
export function discardRest(req: ClientRequest, done: () => void): void {
  let bytes = 0;
  let isDone = false;
  const finish = (): void => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    done();
  };
  const timer = setTimeout(finish, LINGER_MS);
  req.read({
    data(piece) {
      bytes += piece.length;
      if (bytes > LINGER_BYTES) finish();
    },
    ended: finish,
    broken: finish,
    gone: finish,
  });
}

/** A longer rest is not worth the connection. */
const READ_PAST_BYTES = 64 * 1024;

/** Whether so much of a request's body is still to come that its connection is rather closed than kept. */
export function hasLongRest(req: ClientRequest, headers: HeaderList): boolean {
  if (req.complete) return false;
  const length = headers.get("content-length");
  return length === undefined ? headers.names.includes("transfer-encoding") : Number(length) > READ_PAST_BYTES;
}
