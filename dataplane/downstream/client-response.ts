// The answer to one request: its head, the framing of its body, and its turn among the answers of its connection. What is
// written before its turn waits, and its writer is told to pause.

import { type AnsweredRequest, composeHead, type Framing, type HeadTails, type KnownHeaders } from "./response-head.ts";

/** What carries answers, in the order of their requests. */
export interface AnswerCarrier {
  readonly tails: HeadTails;
  /** False when the client takes no more for now. */
  write(bytes: string | Buffer): boolean;
  /** All three in one system call, the texts as latin1. */
  writeAround(before: string, body: Buffer, after: string): boolean;
  /** The response whose turn it is has written all. */
  finished(response: ClientResponse): void;
  /** Ends the connection at once. */
  destroy(): void;
}

/** Up to here one copy of a body and what stands around it costs less than a write of several pieces. */
const JOIN_BYTES = 16 * 1024;
const CHUNK_END = "\r\n";
const LAST_CHUNK = "0\r\n\r\n";
const NOTHING = Buffer.alloc(0);

export class ClientResponse {
  headersSent = false;
  /** The client has gone: nothing reaches it any more. */
  destroyed = false;
  /** All has been handed over. */
  ended = false;
  /** Nothing may follow on the connection. */
  closes = false;
  /** Called once, when the client goes before all has been handed over. */
  onClose: (() => void) | undefined;
  /** Called each time when more can be written after `write` was false. */
  onDrain: (() => void) | undefined;
  readonly #carrier: AnswerCarrier;
  readonly #request: AnsweredRequest;
  /** Composed and not written: it leaves with the first piece. */
  #head = "";
  #framing: Framing = "none";
  #isTurn = false;
  #waiting: (string | Buffer)[] | undefined;

  constructor(carrier: AnswerCarrier, request: AnsweredRequest) {
    this.#carrier = carrier;
    this.#request = request;
  }

  /**
   * Status 200 to 999; name, value, name, value, ... Throws RangeError for what would break the head's lines.
   */
  writeHead(status: number, headers: readonly string[], known?: KnownHeaders): void {
    const head = composeHead({ status, headers, known, closes: this.closes }, this.#request, this.#carrier.tails);
    this.headersSent = true;
    this.#head = head.text;
    this.#framing = head.framing;
    this.closes = head.closes;
  }

  /** False when the client takes no more for now: `onDrain` tells when it does. */
  write(body: Buffer | string): boolean {
    const piece = typeof body === "string" ? Buffer.from(body) : body;
    if (this.destroyed || this.ended || piece.length === 0 || this.#framing === "none") return true;
    return this.#framing === "chunked" ? this.#send(sizeLine(piece), piece, CHUNK_END) : this.#send("", piece, "");
  }

  end(body: Buffer | string = NOTHING): void {
    if (this.destroyed || this.ended) return;
    const piece = typeof body === "string" ? Buffer.from(body) : body;
    this.ended = true;
    if (this.#framing === "none") this.#send("", NOTHING, "");
    else if (this.#framing !== "chunked") this.#send("", piece, "");
    else if (piece.length > 0) this.#send(sizeLine(piece), piece, CHUNK_END + LAST_CHUNK);
    else this.#send("", NOTHING, LAST_CHUNK);
    if (this.#isTurn) this.#carrier.finished(this);
  }

  /** Cuts the connection: the client must see that the answer is not whole. */
  destroy(): void {
    this.#carrier.destroy();
  }

  /** For its connection, as are the following: all answers before this one have been written. */
  takeTurn(): void {
    this.#isTurn = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    let isFlowing = true;
    for (const bytes of waiting ?? []) isFlowing = this.#carrier.write(bytes);
    if (this.ended) this.#carrier.finished(this);
    else if (waiting !== undefined && isFlowing) this.onDrain?.();
  }

  drained(): void {
    if (!this.ended) this.onDrain?.();
  }

  gone(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#waiting = undefined;
    this.onClose?.();
  }

  /** A piece of the body between two texts; what is composed of the head goes before them. */
  #send(before: string, piece: Buffer, after: string): boolean {
    const start = this.#head + before;
    this.#head = "";
    if (!this.#isTurn) {
      this.#waiting ??= [];
      for (const bytes of [start, piece, after]) if (bytes.length > 0) this.#waiting.push(bytes);
      return false;
    }
    if (piece.length === 0) return start + after === "" || this.#carrier.write(start + after);
    if (start + after === "") return this.#carrier.write(piece);
    if (piece.length > JOIN_BYTES) return this.#carrier.writeAround(start, piece, after);
    return this.#carrier.write(start + piece.toString("latin1") + after);
  }
}

/** RFC 9112 section 7.1. */
function sizeLine(piece: Buffer): string {
  return `${piece.length.toString(16)}\r\n`;
}
