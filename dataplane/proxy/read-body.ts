// Collects a request body as it arrived, in pieces, up to a limit, and lets the dialect's reader see it on the way.

import type { HeaderList } from "../identify/header-list.ts";
import type { RequestReader } from "../providers/provider.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";
import type { BodySource } from "./held-body.ts";

export interface Body {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
}

export interface BodyReceiver {
  onBody(body: Body): void;
  /** More than maxBytes came or were announced; `bytes` is what is known of the size. Nothing more is read. */
  onTooLarge(bytes: number): void;
  /** The body broke off in a way that the client can be told. */
  onUnreadable(problem: GatewayError): void;
  /** The client left before the body was complete. */
  onGone(): void;
}

export interface BodyBounds {
  readonly reader: RequestReader;
  /** By Content-Length; 0 without one. */
  readonly announced: number;
  readonly maxBytes: number;
}

/** What Content-Length says; 0 without one. */
export function announcedBytes(headers: HeaderList): number {
  return Number(headers.get("content-length") ?? 0);
}

const NOBODY = { data: () => {}, ended: () => {}, broken: () => {}, gone: () => {} };

/** Calls exactly one of the receiver's functions. */
export function readBody(req: BodySource, { reader, announced, maxBytes }: BodyBounds, receiver: BodyReceiver): void {
  if (announced > maxBytes) {
    receiver.onTooLarge(announced);
    return;
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  req.read({
    data(piece) {
      bytes += piece.length;
      if (bytes > maxBytes) {
        req.read(NOBODY);
        receiver.onTooLarge(bytes);
        return;
      }
      pieces.push(piece);
      reader.push(piece);
    },
    ended: () => receiver.onBody({ pieces, bytes }),
    broken: (problem) => receiver.onUnreadable(problem),
    gone: () => receiver.onGone(),
  });
}
