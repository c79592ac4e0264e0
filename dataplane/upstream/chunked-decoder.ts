// Chunked transfer coding (RFC 9112 section 7.1), incremental and strict. Pure: fed buffers by response-reader.ts.

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const SEMICOLON = 0x3b;

/** 52 bits: every size is exact as a number. */
const MAX_SIZE_DIGITS = 13;
/** Per chunk; nothing of an extension is kept, the cap only stops a server from sending nothing else. */
const MAX_EXTENSION_BYTES = 1024;
/** All trailer lines together; they are dropped. */
const MAX_TRAILER_BYTES = 16 * 1024;

type Step =
  | "size"
  | "extension"
  | "size-lf"
  | "data"
  | "data-cr"
  | "data-lf"
  | "line-start"
  | "trailer"
  | "trailer-lf"
  | "last-lf"
  | "complete"
  | "failed";

/**
 * Decodes in place: the data of all chunks in one buffer are moved together within it, so that one read gives one piece
 * and nothing is allocated. The buffers fed must not be used by anyone else.
 */
export class ChunkedDecoder {
  /** Why the step is "failed". */
  fault = "";
  #step: Step = "size";
  /** Size of the chunk being read; then its bytes still to come. */
  #left = 0;
  #digits = 0;
  /** Bytes of the present extension, or of all trailers. */
  #skipped = 0;
  #dataStart = 0;
  #dataEnd = 0;

  get complete(): boolean {
    return this.#step === "complete";
  }

  get failed(): boolean {
    return this.#step === "failed";
  }

  begin(): void {
    this.#step = "size";
    this.#left = 0;
    this.#digits = 0;
    this.#skipped = 0;
  }

  /** Takes bytes from `from` on; returns the position after those that belong to the body's coding. */
  decode(buffer: Buffer, from: number): number {
    this.#dataStart = -1;
    this.#dataEnd = -1;
    let at = from;
    while (at < buffer.length && this.#step !== "complete" && this.#step !== "failed") at = this.#advance(buffer, at);
    return at;
  }

  /** The data found by the last `decode`, also when it failed after them. */
  data(buffer: Buffer): Buffer | undefined {
    return this.#dataStart < 0 ? undefined : buffer.subarray(this.#dataStart, this.#dataEnd);
  }

  #advance(buffer: Buffer, at: number): number {
    switch (this.#step) {
      case "size":
        return this.#readSize(buffer, at);
      case "data":
        return this.#readData(buffer, at);
      case "extension":
        return this.#skipLine(buffer, at, MAX_EXTENSION_BYTES);
      case "trailer":
        return this.#skipLine(buffer, at, MAX_TRAILER_BYTES);
      default:
        return this.#readMark(buffer[at], at);
    }
  }

  #readSize(buffer: Buffer, from: number): number {
    let at = from;
    let digit = hexValue(buffer[at]);
    while (digit >= 0) {
      this.#digits += 1;
      if (this.#digits > MAX_SIZE_DIGITS) return this.#fail("a chunk size is too long", at);
      this.#left = this.#left * 16 + digit;
      at += 1;
      if (at === buffer.length) return at;
      digit = hexValue(buffer[at]);
    }
    return this.#endSize(buffer[at], at);
  }

  #endSize(code: number | undefined, at: number): number {
    if (this.#digits === 0) return this.#fail("a chunk size is missing or not hexadecimal", at);
    if (code === CR) {
      this.#step = "size-lf";
      return at + 1;
    }
    // A semicolon starts an extension; blanks before it or before the line's end are tolerated (RFC 9112 section 7.1.1).
    if (code !== SEMICOLON && code !== SPACE && code !== TAB) return this.#fail("a chunk size is not hexadecimal", at);
    this.#step = "extension";
    this.#skipped = 0;
    return at + 1;
  }

  #readData(buffer: Buffer, at: number): number {
    const bytes = Math.min(this.#left, buffer.length - at);
    if (this.#dataStart < 0) {
      this.#dataStart = at;
      this.#dataEnd = at;
    } else {
      buffer.copyWithin(this.#dataEnd, at, at + bytes);
    }
    this.#dataEnd += bytes;
    this.#left -= bytes;
    if (this.#left === 0) this.#step = "data-cr";
    return at + bytes;
  }

  /** Skips an extension or a trailer line up to its CR. */
  #skipLine(buffer: Buffer, from: number, cap: number): number {
    let at = from;
    while (at < buffer.length) {
      const code = buffer[at];
      at += 1;
      if (code === CR) {
        this.#step = this.#step === "extension" ? "size-lf" : "trailer-lf";
        return at;
      }
      this.#skipped += 1;
      if (code === LF || code === 0) return this.#fail("a chunk extension or trailer holds a bare LF or NUL", at);
      if (this.#skipped > cap) return this.#fail("a chunk extension or the trailers are too long", at);
    }
    return at;
  }

  /** Steps that look at one byte. */
  #readMark(code: number | undefined, at: number): number {
    if (this.#step === "line-start") {
      this.#step = code === CR ? "last-lf" : "trailer";
      return code === CR ? at + 1 : at;
    }
    if (this.#step === "data-cr") {
      if (code !== CR) return this.#fail("a chunk is longer than its size", at);
      this.#step = "data-lf";
      return at + 1;
    }
    if (code !== LF) return this.#fail("a CR without LF in chunked coding", at);
    this.#step = this.#afterLf();
    return at + 1;
  }

  #afterLf(): Step {
    if (this.#step === "last-lf") return "complete";
    if (this.#step === "trailer-lf") return "line-start";
    const lastChunk = this.#step === "size-lf" && this.#left === 0;
    const next: Step = this.#step === "data-lf" ? "size" : lastChunk ? "line-start" : "data";
    this.#digits = 0;
    this.#skipped = 0;
    return next;
  }

  #fail(message: string, at: number): number {
    this.#step = "failed";
    this.fault = message;
    return at;
  }
}

function hexValue(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
