// What is said of limits that count cost where there are no prices, and what prices compile to.

import { test } from "vitest";
import { aBackend, aLimit, aPolicy, aRoute, compiled, linesOf, type Manifest } from "./manifest-builders.ts";

const prices = { inputPer1M: "0.15", outputPer1M: "0.60", currency: "USD" };
const priced = [{ name: "gpt", prices }];
const cost = (changes: Manifest = {}): Manifest => aLimit({ unit: "Cost", limit: "12.50", ...changes });

const surroundings = [
  aBackend({ name: "a" }, { models: priced }),
  aBackend({ name: "b" }),
  aBackend({ name: "c" }, { provider: "OpenAICompatible", endpoint: "https://c.example" }),
  aBackend({ name: "unused" }),
  aBackend({ name: "b", namespace: "other" }),
  aRoute({ name: "r1" }, { backendRefs: [{ name: "a" }, { name: "b" }] }),
  aRoute({ name: "r2" }, { backendRefs: [{ name: "c" }] }),
];

const WANTED = 'spec.models with prices there ("0" for what is free); until then this limit refuses their requests';
const line = (found: string): string =>
  `warning: AIRateLimitPolicy default/it spec.limits[0]: found ${found}, wanted ${WANTED}`;

test.for([
  { name: "every backend of a route of the namespace", spec: { limits: [cost()] }, found: "b, c" },
  { name: "those of the routes it applies to", spec: { appliesTo: { routes: ["r2"] }, limits: [cost()] }, found: "c" },
  { name: "those it applies to", spec: { appliesTo: { backends: ["a", "b"] }, limits: [cost()] }, found: "b" },
  {
    name: "those of a condition",
    spec: { limits: [cost({ when: [{ type: "Backend", values: ["b"] }] })] },
    found: "b",
  },
  {
    name: "those of a provider",
    spec: { limits: [cost({ when: [{ type: "Provider", values: ["openaicompatible"] }] })] },
    found: "c",
  },
  {
    name: "those of a route condition",
    spec: { limits: [cost({ when: [{ type: "Route", values: ["r1"] }] })] },
    found: "b",
  },
  { name: "none that has prices", spec: { appliesTo: { backends: ["a"] }, limits: [cost()] }, found: undefined },
  {
    name: "none where an expression says what a request costs",
    spec: { limits: [cost({ expression: 'model == "gpt" ? 2.0 : tokens.total * 0.001' })] },
    found: undefined,
  },
  {
    name: "those of which an expression reads the prices",
    spec: { limits: [cost({ expression: "cost * 1.2" })] },
    found: "b, c",
  },
  { name: "none with another unit", spec: { limits: [aLimit()] }, found: undefined },
])("[unit] warns of missing prices on $name", ({ spec, found }, { expect }) => {
  const output = compiled(...surroundings, aPolicy({}, spec));
  expect(linesOf(output)).toEqual(found === undefined ? [] : [line(`no prices on AIBackend ${found}`)]);
  expect(output.objects.filter(({ kind }) => kind === "AIRateLimitPolicy")).toHaveLength(1);
});

test("[unit] says what a Shadow limit does without prices", ({ expect }) => {
  const output = compiled(
    ...surroundings,
    aPolicy({}, { appliesTo: { backends: ["b"] }, limits: [cost({ mode: "Shadow" })] }),
  );
  expect(linesOf(output)[0]).toMatch(/until then their requests cost nothing$/);
});

test("[unit] warns of models that are listed without prices, and of prices in two currencies", ({ expect }) => {
  const output = compiled(
    aBackend({ name: "a" }, { models: [...priced, { name: "new" }, { name: "newer" }] }),
    aBackend({ name: "b" }, { models: [{ name: "gpt", prices: { ...prices, currency: "EUR" } }] }),
    aRoute({}, { backendRefs: [{ name: "a" }, { name: "b" }] }),
    aPolicy({}, { limits: [cost()] }),
  );
  expect(output.findings.map(({ severity, code, found }) => [severity, code, found])).toEqual([
    ["warning", "PriceMissing", "no prices for model new, newer of AIBackend a"],
    ["warning", "MixedCurrencies", "prices in USD (a) and EUR (b)"],
  ]);
});

test("[unit] prices become whole nano units per million tokens; cached input costs as input unless said", ({
  expect,
}) => {
  const models = [
    { name: "a", prices: { inputPer1M: "0.15", outputPer1M: "999999.999999999", currency: "USD" } },
    { name: "b" },
    { name: "c", prices: { inputPer1M: "0", outputPer1M: "10", cachedInputPer1M: "0.000000001", currency: "USD" } },
  ];
  const [backend] = compiled(aBackend({}, { models })).objects;
  expect(backend).toMatchObject({
    prices: {
      currency: "USD",
      models: [
        { name: "a", input: 150_000_000, output: 999_999_999_999_999, cachedInput: 150_000_000 },
        { name: "c", input: 0, output: 10_000_000_000, cachedInput: 1 },
      ],
    },
  });
  expect(compiled(aBackend({}, { models: [{ name: "b" }] })).objects[0]).not.toHaveProperty("prices");
});

test.for([
  ["12.50", 12_500_000_000],
  ["0.0000063", 6300],
  ["9007199.254740991", Number.MAX_SAFE_INTEGER],
  [12, 12_000_000_000],
] as const)("[unit] a Cost limit of %s is %i nano units", ([limit, nano], { expect }) => {
  const [policy] = compiled(aPolicy({}, { limits: [cost({ limit })] })).objects;
  expect(policy?.kind === "AIRateLimitPolicy" && policy.limits[0]).toMatchObject({ unit: "Cost", limit: nano });
});

test("[unit] an expression travels as it was written", ({ expect }) => {
  const limits = [aLimit({ unit: "Expression", expression: "prompt_tokens * 2" })];
  const [policy] = compiled(aPolicy({}, { limits })).objects;
  expect(policy?.kind === "AIRateLimitPolicy" && policy.limits[0]?.expression).toBe("prompt_tokens * 2");
});
