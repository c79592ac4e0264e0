// Counts the strings of a JSON text that are text, and remembers where the last of them was. Fed by scanner.ts.

const DATA_URL = Buffer.from("data:");
const NOT_DATA_URL = -1;

export class TextTally {
  /** UTF-8 bytes of the strings that have ended. */
  bytes = 0;
  /** How many they were, and the offsets of the last one in the whole text, without its quotes. */
  strings = 0;
  /** Numbers that stood where text may stand. */
  numbers = 0;
  start = 0;
  end = 0;

  private dataUrlMatched = 0;

  reset(): void {
    this.bytes = 0;
    this.strings = 0;
    this.numbers = 0;
  }

  begin(start: number): void {
    this.start = start;
    this.dataUrlMatched = 0;
  }

  /** To be given each part of the string: one that begins with "data:" holds no text but a picture or a file. */
  see(buffer: Buffer, from: number, to: number): void {
    let i = from;
    while (this.dataUrlMatched >= 0 && this.dataUrlMatched < DATA_URL.length && i < to) {
      this.dataUrlMatched = buffer[i] === DATA_URL[this.dataUrlMatched] ? this.dataUrlMatched + 1 : NOT_DATA_URL;
      i += 1;
    }
  }

  /** What a string counts for that has these UTF-8 bytes so far. */
  count(utf8Bytes: number): number {
    return this.dataUrlMatched === DATA_URL.length ? 0 : utf8Bytes;
  }

  finish(end: number, utf8Bytes: number): void {
    this.bytes += this.count(utf8Bytes);
    this.strings += 1;
    this.end = end;
  }
}
