// Reads the members of a JSON request body that matter, while it arrives. One plan serves every operation, so that a body
// can be read before it is known which one it is. Knows no limits and no backends.

import { isUtf8 } from "node:buffer";
import { ScanPlan } from "../json/scan-plan.ts";
import type { JsonScanner } from "../json/scanner.ts";
import { ScannerPool } from "../json/scanner-pool.ts";
import type { ValueCapture } from "../json/value-capture.ts";
import type { RequestInfo, RequestReader } from "./provider.ts";

export const MAX_VALUE_BYTES = 8192;
export const MAX_DEPTH = 512;

/** Keys whose strings become prompt. Left out on purpose: url, data, file_data, b64_json (images, audio, files). */
const PROMPT_KEYS = [
  "content",
  "text",
  "prompt",
  "suffix",
  "input",
  "instructions",
  "system",
  "arguments",
  "output",
  "name",
  "description",
  "enum",
  "refusal",
  "reasoning",
  "reasoning_content",
  "thinking",
];

/** Members at the top of a body, by their position in the plan. */
export const MEMBER = {
  model: 0,
  stream: 1,
  streamOptions: 2,
  background: 3,
  maxOutputTokens: 4,
  messages: 5,
  prompt: 6,
  input: 7,
  encodingFormat: 8,
  dimensions: 9,
  maxTokens: 10,
  maxCompletionTokens: 11,
} as const;

const PLAN = new ScanPlan({
  paths: [
    ["model"],
    ["stream"],
    ["stream_options"],
    ["background"],
    ["max_output_tokens"],
    ["messages"],
    ["prompt"],
    ["input"],
    ["encoding_format"],
    ["dimensions"],
    ["max_tokens"],
    ["max_completion_tokens"],
  ],
  textKeys: PROMPT_KEYS,
  ambiguousKeys: "refuse",
  maxCaptureBytes: MAX_VALUE_BYTES,
  maxDepth: MAX_DEPTH,
});

const SCANNERS = new ScannerPool(PLAN);

const KIND_BY_FIRST = new Map([
  ["{", "an object"],
  ["[", "an array"],
  ["n", "null"],
  ["t", "a boolean"],
  ["f", "a boolean"],
]);

/** A member that was read: absent members have neither; `problem` says what was found and wanted. */
export interface Member<T> {
  readonly value?: T;
  readonly problem?: string;
}

/** What every JSON request says. */
export class JsonRequestInfo implements RequestInfo {
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly promptTextBytes: number;
  readonly promptTokenIds: number;
  readonly messageCount: number;
  readonly maxTokens: number;
  readonly malformed: string | undefined;

  /** `problem` is what else is wrong with the body; complaints about its form come first. */
  constructor(scanner: JsonScanner, problem?: string) {
    const model = readModel(scanner.captured(MEMBER.model));
    const stream = readStream(scanner.captured(MEMBER.stream));
    this.malformed = scanner.fault?.reason ?? notAnObject(scanner) ?? model.problem ?? stream.problem ?? problem;
    this.model = model.value;
    this.stream = stream.value ?? false;
    this.promptTextBytes = scanner.textBytes;
    this.promptTokenIds = scanner.textNumbers;
    this.messageCount = countMessages(scanner);
    this.maxTokens = Math.max(
      readCount(scanner, MEMBER.maxTokens) ?? 0,
      readCount(scanner, MEMBER.maxCompletionTokens) ?? 0,
      readCount(scanner, MEMBER.maxOutputTokens) ?? 0,
    );
  }
}

export interface TypedReader<T extends RequestInfo> extends RequestReader {
  end(): T;
}

/** `read` gets the scanner when the body has been read to its end, and may not keep it. */
export function createJsonReader<T extends RequestInfo>(read: (scanner: JsonScanner) => T): TypedReader<T> {
  return new JsonReader(read);
}

class JsonReader<T extends RequestInfo> implements TypedReader<T> {
  readonly #read: (scanner: JsonScanner) => T;
  readonly #scanner = SCANNERS.take();
  #info: T | undefined;

  constructor(read: (scanner: JsonScanner) => T) {
    this.#read = read;
  }

  push(chunk: Buffer): void {
    if (this.#info === undefined) this.#scanner.push(chunk);
  }

  end(): T {
    if (this.#info !== undefined) return this.#info;
    this.#scanner.end();
    this.#info = this.#read(this.#scanner);
    SCANNERS.giveBack(this.#scanner);
    return this.#info;
  }
}

export function createJsonRequestReader(): RequestReader {
  return createJsonReader((scanner) => new JsonRequestInfo(scanner));
}

/** The reader of calls whose body, if any, says nothing. */
export function createEmptyRequestReader(): RequestReader {
  const info: RequestInfo = { model: undefined, stream: false, promptTextBytes: 0, malformed: undefined };
  return { push: () => undefined, end: () => info };
}

function countMessages(scanner: JsonScanner): number {
  const messages = scanner.captured(MEMBER.messages);
  if (messages !== undefined) return messages.entries;
  const prompt = scanner.captured(MEMBER.input) ?? scanner.captured(MEMBER.prompt);
  return prompt === undefined ? 0 : Math.max(1, prompt.entries);
}

const ZERO = 0x30;
const NINE = 0x39;
const MAX_DIGITS = 15;

/** Undefined unless it is a whole number above 0: providers refuse others. */
export function readCount(scanner: JsonScanner, member: number): number | undefined {
  const raw = scanner.captured(member)?.raw();
  if (raw === undefined) return undefined;
  const value = readDigits(raw) ?? parse(raw);
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** As numbers mostly are written, and without a text of them. */
function readDigits(raw: Buffer): number | undefined {
  if (raw.length > MAX_DIGITS) return undefined;
  let value = 0;
  for (const byte of raw) {
    if (byte < ZERO || byte > NINE) return undefined;
    value = value * 10 + (byte - ZERO);
  }
  return value;
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

function notAnObject(scanner: JsonScanner): string | undefined {
  return scanner.isObject
    ? undefined
    : `found a body that is not an object, wanted an object, at byte ${String(scanner.documentAt)}`;
}

export function tooLong(field: string, capture: ValueCapture): string {
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

export function nameKind(raw: Buffer | undefined): string {
  if (raw === undefined) return "a value that is too long";
  const first = String.fromCharCode(raw[0] ?? 0);
  return first === '"' ? nameString(raw) : (KIND_BY_FIRST.get(first) ?? "a number");
}

function nameString(raw: Buffer): string {
  if (!isUtf8(raw)) return "a string that is not UTF-8";
  return parse(raw) === undefined ? "a string with raw control characters" : "a string";
}
