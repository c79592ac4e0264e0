// Meters a stream of OpenAI's chat or completions call: reads usage and text from its events, and takes out what asking for usage put in.
// Without stripping, bytes pass as they come and frames are looked at on the side.

import { ByteRelay } from "./byte-relay.ts";
import { FrameTemplate } from "./frame-template.ts";
import { ChunkReader } from "./openai-chunk.ts";
import { OpenAiUsage } from "./openai-usage.ts";
import type { MeterOptions, ReportedUsage, ResponseMeter } from "./provider.ts";
import { type ByteRange, type SseFrame, SseSplitter, sseLines } from "./sse.ts";

/** A longer frame passes unread, so that a stream cannot take more memory than this. */
const MAX_FRAME_BYTES = 1_048_576;
const COLON = 0x3a;

export class OpenAiStreamMeter implements ResponseMeter {
  private readonly strips: boolean;
  private readonly splitter: SseSplitter;
  private readonly chunk = new ChunkReader();
  private readonly template = new FrameTemplate();
  private readonly relay = new ByteRelay();
  private readonly reported = new OpenAiUsage();
  private readonly groqReported = new OpenAiUsage();
  private text = 0;
  private droppedLast = false;
  private isDone = false;

  constructor(options: MeterOptions) {
    this.strips = options.stripInjectedUsage;
    this.splitter = new SseSplitter(MAX_FRAME_BYTES, {
      takeFrame: (frame) => {
        this.takeFrame(frame);
      },
      takeKnown: (bytes, from) => this.takeKnown(bytes, from),
    });
  }

  push(bytes: Buffer): Buffer | undefined {
    this.chunk.forgetBuffer();
    this.template.begin(bytes);
    this.splitter.push(bytes);
    return this.strips ? this.relay.take() : bytes;
  }

  end(): Buffer | undefined {
    this.splitter.end();
    return this.strips ? this.relay.take() : undefined;
  }

  usage(): ReportedUsage | undefined {
    return this.reported.resolve() ?? this.groqReported.resolve();
  }

  complete(): boolean {
    return this.isDone;
  }

  textBytes(): number {
    return this.text;
  }

  private takeKnown(bytes: Buffer, from: number): number {
    let passed = from;
    let next = this.template.match(bytes, from);
    while (next > passed) {
      this.text += this.template.textBytes;
      passed = next;
      next = this.template.match(bytes, passed);
    }
    if (this.strips && passed > from) this.relay.pass(bytes, from, passed);
    return passed;
  }

  private takeFrame(frame: SseFrame): void {
    const isChunk = this.chunk.read(frame);
    if (isChunk) this.meter(frame);
    else this.isDone ||= isEndMark(frame);
    if (!this.strips) return;
    if (frame.kind === "lineFeed" && this.droppedLast) return;
    this.droppedLast = isChunk && this.chunk.isUsageChunk();
    if (this.droppedLast) this.passComments(frame);
    else this.passWithoutUsage(frame, isChunk ? this.chunk.usageMember() : undefined);
  }

  private meter(frame: SseFrame): void {
    this.text += this.chunk.textBytes;
    const { usage, groqUsage } = this.chunk;
    if (usage !== undefined) this.reported.read(usage.raw());
    if (groqUsage !== undefined) this.groqReported.read(groqUsage.raw());
    if (usage === undefined && groqUsage === undefined) this.learn(frame);
  }

  /** Only frames that pass whole and mean nothing but their text are known when they come again. */
  private learn(frame: SseFrame): void {
    const text = this.chunk.onlyText();
    if (text === undefined || frame.kind !== "event") return;
    if (this.strips && this.chunk.usageMember() !== undefined) return;
    this.template.learn(frame.buffer, frame, text);
  }

  /** Of a frame that is taken out, comments remain: they belong to the stream, not to the event. */
  private passComments(frame: SseFrame): void {
    for (const line of sseLines(frame.buffer, frame)) {
      if (frame.buffer[line.from] === COLON) this.relay.pass(frame.buffer, line.from, line.next);
    }
  }

  /** `cut` counts in the event's data, whose lines may lie apart in the frame: each gives up its share. */
  private passWithoutUsage(frame: SseFrame, cut: ByteRange | undefined): void {
    let passed = frame.from;
    let offset = 0;
    for (const line of cut === undefined ? [] : frame.data) {
      const length = line.to - line.from;
      const from = line.from + clamp((cut?.from ?? 0) - offset, length);
      const to = line.from + clamp((cut?.to ?? 0) - offset, length);
      this.relay.pass(frame.buffer, passed, from);
      passed = to;
      offset += length + 1;
    }
    this.relay.pass(frame.buffer, passed, frame.to);
  }
}

function isEndMark(frame: SseFrame): boolean {
  const data = frame.data[0];
  return data !== undefined && frame.buffer.toString("latin1", data.from, data.to).trim() === "[DONE]";
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(0, value), max);
}
