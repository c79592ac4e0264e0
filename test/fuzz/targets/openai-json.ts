// The meter of OpenAI responses that are one JSON document, and the reader of usage objects.

import { createOpenAiJsonMeter } from "../../../dataplane/providers/openai-json-meter.ts";
import { OpenAiUsage } from "../../../dataplane/providers/openai-usage.ts";
import type { ReportedUsage } from "../../../dataplane/providers/provider.ts";
import { isRecord, parsed, same } from "../laws.ts";
import { kindOfMetering, meterDocument } from "../metered-document.ts";
import type { FuzzTarget } from "../target.ts";

function written(usage: ReportedUsage | undefined): unknown {
  return usage && parsed(JSON.stringify(usage));
}

export const target: FuzzTarget = {
  name: "openai-json",
  shape: "json",
  seeds: [
    '{"id":"1","choices":[{"message":{"role":"assistant","content":"Hello."}}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}',
    '{"usage":{"total_tokens":9007199254740991,"prompt_tokens":-3,"completion_tokens":1.5}}',
    '\n\n\n{"usage":null,"choices":[]}',
    '{"error":{"message":"no"}}',
  ],
  tokens: [
    '"usage":',
    '"prompt_tokens":',
    '"completion_tokens":',
    '"total_tokens":',
    "null",
    "-1",
    "1e400",
    '"5"',
    "{}",
    "[]",
    ",",
    "}",
  ],
  run(input, random) {
    const metered = meterDocument(input, random, createOpenAiJsonMeter);
    const document = parsed(input.toString("utf8"));
    if (isRecord(document) && !JSON.stringify(document).includes("\ufffd")) {
      const alone = new OpenAiUsage();
      const raw = Buffer.from(Object.hasOwn(document, "usage") ? JSON.stringify(document["usage"]) : "");
      // A usage that is too long to be kept is not read, and Infinity cannot be written again.
      const isInfinite = /e\+?\d{3}|\d{300}/i.test(input.toString("latin1"));
      if (raw.length < 4000 && input.length < 8000 && !isInfinite) {
        alone.read(raw);
        // Written again, -0 is 0.
        same(written(metered.usage), written(alone.resolve()), "the usage is that of the document");
      }
    }
    return kindOfMetering(metered);
  },
};
