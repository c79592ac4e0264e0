// The meter of Anthropic's event streams against a reading of the events with JSON.parse.

import { createAnthropicStreamMeter } from "../../../dataplane/providers/anthropic-meter.ts";
import type { ReportedUsage } from "../../../dataplane/providers/provider.ts";
import { checkAmounts, law, same, sameForAll } from "../laws.ts";
import { own, plainObject, takeAll, takeInput, usageOf, withoutRaw } from "../reference-anthropic.ts";
import { textBytesOf } from "../reference-json.ts";
import { readEvents } from "../reference-sse.ts";
import { waysToCut } from "../split.ts";
import type { FuzzTarget } from "../target.ts";

interface Metered {
  readonly output: string;
  readonly usage: ReportedUsage | undefined;
  readonly textBytes: number;
  readonly complete: boolean;
}

function meter(pieces: readonly Buffer[]): Metered {
  const one = createAnthropicStreamMeter();
  let output = "";
  for (const piece of pieces) output += one.push(Buffer.from(piece))?.toString("latin1") ?? "";
  output += one.end()?.toString("latin1") ?? "";
  return { output, usage: one.usage(), textBytes: one.textBytes(), complete: one.complete() };
}

const TEXT_KEYS = ["text", "thinking", "partial_json"];

/** Where every event is a plain JSON object, the whole metering follows from them. */
function checkEvents(stream: string, metered: Metered): void {
  const texts = readEvents(stream).flatMap(({ data }) => (data.length === 0 ? [] : [data.join("\n")]));
  const events = texts.flatMap((text) => plainObject(text) ?? []);
  if (events.length < texts.length) return;
  const seen = new Map<string, number>();
  for (const event of events) {
    takeInput(seen, own(own(event, "message"), "usage"));
    takeAll(seen, own(event, "usage"));
  }
  same(withoutRaw(metered.usage), usageOf(seen), "the usage is that of the events");
  const texted = texts.reduce((sum, text) => sum + textBytesOf(text, TEXT_KEYS), 0);
  same(metered.textBytes, texted, "counts the text");
  const isComplete = events.some((event) => own(event, "type") === "message_stop");
  same(metered.complete, isComplete, "complete when message_stop has come");
}

const START =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":25,"cache_read_input_tokens":10,"output_tokens":1}}}\n\n';
const DELTA =
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}\n\n';
const END =
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n';

export const target: FuzzTarget = {
  name: "anthropic-stream",
  shape: "sse",
  seeds: [
    START + DELTA + DELTA.replace("Hello", " you") + END,
    `${START}event: ping\ndata: {"type": "ping"}\n\n${DELTA}`.replaceAll("\n", "\r\n"),
    `${START}${DELTA.replace('"text_delta","text"', '"thinking_delta","thinking"')}${DELTA.replace('"text_delta","text":"Hello"', '"input_json_delta","partial_json":"{\\"a\\":"')}${END}`,
    `${START}data: {"type":"message_delta",\ndata: "usage":{"input_tokens":30,"cache_creation_input_tokens":null,"output_tokens":2}}\n\nevent: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n`,
    'data: {"usage":{"output_tokens":3}}\n\ndata: {"message":{"usage":{"output_tokens":9}}}\n\ndata: {"message":[]}\n\n',
  ],
  tokens: [
    "data: ",
    "event: message_delta\n",
    "\n\n",
    "\r\n\r\n",
    '"type":"message_stop"',
    '"usage":',
    '"message":',
    '"input_tokens":',
    '"output_tokens":',
    '"cache_read_input_tokens":',
    '"text":"',
    "null",
    "{}",
    ",",
    "0",
  ],
  maxBytes: 16_384,
  run(input, random) {
    const text = input.toString("latin1");
    const metered = sameForAll(waysToCut(input, random), meter, "another cut gives another metering");
    same(metered.output, text, "every byte passes");
    law(metered.textBytes >= 0 && metered.textBytes <= text.length, "text is part of the stream", metered.textBytes);
    checkAmounts(metered.usage);
    checkEvents(text, metered);
    return `${String(metered.usage?.source)} ${String(metered.usage?.missing)} ${String(metered.complete)} ${String(metered.textBytes > 0)}`;
  },
};
