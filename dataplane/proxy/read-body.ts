// Collects a request body as it arrived, in pieces, up to a limit, and lets the dialect's reader see it on the way.

import type { IncomingMessage } from "node:http";
import type { RequestReader } from "../providers/provider.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";

/** Emitted as a request's error by the server when the rest of its body cannot come, and the client can still be told. */
export class UnreadableBody extends Error {
  readonly problem: GatewayError;

  constructor(problem: GatewayError) {
    super(problem.message);
    this.name = "UnreadableBody";
    this.problem = problem;
  }
}

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
  req.on("error", (error) => {
    if (done || !(error instanceof UnreadableBody)) {
      gone();
      return;
    }
    done = true;
    receiver.onUnreadable(error.problem);
  });
}
