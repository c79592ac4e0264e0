// Reads one event of an OpenAI chat stream: its text, its usage, and what to cut when the client did not ask for usage.
// Fields: https://platform.openai.com/docs/api-reference/chat/streaming. Knows no streams and no relaying.

import { ScanPlan } from "../json/scan-plan.ts";
import { JsonScanner } from "../json/scanner.ts";
import type { ValueCapture } from "../json/value-capture.ts";
import { GENERATED_TEXT_KEYS } from "./openai-text.ts";
import type { ByteRange, SseFrame } from "./sse.ts";

const USAGE = 0;
const GROQ_USAGE = 1;
const CHOICES = 2;
const PLAN = new ScanPlan({
  paths: [["usage"], ["x_groq", "usage"], ["choices"]],
  textKeys: GENERATED_TEXT_KEYS,
  ambiguousKeys: "last",
  maxCaptureBytes: 8192,
  maxDepth: 512,
});

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const LINE_FEED = Buffer.from("\n");
const EMPTY_ARRAY = /^\[\s*\]$/;
const WHITESPACE = new Set(Buffer.from(" \t\n\r"));

export class ChunkReader {
  private readonly scanner = new JsonScanner(PLAN);
  /** The event's data: a range of the frame's buffer, or all of a buffer of its own when they come in several lines. */
  private data: Buffer = LINE_FEED;
  private from = 0;
  private isJoined = false;

  get textBytes(): number {
    return this.scanner.textBytes;
  }

  /** The event's usage, when it is an object. */
  get usage(): ValueCapture | undefined {
    return objectIn(this.scanner.captured(USAGE));
  }

  /** Groq's usage beside the chunk, which it also sends when usage was not asked for. */
  get groqUsage(): ValueCapture | undefined {
    return objectIn(this.scanner.captured(GROQ_USAGE));
  }

  /** To be called before frames of a buffer whose bytes may have changed. */
  forgetBuffer(): void {
    this.scanner.forgetBuffer();
  }

  /** False when the frame's data are not an object; then nothing else here means anything. */
  read(frame: SseFrame): boolean {
    const [first, second] = frame.data;
    if (first === undefined) return false;
    this.isJoined = second !== undefined;
    this.data = this.isJoined ? joinData(frame) : frame.buffer;
    this.from = this.isJoined ? 0 : first.from;
    const to = this.isJoined ? this.data.length : first.to;
    if (!beginsObject(this.data, this.from, to)) return false;
    this.scanner.reset();
    this.scanner.pushPart(this.data, this.from, to);
    this.scanner.end();
    return true;
  }

  /** Where in the frame's buffer the event's text is, without quotes, when it is one string in one data line. */
  onlyText(): ByteRange | undefined {
    const { onlyText, fault } = this.scanner;
    if (onlyText === undefined || fault !== undefined || this.isJoined) return undefined;
    return { from: this.from + onlyText.start, to: this.from + onlyText.end };
  }

  /** True for the extra event that asking for usage brings. `choices: []` alone is not it: Azure's first event has that. */
  isUsageChunk(): boolean {
    if (this.usage === undefined || this.scanner.fault !== undefined) return false;
    const choices = this.scanner.captured(CHOICES)?.raw();
    return choices !== undefined && EMPTY_ARRAY.test(choices.toString("latin1"));
  }

  /** The `usage` member and one comma beside it, as a range of the event's data; undefined when there is none. */
  usageMember(): ByteRange | undefined {
    const usage = this.scanner.captured(USAGE);
    if (usage === undefined || this.scanner.fault !== undefined) return undefined;
    const { data, from } = this;
    let before = from + usage.keyAt - 1;
    while (isBlank(data[before])) before -= 1;
    if (data[before] === COMMA) return { from: before - from, to: usage.end };
    let after = from + usage.end;
    while (isBlank(data[after])) after += 1;
    if (data[after] === CLOSE_BRACE) return { from: usage.keyAt, to: usage.end };
    do after += 1;
    while (isBlank(data[after]));
    return { from: usage.keyAt, to: after - from };
  }
}

function objectIn(capture: ValueCapture | undefined): ValueCapture | undefined {
  return capture?.firstByte === OPEN_BRACE ? capture : undefined;
}

/** Asked first, because the scanner would have to put its complaint about "[DONE]" into words. */
function beginsObject(data: Buffer, from: number, to: number): boolean {
  let i = from;
  while (i < to && isBlank(data[i])) i += 1;
  return i < to && data[i] === OPEN_BRACE;
}

function joinData(frame: SseFrame): Buffer {
  return Buffer.concat(frame.data.flatMap((line) => [frame.buffer.subarray(line.from, line.to), LINE_FEED]));
}

function isBlank(byte: number | undefined): boolean {
  return byte !== undefined && WHITESPACE.has(byte);
}
