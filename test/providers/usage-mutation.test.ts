// What a provider says of usage may be wrong in any field: whatever is done to one, a successful answer is charged something
// or charged an estimate that says so. Nothing is free in silence.

import { describe, expect, test } from "vitest";
import { createHeaderNames, HeaderList } from "../../dataplane/identify/header-list.ts";
import type { Operation } from "../../dataplane/providers/provider.ts";
import { Exchange } from "../../dataplane/proxy/exchange.ts";
import { type Settlement, settlementOf } from "../../dataplane/proxy/settle.ts";
import { aClientExchange } from "../helpers/client-exchange.ts";
import { aBackend, aGatewayConfig, aRoute } from "../unit/config/builders.ts";
import { type FixtureCase, fixtureCases } from "./fixture-cases.ts";
import { replay } from "./replay.ts";

/** 41 bytes of prompt: 11 tokens when estimated. */
const INFO = { model: "m", stream: false, promptTextBytes: 41, malformed: undefined };
const ESTIMATED_PROMPT = 11;

const COUNTS = [
  "prompt_tokens",
  "completion_tokens",
  "total_tokens",
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "cache_creation_input_tokens",
  "cache_read_input_tokens",
  "reasoning_tokens",
  "thinking_tokens",
];
/** All of a usage object, as the fields in it are. */
const OBJECTS = [
  "usage",
  "prompt_tokens_details",
  "input_tokens_details",
  "completion_tokens_details",
  "output_tokens_details",
];

const MUTATIONS = [
  { how: "is left out", value: undefined },
  { how: "is null", value: "null" },
  { how: "is zero", value: "0" },
  { how: "is a string", value: '"40"' },
  { how: "is negative", value: "-40" },
  { how: "is a fraction", value: "0.5" },
  { how: "is huge", value: "1e300" },
  { how: "is an object", value: '{"value":40}' },
  { how: "is an array", value: "[40]" },
  { how: "is true", value: "true" },
];

/** Whole answers of a 200 that hold the field. */
const CASES = fixtureCases().filter(({ name }) => !name.includes("error"));

function mutated(text: string, field: string, value: string | undefined): string {
  const member = new RegExp(`"${field}":\\s*(?:-?[\\d.]+|\\{(?:[^{}]|\\{[^{}]*\\})*\\})`, "g");
  if (value !== undefined) return text.replace(member, `"${field}":${value}`);
  // A member that is gone takes a comma with it: a field of another name says nothing.
  return text.replace(member, '"gone":1');
}

function settle({ operation, contentType }: Pick<FixtureCase, "operation" | "contentType">, text: string): Settlement {
  const meter = operation.meterResponse(contentType, { stripInjectedUsage: false });
  const metered = replay(meter, [Buffer.from(text, "latin1")]);
  const again = operation.meterResponse(contentType, { stripInjectedUsage: true });
  expect(replay(again, [Buffer.from(text, "latin1")]).reported).toEqual(metered.reported);
  return settlementOf(anExchange(operation), { meter, status: 200, complete: true });
}

function anExchange(operation: Operation): Exchange {
  const provider = operation.dialect;
  const config = aGatewayConfig([aRoute(), aBackend({ provider })]);
  const headers = new HeaderList(
    [],
    createHeaderNames(() => true),
  );
  const exchange = new Exchange({ id: "r", ...aClientExchange(), headers, config, startedAt: 0 });
  exchange.operation = operation;
  exchange.info = INFO;
  exchange.backend = config.snapshot.routes
    .find({ method: "POST", host: "", path: "/", header: () => undefined })
    ?.route.balancer.pick();
  return exchange;
}

function expectCharged({ usage, source }: Settlement): void {
  const amounts = [usage.prompt, usage.completion, usage.cachedPrompt ?? 0, usage.reasoning ?? 0];
  for (const amount of amounts) expect(Number.isSafeInteger(amount) && amount >= 0).toBe(true);
  expect(usage.cachedPrompt ?? 0).toBeLessThanOrEqual(usage.prompt);
  expect(usage.reasoning ?? 0).toBeLessThanOrEqual(usage.completion);
  expect(source).toBeDefined();
  // An estimate says that it is one; what is said to be reported is above zero.
  expect(usage.prompt + usage.completion).toBeGreaterThan(0);
  if (source === "estimated") expect(usage.prompt).toBe(ESTIMATED_PROMPT);
}

describe.for([...COUNTS, ...OBJECTS])("%s", (field) => {
  const rows = CASES.filter(({ bytes }) => bytes.toString("latin1").includes(`"${field}"`));

  test("[unit] stands in some fixture", () => {
    expect(rows.length).toBeGreaterThan(0);
  });

  test.for(MUTATIONS)("[unit] never makes an answer free in silence when it $how", ({ value }) => {
    for (const row of rows) expectCharged(settle(row, mutated(row.bytes.toString("latin1"), field, value)));
  });
});

describe("the documented outcome", () => {
  const ANTHROPIC = { name: "anthropic-messages/json-plain", text: 2 };
  const RESPONSES = { name: "openai-responses/json-plain", text: 2 };
  const EMBEDDINGS = { name: "openai-embeddings/json-plain", text: 0 };
  const START = { name: "anthropic-messages/sse-plain", text: 2 };
  const NAN = ["null", '"40"', '{"value":40}', undefined];
  const rows = (
    { name }: { readonly name: string },
    field: string,
    values: readonly (string | undefined)[],
    wanted: readonly [prompt: number, completion: number, source: string],
  ) => values.map((value) => ({ name, field, value, wanted }));
  test.for([
    // Grüße has 7 bytes: 2 tokens when estimated.
    ...rows(ANTHROPIC, "input_tokens", NAN, [ESTIMATED_PROMPT, 12, "partial"]),
    ...rows(ANTHROPIC, "input_tokens", ["0", "-40"], [1000, 12, "reported"]),
    ...rows(ANTHROPIC, "input_tokens", ["0.5"], [1001, 12, "reported"]),
    ...rows(ANTHROPIC, "output_tokens", NAN, [1020, 2, "partial"]),
    ...rows(ANTHROPIC, "output_tokens", ["0", "-40"], [1020, 0, "reported"]),
    ...rows(ANTHROPIC, "cache_read_input_tokens", [...NAN, "0", "-40"], [120, 12, "reported"]),
    ...rows(ANTHROPIC, "cache_creation_input_tokens", [...NAN, "0"], [920, 12, "reported"]),
    ...rows(ANTHROPIC, "input_tokens", ["1e300"], [Number.MAX_SAFE_INTEGER, 12, "reported"]),
    ...rows(ANTHROPIC, "usage", NAN, [ESTIMATED_PROMPT, 2, "estimated"]),
    ...rows(START, "output_tokens", NAN, [1020, 2, "partial"]),
    ...rows(START, "input_tokens", NAN, [ESTIMATED_PROMPT, 12, "partial"]),
    ...rows(RESPONSES, "input_tokens", NAN, [40, 12, "reported"]),
    ...rows(RESPONSES, "input_tokens", ["0", "-40"], [0, 52, "reported"]),
    ...rows(RESPONSES, "output_tokens", [...NAN, "0"], [40, 12, "reported"]),
    ...rows(RESPONSES, "total_tokens", [...NAN, "0"], [40, 12, "reported"]),
    ...rows(RESPONSES, "usage", NAN, [ESTIMATED_PROMPT, 2, "estimated"]),
    ...rows(EMBEDDINGS, "prompt_tokens", [...NAN, "0", "-40"], [8, 0, "reported"]),
    ...rows(EMBEDDINGS, "total_tokens", [...NAN, "0", "-40"], [8, 0, "reported"]),
    ...rows(EMBEDDINGS, "usage", NAN, [ESTIMATED_PROMPT, 0, "estimated"]),
  ])("[unit] $name with $field as $value is $wanted", ({ name, field, value, wanted }) => {
    const row = CASES.find((one) => one.name === name);
    if (row === undefined) throw new Error(`no fixture ${name}`);
    const { usage, source } = settle(row, mutated(row.bytes.toString("latin1"), field, value));
    expect([usage.prompt, usage.completion, source]).toEqual(wanted);
  });
});
