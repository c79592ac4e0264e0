// Rules between fields exist twice, as CEL for the API server and as a check of our own: both must refuse and accept the
// same, with the same words. CEL is evaluated here by the few constructs that the rules use.

import { runInNewContext } from "node:vm";
import { test } from "vitest";
import { KINDS } from "../../crds/index.ts";
import { type StructuralSchema, toStructural } from "../../crds/structural.ts";
import { compiled, withField } from "../compiler/manifest-builders.ts";
import { RULE_ROWS, type RuleRow } from "./rule-rows.ts";

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
    .replaceAll(/type\(([\w.]+)\) (==|!=) int/g, "(typeof $1 $2 'number')")
    .replaceAll(".contains(", ".includes(")
    .replaceAll(/\.exists\((\w+), \1\.type in (\[[^\]]*\])\)/g, ".some(($1) => $2.includes($1.type))")
    .replaceAll(/size\(([\w.]+)\)/g, "$1.length")
    .replaceAll(/\((\S+) in (\[[^\]]*\])\)/g, "$2.includes($1)")
    .replaceAll(".lowerAscii()", ".toLowerCase()")
    .replaceAll(".exists_one(set, set)", ".filter(Boolean).length == 1")
    .replaceAll(/\.all\((\w+), /g, ".every(($1) => ");
  return runInNewContext(script, { self });
}

function wantedBy(row: RuleRow, value: unknown): string[] {
  const { findings } = compiled(withField(row.base, row.at, value));
  return findings.map(({ wanted }) => wanted);
}

test("[unit] every rule of the API server has its row here, with the same words", ({ expect }) => {
  const written = rules.map(({ kind, at, message }) => `${kind} ${at}: ${message}`);
  expect(written.toSorted()).toEqual(
    RULE_ROWS.map(({ base, at, message }) => `${String(base["kind"])} ${at}: ${message}`).toSorted(),
  );
});

test.for(RULE_ROWS)("[unit] $at wants $message: from the API server and from the compiler alike", (row, { expect }) => {
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
    const root = kind && toStructural(kind.spec, rule.kind);
    expect(nodeAt(root, `${rule.at}${rule.fieldPath ?? ""}`)).toBeDefined();
  },
);

/** The schema of a field: "spec.limits[0].unit". */
function nodeAt(root: StructuralSchema | undefined, path: string): StructuralSchema | undefined {
  const steps = path.split(/[.[\]]+/).filter((part) => part !== "" && part !== "spec");
  return steps.reduce<StructuralSchema | undefined>(
    (node, step) => (step === "0" ? node?.items : node?.properties?.[step]),
    root,
  );
}
