// The reader of Anthropic's messages requests against JSON.parse.

import { anthropicDialect } from "../../../dataplane/providers/anthropic.ts";
import type { RequestInfo } from "../../../dataplane/providers/provider.ts";
import { isRecord, kindOf, law, parsed, same, sameForAll } from "../laws.ts";
import { own } from "../reference-anthropic.ts";
import { latin1WithoutControls, longestString, textBytesOf } from "../reference-json.ts";
import { waysToCut } from "../split.ts";
import type { FuzzTarget } from "../target.ts";

const WALKED_BYTES = 1024;
/** What becomes prompt; not url and data, which hold images and files. */
const TEXT_KEYS =
  "content text prompt suffix input instructions system arguments output name description enum refusal reasoning reasoning_content thinking".split(
    " ",
  );

function read(pieces: readonly Buffer[]): RequestInfo {
  const operation = anthropicDialect.defaultOperation;
  const reader = operation.readRequest();
  for (const piece of pieces) reader.push(piece);
  const info = reader.end();
  law(operation.injectUsage(pieces, info) === undefined, "nothing is asked for: Anthropic's streams report usage");
  return { ...info };
}

export const target: FuzzTarget = {
  name: "anthropic-request",
  shape: "json",
  seeds: [
    '{"model":"claude-sonnet-4","max_tokens":64,"stream":true,"system":"Be brief.","messages":[{"role":"user","content":"Hi"}]}',
    '{"messages":[{"role":"user","content":[{"type":"text","text":"t"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}],"model":"m"}',
    '{"model":"m","system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":[],"tools":[{"name":"f","description":"d","input_schema":{"properties":{"x":{"enum":["a"]}}}}]}',
    '{"model":"m","stream":null,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"so","signature":"Eq"},{"type":"tool_use","id":"1","name":"f","input":{"x":"y"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"42"}]}]}',
  ],
  tokens: [
    '"model":',
    '"stream":',
    '"system":',
    '"messages":',
    '"text":',
    '"thinking":',
    '"content":',
    "true",
    "null",
    "{}",
    '"MODEL":',
    '"\\u0073tream":',
    ",",
    "{",
    "}",
  ],
  run(input, random) {
    const info = sameForAll(waysToCut(input, random), read, "another cut gives another reading");
    law(info.promptTextBytes >= 0 && info.promptTextBytes <= input.length, "text is part of the body", info);
    if (info.malformed !== undefined) return kindOf(info.malformed);
    const text = latin1WithoutControls(input);
    if (longestString(text) > WALKED_BYTES) return "long";
    const body = parsed(Buffer.from(text, "latin1").toString("utf8"));
    law(isRecord(body), "accepts a body that is no JSON object");
    same(info.model, own(body, "model"), "reads the model");
    same(info.stream, own(body, "stream") === true, "reads the stream flag");
    same(info.promptTextBytes, textBytesOf(text, TEXT_KEYS), "counts the text");
    return `ok ${String(info.stream)} ${String(info.model === undefined)} ${String(info.promptTextBytes > 0)}`;
  },
};
