// Keeps what comes of a request's body while it is not known yet whether the request may go on: nobody would read it
// otherwise, and it would be lost.

import type { BodyTaker } from "../downstream/client-request.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";

export interface BodySource {
  read(taker: BodyTaker): void;
}

export class HeldBody implements BodySource, BodyTaker {
  readonly #source: BodySource;
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** How it ended, if it has. */
  #end: ((taker: BodyTaker) => void) | undefined;

  /** Begins to read. Beyond `maxBytes` pieces are dropped: whoever reads on will find the body too large. */
  constructor(source: BodySource, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    source.read(this);
  }

  data(piece: Buffer): void {
    if (this.#bytes > this.#maxBytes) return;
    this.#bytes += piece.length;
    this.#pieces.push(piece);
  }

  ended(): void {
    this.#end = (taker) => {
      taker.ended();
    };
  }

  broken(problem: GatewayError): void {
    this.#end = (taker) => {
      taker.broken(problem);
    };
  }

  gone(): void {
    this.#end = (taker) => {
      taker.gone();
    };
  }

  /** From the first piece on, and then as it comes. */
  read(taker: BodyTaker): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    if (this.#end === undefined) this.#source.read(taker);
    for (const piece of pieces) taker.data(piece);
    this.#end?.(taker);
  }
}
