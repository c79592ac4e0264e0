// Rules between fields exist twice, as CEL for the API server and as a check of our own: both must refuse and accept the
// same, with the same words. CEL is evaluated here by the few constructs that the rules use.

import { runInNewContext } from "node:vm";
import { test } from "vitest";
import { KINDS } from "../../crds/index.ts";
import { type StructuralSchema, toStructural } from "../../crds/structural.ts";
import {
  aBackend,
  aConsumer,
  aLimit,
  aPolicy,
  aRoute,
  compiled,
  type Manifest,
  withField,
} from "../compiler/manifest-builders.ts";

interface Row {
  readonly base: Manifest;
  /** The object that the rule is about; list indexes 0. */
  readonly at: string;
  /** With every default written out, as the API server has filled them in when it evaluates a rule. */
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
  readonly message: string;
}

const HEADER_NAME = "a name (that of the request header) with type Header, and with no other type";
const secretRef = { name: "s", key: "k" };
const keyHash = `sha256:${"0".repeat(64)}`;
const credential = { name: "main", apiKey: { value: "k" } };
const EVERY_LIMIT = aLimit();
const limits = [aLimit({ when: [{ type: "Model" }], per: [{ type: "Model" }] })];

const rows: Row[] = [
  {
    base: aConsumer({}, { credentials: [credential] }),
    at: "spec.credentials[0].apiKey",
    message: "exactly one of secretRef, keyHash and value",
    good: [{ secretRef }, { keyHash }, { value: "k" }],
    bad: [{}, { secretRef, value: "k" }, { secretRef, keyHash, value: "k" }],
  },
  {
    base: aBackend({}, { auth: { type: "APIKey", apiKey: {} } }),
    at: "spec.auth.apiKey",
    message: "exactly one of secretRef and value",
    good: [{ secretRef }, { value: "k" }],
    bad: [{}, { secretRef, value: "k" }],
  },
  {
    base: aBackend({}, { auth: { type: "APIKey", apiKey: { value: "k" } } }),
    at: "spec.auth.apiKey.name",
    message: "a header that does not frame the message (such as Host, Connection or Content-Length)",
    good: ["Authorization", "x-api-key", "hosts"],
    bad: ["Host", "host", "TE", "Transfer-Encoding", "content-length", "Keep-Alive", "upgrade", "Expect", "trailer"],
  },
  {
    base: aBackend(),
    at: "spec.auth",
    message: "apiKey with type APIKey, and with no other type",
    good: [{ type: "None" }, { type: "Passthrough" }, { type: "APIKey", apiKey: { value: "k" } }],
    bad: [
      { type: "APIKey" },
      { type: "None", apiKey: { value: "k" } },
      { type: "Passthrough", apiKey: { value: "k" } },
    ],
  },
  {
    base: aBackend(),
    at: "spec",
    message: "an endpoint with provider OpenAICompatible, like http://vllm.models.svc:8000",
    good: [{ provider: "OpenAI" }, { provider: "OpenAICompatible", endpoint: "https://a.example" }],
    bad: [{ provider: "OpenAICompatible" }],
  },
  {
    base: aRoute(),
    at: "spec.authentication",
    message: "exactly one of apiKey and none",
    good: [{ apiKey: {} }, { none: {} }],
    bad: [{}, { apiKey: {}, none: {} }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0]",
    message: "an integer; a decimal number in quotes goes with unit Cost only",
    good: [
      { ...EVERY_LIMIT, unit: "TotalTokens", limit: 5 },
      { ...EVERY_LIMIT, unit: "Cost", limit: 5 },
      { ...EVERY_LIMIT, unit: "Cost", limit: "5.5" },
    ],
    bad: [
      { ...EVERY_LIMIT, unit: "TotalTokens", limit: "5" },
      { ...EVERY_LIMIT, unit: "Requests", limit: "5.5" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0]",
    message: "an expression with unit Expression, and with no other unit",
    good: [
      { ...EVERY_LIMIT, unit: "Expression", expression: "prompt_tokens" },
      { ...EVERY_LIMIT, unit: "Cost" },
    ],
    bad: [
      { ...EVERY_LIMIT, unit: "Expression" },
      { ...EVERY_LIMIT, unit: "Cost", expression: "prompt_tokens" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].when[0]",
    message: HEADER_NAME,
    good: [
      { type: "Header", name: "x", match: "Exact" },
      { type: "Model", match: "Exact" },
    ],
    bad: [
      { type: "Header", match: "Exact" },
      { type: "Model", name: "x", match: "Exact" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].when[0]",
    message: "no by, which goes with type Consumer only",
    good: [
      { type: "Consumer", by: "Name", match: "Exact" },
      { type: "Model", match: "Exact" },
    ],
    bad: [{ type: "Model", by: "Username", match: "Exact" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].when[0]",
    message: "no match with type IP: its values are addresses and CIDR ranges",
    good: [
      { type: "IP", match: "Exact" },
      { type: "Model", match: "Glob" },
    ],
    bad: [
      { type: "IP", match: "Glob" },
      { type: "IP", match: "Prefix" },
    ],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].per[0]",
    message: HEADER_NAME,
    good: [{ type: "Header", name: "x" }, { type: "Shared" }],
    bad: [{ type: "Header" }, { type: "Shared", name: "x" }],
  },
  {
    base: aPolicy({}, { limits }),
    at: "spec.limits[0].per",
    message: "type Shared alone in its list",
    good: [[{ type: "Shared" }], [{ type: "Model" }, { type: "IP" }]],
    bad: [
      [{ type: "Shared" }, { type: "IP" }],
      [{ type: "IP" }, { type: "Shared" }],
    ],
  },
];

interface Rule {
  readonly kind: string;
  readonly at: string;
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

function* rulesOf(kind: string, schema: StructuralSchema, at: string): Generator<Rule> {
  for (const validation of schema["x-kubernetes-validations"] ?? []) yield { kind, at, ...validation };
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* rulesOf(kind, child, `${at}.${name}`);
  if (schema.items) yield* rulesOf(kind, schema.items, `${at}[0]`);
}

const rules = KINDS.flatMap(({ kind, spec }) => [...rulesOf(kind, toStructural(spec, kind), "spec")]);

/** The constructs of CEL that occur, as JavaScript. An unknown one is left as it is and fails to run. */
function evaluate(rule: string, self: unknown): unknown {
  const script = rule
    .replaceAll(/has\(([\w.]+)\)/g, "($1 !== undefined)")
    .replaceAll(/type\(([\w.]+)\) == int/g, "(typeof $1 === 'number')")
    .replaceAll(/size\((\w+)\)/g, "$1.length")
    .replaceAll(/\((\S+) in (\[[^\]]*\])\)/g, "$2.includes($1)")
    .replaceAll(".lowerAscii()", ".toLowerCase()")
    .replaceAll(".exists_one(set, set)", ".filter(Boolean).length == 1")
    .replaceAll(/\.all\((\w+), /g, ".every(($1) => ");
  return runInNewContext(script, { self });
}

function wantedBy(row: Row, value: unknown): string[] {
  const { findings } = compiled(withField(row.base, row.at, value));
  return findings.map(({ wanted }) => wanted);
}

test("[unit] every rule of the API server has its row here, with the same words", ({ expect }) => {
  const written = rules.map(({ kind, at, message }) => `${kind} ${at}: ${message}`);
  expect(written.toSorted()).toEqual(
    rows.map(({ base, at, message }) => `${String(base["kind"])} ${at}: ${message}`).toSorted(),
  );
});

test.for(rows)("[unit] $at wants $message: from the API server and from the compiler alike", (row, { expect }) => {
  const rule = rules.find(
    ({ kind, at, message }) => kind === row.base["kind"] && at === row.at && message === row.message,
  );
  for (const value of row.good) {
    expect(evaluate(rule?.rule ?? "", value), JSON.stringify(value)).toBe(true);
    expect(wantedBy(row, value), JSON.stringify(value)).not.toContain(row.message);
  }
  for (const value of row.bad) {
    expect(evaluate(rule?.rule ?? "", value), JSON.stringify(value)).toBe(false);
    expect(wantedBy(row, value), JSON.stringify(value)).toContain(row.message);
  }
});

test.for(rules.filter(({ fieldPath }) => fieldPath !== undefined))(
  "[unit] $kind $at: $fieldPath is a field there",
  (rule, { expect }) => {
    const kind = KINDS.find((candidate) => candidate.kind === rule.kind);
    let node = kind && toStructural(kind.spec, rule.kind);
    for (const step of rule.at.split(/[.[\]]+/).filter((part) => part !== "" && part !== "spec")) {
      node = step === "0" ? node?.items : node?.properties?.[step];
    }
    expect(Object.keys(node?.properties ?? {})).toContain(rule.fieldPath?.slice(1));
  },
);
