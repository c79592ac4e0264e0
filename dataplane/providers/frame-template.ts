// Recognises events that equal an event read before in every byte but those of its one text string, as the deltas of a
// stream do. What such an event means is known without reading it again. Purely for speed: forgetting changes nothing.

import { StringSkipper } from "../json/string-skipper.ts";
import { TextTally } from "../json/text-tally.ts";
import type { ByteRange } from "./sse.ts";

const MAX_FRAME_BYTES = 4096;
const MAX_TEXT_BYTES = 256;
const FIRST_PRINTABLE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_D = 0x64;
/** The same four times: in words of four bytes. */
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const FIRST_PRINTABLES = 0x20202020;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080;
/** Bytes that stand for themselves in a string: most texts have no others, and need no closer look. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= FIRST_PRINTABLE && byte !== QUOTE && byte !== BACKSLASH),
);
/** Streams whose events always differ (a random padding in each) are learned from ever more seldom. */
const MAX_PAUSE = 64;

export class FrameTemplate {
  /** UTF-8 bytes of the text of the frame matched last. */
  textBytes = 0;

  private readonly strings = new StringSkipper();
  private readonly tally = new TextTally();
  private template: DataView = new DataView(new ArrayBuffer(0));
  private templateBytes = 0;
  /** Length of the template up to its text; the rest begins with the closing quote. */
  private headBytes = 0;
  private chunk: DataView = this.template;
  private chunkBytes = 0;
  private pause = 0;
  private nextPause = 1;

  /** To be called with each chunk before frames in it are matched. */
  begin(chunk: Buffer): void {
    this.strings.forgetBuffer();
    if (this.templateBytes > 0) this.look(chunk);
  }

  /** Takes a whole frame that was read, with the one text string at `text` (without its quotes). */
  learn(buffer: Buffer, frame: ByteRange, text: ByteRange): void {
    if (this.pause > 0 || frame.to - frame.from > MAX_FRAME_BYTES) {
      this.pause -= 1;
      return;
    }
    const bytes = Buffer.concat([buffer.subarray(frame.from, text.from), buffer.subarray(text.to, frame.to)]);
    if (bytes.includes(0)) return;
    this.template = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.templateBytes === 0) this.look(buffer);
    this.templateBytes = bytes.length;
    this.headBytes = text.from - frame.from;
    this.pause = this.nextPause;
    this.nextPause = Math.min(this.nextPause * 2, MAX_PAUSE);
  }

  /** Index behind the frame at `from` when it is whole and known, else `from`. The buffer is the chunk begun last. */
  match(buffer: Buffer, from: number): number {
    if (this.templateBytes === 0 || !this.equals(from, 0, this.headBytes)) return from;
    const textFrom = from + this.headBytes;
    const textTo = this.endOfPlainText(buffer, textFrom) ?? this.endOfText(buffer, textFrom);
    if (textTo === undefined || !this.equals(textTo, this.headBytes, this.templateBytes)) return from;
    this.pause = 0;
    this.nextPause = 1;
    return textTo + this.templateBytes - this.headBytes;
  }

  private look(chunk: Buffer): void {
    this.chunk = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.chunkBytes = chunk.length;
  }

  /** Undefined for a text that has escapes or may be a data URL. Sets `textBytes`. */
  private endOfPlainText(buffer: Buffer, from: number): number | undefined {
    const limit = Math.min(from + MAX_TEXT_BYTES, this.chunkBytes);
    let to = this.endOfPlainWords(from, limit);
    while (to < limit && PLAIN[buffer[to] ?? 0] === 1) to += 1;
    if (to === limit || buffer[to] !== QUOTE || buffer[from] === LETTER_D) return undefined;
    this.textBytes = to - from;
    return to;
  }

  /** Index of the first word of four bytes that may hold a byte which is not plain, or that is not whole. */
  private endOfPlainWords(from: number, limit: number): number {
    const { chunk } = this;
    let at = from;
    for (const last = limit - 4; at <= last; at += 4) {
      const word = chunk.getInt32(at, true);
      // The borrow of a byte that is not plain may reach those above it, so the word is looked at byte by byte.
      const controls = (word - FIRST_PRINTABLES) & ~word;
      if (((controls | zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES)) & HIGH_BITS) !== 0) return at;
    }
    return at;
  }

  /** Undefined for a text that does not end soon, or that breaks the line or the string. Sets `textBytes`. */
  private endOfText(buffer: Buffer, from: number): number | undefined {
    const limit = Math.min(from + MAX_TEXT_BYTES, buffer.length);
    this.strings.begin();
    const to = this.strings.skip(buffer, from, limit);
    if (to < 0 || to >= limit) return undefined;
    this.tally.begin(0);
    this.tally.see(buffer, from, to);
    for (let i = from; i < to; i++) {
      if ((buffer[i] ?? 0) < FIRST_PRINTABLE) return undefined;
    }
    this.textBytes = this.tally.count(this.strings.utf8Bytes);
    return to;
  }

  /**
   * Whether the chunk has, from `at` on, the template's bytes `[from, to)`. Compares eight bytes at a time, in the order
   * that machines have them, as doubles: of those only zeros are equal with other bytes, and a template has no NUL. Bytes
   * that are no number are never equal, and the frame is read again.
   */
  private equals(at: number, from: number, to: number): boolean {
    const { chunk, template } = this;
    const shift = at - from;
    if (to + shift > this.chunkBytes) return false;
    const last = to - 8;
    let i = from;
    for (; i <= last; i += 8) {
      if (chunk.getFloat64(i + shift, true) !== template.getFloat64(i, true)) return false;
    }
    // The rest with some of the bytes before it again.
    if (last >= from) return chunk.getFloat64(last + shift, true) === template.getFloat64(last, true);
    for (; i < to; i++) {
      if (chunk.getUint8(i + shift) !== template.getUint8(i)) return false;
    }
    return true;
  }
}

/** The high bit is set of every byte that is zero, and of none below the lowest of those. */
function zeros(word: number): number {
  return (word - ONES) & ~word;
}
