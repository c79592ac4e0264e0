// Expressions: what they count, what is refused with which words, and that no text does harm.

import { Environment } from "@marcbachmann/cel-js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExpressionProblem } from "../../../dataplane/contract/expression/problem.ts";
import { compileUsageExpression } from "../../../dataplane/contract/usage-expression.ts";

const USAGE = {
  prompt_tokens: 1200,
  completion_tokens: 300,
  total_tokens: 1500,
  input_tokens: 70,
  output_tokens: 8,
  prompt_tokens_details: { cached_tokens: 100, deep: { er: 3 } },
  half: 0.5,
  text: "12",
  none: null,
  list: [5],
  infinite: Infinity,
};

function valueOf(text: string, usage: Record<string, unknown> = USAGE): number | undefined | ExpressionProblem {
  const compiled = compileUsageExpression(text);
  return compiled.ok ? compiled.evaluate(usage) : compiled;
}

test.for([
  ["prompt_tokens * 0.5 + completion_tokens * 6", 2400],
  ["prompt_tokens / 2 + 6 * completion_tokens", 2400],
  ["input_tokens + output_tokens", 78],
  ["(prompt_tokens - prompt_tokens_details.cached_tokens) + 0.1 * prompt_tokens_details.cached_tokens", 1110],
  ["prompt_tokens_details.deep.er", 3],
  ["min(prompt_tokens, 1000) + max(1, completion_tokens, 250)", 1300],
  ["ceil(1 / 3) + floor(1.9) + round(2.5) + round(-0.4)", 5],
  ["prompt_tokens > 1000 ? completion_tokens * 2 : completion_tokens", 600],
  ["!(prompt_tokens >= 1200 && completion_tokens < 300) || false ? 1 : 2", 1],
  ["prompt_tokens == 1200 ? prompt_tokens != 1200 ? 3 : 4 : 5", 4],
  // Peers' formulas over unsigned integers.
  ["uint(prompt_tokens) + int(completion_tokens) + double(5u)", 1505],
  ["7 / 2 * 2", 7],
  ["1e3 + 0x10 + 2.5", 1019],
  ["-(5 - 8)", 3],
  // Rounded half up, never below 0, never above what a counter holds.
  ["half", 1],
  ["0.49999999999999994", 0],
  ["2.4999", 2],
  ["5 - 8", 0],
  ["1e300", Number.MAX_SAFE_INTEGER],
  ["9999999999999999999999", Number.MAX_SAFE_INTEGER],
  // Absent, or no number.
  ["absent + absent.deeper + prompt_tokens.deeper + text + none + list + prompt_tokens_details", 0],
  ["constructor + toString + hasOwnProperty.length + constructor.name.length + list.length", 0],
  // No value.
  ["prompt_tokens / 0", undefined],
  ["absent / absent", undefined],
  ["max(1, 0 / 0)", undefined],
  ["1e308 * 10", undefined],
  ["infinite", undefined],
] as const)("[unit] %s is %s", ([text, wanted]) => {
  expect(valueOf(text)).toBe(wanted);
});

test("[unit] names each field that is read once, with its path", () => {
  expect(compileUsageExpression("a + b.c + a * b.c + b")).toMatchObject({ fields: ["a", "b.c", "b"] });
});

test("[unit] what a usage object inherits is absent", () => {
  const usage: Record<string, unknown> = Object.fromEntries([["a", Object.setPrototypeOf({}, { b: 7 })]]);
  Object.setPrototypeOf(usage, { inherited: 5 });
  expect(valueOf("inherited + a.b + a.__proto__.b", usage)).toBe(0);
});

test("[unit] a usage object's own members count even where they are named like a prototype's", () => {
  const usage: unknown = JSON.parse('{"constructor": 4, "toString": {"length": 5}}');
  expect(valueOf("constructor + toString.length", { ...(typeof usage === "object" ? usage : {}) })).toBe(9);
});

const GENERAL =
  "arithmetic over usage fields: numbers, names, + - * /, comparisons, && || !, ?:, min, max, ceil, floor, round";
const CONDITION = "a condition, like prompt_tokens > 1000";
const FUNCTIONS = "one of the functions min, max, ceil, floor, round, double, int, uint";

test.for([
  ["", "", 1, GENERAL],
  ["prompt_tokens +", "", 16, GENERAL],
  ["(1 + 2", "", 7, '")"'],
  ["1 2", "2", 3, GENERAL],
  ["1 + $", "$", 5, GENERAL],
  ["prompt_tokens > 5", "prompt_tokens > 5", 1, "a number, not a condition"],
  ["1 + true", "true", 5, "a number, not a condition"],
  ["prompt_tokens ? 1 : 2", "prompt_tokens", 1, CONDITION],
  ["true ? 1 : true", "true", 12, "a number, not a condition"],
  ["1 > 0 && 5 ? 1 : 2", "5", 10, CONDITION],
  ['"a"', '"a"', 1, "a number"],
  ["null", "null", 1, "a number"],
  ["b'a' + 1", "b'a'", 1, "a number"],
  ["[1]", "[1]", 1, GENERAL],
  ["{1: 2}", "{1: 2}", 1, GENERAL],
  ["a['b']", "a['b']", 1, GENERAL],
  ["5 % 2", "5 % 2", 1, GENERAL],
  ["a.matches('(a+)+')", "a.matches('(a+)+')", 1, GENERAL],
  ["[1].map(x, x)", "[1].map(x, x)", 1, GENERAL],
  ["[1].exists(x, x > 0) ? 1 : 2", "[1].exists(x, x > 0)", 1, GENERAL],
  ["cel.bind(x, 1, x)", "cel.bind(x, 1, x)", 1, GENERAL],
  ["has(a.b) ? 1 : 2", "has(a.b)", 1, FUNCTIONS],
  ["1 + size(a)", "size(a)", 5, FUNCTIONS],
  ["min()", "min()", 1, "1 to 8 arguments for min"],
  ["ceil(1, 2)", "ceil(1, 2)", 1, "1 argument for ceil"],
  ["1.5.a", "1.5", 1, "a field name before the dot"],
  ["__proto__", "__proto__", 1, "a name that CEL does not reserve"],
  ["for", "for", 1, "a name that CEL does not reserve"],
] as const)("[unit] refuses %j at %j, character %i, and wants %s", ([text, found, position, wanted]) => {
  expect(compileUsageExpression(text)).toEqual({ ok: false, found, position, wanted });
});

test.for([
  ["brackets", `${"(".repeat(25)}1${")".repeat(25)}`, "at most 20 levels of brackets"],
  ["terms", Array.from({ length: 120 }, () => "1").join("+"), "at most 200 numbers, fields and operators"],
  ["signs", `${"-".repeat(900)}1`, "at most 200 numbers, fields and operators"],
  ["characters", `1${" ".repeat(1024)}`, "an expression of at most 1024 characters"],
] as const)("[unit] refuses too many %s", ([, text, wanted]) => {
  expect(compileUsageExpression(text)).toMatchObject({ ok: false, found: text, position: 1, wanted });
});

test("[unit] arithmetic means what the CEL library makes of it over doubles", () => {
  const environment = new Environment();
  for (const name of ["a", "b"]) environment.registerVariable(name, "double");
  const { sum } = fc.letrec<{ sum: string; truth: string }>((tie) => ({
    sum: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom("a", "b", "2.5", "0.0", "1e3", "7.0"),
      fc
        .tuple(tie("sum"), fc.constantFrom("+", "-", "*", "/"), tie("sum"))
        .map(([left, op, right]) => `(${left} ${op} ${right})`),
      tie("sum").map((inner) => `-${inner}`),
      fc.tuple(tie("truth"), tie("sum"), tie("sum")).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
      fc
        .tuple(tie("sum"), tie("sum"))
        .map(([left, right]) => `${left} - ${right} * ${left}`)
        .map((all) => `(${all})`),
    ),
    truth: fc.oneof(
      { maxDepth: 2 },
      fc
        .tuple(tie("sum"), fc.constantFrom("<", "<=", ">", ">=", "==", "!="), tie("sum"))
        .map(([left, op, right]) => `${left} ${op} ${right}`),
      fc
        .tuple(tie("truth"), fc.constantFrom("&&", "||"), tie("truth"))
        .map(([left, op, right]) => `(${left} ${op} !(${right}))`),
    ),
  }));
  fc.assert(
    fc.property(sum, fc.nat(1000), fc.nat(1000), (text, a, b) => {
      fc.pre(text.length <= 600);
      const ours = compileUsageExpression(text);
      fc.pre(ours.ok || !ours.wanted.startsWith("at most"));
      const theirs: unknown = environment.evaluate(text, { a, b });
      const value = Number(theirs);
      const count = Number.isFinite(value)
        ? Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.round(value)))
        : undefined;
      expect(ours.ok ? ours.evaluate({ a, b }) : ours).toBe(count === 0 ? 0 : count);
    }),
    { numRuns: 500 },
  );
});

describe("hostile text", () => {
  const pieces = fc.constantFrom(
    ..."( ) [ ] { } . , : ? ! - + * / % < > = && || \" ' \\ 1 0x 1e9 1.5 5u a b.c in null true has( all( map( min( __proto__ constructor \n //"
      .split(" ")
      .map((piece) => (piece === "\\n" ? "\n" : piece)),
  );
  test.for([
    { name: "any text", texts: fc.string({ unit: "binary", maxLength: 1200 }) },
    { name: "pieces of CEL", texts: fc.array(pieces, { maxLength: 300 }).map((all) => all.join("")) },
    { name: "pieces of CEL apart", texts: fc.array(pieces, { maxLength: 60 }).map((all) => all.join(" ")) },
  ])("[unit] $name compiles or is refused, in bounded time, and yields a count or nothing", ({ texts }) => {
    fc.assert(
      fc.property(texts, (text) => {
        const from = performance.now();
        const compiled = compileUsageExpression(text);
        const value = compiled.ok ? compiled.evaluate(USAGE) : undefined;
        expect(performance.now() - from).toBeLessThan(500);
        if (value !== undefined) expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
        if (!compiled.ok) expect(compiled.position).toBeGreaterThan(0);
      }),
      { numRuns: 1500 },
    );
  });
});
