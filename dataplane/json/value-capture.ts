// Where a wanted value lies in the text, and its raw bytes up to a cap. Filled by scanner.ts, read by its callers.

export class ValueCapture {
  /** Offsets in the whole text. `keyAt` is the opening quote of the member's key; `end` is behind the value. */
  keyAt = 0;
  start = 0;
  end = 0;
  /** True once the whole value has been read. */
  complete = false;
  /** The value's first byte, which tells its kind. */
  firstByte = 0;
  /** Objects and arrays directly in the value. */
  entries = 0;

  private readonly maxBytes: number;
  private parts: Buffer[] = [];
  private kept = 0;
  private last: Buffer | undefined;
  private lastFrom = 0;
  private lastTo = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get tooLong(): boolean {
    return this.end - this.start > this.maxBytes;
  }

  /** The value's bytes, without surrounding blanks; undefined when incomplete or too long. */
  raw(): Buffer | undefined {
    if (!this.complete || this.tooLong || this.last === undefined) return undefined;
    const tail = this.last.subarray(this.lastFrom, this.lastTo);
    return this.parts.length === 0 ? tail : Buffer.concat([...this.parts, tail]);
  }

  reset(): void {
    this.complete = false;
    this.last = undefined;
    if (this.parts.length > 0) this.parts = [];
    this.kept = 0;
  }

  /** The value begins at `from` of this buffer, which is `start` of the text. */
  begin(buffer: Buffer, from: number, start: number): void {
    this.reset();
    this.start = start;
    this.firstByte = buffer[from] ?? 0;
    this.entries = 0;
    this.lastFrom = from;
  }

  /** The buffer ends inside the value: keeps a copy of its part, as long as all of it stays under the cap. */
  suspend(buffer: Buffer, to: number): void {
    const size = to - this.lastFrom;
    if (this.kept + size > this.maxBytes) this.parts = [];
    else if (size > 0) this.parts.push(Buffer.from(buffer.subarray(this.lastFrom, to)));
    this.kept += size;
  }

  /** The next buffer is read from here. */
  resume(from: number): void {
    this.lastFrom = from;
  }

  finish(buffer: Buffer, to: number, end: number): void {
    this.last = buffer;
    this.lastTo = to;
    this.end = end;
    this.complete = true;
  }
}
