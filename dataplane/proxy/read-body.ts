// Collects a request body as it arrived, in pieces, up to a limit, and lets the dialect's reader see it on the way.

import type { IncomingMessage } from "node:http";
import type { RequestReader } from "../providers/provider.ts";

export interface Body {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
}

export interface BodyReceiver {
  onBody(body: Body): void;
  /** More than maxBytes came or were announced; `bytes` is what is known of the size. Nothing more is read. */
  onTooLarge(bytes: number): void;
  /** The client left before the body was complete. */
  onGone(): void;
}

/** Calls exactly one of the receiver's functions. */
export function readBody(
  req: IncomingMessage,
  { reader, maxBytes }: { readonly reader: RequestReader; readonly maxBytes: number },
  receiver: BodyReceiver,
): void {
  const announced = Number(req.headers["content-length"] ?? 0);
  if (announced > maxBytes) {
    receiver.onTooLarge(announced);
    return;
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  let done = false;
  req.on("data", (chunk: Buffer) => {
    if (done) return;
    bytes += chunk.length;
    if (bytes > maxBytes) {
      done = true;
      req.pause();
      receiver.onTooLarge(bytes);
      return;
    }
    pieces.push(chunk);
    reader.push(chunk);
  });
  req.on("end", () => {
    if (done) return;
    done = true;
    receiver.onBody({ pieces, bytes });
  });
  const gone = (): void => {
    if (done) return;
    done = true;
    receiver.onGone();
  };
  req.on("error", gone);
  req.on("close", gone);
}
