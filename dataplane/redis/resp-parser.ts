// Reads RESP2 replies from a connection's bytes, however they are split, and hands them on in order. Knows no commands.

/** Text is one character per byte (latin1): what the store reads is ASCII, and any byte survives. */
export type RespValue = number | string | null | RespError | readonly RespValue[];

/** An error reply. */
export class RespError extends Error {
  override readonly name = "ReplyError";
}

/** A reply that is larger than this is taken for nonsense; the store's own are a few hundred bytes. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 8;
const MAX_DIGITS = 20;

const CR = 0x0d;
const LF = 0x0a;
const MINUS = 0x2d;
const ZERO = 0x30;
const ARRAY = 0x2a;
const SIMPLE = 0x2b;
const INTEGER = 0x3a;
const BULK = 0x24;
const EMPTY = Buffer.alloc(0);

/** The reply goes on beyond the bytes at hand. */
const INCOMPLETE = Symbol("incomplete");
/** The bytes are no RESP2. */
const FAULT = Symbol("fault");
type Parsed = RespValue | typeof INCOMPLETE | typeof FAULT;

export class RespParser {
  readonly #take: (value: RespValue) => void;
  /** Bytes at hand, read up to #at. Between calls: the beginning of one reply. */
  #bytes: Buffer = EMPTY;
  #at = 0;
  /** While this many are not at hand there is no use in reading the reply again from its beginning. */
  #needed = 0;
  #isBroken = false;

  constructor(take: (value: RespValue) => void) {
    this.#take = take;
  }

  /** False when the bytes are no RESP2, or the reply is too long: the connection cannot be read on, and is not. */
  push(chunk: Buffer): boolean {
    if (this.#isBroken) return false;
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.length < this.#needed) return true;
    this.#needed = 0;
    let start = 0;
    while (start < this.#bytes.length) {
      this.#at = start;
      const value = this.#value(0);
      if (value === FAULT) return this.#break();
      if (value === INCOMPLETE) break;
      start = this.#at;
      this.#take(value);
    }
    return this.#keep(start);
  }

  #break(): false {
    this.#isBroken = true;
    this.#bytes = EMPTY;
    return false;
  }

  #keep(start: number): boolean {
    const left = this.#bytes.length - start;
    if (left > MAX_REPLY_BYTES) return this.#break();
    this.#bytes = left === 0 ? EMPTY : this.#bytes.subarray(start);
    this.#needed = Math.max(0, this.#needed - start);
    return true;
  }

  #value(depth: number): Parsed {
    const type = this.#bytes[this.#at];
    if (type === undefined) return INCOMPLETE;
    this.#at += 1;
    switch (type) {
      case BULK:
        return this.#bulk();
      case ARRAY:
        return this.#array(depth);
      case INTEGER:
        return this.#integer();
      case SIMPLE:
        return this.#line();
      case MINUS:
        return this.#error();
      default:
        return FAULT;
    }
  }

  /** Up to the line's end. A double that has more digits than it can hold is the nearest there is. */
  #integer(): number | typeof INCOMPLETE | typeof FAULT {
    const bytes = this.#bytes;
    const isNegative = bytes[this.#at] === MINUS;
    const first = this.#at + Number(isNegative);
    let at = first;
    let result = 0;
    for (; at < bytes.length; at += 1) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      result = result * 10 + digit;
    }
    if (at - first > MAX_DIGITS || (at === first && at < bytes.length)) return FAULT;
    return this.#endLine(at) ?? (isNegative ? -result : result);
  }

  /** Undefined when the line does end there. */
  #endLine(at: number): typeof INCOMPLETE | typeof FAULT | undefined {
    const bytes = this.#bytes;
    if (at === bytes.length) return INCOMPLETE;
    if (bytes[at] !== CR) return FAULT;
    if (at + 1 === bytes.length) return INCOMPLETE;
    if (bytes[at + 1] !== LF) return FAULT;
    this.#at = at + 2;
    return undefined;
  }

  #line(): string | typeof INCOMPLETE | typeof FAULT {
    const end = this.#bytes.indexOf(CR, this.#at);
    if (end < 0 || end + 1 === this.#bytes.length) return INCOMPLETE;
    if (this.#bytes[end + 1] !== LF) return FAULT;
    const text = this.#bytes.toString("latin1", this.#at, end);
    this.#at = end + 2;
    return text;
  }

  #error(): Parsed {
    const message = this.#line();
    return typeof message === "string" ? new RespError(message) : message;
  }

  #bulk(): Parsed {
    const length = this.#integer();
    if (typeof length !== "number") return length;
    if (length === -1) return null;
    if (length < 0 || length > MAX_REPLY_BYTES) return FAULT;
    const bytes = this.#bytes;
    const end = this.#at + length;
    if (end + 2 > bytes.length) {
      this.#needed = end + 2;
      return INCOMPLETE;
    }
    if (bytes[end] !== CR || bytes[end + 1] !== LF) return FAULT;
    const text = bytes.toString("latin1", this.#at, end);
    this.#at = end + 2;
    return text;
  }

  #array(depth: number): Parsed {
    const length = this.#integer();
    if (typeof length !== "number") return length;
    if (length === -1) return null;
    // The shortest element has four bytes.
    if (length < 0 || length > MAX_REPLY_BYTES / 4 || depth === MAX_DEPTH) return FAULT;
    const values: RespValue[] = [];
    for (let i = 0; i < length; i += 1) {
      const value = this.#value(depth + 1);
      if (value === INCOMPLETE || value === FAULT) return value;
      values.push(value);
    }
    return values;
  }
}
