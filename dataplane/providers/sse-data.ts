// Finds the data of server-sent events in a stream, wherever it is cut, without keeping any of it: for streams that pass as
// they come and whose events may be of any length. Lines and fields as in https://html.spec.whatwg.org/multipage/server-sent-events.html.

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DATA_FIELD = Buffer.from("data:");
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const LINE_FEED = Buffer.from("\n");

export interface SseDataReader {
  /** The next bytes of the event's data: `buffer[from, to)`. */
  takeData(buffer: Buffer, from: number, to: number): void;
  /** The event is over, or the stream is. Only for events that have data. */
  endEvent(): void;
}

/** What the bytes of the line now read are: not yet clear, behind "data:", data, or of no interest. */
type Line = "name" | "afterName" | "data" | "other";

export class SseDataSplitter {
  private readonly reader: SseDataReader;
  private line: Line = "name";
  /** How much of the field's name has been read; at the stream's beginning, of the byte order mark. */
  private matched = 0;
  private bomMatched = 0;
  private lineIsBlank = true;
  private hasData = false;
  private afterCr = false;

  constructor(reader: SseDataReader) {
    this.reader = reader;
  }

  push(chunk: Buffer): void {
    let i = this.skipBom(chunk);
    if (i < chunk.length && this.afterCr) {
      this.afterCr = false;
      if (chunk[i] === LF) i += 1;
    }
    while (i < chunk.length) i = this.step(chunk, i);
  }

  /** What came of an event whose blank line never came is read too. */
  end(): void {
    this.finishEvent();
  }

  private skipBom(chunk: Buffer): number {
    let i = 0;
    while (this.bomMatched < BOM.length && i < chunk.length) {
      if (chunk[i] !== BOM[this.bomMatched]) {
        // Part of a mark is no mark, and no field begins with it either.
        if (this.bomMatched > 0) this.become("other");
        this.bomMatched = BOM.length;
        return i;
      }
      this.bomMatched += 1;
      i += 1;
    }
    return i;
  }

  /** Returns the index to go on from, always a later one unless only the kind of the line became clear. */
  private step(chunk: Buffer, i: number): number {
    const byte = chunk[i];
    if (byte === LF || byte === CR) return this.endLine(chunk, i);
    if (this.line === "name") return this.matchName(byte, i);
    if (this.line === "afterName") {
      this.beginData();
      return byte === SPACE ? i + 1 : i;
    }
    const end = lineEnd(chunk, i);
    if (this.line === "data") this.reader.takeData(chunk, i, end);
    return end;
  }

  private matchName(byte: number | undefined, i: number): number {
    this.lineIsBlank = false;
    if (byte !== DATA_FIELD[this.matched]) {
      this.become("other");
      return i;
    }
    this.matched += 1;
    if (this.matched === DATA_FIELD.length) this.become("afterName");
    return i + 1;
  }

  private beginData(): void {
    if (this.hasData) this.reader.takeData(LINE_FEED, 0, LINE_FEED.length);
    this.hasData = true;
    this.become("data");
  }

  private become(line: Line): void {
    this.line = line;
    this.lineIsBlank = false;
  }

  private endLine(chunk: Buffer, i: number): number {
    if (this.line === "afterName") this.beginData();
    if (this.lineIsBlank) this.finishEvent();
    this.line = "name";
    this.matched = 0;
    this.lineIsBlank = true;
    if (chunk[i] === LF) return i + 1;
    this.afterCr = i + 1 === chunk.length;
    return chunk[i + 1] === LF ? i + 2 : i + 1;
  }

  private finishEvent(): void {
    if (this.hasData) this.reader.endEvent();
    this.hasData = false;
  }
}

function lineEnd(chunk: Buffer, from: number): number {
  const lf = chunk.indexOf(LF, from);
  const end = lf < 0 ? chunk.length : lf;
  const cr = chunk.subarray(from, end).indexOf(CR);
  return cr < 0 ? end : from + cr;
}
