// Reads a spec with its zod schema and turns what zod says into findings: where, what was found, what was wanted. Knows
// which fields may hold secrets, and shows none of them.

import type { z } from "zod";
import type { Kind } from "../crds/index.ts";
import { fieldsAt, toStructural } from "../crds/structural.ts";
import { fieldPath, foundText, foundType, HIDDEN } from "./found-text.ts";
import { isRecord } from "./is-record.ts";
import { nearestName, withSuggestion } from "./nearest-name.ts";
import type { Problem, Reporter } from "./report.ts";
import { hasMoreValues } from "./value-count.ts";

/** The largest valid spec, a policy of 16 limits with 8 conditions of 64 values each, has half as many. */
const MAX_VALUES = 20_000;
/** Problems that are told of one spec; nobody reads on. */
const MAX_TOLD = 100;
/** Unknown fields of one object that are told one by one. */
const MAX_UNKNOWN = 20;

type Path = readonly PropertyKey[];

/** The typed spec, or undefined after reporting every error in it. */
export function readSpec<T extends z.ZodType>(
  schema: T,
  value: unknown,
  { kind, report }: SpecSource,
): z.output<T> | undefined {
  if (hasMoreValues(value, MAX_VALUES)) {
    const found = `more than ${String(MAX_VALUES)} values`;
    report.error({ code: "Invalid", field: "spec", found, wanted: "fewer: no valid spec has half as many" });
    return undefined;
  }
  const parsed = schema.safeParse(value, { error: wantedText });
  if (parsed.success) return parsed.data;
  reportIssues(parsed.error, value, { kind, report });
  return undefined;
}

function reportIssues(error: z.ZodError, value: unknown, { kind, report }: SpecSource): void {
  const problems = problemsOf(error, value, kind);
  for (const problem of problems.slice(0, MAX_TOLD)) report.error(problem);
  const left = problems.length - MAX_TOLD;
  if (left <= 0) return;
  const found = `${String(left)} more problems`;
  report.error({ code: "Invalid", field: "spec", found, wanted: "those above mended first" });
}

/** Each problem once. */
function problemsOf({ issues }: z.ZodError, value: unknown, kind: Kind): readonly Problem[] {
  const problems = new Map<string, Problem>();
  const hasUnknown = issues.some((issue) => issue.code === "unrecognized_keys");
  const structure = hasUnknown ? toStructural(kind.spec, "spec") : undefined;
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys") {
      const known = structure ? fieldsAt(structure, issue.path) : [];
      for (const problem of unknownFields(issue, known, kind))
        problems.set(`${problem.field} ${String(problems.size)}`, problem);
      continue;
    }
    const field = fieldPath(["spec", ...issue.path]);
    const line = `${field}: ${issue.message}`;
    if (problems.has(line)) continue;
    problems.set(line, { code: "Invalid", field, found: foundBy(issue, value, kind), wanted: issue.message });
  }
  return [...problems.values()];
}

export interface SpecSource {
  readonly kind: Kind;
  readonly report: Reporter;
}

/** What zod's own issues want, in words; issues of the schemas' own checks bring theirs. */
function wantedText(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeText(issue.expected);
    case "invalid_value":
      return `one of ${issue.values.map(String).join(", ")}`;
    case "too_big":
      return `at most ${String(issue.maximum)} entries`;
    case "too_small":
      return issue.minimum === 1 ? "at least 1 entry" : `at least ${String(issue.minimum)} entries`;
    default:
      return "another value";
  }
}

function typeText(expected: string): string {
  switch (expected) {
    case "array":
      return "a list";
    case "boolean":
      return "true or false";
    case "object":
      return "an object";
    default:
      return `a ${expected}`;
  }
}

function foundBy(issue: z.core.$ZodIssue, spec: unknown, kind: Kind): string {
  const value = valueAt(spec, issue.path);
  if (isMisplaced(issue)) return foundType(value);
  if (isRecord(value)) return membersText(value, issue) ?? foundText(value);
  if (value === undefined || Array.isArray(value)) return foundText(value);
  return isSecret(kind, issue.path, value) ? HIDDEN : foundText(value);
}

/** A plain value stands where an object or a list belongs; it may be a secret that belongs further down. */
function isMisplaced(issue: z.core.$ZodIssue): boolean {
  return issue.code === "invalid_type" && (issue.expected === "object" || issue.expected === "array");
}

/** For rules that choose between members: which of them are set. */
function membersText(value: Record<string, unknown>, issue: z.core.$ZodIssue): string | undefined {
  const members: unknown = issue.code === "custom" ? issue.params?.["members"] : undefined;
  if (!Array.isArray(members)) return undefined;
  const set = members.map(String).filter((member) => value[member] !== undefined);
  return set.length === 0 ? "none of them" : set.join(" and ");
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (Array.isArray(value) && typeof step === "number") value = value[step];
    else value = isRecord(value) ? value[String(step)] : undefined;
  }
  return value;
}

function unknownFields(
  { path, keys }: z.core.$ZodIssueUnrecognizedKeys,
  known: readonly string[],
  kind: Kind,
): readonly Problem[] {
  if (keys.length > MAX_UNKNOWN) return [manyUnknown(["spec", ...path], keys.length, known)];
  return keys.map((key) => {
    // A key typed where its member's name belongs ({apiKey: {sk-...}}) is a secret as well.
    const isShown = !isSecret(kind, [...path, key], key) || nearestName(key, known) !== undefined;
    return {
      code: "UnknownField",
      field: fieldPath(["spec", ...path, ...(isShown ? [key] : [])]),
      found: isShown ? "an unknown field" : "an unknown field (hidden)",
      wanted: unknownFieldText(key, known),
    };
  });
}

function manyUnknown(path: Path, count: number, known: readonly string[]): Problem {
  const wanted = known.length === 0 ? "no field here" : `only ${known.join(", ")}`;
  return { code: "UnknownField", field: fieldPath(path), found: `${String(count)} unknown fields`, wanted };
}

/** Fields of the object at the path, which is no spec and holds no secrets, that are none of those known. */
export function unknownFieldsAt(path: Path, object: object, known: readonly string[]): readonly Problem[] {
  const unknown = Object.keys(object).filter((field) => !known.includes(field));
  if (unknown.length > MAX_UNKNOWN) return [manyUnknown(path, unknown.length, known)];
  return unknown.map((field) => ({
    code: "UnknownField",
    field: fieldPath([...path, field]),
    found: "an unknown field",
    wanted: unknownFieldText(field, known),
  }));
}

function unknownFieldText(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  if (nearest !== undefined) return withSuggestion("a known field", key, known);
  return known.length === 0 ? "no field here" : `one of ${known.join(", ")}`;
}

/** True where a secret stands or is likely to be typed by mistake. */
function isSecret({ kind }: Kind, path: Path, value: unknown): boolean {
  switch (kind) {
    case "Consumer":
      // What an identity provider says of a person is nobody else's business.
      return path.includes("apiKey") || (path.includes("claims") && path.at(-1) === "value");
    case "AIBackend":
      if (path[0] === "endpoint") return typeof value === "string" && /[@?#]/.test(value);
      return path.includes("apiKey") && !(path.at(-1) === "name" && path.at(-2) === "apiKey");
    default:
      return false;
  }
}
