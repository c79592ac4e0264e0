// Everything that a request reader says of bytes, given in pieces.

import { ParserSource } from "../../dataplane/downstream/llhttp.ts";
import { type RequestHead, RequestReader } from "../../dataplane/downstream/request-reader.ts";

export interface ReadRequest extends RequestHead {
  body: string;
  complete: boolean;
}

export interface ReadRequests {
  readonly requests: readonly ReadRequest[];
  /** The parser's name of what was wrong; "" when nothing was. */
  readonly fault: string;
  readonly reason: string;
  readonly isWithin: boolean;
}

export const MAX_HEAD_BYTES = 32_768;
const parsers = new ParserSource();

export function readRequests(pieces: readonly (string | Buffer)[], { eof = false } = {}): ReadRequests {
  const requests: ReadRequest[] = [];
  const reader = new RequestReader(parsers, MAX_HEAD_BYTES, {
    head: (head) => void requests.push({ ...head, body: "", complete: false }),
    body: (piece) => {
      const last = requests.at(-1);
      if (last !== undefined) last.body += piece.toString("latin1");
    },
    ended: () => {
      const last = requests.at(-1);
      if (last !== undefined) last.complete = true;
    },
  });
  let fault = pieces
    .map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece))
    .reduce<ReturnType<RequestReader["push"]>>((found, piece) => found ?? reader.push(piece), undefined);
  const { isWithin } = reader;
  if (eof) fault ??= reader.finish();
  reader.free();
  return { requests, fault: fault?.code ?? "", reason: fault?.reason ?? "", isWithin };
}
