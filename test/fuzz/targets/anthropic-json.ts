// The meter of Anthropic's messages that are one JSON document, against JSON.parse.

import { createAnthropicJsonMeter } from "../../../dataplane/providers/anthropic-meter.ts";
import { same } from "../laws.ts";
import { kindOfMetering, meterDocument } from "../metered-document.ts";
import { own, plainObject, takeAll, usageOf, withoutRaw } from "../reference-anthropic.ts";
import type { FuzzTarget } from "../target.ts";

export const target: FuzzTarget = {
  name: "anthropic-json",
  shape: "json",
  seeds: [
    '{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hello."}],"usage":{"input_tokens":5,"output_tokens":7,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}}',
    '{"usage":{"input_tokens":0,"cache_creation_input_tokens":100,"cache_read_input_tokens":2000,"output_tokens":1,"server_tool_use":{"web_search_requests":1}}}',
    '{"usage":{"input_tokens":9007199254740991,"cache_read_input_tokens":9007199254740991,"output_tokens":-1.5}}',
    '{"content":[{"type":"thinking","thinking":"so"},{"type":"tool_use","input":{"x":1}}],"usage":{"output_tokens":7}}',
    '{"type":"error","error":{"type":"overloaded_error","message":"no"}}',
  ],
  tokens: [
    '"usage":',
    '"input_tokens":',
    '"output_tokens":',
    '"cache_creation_input_tokens":',
    '"cache_read_input_tokens":',
    '"__proto__":',
    "null",
    "-1",
    "0",
    "1e400",
    '"5"',
    "{}",
    "[]",
    ",",
    "}",
  ],
  run(input, random) {
    const metered = meterDocument(input, random, createAnthropicJsonMeter);
    const document = plainObject(input.toString("latin1"));
    if (document !== undefined) {
      const seen = new Map<string, number>();
      takeAll(seen, own(document, "usage"));
      same(withoutRaw(metered.usage), usageOf(seen), "the usage is that of the document");
      same(metered.complete, true, "a whole document is complete");
    }
    return kindOfMetering(metered);
  },
};
