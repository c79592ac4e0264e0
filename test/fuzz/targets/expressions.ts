// Expressions: whatever the text, it is compiled or refused in words; what is compiled has a value, or none, for any usage.

import { compileUsageExpression, type UsageExpression } from "../../../dataplane/contract/usage-expression.ts";
import { kindOf, law, same } from "../laws.ts";
import type { Random } from "../random.ts";
import { referenceValue } from "../reference-expression.ts";
import type { FuzzTarget } from "../target.ts";

const NUMBERS = [0, 1, -1, 0.5, 7, 1200, 2 ** 53 - 1, -0, 1e308, Infinity, NaN] as const;
const NO_NUMBERS = [null, "12", true, [5], undefined] as const;

type Usage = Readonly<Record<string, unknown>>;

/** A usage object with values for some of the fields; longer paths lie inside of shorter ones, where these are objects. */
function usageFor(fields: readonly string[], random: Random): Usage {
  const usage: Record<string, unknown> = {};
  for (const path of fields) {
    const steps = path.split(".");
    let place = usage;
    for (const step of steps.slice(0, -1)) {
      const inner: Record<string, unknown> = {};
      Object.defineProperty(place, step, { value: inner, configurable: true, enumerable: true, writable: true });
      place = inner;
    }
    const value = random.oneIn(4) ? random.pick(NO_NUMBERS) : random.pick(NUMBERS);
    Object.defineProperty(place, steps.at(-1) ?? "", { value, configurable: true, enumerable: true, writable: true });
  }
  return usage;
}

function fieldIn(usage: Usage, path: string): number {
  let value: unknown = usage;
  for (const step of path.split(".")) {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    value = isObject ? Object.getOwnPropertyDescriptor(value, step)?.value : undefined;
  }
  return typeof value === "number" ? value : 0;
}

function wholeAmount(value: number | boolean): number | undefined {
  law(typeof value === "number", "an expression is a number", value);
  if (!Number.isFinite(value)) return undefined;
  return value < 0.5 ? 0 : Math.min(Number.MAX_SAFE_INTEGER, Math.round(value));
}

function checkValues(text: string, { fields, evaluate }: UsageExpression, random: Random): string {
  same(new Set(fields).size, fields.length, "names each field once");
  const empty = evaluate({});
  const usages = [{}, usageFor(fields, random), usageFor(fields, random)];
  for (const usage of usages) {
    const amount = evaluate(usage);
    law(amount === undefined || (Number.isSafeInteger(amount) && amount >= 0), "a whole amount or none", amount);
    same(evaluate({ ...usage, a_field_of_no_interest: 5 }), amount, "other fields change nothing");
    const wanted = wholeAmount(referenceValue(text, (path) => fieldIn(usage, path)));
    same(amount, wanted, `the value of a second reading for ${Object.keys(usage).join(",")}`);
  }
  return empty === undefined ? "no value" : "value";
}

export const target: FuzzTarget = {
  name: "expressions",
  shape: "text",
  seeds: [
    "prompt_tokens * 0.5 + completion_tokens * 6",
    "(input_tokens - cache_read_input_tokens) / 3 + 0x10 - 5u",
    "prompt_tokens_details.cached_tokens > 1000 && !(a == b) || c != 1e3 ? min(a, b, 7) : max(1, -c)",
    "ceil(a / 3) + floor(1.9) + round(a * 2.5) + round(-0.4) + double(5) + int(a) + uint(b)",
    "a.b.c + a.b + constructor.name + __proto__.x // why\n + 1",
    "true ? false ? 1 : 2 : a < b ? 3 : a <= b ? 4 : 5",
  ],
  tokens: [
    "prompt_tokens",
    "a.b",
    "(",
    ")",
    "((((",
    "----",
    "!!",
    " ? ",
    " : ",
    " && ",
    " || ",
    " == ",
    " <= ",
    " / 0",
    "min(",
    "[1].map(x, x)",
    "'text'",
    '"',
    "{'a': 1}",
    "has(a.b)",
    "null",
    "in",
    "9223372036854775807",
    "1e308",
    "0x",
    "\\u0061",
    ".",
    ",",
    "//",
    "\n",
    "é",
  ],
  maxBytes: 2_048,
  run(input, random) {
    const text = input.toString("utf8");
    const compiled = compileUsageExpression(text);
    if (compiled.ok) return `${checkValues(text, compiled, random)} ${String(compiled.fields.length)}`;
    const { found, wanted, position } = compiled;
    law(wanted !== "", "says what is wanted");
    law(position >= 1 && position <= text.length + 1, "points into the text", position);
    same(text.slice(position - 1, position - 1 + found.length), found, "quotes the text where it points");
    return kindOf(wanted);
  },
};
