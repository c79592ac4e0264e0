// The reader of OpenAI chat requests and the edit that asks for usage, against JSON.parse.

import { createChatRequestReader, injectIncludeUsage } from "../../../dataplane/providers/openai-request.ts";
import type { RequestInfo } from "../../../dataplane/providers/provider.ts";
import { isRecord, kindOf, law, parsed, same, sameForAll } from "../laws.ts";
import { latin1WithoutControls, longestString } from "../reference-json.ts";
import { waysToCut } from "../split.ts";
import type { FuzzTarget } from "../target.ts";

const WALKED_BYTES = 1024;
const DECIDING_KEYS = ["model", "stream", "stream_options"];

interface Reading {
  readonly info: RequestInfo;
  readonly sent: string;
  readonly isEdited: boolean;
}

function read(pieces: readonly Buffer[]): Reading {
  const reader = createChatRequestReader();
  for (const piece of pieces) reader.push(piece);
  const info = reader.end();
  const edited = injectIncludeUsage(pieces, info);
  const { model, stream, promptTextBytes, malformed } = info;
  const plain = { model, stream, promptTextBytes, malformed };
  return { info: plain, sent: Buffer.concat(edited ?? pieces).toString("latin1"), isEdited: edited !== undefined };
}

function checkMeaning(input: Buffer, reading: Reading): void {
  const text = latin1WithoutControls(input);
  if (longestString(text) > WALKED_BYTES) return;
  const body = parsed(text);
  law(isRecord(body), "accepts a body that is no JSON object");
  for (const key of Object.keys(body)) {
    const isOdd = !DECIDING_KEYS.includes(key) && DECIDING_KEYS.includes(key.toLowerCase());
    law(!isOdd, "accepts a key that differs from a deciding one in case", key);
  }
  const { info } = reading;
  const asUtf8 = parsed(Buffer.from(text, "latin1").toString("utf8"));
  law(isRecord(asUtf8), "accepts a body that is no JSON object");
  same(info.model, own(asUtf8, "model"), "reads the model");
  same(info.stream, own(body, "stream") === true, "reads the stream flag");
  checkEdit(body, reading);
}

function own(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function checkEdit(body: Record<string, unknown>, { info, sent, isEdited }: Reading): void {
  const after = parsed(latin1WithoutControls(Buffer.from(sent, "latin1")));
  law(isRecord(after), "the edit leaves a JSON object");
  const { stream_options: optionsBefore, ...othersBefore } = body;
  const { stream_options: options, ...others } = after;
  same(others, othersBefore, "the edit changes nothing else");
  if (!info.stream) {
    law(!isEdited, "edits nothing when there is no stream");
    return;
  }
  law(isRecord(options) && options["include_usage"] === true, "asks for usage", options);
  const { include_usage: _before, ...restBefore } = isRecord(optionsBefore) ? optionsBefore : {};
  const { include_usage: _after, ...rest } = options;
  same(rest, restBefore, "the edit keeps the other stream options");
}

export const target: FuzzTarget = {
  name: "openai-request",
  shape: "json",
  seeds: [
    '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hi"}]}',
    '{"stream_options":{"include_usage":false,"x":[1]},"stream":true,"messages":[]}',
    '{"stream_options":{ },"stream":true}',
    '{"stream_options":null,"stream":true,"model":"a/b","tools":[{"function":{"name":"f","description":"d","parameters":{"enum":["x"]}}}]}',
    '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"stream":false}',
  ],
  tokens: [
    '"model":',
    '"stream":',
    '"stream_options":',
    '"include_usage":',
    "true",
    "false",
    "null",
    "{}",
    '"Model":',
    '"\\u0073tream":',
    '"STREAM_OPTIONS":',
    '"\u017ftream":',
    ",",
    "{",
    "}",
  ],
  run(input, random) {
    const reading = sameForAll(waysToCut(input, random), read, "another cut gives another reading");
    if (reading.info.malformed !== undefined) {
      law(!reading.isEdited, "a malformed body is not edited");
      return kindOf(reading.info.malformed);
    }
    checkMeaning(input, reading);
    return `ok ${String(reading.info.stream)} ${String(reading.isEdited)} ${String(reading.info.model === undefined)}`;
  },
};
