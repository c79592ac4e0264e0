// Finds the end of a JSON string and how many UTF-8 bytes it stands for, without building it. Resumes at any byte.
// A string is walked for its first bytes, then leapt over for a while, then walked again, and so on: leaping costs next
// to nothing, and what was leapt over is taken to have as many escapes as what was walked before it. Escapes are checked
// where the string is walked. Raw control characters and invalid UTF-8 are not looked for.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const NOT_HEX = 255;
/** How far to look byte by byte before a native search, which costs about as much as 64 steps. */
const NEAR_BYTES = 64;

const WALKED_BYTES = 1024;
const LEAPT_BYTES = 15_360;
/**
 * Least UTF-8 bytes that a byte leapt over counts for. Text written in \u escapes has a third to a half; less than that is
 * a string made to look short where it is walked.
 */
const MIN_LEAPT_RATIO = 0.5;

const SIMPLE_ESCAPE = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) SIMPLE_ESCAPE[byte] = 1;
const HEX_VALUE = new Uint8Array(256).fill(NOT_HEX);
"0123456789abcdef".split("").forEach((digit, value) => {
  HEX_VALUE[digit.charCodeAt(0)] = value;
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = value;
});

/** Index of the closing quote of a short string without escapes that begins at `from`; -1 for any other string. */
export function closingQuoteNear(buffer: Buffer, from: number, to: number): number {
  const near = Math.min(from + NEAR_BYTES, to);
  for (let i = from; i < near; i++) {
    const byte = buffer[i];
    if (byte === QUOTE) return i;
    if (byte === BACKSLASH) return -1;
  }
  return -1;
}

export class StringSkipper {
  /** True when what was walked of the string has an escape. */
  escaped = false;
  /** Where the escape is wrong, after `skip` returned -1. */
  wrongAt = 0;

  /** UTF-8 bytes walked, and what those leapt over in finished leaps count for. */
  private bytes = 0;
  private isLeaping = false;
  /** Bytes of the string until the next turn from walking to leaping or back. */
  private left = WALKED_BYTES;
  private bytesAtWalkStart = 0;
  private leapt = 0;
  private ratio = 1;
  /** While leaping: the bytes before end in an odd number of backslashes. */
  private oddBackslash = false;
  /** While walking: bytes still wanted of an escape: 0 none, 5 the letter, 4..1 hexadecimal digits. */
  private pending = 0;
  private codeUnit = 0;

  // Where the next quote and backslash are in `seen`, so that no byte is searched twice however many strings it holds.
  private seen: Buffer | undefined;
  private quoteAt = -1;
  private backslashAt = -1;

  begin(): void {
    this.escaped = false;
    this.bytes = 0;
    this.isLeaping = false;
    this.left = WALKED_BYTES;
    this.bytesAtWalkStart = 0;
    this.leapt = 0;
    this.pending = 0;
  }

  /** UTF-8 bytes of the string so far; exact for the first 1024 raw bytes. */
  get utf8Bytes(): number {
    return this.leapt === 0 ? this.bytes : this.bytes + Math.round(this.leapt * this.ratio);
  }

  /** To be called when a buffer comes whose bytes may have changed since they were searched. */
  forgetBuffer(): void {
    this.seen = undefined;
  }

  /** Index of the closing quote; `to` when the string goes on behind it; -1 when an escape is wrong. */
  skip(buffer: Buffer, from: number, to: number): number {
    let i = from;
    while (i < to) {
      const limit = Math.min(to, i + this.left);
      const next = this.isLeaping ? this.leap(buffer, i, limit) : this.walk(buffer, i, limit);
      if (next < limit) return next;
      this.left -= next - i;
      i = next;
      if (this.left === 0) this.turn();
    }
    return i;
  }

  /** Index of the closing quote, or `to`; -1 when an escape is wrong. */
  private walk(buffer: Buffer, from: number, to: number): number {
    let i = from;
    while (i < to) {
      if (this.pending === 0) {
        i = this.findSpecial(buffer, i, to);
        if (i === to || buffer[i] === QUOTE) break;
        this.pending = 5;
        this.escaped = true;
        i += 1;
      }
      i = this.skipEscape(buffer, i, to);
      if (i < 0) return i;
    }
    this.bytes += i - from;
    return i;
  }

  /** Index of the closing quote, or `to`. */
  private leap(buffer: Buffer, from: number, to: number): number {
    let quote = from - 1;
    let isEscaped = true;
    while (isEscaped && quote < to) {
      quote = this.findQuote(buffer, quote + 1, to);
      let i = quote;
      while (i > from && buffer[i - 1] === BACKSLASH) i -= 1;
      isEscaped = ((quote - i) & 1) === 1 ? i > from || !this.oddBackslash : i === from && this.oddBackslash;
    }
    this.oddBackslash = isEscaped;
    this.leapt += quote - from;
    return quote;
  }

  /** An escape that lies across the turn is still walked. */
  private turn(): void {
    if (this.isLeaping) {
      this.bytes = this.utf8Bytes;
      this.bytesAtWalkStart = this.bytes;
      this.leapt = 0;
      this.isLeaping = false;
      this.left = WALKED_BYTES;
      this.pending = this.oddBackslash ? 5 : 0;
    } else if (this.pending > 0) {
      this.left = 1;
    } else {
      this.ratio = Math.max(MIN_LEAPT_RATIO, Math.min(1, (this.bytes - this.bytesAtWalkStart) / WALKED_BYTES));
      this.isLeaping = true;
      this.left = LEAPT_BYTES;
      this.oddBackslash = false;
    }
  }

  private findSpecial(buffer: Buffer, from: number, to: number): number {
    const near = Math.min(from + NEAR_BYTES, to);
    for (let i = from; i < near; i++) {
      const byte = buffer[i];
      if (byte === QUOTE || byte === BACKSLASH) return i;
    }
    if (near === to) return to;
    this.searchQuote(buffer, near);
    if (this.backslashAt < near) this.backslashAt = indexOrEnd(buffer, BACKSLASH, near);
    return Math.min(this.quoteAt, this.backslashAt, to);
  }

  private findQuote(buffer: Buffer, from: number, to: number): number {
    const near = Math.min(from + NEAR_BYTES, to);
    for (let i = from; i < near; i++) {
      if (buffer[i] === QUOTE) return i;
    }
    if (near >= to) return to;
    this.searchQuote(buffer, near);
    return Math.min(this.quoteAt, to);
  }

  private searchQuote(buffer: Buffer, from: number): void {
    if (this.seen !== buffer) {
      this.seen = buffer;
      this.quoteAt = -1;
      this.backslashAt = -1;
    }
    if (this.quoteAt < from) this.quoteAt = indexOrEnd(buffer, QUOTE, from);
  }

  private skipEscape(buffer: Buffer, from: number, to: number): number {
    let i = from;
    while (i < to && this.pending > 0) {
      const byte = buffer[i] ?? 0;
      if (this.pending === 5 ? !this.takeLetter(byte) : !this.takeDigit(byte)) {
        this.wrongAt = i;
        this.begin();
        return -1;
      }
      i += 1;
    }
    return i;
  }

  private takeLetter(byte: number): boolean {
    if (byte === LETTER_U) {
      this.pending = 4;
      this.codeUnit = 0;
      return true;
    }
    this.pending = 0;
    this.bytes -= 1;
    return SIMPLE_ESCAPE[byte] === 1;
  }

  private takeDigit(byte: number): boolean {
    const value = HEX_VALUE[byte] ?? NOT_HEX;
    if (value === NOT_HEX) return false;
    this.codeUnit = (this.codeUnit << 4) | value;
    this.pending -= 1;
    if (this.pending === 0) this.bytes -= 6 - utf8Length(this.codeUnit);
    return true;
  }
}

/** UTF-8 bytes of a UTF-16 code unit; each half of a surrogate pair stands for two of the pair's four. */
function utf8Length(codeUnit: number): number {
  if (codeUnit < 0x80) return 1;
  const isSurrogate = codeUnit >= 0xd800 && codeUnit < 0xe000;
  return codeUnit < 0x800 || isSurrogate ? 2 : 3;
}

function indexOrEnd(buffer: Buffer, byte: number, from: number): number {
  const index = buffer.indexOf(byte, from);
  return index < 0 ? buffer.length : index;
}
