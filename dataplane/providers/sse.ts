// Splits a stream of server-sent events into frames, wherever the stream is cut. Frames carry their exact bytes: joined,
// they are the stream again. Lines, fields and the byte order mark as in https://html.spec.whatwg.org/multipage/server-sent-events.html.

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DATA_FIELD = Buffer.from("data:");
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const MIN_HELD_BYTES = 1024;
/** A buffer that grew beyond this is given back after its frame: most streams idle with nothing held. */
const MAX_IDLE_HELD_BYTES = 16_384;

export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Bytes of the stream: `buffer[from, to)`. The object is used again for the next frame.
 *
 * - event: lines and the blank line that ends them.
 * - cut: what came of a frame whose blank line never came.
 * - unread: a piece of a frame that is longer than the cap; its data are not looked for.
 * - lineFeed: the second half of the CRLF that ended the frame before, when it came later than the first.
 */
export interface SseFrame {
  readonly kind: "event" | "cut" | "unread" | "lineFeed";
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
  /** Values of the frame's data lines, in the buffer. The event's data are these joined by line feeds. */
  readonly data: readonly ByteRange[];
}

/** What looks at the frames. Both are called during `push` and `end`, in the order of the bytes. */
export interface SseReader {
  takeFrame(frame: SseFrame): void;
  /** A frame begins at `from`. Returns the index behind those frames that the reader has taken by itself, else `from`. */
  takeKnown(chunk: Buffer, from: number): number;
}

const NO_DATA: readonly ByteRange[] = [];

export class SseSplitter {
  private readonly reader: SseReader;
  private readonly maxFrameBytes: number;
  private readonly frame: { -readonly [K in keyof SseFrame]: SseFrame[K] };
  private readonly firstData = { from: 0, to: 0 };
  private readonly oneData: readonly ByteRange[] = [this.firstData];

  /** The beginning of a frame, from earlier chunks. */
  private held: Buffer = Buffer.alloc(0);
  private heldBytes = 0;
  private isUnread = false;
  private isFirst = true;
  /** The line now read has bytes; false right behind a line end. */
  private lineOpen = false;
  /** The chunk before ended with a CR, which a LF may follow; and that CR ended a frame. */
  private afterCr = false;
  private crEndedFrame = false;

  /** In the chunk now read: where its frame begins, and the next LF and CR, so that no byte is searched twice. */
  private frameFrom = 0;
  private lfAt = -1;
  private crAt = -1;
  /** Lines of the frame that ended in this chunk, and where the first of them did. */
  private lines = 0;
  private firstLineEnd = 0;

  constructor(maxFrameBytes: number, reader: SseReader) {
    this.maxFrameBytes = maxFrameBytes;
    this.reader = reader;
    this.frame = { kind: "event", buffer: this.held, from: 0, to: 0, data: NO_DATA };
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    let i = this.takeKnown(chunk, this.beginChunk(chunk));
    while (i < chunk.length) {
      const lineEnd = this.findLineEnd(chunk, i);
      if (lineEnd === chunk.length) break;
      const isBlank = lineEnd === i && !this.lineOpen;
      i = this.passLineEnd(chunk, lineEnd);
      if (isBlank) {
        this.finishFrame(chunk, { from: this.frameFrom, to: i }, lineEnd);
        this.frameFrom = i;
        i = this.takeKnown(chunk, i);
      }
    }
    this.lineOpen ||= i < chunk.length;
    if (this.frameFrom < chunk.length) this.hold(chunk, this.frameFrom);
  }

  /** The stream is over: gives what is held as a cut frame. */
  end(): void {
    if (this.heldBytes === 0) return;
    const rest = this.takeHeld(this.held, { from: 0, to: 0 });
    this.emitRead("cut", rest, { from: 0, to: rest.length });
  }

  /** Returns where the first line of the chunk begins: behind a LF that completes the CR before it. */
  private beginChunk(chunk: Buffer): number {
    const i = this.afterCr && chunk[0] === LF ? 1 : 0;
    this.frameFrom = this.crEndedFrame ? i : 0;
    this.afterCr = false;
    this.crEndedFrame = false;
    this.lfAt = -1;
    this.crAt = -1;
    this.lines = 0;
    if (this.frameFrom > 0) this.emit("lineFeed", chunk, { from: 0, to: i });
    return i;
  }

  /** `i` is behind a line end or at the chunk's begin; only when nothing is open there does a frame begin. */
  private takeKnown(chunk: Buffer, i: number): number {
    const isOpen = this.isUnread || this.heldBytes > 0 || i === chunk.length;
    if (isOpen) return i;
    this.frameFrom = this.reader.takeKnown(chunk, i);
    return this.frameFrom;
  }

  private findLineEnd(chunk: Buffer, from: number): number {
    const byte = chunk[from];
    if (byte === LF || byte === CR) return from;
    if (this.lfAt < from) this.lfAt = indexOrEnd(chunk, LF, from);
    if (this.crAt < from) this.crAt = indexOrEnd(chunk, CR, from);
    return Math.min(this.lfAt, this.crAt);
  }

  /** Index behind the line end, whichever of CR, LF and CRLF it is. */
  private passLineEnd(chunk: Buffer, lineEnd: number): number {
    this.lineOpen = false;
    this.lines += 1;
    if (this.lines === 1) this.firstLineEnd = lineEnd;
    if (chunk[lineEnd] === LF) return lineEnd + 1;
    this.afterCr = lineEnd + 1 === chunk.length;
    return chunk[lineEnd + 1] === LF ? lineEnd + 2 : lineEnd + 1;
  }

  private finishFrame(chunk: Buffer, range: ByteRange, blankLineAt: number): void {
    this.crEndedFrame = this.afterCr;
    if (this.isUnread || this.heldBytes + blankLineAt - range.from > this.maxFrameBytes) {
      this.passUnread(chunk, range);
      this.isUnread = false;
    } else if (this.heldBytes > 0) {
      const whole = this.takeHeld(chunk, range);
      this.emitRead("event", whole, { from: 0, to: whole.length });
    } else if (this.lines === 2 && startsWith(DATA_FIELD, chunk, range.from)) {
      this.emitOneLine(chunk, range);
    } else {
      this.emitRead("event", chunk, range);
    }
    this.lines = 0;
  }

  private hold(chunk: Buffer, from: number): void {
    const size = this.heldBytes + chunk.length - from;
    if (this.isUnread || size > this.maxFrameBytes) {
      this.passUnread(chunk, { from, to: chunk.length });
      this.isUnread = true;
      return;
    }
    if (size > this.held.length) {
      const larger = Buffer.allocUnsafe(Math.max(MIN_HELD_BYTES, size * 2));
      this.held.copy(larger, 0, 0, this.heldBytes);
      this.held = larger;
    }
    chunk.copy(this.held, this.heldBytes, from);
    this.heldBytes = size;
  }

  /** What is held and the range behind it, as a new buffer: readers may keep what they know of a buffer they have seen. */
  private takeHeld(chunk: Buffer, range: ByteRange): Buffer {
    const whole = Buffer.concat([this.held.subarray(0, this.heldBytes), chunk.subarray(range.from, range.to)]);
    this.heldBytes = 0;
    if (this.held.length > MAX_IDLE_HELD_BYTES) this.held = Buffer.alloc(0);
    return whole;
  }

  private passUnread(chunk: Buffer, range: ByteRange): void {
    const whole = this.heldBytes > 0 ? this.takeHeld(chunk, range) : undefined;
    if (whole === undefined) this.emit("unread", chunk, range);
    else this.emit("unread", whole, { from: 0, to: whole.length });
  }

  /** The common frame: one data line and the blank line. */
  private emitOneLine(chunk: Buffer, range: ByteRange): void {
    const from = range.from + DATA_FIELD.length;
    this.firstData.from = chunk[from] === SPACE ? from + 1 : from;
    this.firstData.to = this.firstLineEnd;
    this.frame.data = this.oneData;
    this.emit("event", chunk, range);
  }

  private emitRead(kind: "event" | "cut", buffer: Buffer, range: ByteRange): void {
    const hasBom = this.isFirst && startsWith(BOM, buffer, range.from);
    const lines = sseLines(buffer, hasBom ? { from: range.from + BOM.length, to: range.to } : range);
    this.frame.data = lines.map((line) => dataOf(buffer, line)).filter((value) => value !== undefined);
    this.emit(kind, buffer, range);
  }

  private emit(kind: SseFrame["kind"], buffer: Buffer, range: ByteRange): void {
    this.isFirst = false;
    const frame = this.frame;
    frame.kind = kind;
    frame.buffer = buffer;
    frame.from = range.from;
    frame.to = range.to;
    this.reader.takeFrame(frame);
    frame.data = NO_DATA;
  }
}

export interface SseLine extends ByteRange {
  /** Behind the line end. */
  readonly next: number;
}

/** The lines of a range, the last one also when nothing ends it. */
export function sseLines(buffer: Buffer, range: ByteRange): SseLine[] {
  const lines: SseLine[] = [];
  let from = range.from;
  while (from < range.to) {
    let to = from;
    while (to < range.to && buffer[to] !== LF && buffer[to] !== CR) to += 1;
    const isCrLf = buffer[to] === CR && buffer[to + 1] === LF;
    const next = Math.min(to + (isCrLf ? 2 : 1), range.to);
    lines.push({ from, to, next });
    from = next;
  }
  return lines;
}

function dataOf(buffer: Buffer, line: SseLine): ByteRange | undefined {
  if (!startsWith(DATA_FIELD, buffer, line.from)) return undefined;
  const from = line.from + DATA_FIELD.length;
  return { from: Math.min(buffer[from] === SPACE ? from + 1 : from, line.to), to: line.to };
}

function startsWith(prefix: Buffer, buffer: Buffer, from: number): boolean {
  for (let i = 0; i < prefix.length; i++) {
    if (buffer[from + i] !== prefix[i]) return false;
  }
  return true;
}

function indexOrEnd(buffer: Buffer, byte: number, from: number): number {
  const index = buffer.indexOf(byte, from);
  return index < 0 ? buffer.length : index;
}
