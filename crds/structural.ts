// zod schema -> Kubernetes structural schema (apiextensions.k8s.io/v1). Anything the API server would refuse, and anything
// that would leave the user without a bound or an explanation, throws with its path: a wrong schema is never written.

import { z } from "zod";

/** The subset of JSON Schema that is written. */
export interface StructuralSchema {
  /** Absent for int-or-string only. */
  type?: "object" | "array" | "string" | "integer" | "boolean";
  description?: string;
  default?: unknown;
  enum?: readonly string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  format?: "int64" | "date-time";
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  items?: StructuralSchema;
  required?: readonly string[];
  properties?: Record<string, StructuralSchema>;
  "x-kubernetes-int-or-string"?: true;
  anyOf?: readonly [{ readonly type: "integer" }, { readonly type: "string" }];
  "x-kubernetes-list-type"?: "map" | "set" | "atomic";
  "x-kubernetes-list-map-keys"?: readonly string[];
  "x-kubernetes-validations"?: readonly Validation[];
}

export interface Validation {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

const validation = z.strictObject({ rule: z.string(), message: z.string(), fieldPath: z.string().optional() });

/** What zod may write for a node. Strict, so that a construct that nobody thought of (oneOf, $ref, nullable) stops here. */
const bounds = {
  description: z.string().optional(),
  default: z.unknown().optional(),
  "x-kubernetes-validations": z.array(validation).optional(),
};
const jsonNode = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("object"),
    properties: z.record(z.string(), z.unknown()).default({}),
    required: z.array(z.string()).optional(),
    additionalProperties: z.literal(false, { error: "maps and loose objects are not supported; use z.strictObject" }),
    ...bounds,
  }),
  z.strictObject({
    type: z.literal("array"),
    items: z.unknown(),
    minItems: z.number().optional(),
    maxItems: z.number({ error: "a list needs .max()" }),
    "x-kubernetes-list-type": z.enum(["map", "set", "atomic"]).optional(),
    "x-kubernetes-list-map-keys": z.array(z.string()).optional(),
    ...bounds,
  }),
  z.strictObject({
    type: z.literal("string"),
    format: z.literal("date-time").optional(),
    enum: z.array(z.string()).optional(),
    pattern: z.string().optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    ...bounds,
  }),
  z.strictObject({
    type: z.literal("integer"),
    minimum: z.number({ error: "an integer needs .min()" }),
    maximum: z.number({ error: "an integer needs .max()" }),
    ...bounds,
  }),
  z.strictObject({ type: z.literal("boolean"), ...bounds }),
]);

type JsonNode = z.output<typeof jsonNode>;
type NodeOf<T extends JsonNode["type"]> = Extract<JsonNode, { type: T }>;

/** `path` names the schema in errors. Throws an Error that names the field and what is wrong with it. */
export function toStructural(schema: z.ZodType, path: string): StructuralSchema {
  const json: unknown = z.toJSONSchema(schema, {
    target: "openapi-3.0",
    io: "input",
    reused: "inline",
    cycles: "throw",
    unrepresentable: "throw",
  });
  return convert(json, path);
}

/** An integer or a string, said to be one by its mark: the only union that the API server knows. */
const intOrString = z.strictObject({
  anyOf: z.tuple([
    z.strictObject({ type: z.literal("integer"), minimum: z.number(), maximum: z.number() }),
    z.strictObject({
      type: z.literal("string"),
      pattern: z.string(),
      minLength: z.number().optional(),
      maxLength: z.number(),
    }),
  ]),
  "x-kubernetes-int-or-string": z.literal(true),
  description: z.string().optional(),
});

/** The form that API servers take: both types under anyOf, and beside it bounds that each concern one of them. */
function intOrStringSchema(json: unknown, path: string): StructuralSchema | undefined {
  const parsed = intOrString.safeParse(json);
  if (!parsed.success) return undefined;
  const { anyOf, description } = parsed.data;
  const [{ minimum, maximum }, { pattern, maxLength }] = anyOf;
  refuseBeyondRe2(pattern, path);
  return {
    ...defined("description", description),
    anyOf: [{ type: "integer" }, { type: "string" }],
    minimum,
    maximum,
    maxLength,
    pattern,
    "x-kubernetes-int-or-string": true,
  };
}

function convert(json: unknown, path: string): StructuralSchema {
  const union = intOrStringSchema(json, path);
  if (union) return union;
  const parsed = jsonNode.safeParse(json);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => [...issue.path, issue.message].join(": "));
    throw new Error(`${path}: ${issues.join("; ")} in ${JSON.stringify(json).slice(0, 300)}`);
  }
  const node = parsed.data;
  const own = specific(node, path);
  const validations = validationsOf(node);
  return {
    ...defined("description", node.description),
    ...own,
    ...("default" in node ? { default: validations ? filled(own, node.default) : node.default } : {}),
    ...defined("x-kubernetes-validations", validations),
  };
}

/**
 * An object with the defaults of its fields. The API server tries a default against the rules beside it before it fills in
 * the fields below, and refuses the CRD when a rule then reads a field that is not there.
 */
function filled(schema: StructuralSchema, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const object: Record<string, unknown> = { ...value };
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    if (name in object) object[name] = filled(child, object[name]);
    else if ("default" in child) object[name] = filled(child, child.default);
  }
  return object;
}

function validationsOf(node: JsonNode): readonly Validation[] | undefined {
  return node["x-kubernetes-validations"]?.map(({ rule, message, fieldPath }) => ({
    rule,
    message,
    ...defined("fieldPath", fieldPath),
  }));
}

function specific(node: JsonNode, path: string): StructuralSchema {
  switch (node.type) {
    case "object":
      return objectSchema(node, path);
    case "array":
      return arraySchema(node, path);
    case "string":
      return stringSchema(node, path);
    case "integer":
      return { type: "integer", format: "int64", minimum: node.minimum, maximum: node.maximum };
    case "boolean":
      return { type: "boolean" };
  }
}

/** additionalProperties: false is dropped: the API server refuses it beside properties, and prunes unknown fields itself. */
function objectSchema(node: NodeOf<"object">, path: string): StructuralSchema {
  const properties: Record<string, StructuralSchema> = {};
  for (const [name, child] of Object.entries(node.properties)) {
    const schema = convert(child, `${path}.${name}`);
    if (!schema.description) throw new Error(`${path}.${name}: a field needs .describe(): it is the user manual`);
    properties[name] = schema;
  }
  return {
    type: "object",
    ...(node.required && node.required.length > 0 ? { required: node.required } : {}),
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
  };
}

function arraySchema(node: NodeOf<"array">, path: string): StructuralSchema {
  const items = convert(node.items, `${path}[]`);
  const keys = node["x-kubernetes-list-map-keys"];
  const missing = keys?.filter((key) => !items.required?.includes(key)) ?? [];
  if (missing.length > 0)
    throw new Error(`${path}: the list's key ${missing.join()} must be a required field of its items`);
  return {
    type: "array",
    ...(node.minItems ? { minItems: node.minItems } : {}),
    maxItems: node.maxItems,
    ...defined("x-kubernetes-list-type", node["x-kubernetes-list-type"]),
    ...defined("x-kubernetes-list-map-keys", keys),
    items,
  };
}

function stringSchema(node: NodeOf<"string">, path: string): StructuralSchema {
  if (node.enum) return { type: "string", enum: node.enum };
  if (node.maxLength === undefined) throw new Error(`${path}: a string needs .max()`);
  if (node.pattern !== undefined) refuseBeyondRe2(node.pattern, path);
  return {
    type: "string",
    ...defined("format", node.format),
    ...(node.minLength ? { minLength: node.minLength } : {}),
    maxLength: node.maxLength,
    ...defined("pattern", node.pattern),
  };
}

/** The API server compiles patterns with RE2 (github.com/google/re2/wiki/Syntax): no look-around, no back-references. */
function refuseBeyondRe2(pattern: string, path: string): void {
  if (/\(\?(?!:)|\\[1-9]|\\k</.test(pattern)) {
    throw new Error(
      `${path}: pattern ${pattern} uses look-around, a flag or a back-reference, which RE2 does not know`,
    );
  }
  if (/\\[cu]/.test(pattern))
    throw new Error(`${path}: pattern ${pattern} uses an escape that RE2 does not know; use \\xNN`);
  const tooMany = [...pattern.matchAll(/\{(\d+)(?:,(\d+)?)?\}/g)].find(
    ([, from, to]) => Math.max(Number(from), Number(to ?? 0)) > 1000,
  );
  if (tooMany) throw new Error(`${path}: pattern ${pattern} repeats more than 1000 times, which RE2 refuses`);
}

function defined<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  const entry: Partial<Record<K, V>> = {};
  if (value !== undefined) entry[key] = value;
  return entry;
}

/** Names of the fields at a path of an object, list indexes included; empty where there are none. For suggestions. */
export function fieldsAt(schema: StructuralSchema, path: readonly PropertyKey[]): readonly string[] {
  let node: StructuralSchema | undefined = schema;
  for (const step of path) {
    node = typeof step === "number" ? node?.items : node?.properties?.[String(step)];
  }
  return Object.keys(node?.properties ?? {});
}
