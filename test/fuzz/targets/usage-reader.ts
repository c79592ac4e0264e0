// Usage objects in a row, as a stream reports them: amounts stay amounts, whatever a provider says.

import { costOf } from "../../../dataplane/core/usage.ts";
import { OpenAiUsage } from "../../../dataplane/providers/openai-usage.ts";
import { isRecord, law, parsed } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

/** What a store must be able to add up. */
const AMOUNTS = ["TotalTokens", "PromptTokens", "CompletionTokens"] as const;

function says(line: string, field: string): boolean {
  const value = parsed(line);
  const tokens = isRecord(value) && Object.hasOwn(value, field) ? value[field] : undefined;
  return typeof tokens === "number" && tokens > 0;
}

export const target: FuzzTarget = {
  name: "usage-reader",
  shape: "bytes",
  seeds: [
    '{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}',
    '{"prompt_tokens":5}\n{"completion_tokens":7}\n{"total_tokens":3}',
    '{"prompt_tokens":9007199254740991,"completion_tokens":9007199254740991}\n{"prompt_tokens":null}\n[]\n"x"',
    '{"prompt_tokens":0.5,"completion_tokens":-7,"total_tokens":1e308,"prompt_tokens":"5"}',
  ],
  tokens: [
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    '"__proto__":',
    "null",
    "1e999",
    "-0",
    "{",
    "}",
    "\n",
    ":",
    ",",
  ],
  // Each line is an event's usage, and each that is no JSON an exception.
  maxBytes: 4_096,
  run(input) {
    const lines = input.toString("utf8").split("\n");
    const reader = new OpenAiUsage();
    for (const line of lines) {
      reader.read(Buffer.from(line));
      const reported = reader.resolve();
      if (reported === undefined) continue;
      for (const unit of AMOUNTS) {
        const amount = costOf(unit, { usage: reported.usage, costNano: 0 });
        law(Number.isSafeInteger(amount) && amount >= 0, `an amount that a store takes for ${unit}`, amount);
      }
      law(costOf("TotalTokens", { usage: reported.usage, costNano: 0 }) > 0, "what is reported is not nothing");
    }
    const isReported = lines.some((line) => AMOUNT_FIELDS.some((field) => says(line, field)));
    if (lines.length === 1 && isReported) law(reader.resolve() !== undefined, "a positive number is not lost");
    return String(reader.resolve()?.source) + String(reader.resolve()?.missing);
  },
};

const AMOUNT_FIELDS = ["prompt_tokens", "completion_tokens", "total_tokens"];
