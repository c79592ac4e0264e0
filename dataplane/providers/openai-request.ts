// Reads a request of OpenAI's chat or completions call, and writes the edit that asks for usage in a stream.
// Fields: https://platform.openai.com/docs/api-reference/chat/create. Knows no limits and no backends.

import { ScanPlan } from "../json/scan-plan.ts";
import { JsonScanner } from "../json/scanner.ts";
import {
  createJsonReader,
  JsonRequestInfo,
  MAX_DEPTH,
  MAX_VALUE_BYTES,
  MEMBER,
  type Member,
  nameKind,
  type TypedReader,
  tooLong,
} from "./json-request.ts";
import type { RequestInfo } from "./provider.ts";
import { type Splice, splice } from "./splice.ts";

const OPEN_BRACE = 0x7b;

// The object has a member, or it would not ask for a stream: the comma is always right.
const NEW_STREAM_OPTIONS = Buffer.from('"stream_options":{"include_usage":true},');
const OPTIONS_WITH_USAGE = Buffer.from('{"include_usage":true}');

const INCLUDE_USAGE = 0;
const STREAM_OPTIONS_PLAN = new ScanPlan({
  paths: [["include_usage"]],
  textKeys: [],
  ambiguousKeys: "refuse",
  maxCaptureBytes: MAX_VALUE_BYTES,
  maxDepth: MAX_DEPTH,
});

/** What a chat request says, and where it must be edited so that its stream reports usage. */
export class ChatRequestInfo extends JsonRequestInfo {
  /** Undefined when the stream reports usage as it is, or there is no stream. */
  readonly usageEdit: Splice | undefined;

  constructor(scanner: JsonScanner) {
    const edit = readUsageEdit(scanner);
    super(scanner, edit.problem);
    this.usageEdit = this.malformed === undefined && this.stream ? edit.value : undefined;
  }
}

export function createChatRequestReader(): TypedReader<ChatRequestInfo> {
  return createJsonReader((scanner) => new ChatRequestInfo(scanner));
}

/** See `Operation.injectUsage`. An info that another reader made is not trusted with offsets: the body is read again. */
export function injectIncludeUsage(body: readonly Buffer[], info: RequestInfo): readonly Buffer[] | undefined {
  const edit = (info instanceof ChatRequestInfo ? info : readWhole(body)).usageEdit;
  return edit === undefined ? undefined : splice(body, edit);
}

function readWhole(body: readonly Buffer[]): ChatRequestInfo {
  const reader = createChatRequestReader();
  for (const piece of body) reader.push(piece);
  return reader.end();
}

function readUsageEdit(scanner: JsonScanner): Member<Splice> {
  const capture = scanner.captured(MEMBER.streamOptions);
  if (capture === undefined) {
    const at = scanner.documentAt + 1;
    return { value: { start: at, end: at, replacement: NEW_STREAM_OPTIONS } };
  }
  const raw = capture.raw();
  if (raw === undefined) return { problem: tooLong("stream_options", capture) };
  if (raw.toString() === "null") {
    return { value: { start: capture.start, end: capture.end, replacement: OPTIONS_WITH_USAGE } };
  }
  if (raw[0] === OPEN_BRACE) return readIncludeUsage(raw, capture.start);
  return { problem: `stream_options: found ${nameKind(raw)}, wanted an object, at byte ${String(capture.start)}` };
}

function readIncludeUsage(options: Buffer, at: number): Member<Splice> {
  const scanner = new JsonScanner(STREAM_OPTIONS_PLAN);
  scanner.push(options);
  if (scanner.fault !== undefined) return { problem: `stream_options: ${scanner.fault.reason} of its value` };
  const capture = scanner.captured(INCLUDE_USAGE);
  if (capture === undefined) {
    const isEmpty = /^\{\s*\}$/.test(options.toString("latin1"));
    const replacement = Buffer.from(isEmpty ? '"include_usage":true' : '"include_usage":true,');
    return { value: { start: at + 1, end: at + 1, replacement } };
  }
  const value = options.toString("latin1", capture.start, capture.end);
  if (value === "true") return {};
  if (value === "false" || value === "null") {
    return { value: { start: at + capture.start, end: at + capture.end, replacement: Buffer.from("true") } };
  }
  const found = nameKind(options.subarray(capture.start, capture.end));
  return {
    problem: `stream_options.include_usage: found ${found}, wanted true or false, at byte ${String(at + capture.start)}`,
  };
}
