// The meter of OpenAI chat streams, with and without stripping, against a reading of the events with JSON.parse.

import { OpenAiStreamMeter } from "../../../dataplane/providers/openai-stream-meter.ts";
import type { ReportedUsage } from "../../../dataplane/providers/provider.ts";
import { isRecord, law, parsed, same, sameForAll } from "../laws.ts";
import { longestString } from "../reference-json.ts";
import { type ReferenceEvent, readEvents } from "../reference-sse.ts";
import { waysToCut } from "../split.ts";
import type { FuzzTarget } from "../target.ts";

/** Beyond these the meter is allowed to leave an event as it is. */
const KEPT_BYTES = 8192;
const WALKED_BYTES = 1024;

interface Metered {
  readonly output: string;
  readonly usage: ReportedUsage | undefined;
  readonly textBytes: number;
  readonly complete: boolean;
}

function meter(pieces: readonly Buffer[], stripInjectedUsage: boolean): Metered {
  const one = new OpenAiStreamMeter({ stripInjectedUsage });
  let output = "";
  for (const piece of pieces) output += one.push(Buffer.from(piece))?.toString("latin1") ?? "";
  output += one.end()?.toString("latin1") ?? "";
  return { output, usage: one.usage(), textBytes: one.textBytes(), complete: one.complete() };
}

/** Undefined when the event's data are no plain JSON object whose members all differ. */
function objectOf({ data }: ReferenceEvent): Record<string, unknown> | undefined {
  const value = parsed(data.join("\n"));
  return isRecord(value) ? value : undefined;
}

/** Each event of the output is one of the input: as it was, without its usage member, or not there at all. */
function checkStripped(input: string, output: string): void {
  const before = readEvents(input);
  // A cut or a dropped event at the end may leave comments that run together with what follows: nothing plain to compare.
  if (!before.every(isPlain)) return;
  const wanted = before.flatMap((event) => wantedEvent(event) ?? []).filter((event) => event !== "");
  const after = readEvents(output).filter((event) => withoutEnd(event) !== "");
  law(after.length === wanted.length, "as many events as wanted", { after, wanted });
  wanted.forEach((one, i) => {
    const found = after[i];
    if (typeof one === "string") same(found && withoutEnd(found), one, "an event without usage passes as it was");
    else if (found !== undefined) same(objectOf(found), one, "an event loses its usage member and nothing else");
  });
}

function isPlain({ isWhole, text, data }: ReferenceEvent): boolean {
  if (!isWhole || text.length >= KEPT_BYTES || longestString(data.join("\n")) > WALKED_BYTES) return false;
  if (hasMemberTwice(data.join("\n")) || (data.length > 1 && parsed(data.join("\n")) === undefined)) return false;
  // The scan takes raw control characters in strings, JSON.parse does not.
  if (data.some((line) => /[\0-\x1f]/.test(line))) return false;
  return !/[\r\n]:/.test(text) && !/^[:\ufeff\u00ef]/.test(text);
}

/** Around an event that was taken out a CR and a LF may meet: blank lines more or fewer mean nothing. */
function withoutEnd({ text }: ReferenceEvent): string {
  return text.replace(/[\r\n]+$/, "");
}

function wantedEvent(event: ReferenceEvent): string | Record<string, unknown> | undefined {
  const value = objectOf(event);
  if (value === undefined || !Object.hasOwn(value, "usage")) return withoutEnd(event);
  const { usage, ...others } = value;
  const choices = Object.hasOwn(value, "choices") ? value["choices"] : undefined;
  if (isRecord(usage) && Array.isArray(choices) && choices.length === 0) return undefined;
  return others;
}

/** JSON.parse hides members given twice; the meter takes out the last. */
function hasMemberTwice(data: string): boolean {
  return (data.match(/"usage"/g) ?? []).length > 1 || data.includes("\\u");
}

const CHUNK =
  '{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}';
const USAGE = '{"prompt_tokens":11,"completion_tokens":22,"total_tokens":33}';

export const target: FuzzTarget = {
  name: "openai-stream",
  shape: "sse",
  seeds: [
    `data: ${CHUNK}\n\ndata: ${CHUNK.replace("Hello", " you")}\n\ndata: ${CHUNK.replace("Hello", "")}\n\ndata: {"id":"c1","choices":[],"usage":${USAGE}}\n\ndata: [DONE]\n\n`,
    `data: {"choices":[{"delta":{"content":"x"}}],"usage":null}\r\n\r\ndata: {"usage":${USAGE},"choices":[ ]}\r\n\r\ndata: [DONE]\r\n\r\n`,
    `: keep-alive\n\ndata: {"choices":[],"prompt_filter_results":[]}\n\nevent: x\ndata: {"choices":\ndata: [],"usage":${USAGE}}\n\n`,
    `data: {"choices":[{"delta":{}}],"x_groq":{"usage":${USAGE}}}\n\ndata: {"error":{"message":"no"}}\n\n`,
  ],
  tokens: [
    "data: ",
    "\n\n",
    "\r\n\r\n",
    "[DONE]",
    '"usage":',
    '"choices":[]',
    '"choices":',
    '"x_groq":',
    '"content":"',
    "null",
    "{}",
    ",",
    '"total_tokens":',
    `"usage":${USAGE}`,
  ],
  // Nothing but blank lines is an event for each of them, read ten times.
  maxBytes: 16_384,
  run(input, random) {
    const ways = waysToCut(input, random);
    const text = input.toString("latin1");
    const plain = sameForAll(ways, (pieces) => meter(pieces, false), "another cut gives another metering");
    same(plain.output, text, "without stripping every byte passes");
    const stripped = sameForAll(ways, (pieces) => meter(pieces, true), "another cut gives another stripping");
    same({ ...stripped, output: "" }, { ...plain, output: "" }, "stripping changes no metering");
    law(stripped.output.length <= text.length, "stripping adds nothing");
    law(plain.textBytes >= 0 && plain.textBytes <= text.length, "text is part of the stream", plain.textBytes);
    checkStripped(text, stripped.output);
    return `${String(plain.usage?.source)} ${String(plain.complete)} ${String(stripped.output === text)} ${String(plain.textBytes > 0)}`;
  },
};
