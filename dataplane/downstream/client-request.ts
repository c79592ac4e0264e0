// A request of a client as the rest of the data plane sees it: its head, and its body as it comes. Whoever wants the body
// says so while it handles the head; what nobody takes is read past.

import type { GatewayError } from "../respond/gateway-errors.ts";
import type { RequestHead } from "./request-reader.ts";

/** Hears of a body in order; after `ended`, `broken` or `gone` nothing more. */
export interface BodyTaker {
  /** The taker may keep the piece. */
  data(piece: Buffer): void;
  ended(): void;
  /** The rest cannot be read, and the client can still be told. */
  broken(problem: GatewayError): void;
  /** The client has gone. */
  gone(): void;
}

export class ClientRequest {
  readonly method: string;
  /** The request target as it was sent. */
  readonly url: string;
  /** "1.1". */
  readonly httpVersion: string;
  /** Name, value, name, value, ... as received, without surrounding blanks. */
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string;
  readonly keepsAlive: boolean;
  /** All of the body has come. */
  complete = false;
  #taker: BodyTaker | undefined;
  /** Sends what the client waits for before it sends the body. */
  #wanted: (() => void) | undefined;

  constructor(head: RequestHead, remoteAddress: string) {
    this.method = head.method;
    this.url = head.target;
    this.httpVersion = head.version;
    this.rawHeaders = head.rawHeaders;
    this.keepsAlive = head.keepsAlive;
    this.remoteAddress = remoteAddress;
  }

  /** The body from here on; the one who took it before hears nothing more. */
  read(taker: BodyTaker): void {
    this.#taker = taker;
    this.#wanted?.();
    this.#wanted = undefined;
  }

  /** For its connection: `tell` is called when somebody wants the body. */
  onWanted(tell: () => void): void {
    this.#wanted = tell;
  }

  /** For its connection, as are the following. */
  data(piece: Buffer): void {
    this.#taker?.data(piece);
  }

  ended(): void {
    this.complete = true;
    this.#finish()?.ended();
  }

  /** False when nobody is told. */
  broken(problem: GatewayError): boolean {
    const taker = this.#finish();
    taker?.broken(problem);
    return taker !== undefined;
  }

  gone(): void {
    this.#finish()?.gone();
  }

  #finish(): BodyTaker | undefined {
    const taker = this.#taker;
    this.#taker = undefined;
    return taker;
  }
}
