// Reads chosen values out of a JSON text that comes in pieces, without parsing or keeping the text. Any split gives the
// same result. Knows no wire format: the plan says what is wanted.
// Checked: all of RFC 8259, except inside strings raw control characters, invalid UTF-8 and, where a long string is leapt
// over, escapes. Allowed beyond it: a leading byte order mark. Refused beyond it: too deep nesting, ambiguous keys.

import { ACTION, FIRST_ACTION, isCompleteNumber, NEXT, nameByte, SCALAR_START, STATE, wantedIn } from "./grammar.ts";
import { KeyReader } from "./key-reader.ts";
import { Nesting } from "./nesting.ts";
import { NO_NODE, type PlannedKey, ROOT_NODE, type ScanPlan } from "./scan-plan.ts";
import { closingQuoteNear, StringSkipper } from "./string-skipper.ts";
import { TextTally } from "./text-tally.ts";
import { ValueCapture } from "./value-capture.ts";

/** Why and where a text stopped being JSON (byte offset from its start). */
export interface ScanFault {
  readonly reason: string;
  readonly at: number;
}

const NOT_CAPTURING = -1;
const EMPTY = Buffer.alloc(0);
/** Of the bytes that begin a scalar, those up to it ("-" and the digits) begin a number. */
const DIGIT_9 = 0x39;

export class JsonScanner {
  /** First fault; nothing is read behind it. */
  fault: ScanFault | undefined;
  /** True once the document's first byte has shown it to be an object; `documentAt` is that byte. */
  isObject = false;
  documentAt = 0;

  private readonly plan: ScanPlan;
  private readonly maxDepth: number;
  private readonly captures: readonly ValueCapture[];
  private readonly strings = new StringSkipper();
  private state: number = STATE.start;
  private length = 0;
  /** Of the buffer now read: the offset in the text of its index 0, and the end of the part to read. */
  private origin = 0;
  private to = 0;
  private readonly nesting = new Nesting();
  /** Of the value that comes next: its node, and whether a string there is text. */
  private node = ROOT_NODE;
  private isText = false;
  private capturing: ValueCapture | undefined;
  private captureDepth = NOT_CAPTURING;
  private readonly keys: KeyReader;
  private inKey = false;
  private readonly text = new TextTally();

  constructor(plan: ScanPlan) {
    this.plan = plan;
    this.maxDepth = plan.wishes.maxDepth;
    this.keys = new KeyReader(plan, this.strings);
    this.captures = plan.wishes.paths.map(() => new ValueCapture(plan.wishes.maxCaptureBytes));
  }

  /** Text so far: UTF-8 bytes of the strings under the plan's text keys, escapes resolved, data URLs left out. */
  get textBytes(): number {
    const isOpen = this.state === STATE.string && !this.inKey && this.isText;
    return this.text.bytes + (isOpen ? this.text.count(this.strings.utf8Bytes) : 0);
  }

  /** Numbers so far where the plan expects text: token ids, which stand there instead of words. */
  get textNumbers(): number {
    return this.text.numbers;
  }

  /** Offsets of the text when it is all in one string, without the quotes. */
  get onlyText(): { readonly start: number; readonly end: number } | undefined {
    const { strings, start, end } = this.text;
    return strings === 1 ? { start, end } : undefined;
  }

  /** The value at the wanted path of this position in the plan; undefined until all of it has been read. */
  captured(path: number): ValueCapture | undefined {
    const capture = this.captures[path];
    return capture?.complete ? capture : undefined;
  }

  /** True once the whole document has been read and nothing but blanks came behind it. */
  get isComplete(): boolean {
    return this.state === STATE.done;
  }

  push(chunk: Buffer): void {
    this.forgetBuffer();
    this.pushPart(chunk, 0, chunk.length);
  }

  /** To be called before `pushPart` is given a buffer whose bytes may have changed since it was last given. */
  forgetBuffer(): void {
    this.strings.forgetBuffer();
  }

  /** Reads `buffer[from, to)`. */
  pushPart(buffer: Buffer, from: number, to: number): void {
    this.origin = this.length - from;
    this.to = to;
    this.capturing?.resume(from);
    let i = this.state === STATE.string ? this.resumeString(buffer, from) : from;
    let { state } = this;
    while (i < to && state !== STATE.failed) {
      const next = NEXT[(state << 8) | (buffer[i] ?? 0)] ?? ACTION.fail;
      if (next < FIRST_ACTION) {
        state = next;
        i += 1;
      } else {
        this.state = state;
        i = this.act(next, buffer, i);
        state = this.state;
      }
    }
    this.state = state;
    this.capturing?.suspend(buffer, to);
    this.length += to - from;
  }

  /** The text is over: what is missing becomes the fault. */
  end(): void {
    if (this.fault !== undefined) return;
    this.origin = this.length;
    this.text.bytes = this.textBytes;
    if (isCompleteNumber(this.state)) this.endValue(EMPTY, 0);
    if (this.state !== STATE.done) this.fail(`found the end of the text, wanted ${this.wanted()}`, 0);
  }

  /** Starts anew with another text. */
  reset(): void {
    this.fault = undefined;
    this.isObject = false;
    this.state = STATE.start;
    this.length = 0;
    this.nesting.reset();
    this.node = ROOT_NODE;
    this.isText = false;
    this.capturing = undefined;
    this.captureDepth = NOT_CAPTURING;
    this.text.reset();
    for (const capture of this.captures) capture.reset();
  }

  /** Returns the index to go on from. */
  private act(action: number, buffer: Buffer, i: number): number {
    switch (action) {
      case ACTION.openObject:
      case ACTION.openArray:
        return this.open(action, buffer, i);
      case ACTION.close:
        return this.close(buffer, i);
      case ACTION.keyString:
        return this.beginKey(buffer, i);
      case ACTION.valueString:
        return this.beginString(buffer, i);
      case ACTION.scalar:
        return this.beginScalar(buffer, i);
      case ACTION.literalEnd:
        return this.endValue(buffer, i + 1);
      case ACTION.numberEnd:
        return this.endValue(buffer, i);
      default:
        return this.fail(`found ${nameByte(buffer, i)}, wanted ${this.wanted()}`, i);
    }
  }

  private open(action: number, buffer: Buffer, i: number): number {
    const { nesting } = this;
    if (nesting.depth === this.maxDepth) return this.fail(`nested deeper than ${String(this.maxDepth)}`, i);
    if (nesting.depth === this.captureDepth + 1 && this.capturing !== undefined) this.capturing.entries += 1;
    this.beginValue(buffer, i);
    const isObject = action === ACTION.openObject;
    if (nesting.depth === 0) this.isObject = isObject;
    if (isObject) nesting.openObject(this.node);
    else nesting.openArray(this.isText);
    this.state = isObject ? STATE.keyOrEnd : STATE.valueOrEnd;
    this.node = NO_NODE;
    return i + 1;
  }

  private beginScalar(buffer: Buffer, i: number): number {
    this.beginValue(buffer, i);
    if (this.isText && (buffer[i] ?? 0) <= DIGIT_9) this.text.numbers += 1;
    this.state = SCALAR_START[buffer[i] ?? 0] ?? STATE.failed;
    return i + 1;
  }

  private close(buffer: Buffer, i: number): number {
    this.nesting.close();
    this.isText = this.nesting.isText;
    return this.endValue(buffer, i + 1);
  }

  private beginValue(buffer: Buffer, i: number): void {
    if (this.nesting.depth === 0) this.documentAt = this.origin + i;
    const path = this.node === NO_NODE ? undefined : this.plan.pathAt(this.node);
    if (path === undefined) return;
    const capture = this.captures[path];
    if (capture === undefined) return;
    capture.begin(buffer, i, this.origin + i);
    capture.keyAt = this.keys.at;
    this.capturing = capture;
    this.captureDepth = this.nesting.depth;
  }

  private endValue(buffer: Buffer, end: number): number {
    if (this.captureDepth === this.nesting.depth) {
      this.capturing?.finish(buffer, end, this.origin + end);
      this.capturing = undefined;
      this.captureDepth = NOT_CAPTURING;
    }
    this.state = this.nesting.stateAfterValue;
    this.node = NO_NODE;
    return end;
  }

  private beginString(buffer: Buffer, i: number): number {
    const from = i + 1;
    this.beginValue(buffer, i);
    if (this.isText) this.text.begin(this.origin + from);
    const end = closingQuoteNear(buffer, from, this.to);
    if (end < 0) {
      this.inKey = false;
      this.strings.begin();
      return this.resumeString(buffer, from);
    }
    if (this.isText) {
      this.text.see(buffer, from, end);
      this.text.finish(this.origin + end, end - from);
    }
    return this.endValue(buffer, end + 1);
  }

  private beginKey(buffer: Buffer, i: number): number {
    const from = i + 1;
    this.keys.begin(this.origin + i);
    const end = closingQuoteNear(buffer, from, this.to);
    if (end < 0) {
      this.inKey = true;
      this.strings.begin();
      return this.resumeString(buffer, from);
    }
    this.state = STATE.colon;
    return this.takeKey(this.keys.findPlain(buffer, from, end)) ?? end + 1;
  }

  /** Goes on in a string that is long, has escapes, or lies across buffers. */
  private resumeString(buffer: Buffer, from: number): number {
    const { to } = this;
    const end = this.strings.skip(buffer, from, to);
    if (end < 0) return this.failEscape(buffer);
    if (this.inKey) return this.passKey(buffer, from, end);
    if (this.isText) this.text.see(buffer, from, end);
    if (end === to) {
      this.state = STATE.string;
      return to;
    }
    if (this.isText) this.text.finish(this.origin + end, this.strings.utf8Bytes);
    return this.endValue(buffer, end + 1);
  }

  private passKey(buffer: Buffer, from: number, end: number): number {
    if (end === this.to) {
      this.state = STATE.string;
      this.keys.keep(buffer, from, end);
      return end;
    }
    this.state = STATE.colon;
    return this.takeKey(this.keys.end(buffer, from, end)) ?? end + 1;
  }

  /** Sets what the key means for its value; returns an index only when the key is refused. */
  private takeKey(key: PlannedKey | undefined): number | undefined {
    this.isText = false;
    this.node = NO_NODE;
    if (key === undefined) return undefined;
    const child = key.childOf[this.nesting.node] ?? NO_NODE;
    if (!this.keys.isExact) {
      return child === NO_NODE
        ? undefined
        : this.refuseKey(`found a key that differs from \`${key.name}\` only in case`);
    }
    this.isText = key.isText;
    this.node = child;
    if (child === NO_NODE || this.nesting.markSeen(this.plan.bitOf(child))) return undefined;
    return this.refuseKey(`duplicate key \`${key.name}\``);
  }

  private refuseKey(reason: string): number | undefined {
    if (this.plan.wishes.ambiguousKeys === "last") return undefined;
    return this.fail(reason, this.keys.at - this.origin);
  }

  private failEscape(buffer: Buffer): number {
    const at = this.strings.wrongAt;
    this.isText = false;
    return this.fail(`found ${nameByte(buffer, at)}, wanted the rest of an escape`, at);
  }

  private wanted(): string {
    return wantedIn(isCompleteNumber(this.state) ? this.nesting.stateAfterValue : this.state);
  }

  private fail(reason: string, i: number): number {
    this.fault = { reason: `${reason}, at byte ${String(this.origin + i)}`, at: this.origin + i };
    this.state = STATE.failed;
    this.capturing = undefined;
    this.captureDepth = NOT_CAPTURING;
    return i;
  }
}
