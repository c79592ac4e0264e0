// What is said of expressions over usage fields that a provider does not report.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { knownUsageFields } from "../../dataplane/contract/usage-fields.ts";
import { parsed } from "../fuzz/laws.ts";
import { aBackend, aLimit, aPolicy, aRoute, compiled, linesOf, type Manifest } from "./manifest-builders.ts";

const expression = (text: string, changes: Manifest = {}): Manifest =>
  aLimit({ name: "weighted", unit: "Expression", expression: text, ...changes });

const openAi = aBackend({ name: "openai" });
const anthropic = aBackend({ name: "claude" }, { provider: "Anthropic" });
const compatible = aBackend({ name: "vllm" }, { provider: "OpenAICompatible", endpoint: "https://c.example" });
const to = (...names: string[]): Manifest => aRoute({}, { backendRefs: names.map((name) => ({ name })) });

function line(field: string, provider: string, wanted: string): string {
  const found = `usage field \`${field}\` in limit weighted, which provider ${provider} does not report: there it counts 0`;
  return `warning: AIRateLimitPolicy default/it spec.limits[0].expression: found ${found}, wanted ${wanted}`;
}

const OPENAI = "a field that OpenAI reports, such as prompt_tokens, completion_tokens, total_tokens, input_tokens";
const ANTHROPIC =
  "a field that Anthropic reports, such as input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens";

describe("a warning names limit, field and provider", () => {
  test.for([
    {
      name: "a field of another provider",
      around: [anthropic, to("claude")],
      text: "prompt_tokens * 2",
      lines: [line("prompt_tokens", "Anthropic", ANTHROPIC)],
    },
    {
      name: "a field that is mistyped beside one that is not",
      around: [openAi, to("openai")],
      text: "prompt_tokens + completion_token",
      lines: [line("completion_token", "OpenAI", `${OPENAI}; did you mean \`completion_tokens\`?`)],
    },
    {
      name: "an inner field that is not there",
      around: [anthropic, to("claude")],
      text: "input_tokens - prompt_tokens_details.cached_tokens",
      lines: [line("prompt_tokens_details.cached_tokens", "Anthropic", ANTHROPIC)],
    },
    {
      name: "a formula for one of two providers",
      around: [openAi, anthropic, to("openai", "claude")],
      text: "cache_read_input_tokens",
      lines: [line("cache_read_input_tokens", "OpenAI", OPENAI)],
    },
    {
      name: "a field that neither of two providers reports",
      around: [openAi, anthropic, to("openai", "claude")],
      text: "input_tokens + thinking_units",
      lines: [line("thinking_units", "OpenAI", OPENAI), line("thinking_units", "Anthropic", ANTHROPIC)],
    },
  ])("[unit] $name", ({ around, text, lines }, { expect }) => {
    const output = compiled(...around, aPolicy({}, { limits: [expression(text)] }));
    expect(linesOf(output).toSorted()).toEqual(lines.toSorted());
    expect(output.objects.filter(({ kind }) => kind === "AIRateLimitPolicy")).toHaveLength(1);
  });
});

test("[unit] warns of usage fields in expressions of cost as well", ({ expect }) => {
  const limit = aLimit({ unit: "Cost", expression: "usage.input_tokens * 0.001", limit: "5" });
  const lines = linesOf(compiled(openAi, anthropic, to("openai", "claude"), aPolicy({}, { limits: [limit] })));
  expect(lines).toEqual([]);
  const unknown = aLimit({ unit: "Cost", expression: "usage.input_token * 0.001 + tokens.total * 0", limit: "5" });
  expect(linesOf(compiled(anthropic, to("claude"), aPolicy({}, { limits: [unknown] })))).toEqual([
    expect.stringContaining("usage field `input_token` in limit minute, which provider Anthropic does not report"),
  ]);
});

describe("no warning", () => {
  test.for([
    { name: "for fields of the provider", around: [anthropic, to("claude")], text: "input_tokens + output_tokens * 5" },
    {
      name: "for a formula over the fields of both providers",
      around: [openAi, anthropic, to("openai", "claude")],
      text: "prompt_tokens + input_tokens + cache_read_input_tokens * 0.1",
    },
    { name: "where the provider's fields are not known", around: [compatible, to("vllm")], text: "own_units" },
    {
      name: "for a field that a provider with unknown fields may report",
      around: [openAi, compatible, to("openai", "vllm")],
      text: "prompt_tokens + prompt_cache_hit_tokens",
    },
    { name: "for a backend that no route leads to", around: [openAi, anthropic, to("openai")], text: "prompt_tokens" },
    { name: "for a constant", around: [openAi, to("openai")], text: "1" },
  ])("[unit] $name", ({ around, text }, { expect }) => {
    expect(linesOf(compiled(...around, aPolicy({}, { limits: [expression(text)] })))).toEqual([]);
  });

  test("[unit] for a backend that a condition leaves out", ({ expect }) => {
    const limit = expression("prompt_tokens", { when: [{ type: "Provider", values: ["openai"] }] });
    const output = compiled(openAi, anthropic, to("openai", "claude"), aPolicy({}, { limits: [limit] }));
    expect(linesOf(output)).toEqual([]);
  });
});

const FIXTURES = join(import.meta.dirname, "..", "fixtures", "providers");

/** Paths of the numbers in every usage object of a text; one that goes on over several data lines is passed over. */
function usageFieldsIn(text: string): Set<string> {
  const paths = new Set<string>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value === "number") paths.add(path);
    if (typeof value !== "object" || value === null) return;
    for (const [name, inner] of Object.entries(value)) walk(inner, path === "" ? name : `${path}.${name}`);
  };
  for (const [, usage = ""] of text.matchAll(/"usage": ?(\{(?:[^{}]|\{[^{}]*\})*\})/g)) walk(parsed(usage), "");
  return paths;
}

test.for([
  ["OpenAI", "openai-responses"],
  ["Anthropic", "anthropic-messages"],
] as const)(
  "[unit] the known fields of %s hold every number that its recorded answers report",
  ([provider, folder], { expect }) => {
    const files = readdirSync(join(FIXTURES, folder)).filter((file) => !file.endsWith(".expected.json"));
    const reported = files.flatMap((file) => [...usageFieldsIn(readFileSync(join(FIXTURES, folder, file), "utf8"))]);
    expect(reported.length).toBeGreaterThan(4);
    expect(reported.filter((name) => !knownUsageFields(provider)?.has(name))).toEqual([]);
  },
);
