// Incremental reader of one HTTP/1.1 response after another. Pure: fed the bytes of a connection, knows no sockets and no
// callbacks; connection.ts asks it after each read what the read has brought.

import { ChunkedDecoder } from "./chunked-decoder.ts";
import { type Framing, parseResponseHead, type ResponseHead } from "./response-head.ts";

/** What is being waited for: "head" and "body" need more bytes, "complete" and "failed" take none. */
export type ReadState = "head" | "body" | "complete" | "failed";

const HEAD_END = "\r\n\r\n";
const PROTOCOL = Buffer.from("HTTP/1.", "latin1");
/** 103 and 100 come once or twice; a server that sends nothing else is stopped. */
const MAX_INFORMATIONAL = 16;
const NOTHING: Framing = { kind: "none" };

export class ResponseReader {
  state: ReadState = "complete";
  /** The head of the final response, from the push that completed it until the next `begin`. */
  head: ResponseHead | undefined;
  /** Body bytes of the last push as one piece; also set when that push ended the response or failed after them. */
  data: Buffer | undefined;
  /** Bytes came after the end of the response: what follows on this connection cannot be trusted. */
  surplus = false;
  /** Why the state is "failed". */
  fault = "";
  readonly #maxHeadBytes: number;
  readonly #chunked = new ChunkedDecoder();
  /** Start of an incomplete head. */
  #held: Buffer | undefined;
  #heldBytes = 0;
  /** Body bytes still to come when the framing is "length". */
  #left = 0;
  #informational = 0;
  #toHead = false;

  constructor(maxHeadBytes: number) {
    this.#maxHeadBytes = maxHeadBytes;
  }

  /** Makes ready for the response to a request with this method. */
  begin(method: string): void {
    this.state = "head";
    this.head = undefined;
    this.data = undefined;
    this.surplus = false;
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#informational = 0;
    this.#toHead = method === "HEAD";
  }

  /**
   * Takes the next bytes. The reader owns the buffer from then on: chunked data are moved together within it and `data`
   * shares its memory. Any split of the same bytes gives the same head, the same data in sum and the same end.
   */
  push(chunk: Buffer): ReadState {
    this.data = undefined;
    if (this.state === "head") {
      const rest = this.#readHeads(chunk);
      if (rest !== undefined) this.#startBody(rest);
    } else if (this.state === "body") {
      this.#readBody(chunk);
    } else if (this.state === "complete" && chunk.length > 0) {
      this.surplus = true;
    }
    return this.state;
  }

  /** The server has closed its side in good order: the end of a body without length, too early for any other. */
  eof(): ReadState {
    this.data = undefined;
    if (this.state === "body" && this.head?.framing.kind === "close") this.state = "complete";
    else if (this.state !== "complete") this.#fail("the response ended before it was complete");
    return this.state;
  }

  /** Reads heads up to and including the final one; returns the bytes after it, undefined when more are needed or it failed. */
  #readHeads(chunk: Buffer): Buffer | undefined {
    // The end of the head may lie across the seam; what was searched before is not searched again.
    let from = Math.max(0, this.#heldBytes - HEAD_END.length + 1);
    let input = this.#withHeld(chunk);
    for (;;) {
      const end = input.indexOf(HEAD_END, from, "latin1");
      if (end < 0) this.#hold(input);
      else if (end + HEAD_END.length > this.#maxHeadBytes) this.#failHead();
      else this.#takeHead(input.toString("latin1", 0, end + 2));
      if (end < 0 || this.state === "failed") return undefined;
      input = input.subarray(end + HEAD_END.length);
      if (this.head !== undefined) return input;
      from = 0;
    }
  }

  /** Parses one whole head; `head` is set when it is the final one. */
  #takeHead(text: string): void {
    this.#held = undefined;
    this.#heldBytes = 0;
    const parsed = parseResponseHead(text, this.#toHead);
    if (parsed.kind === "fault") this.#fail(parsed.message);
    else if (parsed.status >= 200) this.head = parsed;
    else this.#countInformational(parsed.status);
  }

  /** RFC 9110 section 15.2: informational responses precede the final one; 101 would change the protocol, never asked for. */
  #countInformational(status: number): void {
    this.#informational += 1;
    if (status === 101) this.#fail("the response switches protocols (101), which was not asked for");
    else if (this.#informational > MAX_INFORMATIONAL)
      this.#fail("too many informational responses precede the final one");
  }

  /** The bytes held back and these, in one buffer that nobody else has; it grows by doubling. */
  #withHeld(chunk: Buffer): Buffer {
    if (this.#held === undefined) return chunk;
    const bytes = this.#heldBytes + chunk.length;
    if (bytes > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(bytes * 2);
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#heldBytes);
    return this.#held.subarray(0, bytes);
  }

  #hold(input: Buffer): void {
    this.#held ??= input;
    this.#heldBytes = input.length;
    const known = Math.min(input.length, PROTOCOL.length);
    if (input.length >= this.#maxHeadBytes) this.#failHead();
    // Fails at once on a server that speaks something else, which may never send an empty line.
    else if (input.compare(PROTOCOL, 0, known, 0, known) !== 0) this.#fail("the response is not HTTP/1.0 or HTTP/1.1");
  }

  #startBody(rest: Buffer): void {
    const framing: Framing = this.head?.framing ?? NOTHING;
    this.state = "body";
    this.#left = framing.kind === "length" ? framing.bytes : 0;
    if (framing.kind === "chunked") this.#chunked.begin();
    if (framing.kind === "none" || (framing.kind === "length" && framing.bytes === 0)) {
      this.state = "complete";
      this.surplus = rest.length > 0;
    } else if (rest.length > 0) {
      this.#readBody(rest);
    }
  }

  #readBody(chunk: Buffer): void {
    const kind = this.head?.framing.kind;
    if (kind === "chunked") this.#readChunked(chunk);
    else if (kind === "length") this.#readCounted(chunk);
    else if (chunk.length > 0) this.data = chunk;
  }

  #readChunked(chunk: Buffer): void {
    const end = this.#chunked.decode(chunk, 0);
    this.data = this.#chunked.data(chunk);
    if (this.#chunked.failed) this.#fail(this.#chunked.fault);
    if (!this.#chunked.complete) return;
    this.state = "complete";
    this.surplus = end < chunk.length;
  }

  #readCounted(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.surplus = chunk.length > this.#left;
    this.data = this.surplus ? chunk.subarray(0, this.#left) : chunk;
    this.#left -= this.data.length;
    if (this.#left === 0) this.state = "complete";
  }

  #failHead(): void {
    this.#fail(`the head of the response is longer than ${this.#maxHeadBytes} bytes`);
  }

  #fail(message: string): void {
    this.state = "failed";
    this.fault = message;
  }
}
