// The generator refuses a schema that an API server would refuse, or that a user could not read, and says where.

import { test } from "vitest";
import { z } from "zod";
import { withRules } from "../../crds/rule.ts";
import { fieldsAt, toStructural } from "../../crds/structural.ts";

const field = z.string().max(5).describe("A field.");

test.for([
  {
    name: "a field without a description",
    schema: z.strictObject({ a: z.boolean() }),
    message: /^X\.a: a field needs \.describe/,
  },
  {
    name: "a field deep down without a description",
    schema: z.strictObject({
      a: z
        .array(z.strictObject({ b: z.boolean() }))
        .max(1)
        .describe("A."),
    }),
    message: /^X\.a\[\]\.b: a field needs \.describe/,
  },
  {
    name: "a string without a bound",
    schema: z.strictObject({ a: z.string().describe("A.") }),
    message: /^X\.a: a string needs \.max/,
  },
  {
    name: "a list without a bound",
    schema: z.strictObject({ a: z.array(field).describe("A.") }),
    message: /^X\.a: maxItems: a list needs \.max/,
  },
  { name: "a map", schema: z.record(z.string(), field), message: /maps and loose objects are not supported/ },
  { name: "a loose object", schema: z.looseObject({ a: field }), message: /maps and loose objects are not supported/ },
  { name: "an object that strips", schema: z.object({ a: field }), message: /use z\.strictObject/ },
  { name: "a union", schema: z.union([z.boolean(), z.string().max(1)]), message: /^X: .*anyOf/s },
  {
    name: "a discriminated union",
    schema: z.discriminatedUnion("t", [z.strictObject({ t: z.literal("a") }), z.strictObject({ t: z.literal("b") })]),
    message: /^X: .*oneOf/s,
  },
  { name: "a nullable", schema: z.boolean().nullable(), message: /^X: .*nullable/s },
  { name: "anything", schema: z.unknown(), message: /^X: /s },
  { name: "a number that is no integer", schema: z.number().min(0).max(1), message: /^X: /s },
  { name: "a named schema", schema: z.strictObject({ a: field.meta({ id: "a" }) }), message: /\$ref|definitions/ },
  {
    name: "look-ahead",
    schema: z
      .string()
      .max(5)
      .regex(/^(?!x)/),
    message: /^X: pattern .* uses look-around/,
  },
  {
    name: "look-behind",
    schema: z
      .string()
      .max(5)
      .regex(/(?<!x)y/),
    message: /^X: pattern .* uses look-around/,
  },
  { name: "a back-reference", schema: z.string().max(5).regex(/(a)\1/), message: /^X: pattern .* back-reference/ },
  {
    name: "a Unicode escape",
    schema: z
      .string()
      .max(5)
      .regex(/\u0041/),
    message: /^X: pattern .* escape/,
  },
  {
    name: "too many repetitions",
    schema: z
      .string()
      .max(5)
      .regex(/a{0,1001}/),
    message: /^X: pattern .* 1000 times/,
  },
  {
    name: "a list key that may be absent",
    schema: z
      .array(z.strictObject({ name: field.optional() }))
      .max(1)
      .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
    message: /^X: the list's key name must be a required field/,
  },
])("[unit] refuses $name", ({ schema, message }, { expect }) => {
  expect(() => toStructural(schema, "X")).toThrow(message);
});

test("[unit] keeps defaults, bounds, patterns and list types, and drops what the API server refuses", ({ expect }) => {
  const schema = z.strictObject({
    text: z
      .string()
      .min(1)
      .max(5)
      .regex(/^a{1,3}$/)
      .default("a")
      .describe("Text."),
    many: z.array(field).max(3).default([]).describe("Many.").meta({ "x-kubernetes-list-type": "set" }),
    count: z.int().min(1).max(9).describe("Count."),
    nested: z
      .strictObject({ flag: z.boolean().default(true).describe("Flag.") })
      .prefault({})
      .describe("Nested."),
    empty: z.strictObject({}).optional().describe("Empty."),
  });
  expect(toStructural(schema, "X")).toEqual({
    type: "object",
    required: ["count"],
    properties: {
      text: { type: "string", minLength: 1, maxLength: 5, pattern: "^a{1,3}$", default: "a", description: "Text." },
      many: {
        type: "array",
        maxItems: 3,
        default: [],
        description: "Many.",
        "x-kubernetes-list-type": "set",
        items: { type: "string", maxLength: 5, description: "A field." },
      },
      count: { type: "integer", format: "int64", minimum: 1, maximum: 9, description: "Count." },
      nested: {
        type: "object",
        default: {},
        description: "Nested.",
        properties: { flag: { type: "boolean", default: true, description: "Flag." } },
      },
      empty: { type: "object", description: "Empty." },
    },
  });
});

test("[unit] writes out a default that rules are tried against, with the defaults below it", ({ expect }) => {
  const inner = z.strictObject({ b: z.boolean().default(true).describe("B.") });
  const outer = z.strictObject({ a: inner.prefault({}).describe("A."), c: z.boolean().optional().describe("C.") });
  const ruled = withRules(outer, [{ cel: "self.a.b", message: "b", holds: ({ a }) => a.b }]);
  const root = (member: z.ZodType): z.ZodType => z.strictObject({ it: member.describe("It.") });
  expect(toStructural(root(ruled.prefault({})), "X").properties?.["it"]?.default).toEqual({ a: { b: true } });
  expect(toStructural(root(outer.prefault({})), "X").properties?.["it"]?.default).toEqual({});
});

test("[unit] knows the fields at a path", ({ expect }) => {
  const inner = z.strictObject({ b: field, c: field });
  const schema = toStructural(z.strictObject({ a: z.array(inner).max(2).describe("A.") }), "X");
  expect(fieldsAt(schema, [])).toEqual(["a"]);
  expect(fieldsAt(schema, ["a", 1])).toEqual(["b", "c"]);
  expect(fieldsAt(schema, ["a", 1, "b"])).toEqual([]);
  expect(fieldsAt(schema, ["nowhere", 1, "b"])).toEqual([]);
});
