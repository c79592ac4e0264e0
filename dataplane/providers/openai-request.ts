// Reads an OpenAI chat request body while it arrives, and writes the edit that asks for usage in a stream.
// Fields: https://platform.openai.com/docs/api-reference/chat/create. Knows no limits and no backends.

import { isUtf8 } from "node:buffer";
import { ScanPlan } from "../json/scan-plan.ts";
import { JsonScanner } from "../json/scanner.ts";
import type { ValueCapture } from "../json/value-capture.ts";
import type { RequestInfo, RequestReader } from "./provider.ts";
import { type Splice, splice } from "./splice.ts";

const MAX_VALUE_BYTES = 8192;
const MAX_DEPTH = 512;
const OPEN_BRACE = 0x7b;

/** Keys whose strings become prompt. Left out on purpose: url, data, file_data, b64_json (images, audio, files). */
const PROMPT_KEYS = [
  "content",
  "text",
  "prompt",
  "input",
  "instructions",
  "arguments",
  "output",
  "name",
  "description",
  "enum",
  "refusal",
  "reasoning",
  "reasoning_content",
];

const KIND_BY_FIRST = new Map([
  ["{", "an object"],
  ["[", "an array"],
  ["n", "null"],
  ["t", "a boolean"],
  ["f", "a boolean"],
]);

// The object has a member, or it would not ask for a stream: the comma is always right.
const NEW_STREAM_OPTIONS = Buffer.from('"stream_options":{"include_usage":true},');
const OPTIONS_WITH_USAGE = Buffer.from('{"include_usage":true}');

const MODEL = 0;
const STREAM = 1;
const STREAM_OPTIONS = 2;
const REQUEST_PLAN = new ScanPlan({
  paths: [["model"], ["stream"], ["stream_options"]],
  textKeys: PROMPT_KEYS,
  ambiguousKeys: "refuse",
  maxCaptureBytes: MAX_VALUE_BYTES,
  maxDepth: MAX_DEPTH,
});

const INCLUDE_USAGE = 0;
const STREAM_OPTIONS_PLAN = new ScanPlan({
  paths: [["include_usage"]],
  textKeys: [],
  ambiguousKeys: "refuse",
  maxCaptureBytes: MAX_VALUE_BYTES,
  maxDepth: MAX_DEPTH,
});

/** What a chat request says, and where it must be edited so that its stream reports usage. */
export class ChatRequestInfo implements RequestInfo {
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly promptTextBytes: number;
  readonly malformed: string | undefined;
  /** Undefined when the stream reports usage as it is, or there is no stream. */
  readonly usageEdit: Splice | undefined;

  constructor(scanner: JsonScanner) {
    const model = readModel(scanner.captured(MODEL));
    const stream = readStream(scanner.captured(STREAM));
    const edit = readUsageEdit(scanner);
    this.malformed = scanner.fault?.reason ?? notAnObject(scanner) ?? model.problem ?? stream.problem ?? edit.problem;
    this.model = model.value;
    this.stream = stream.value ?? false;
    this.promptTextBytes = scanner.textBytes;
    this.usageEdit = this.malformed === undefined && this.stream ? edit.value : undefined;
  }
}

interface ChatRequestReader extends RequestReader {
  end(): ChatRequestInfo;
}

export function createChatRequestReader(): ChatRequestReader {
  const scanner = new JsonScanner(REQUEST_PLAN);
  return {
    push: (chunk) => {
      scanner.push(chunk);
    },
    end: () => {
      scanner.end();
      return new ChatRequestInfo(scanner);
    },
  };
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

/** A member that was read: absent members have neither; `problem` says what was found and wanted. */
interface Member<T> {
  readonly value?: T;
  readonly problem?: string;
}

function readModel(capture: ValueCapture | undefined): Member<string> {
  if (capture === undefined) return {};
  const raw = capture.raw();
  if (raw === undefined) return { problem: tooLong("model", capture) };
  const value = parse(raw);
  if (typeof value === "string" && isUtf8(raw)) return { value };
  return { problem: `model: found ${nameKind(raw)}, wanted a string, at byte ${String(capture.start)}` };
}

function readStream(capture: ValueCapture | undefined): Member<boolean> {
  if (capture === undefined) return {};
  const raw = capture.raw();
  const value = raw === undefined ? undefined : parse(raw);
  if (value === null) return {};
  if (typeof value === "boolean") return { value };
  return { problem: `stream: found ${nameKind(raw)}, wanted true or false, at byte ${String(capture.start)}` };
}

function readUsageEdit(scanner: JsonScanner): Member<Splice> {
  const capture = scanner.captured(STREAM_OPTIONS);
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

function notAnObject(scanner: JsonScanner): string | undefined {
  return scanner.isObject
    ? undefined
    : `found a body that is not an object, wanted an object, at byte ${String(scanner.documentAt)}`;
}

function tooLong(field: string, capture: ValueCapture): string {
  const bytes = capture.end - capture.start;
  return `${field}: found ${String(bytes)} bytes, wanted at most ${String(MAX_VALUE_BYTES)}, at byte ${String(capture.start)}`;
}

/** Undefined for a string that holds raw control characters: the scan lets them pass. */
function parse(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString());
  } catch {
    return undefined;
  }
}

function nameKind(raw: Buffer | undefined): string {
  if (raw === undefined) return "a value that is too long";
  const first = String.fromCharCode(raw[0] ?? 0);
  return first === '"' ? nameString(raw) : (KIND_BY_FIRST.get(first) ?? "a number");
}

function nameString(raw: Buffer): string {
  if (!isUtf8(raw)) return "a string that is not UTF-8";
  return parse(raw) === undefined ? "a string with raw control characters" : "a string";
}
