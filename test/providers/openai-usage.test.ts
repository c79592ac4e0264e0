import { expect, test } from "vitest";
import { openAiDialect } from "../../dataplane/providers/openai.ts";
import type { ReportedUsage } from "../../dataplane/providers/provider.ts";
import { replay } from "./replay.ts";

const HUGE = Number.MAX_SAFE_INTEGER;

interface Row {
  /** JSON of the usage member's value. */
  readonly usage: string;
  readonly prompt: number;
  readonly completion: number;
  readonly source: ReportedUsage["source"];
  readonly missing?: ReportedUsage["missing"];
}

const NOT_NUMBERS = ["null", '"40"', "true", "[40]", "{}"];

const REPORTED: readonly Row[] = [
  { usage: tokens("40", "12", "52"), prompt: 40, completion: 12, source: "reported" },
  { usage: tokens("40", "12", "252"), prompt: 40, completion: 212, source: "reported" },
  { usage: tokens("40", "12", "10"), prompt: 40, completion: 12, source: "reported" },
  // One field away or not a number.
  { usage: '{"completion_tokens":12,"total_tokens":52}', prompt: 40, completion: 12, source: "reported" },
  { usage: '{"prompt_tokens":40,"total_tokens":52}', prompt: 40, completion: 12, source: "reported" },
  { usage: '{"prompt_tokens":40,"completion_tokens":12}', prompt: 40, completion: 12, source: "reported" },
  ...NOT_NUMBERS.flatMap((value): Row[] => [
    { usage: tokens(value, "12", "52"), prompt: 40, completion: 12, source: "reported" },
    { usage: tokens("40", value, "52"), prompt: 40, completion: 12, source: "reported" },
    { usage: tokens("40", "12", value), prompt: 40, completion: 12, source: "reported" },
  ]),
  // One field zero or negative.
  ...["0", "-5"].flatMap((value): Row[] => [
    { usage: tokens(value, "12", "52"), prompt: 0, completion: 52, source: "reported" },
    { usage: tokens("40", value, "52"), prompt: 40, completion: 12, source: "reported" },
    { usage: tokens("40", "12", value), prompt: 40, completion: 12, source: "reported" },
  ]),
  // An embedding has no completion.
  { usage: '{"prompt_tokens":8,"total_tokens":8}', prompt: 8, completion: 0, source: "reported" },
  // Fractions count as a whole token.
  { usage: tokens("39.2", "11.01", "50.9"), prompt: 40, completion: 12, source: "reported" },
  { usage: tokens("4e1", "0.1", "0"), prompt: 40, completion: 1, source: "reported" },
  // Beyond what can be counted.
  { usage: tokens("1e300", "12", "52"), prompt: HUGE, completion: 12, source: "reported" },
  { usage: tokens("1e999", "12", "52"), prompt: HUGE, completion: 12, source: "reported" },
  { usage: tokens("40", "9007199254740993", "52"), prompt: 40, completion: HUGE, source: "reported" },
  // A part alone.
  { usage: '{"prompt_tokens":40}', prompt: 40, completion: 0, source: "partial", missing: "completion" },
  {
    usage: '{"prompt_tokens":40,"total_tokens":0}',
    prompt: 40,
    completion: 0,
    source: "partial",
    missing: "completion",
  },
  { usage: '{"completion_tokens":12}', prompt: 0, completion: 12, source: "partial", missing: "prompt" },
  {
    usage: '{"completion_tokens":12,"total_tokens":12}',
    prompt: 0,
    completion: 12,
    source: "partial",
    missing: "prompt",
  },
  { usage: '{"total_tokens":52}', prompt: 0, completion: 52, source: "partial" },
];

const MISSING = [
  "null",
  "{}",
  "[]",
  "0",
  '"x"',
  "true",
  tokens("0", "0", "0"),
  tokens("-1", "-2", "-3"),
  tokens("null", "null", "null"),
  '{"Prompt_tokens":40}',
  '{"prompt_tokens":{"value":40}}',
  // Longer than what is kept of a value.
  `{"prompt_tokens":40,"completion_tokens":12,"x":"${"y".repeat(9000)}"}`,
];

test.for(REPORTED)("[unit] reads $usage as $prompt + $completion, $source", (row) => {
  const wanted: ReportedUsage = { usage: { prompt: row.prompt, completion: row.completion }, source: row.source };
  for (const reported of [fromJson(row.usage), fromStream([row.usage])]) {
    expect(normal(reported)).toEqual(row.missing === undefined ? wanted : { ...wanted, missing: row.missing });
  }
});

test.for(MISSING)("[unit] takes %s for no usage, so that the caller estimates", (usage) => {
  expect(fromJson(usage)).toBeUndefined();
  expect(fromStream([usage])).toBeUndefined();
});

test.for([
  {
    name: "the last of running totals",
    usages: [tokens("9", "1", "10"), tokens("9", "2", "11")],
    prompt: 9,
    completion: 2,
  },
  {
    name: "a field that only came earlier",
    usages: ['{"prompt_tokens":9}', '{"completion_tokens":2}'],
    prompt: 9,
    completion: 2,
  },
  {
    name: "totals that a later null leaves standing",
    usages: [tokens("9", "2", "11"), "null"],
    prompt: 9,
    completion: 2,
  },
])("[unit] keeps $name and never adds (kong trap 11, apisix trap 31)", ({ usages, prompt, completion }) => {
  expect(normal(fromStream(usages))).toEqual({ usage: { prompt, completion }, source: "reported" });
});

test.for([
  {
    where: "prompt_tokens_details",
    usage: '{"prompt_tokens":40,"prompt_tokens_details":{"cached_tokens":16}}',
    cached: 16,
  },
  {
    where: "input_tokens_details",
    usage: '{"input_tokens":40,"input_tokens_details":{"cached_tokens":16}}',
    cached: 16,
  },
  { where: "DeepSeek's own field", usage: '{"prompt_tokens":40,"prompt_cache_hit_tokens":7}', cached: 7 },
  {
    where: "more than the prompt",
    usage: '{"prompt_tokens":40,"prompt_tokens_details":{"cached_tokens":99}}',
    cached: 40,
  },
  {
    where: "no number",
    usage: '{"prompt_tokens":40,"prompt_tokens_details":{"cached_tokens":"16"}}',
    cached: undefined,
  },
  { where: "details that are null", usage: '{"prompt_tokens":40,"prompt_tokens_details":null}', cached: undefined },
])("[unit] reads cached tokens: $where (kong trap 12)", ({ usage, cached }) => {
  expect(fromJson(usage)?.usage.cachedPrompt).toBe(cached);
});

test("[unit] keeps the provider's own usage object, with the last value of every field that was not null", () => {
  const usages = [
    '{"prompt_tokens":9,"x":{"y":1},"__proto__":5}',
    '{"completion_tokens":2,"x":null,"prompt_tokens":8}',
  ];
  const raw = fromStream(usages)?.raw;
  expect(Object.entries(raw ?? {})).toEqual([
    ["prompt_tokens", 8],
    ["x", { y: 1 }],
    ["__proto__", 5],
    ["completion_tokens", 2],
  ]);
  expect(Object.getPrototypeOf(raw)).toBe(Object.prototype);
});

test("[unit] keeps no more fields of a usage object than a provider could mean", () => {
  const many = Array.from({ length: 500 }, (_, i) => `"f${String(i)}":1`).join(",");
  expect(Object.keys(fromJson(`{"prompt_tokens":4,${many}}`)?.raw ?? {})).toHaveLength(64);
});

function tokens(prompt: string, completion: string, total: string): string {
  return `{"prompt_tokens":${prompt},"completion_tokens":${completion},"total_tokens":${total}}`;
}

function fromJson(usage: string): ReportedUsage | undefined {
  return meter("application/json", `{"choices":[],"usage":${usage}}`);
}

function fromStream(usages: readonly string[]): ReportedUsage | undefined {
  const frames = usages.map((usage) => `data: {"choices":[{"delta":{}}],"usage":${usage}}\n\n`);
  return meter("text/event-stream", frames.join(""));
}

function meter(contentType: string, body: string): ReportedUsage | undefined {
  const { defaultOperation } = openAiDialect;
  return replay(defaultOperation.meterResponse(contentType, { stripInjectedUsage: false }), [Buffer.from(body)])
    .reported;
}

/** What the provider said in its own words has a test of its own. */
function normal(reported: ReportedUsage | undefined): unknown {
  if (reported === undefined) return undefined;
  const { raw: _, ...rest } = reported;
  return rest;
}
