// Bytes of one connection -> heads, pieces of bodies and ends of requests, one request after another. Pure but for the
// parser it is given; bounds what no body is made of: heads, chunk extensions and trailers.

import { type Events, type Fault, MOST_BYTES, type ParserSource, type RawParser } from "./llhttp.ts";

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** "1.1". */
  readonly version: string;
  /** Name, value, name, value, ... as received, without surrounding blanks. */
  readonly rawHeaders: readonly string[];
  /** The client may send another request on the connection. */
  readonly keepsAlive: boolean;
}

export interface RequestTaker {
  head(head: RequestHead): void;
  /** Shares the memory of the bytes that were pushed. */
  body(piece: Buffer): void;
  ended(): void;
}

/** Chunk sizes, extensions and trailers between two pieces of a body. */
const MOST_BETWEEN_BYTES = 16 * 1024;

const NOTHING = Buffer.alloc(0);

type Place = "between" | "head" | "body";

/** What of the head the last span belonged to. */
type Part = "target" | "name" | "value";

export class RequestReader implements Events {
  readonly #parser: RawParser;
  readonly #taker: RequestTaker;
  readonly #maxHeadBytes: number;
  #place: Place = "between";
  #chunk: Buffer = NOTHING;
  /** The head's bytes of earlier chunks, from the target on. */
  #held = "";
  /** Where in the present chunk the head's text goes on. */
  #headFrom = 0;
  /** Start and end of the target, the names and the values in turn, as positions in the head's text. */
  readonly #spans: number[] = [];
  #spanCount = 0;
  #part: Part = "target";
  /** Where the head's text ends, as far as it is known. */
  #textEnd = 0;
  /** Bytes of the head, or since the last piece of the body, in earlier chunks. */
  #silentBytes = 0;
  /** Where in the present chunk they go on. */
  #silentFrom = 0;
  #overflow: Fault | undefined;

  constructor(source: ParserSource, maxHeadBytes: number, taker: RequestTaker) {
    this.#parser = source.create(this);
    this.#maxHeadBytes = maxHeadBytes;
    this.#taker = taker;
  }

  /** Bytes of a request have come, and not all of it. */
  get isWithin(): boolean {
    return this.#place !== "between";
  }

  /** Any split of the same bytes gives the same heads, bodies and ends. After a fault nothing more may be pushed. */
  push(bytes: Buffer): Fault | undefined {
    for (let from = 0; from < bytes.length; from += MOST_BYTES) {
      const fault = this.#read(bytes.length <= MOST_BYTES ? bytes : bytes.subarray(from, from + MOST_BYTES));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** The client sends no more; a fault when that is within a request. */
  finish(): Fault | undefined {
    return this.#parser.finish();
  }

  free(): void {
    this.#parser.free();
  }

  begun(): void {
    this.#place = "head";
    this.#spanCount = 0;
    this.#textEnd = 0;
    this.#held = "";
    this.#silentBytes = 0;
  }

  target(start: number, end: number): void {
    if (this.#spanCount === 0) {
      this.#headFrom = start;
      this.#silentFrom = start;
      this.#add("target", start, end);
    } else {
      this.#extend(end);
    }
  }

  name(start: number, end: number): void {
    if (this.#place !== "head") {
      this.#boundSilence(end, MOST_BETWEEN_BYTES); // trailers are read past
      return;
    }
    if (this.#part === "name" && this.#continues(start)) {
      this.#extend(end);
      return;
    }
    if (this.#part === "name") this.#add("value", start, start); // an empty value need not be told
    this.#add("name", start, end);
  }

  value(start: number, end: number): void {
    if (this.#place !== "head") this.#boundSilence(end, MOST_BETWEEN_BYTES);
    else if (this.#part === "value") this.#extend(end);
    else this.#add("value", start, end);
  }

  headEnded(): void {
    if (this.#part === "name") this.#add("value", this.#headFrom, this.#headFrom);
    const { method, version, keepsAlive } = this.#parser.line();
    const text = this.#headText();
    const spans = this.#spans;
    const rawHeaders: string[] = [];
    for (let i = 2; i < this.#spanCount; i += 2) rawHeaders.push(unpadded(text, spans[i] ?? 0, spans[i + 1] ?? 0));
    this.#place = "body";
    this.#silentBytes = 0;
    this.#silentFrom = Math.max(0, this.#textEnd - this.#held.length + this.#headFrom);
    this.#held = "";
    if (this.#overflow !== undefined) return;
    this.#taker.head({ method, target: text.slice(spans[0], spans[1]), version, rawHeaders, keepsAlive });
  }

  body(start: number, end: number): void {
    this.#boundSilence(start, MOST_BETWEEN_BYTES);
    this.#silentBytes = 0;
    this.#silentFrom = end;
    if (this.#overflow === undefined) this.#taker.body(this.#chunk.subarray(start, end));
  }

  ended(): void {
    this.#place = "between";
    if (this.#overflow === undefined) this.#taker.ended();
  }

  #read(chunk: Buffer): Fault | undefined {
    this.#chunk = chunk;
    this.#headFrom = 0;
    this.#silentFrom = 0;
    const fault = this.#parser.execute(chunk);
    this.#chunk = NOTHING;
    if (this.#overflow !== undefined) return this.#overflow;
    if (fault !== undefined) return fault;
    if (this.#place === "between") return undefined;
    if (this.#place === "head" && this.#spanCount > 0) this.#held += chunk.toString("latin1", this.#headFrom);
    this.#boundSilence(chunk.length, this.#place === "head" ? this.#maxHeadBytes : MOST_BETWEEN_BYTES);
    this.#silentBytes += chunk.length - this.#silentFrom;
    return this.#overflow;
  }

  #add(part: Part, start: number, end: number): void {
    this.#spans[this.#spanCount] = start + this.#held.length - this.#headFrom;
    this.#spanCount += 2;
    this.#part = part;
    this.#extend(end);
  }

  #extend(end: number): void {
    const textEnd = end + this.#held.length - this.#headFrom;
    this.#spans[this.#spanCount - 1] = textEnd;
    this.#textEnd = Math.max(this.#textEnd, textEnd);
    this.#boundSilence(end, this.#maxHeadBytes);
  }

  #continues(start: number): boolean {
    return this.#spans[this.#spanCount - 1] === start + this.#held.length - this.#headFrom;
  }

  #headText(): string {
    const end = this.#textEnd - this.#held.length + this.#headFrom;
    const rest = end > this.#headFrom ? this.#chunk.toString("latin1", this.#headFrom, end) : "";
    return this.#held === "" ? rest : this.#held + rest;
  }

  #boundSilence(end: number, most: number): void {
    if (this.#silentBytes + end - this.#silentFrom <= most || this.#overflow !== undefined) return;
    this.#overflow =
      this.#place === "head"
        ? { code: "HPE_HEADER_OVERFLOW", reason: "the head is too long" }
        : { code: "HPE_CHUNK_EXTENSIONS_OVERFLOW", reason: "a chunk extension or the trailers are too long" };
  }
}

/** The parser leaves out the blanks before a value, and not those behind it (RFC 9110 section 5.5). */
function unpadded(text: string, start: number, end: number): string {
  let to = end;
  while (to > start && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(start, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
