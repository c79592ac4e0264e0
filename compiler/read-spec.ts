// Reads a spec with its zod schema and turns what zod says into findings: where, what was found, what was wanted. Knows
// which fields may hold secrets, and shows none of them.

import type { z } from "zod";
import type { Kind } from "../crds/index.ts";
import { fieldsAt, toStructural } from "../crds/structural.ts";
import { fieldPath, foundText, foundType, HIDDEN } from "./found-text.ts";
import { isRecord } from "./is-record.ts";
import { nearestName, withSuggestion } from "./nearest-name.ts";
import type { Reporter } from "./report.ts";

type Path = readonly PropertyKey[];

/** The typed spec, or undefined after reporting every error in it. */
export function readSpec<T extends z.ZodType>(
  schema: T,
  value: unknown,
  { kind, report }: SpecSource,
): z.output<T> | undefined {
  const parsed = schema.safeParse(value, { error: wantedText });
  if (parsed.success) return parsed.data;
  const reported = new Set<string>();
  const hasUnknown = parsed.error.issues.some((issue) => issue.code === "unrecognized_keys");
  const structure = hasUnknown ? toStructural(kind.spec, "spec") : undefined;
  for (const issue of parsed.error.issues) {
    if (issue.code === "unrecognized_keys") {
      const known = structure ? fieldsAt(structure, issue.path) : [];
      for (const key of issue.keys) reportUnknownField({ kind, report, known }, issue.path, key);
      continue;
    }
    const problem = {
      field: fieldPath(["spec", ...issue.path]),
      found: foundBy(issue, value, kind),
      wanted: issue.message,
    };
    const line = `${problem.field}: ${problem.wanted}`;
    if (!reported.has(line)) report.error({ code: "Invalid", ...problem });
    reported.add(line);
  }
  return undefined;
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

interface UnknownFieldSource extends SpecSource {
  readonly known: readonly string[];
}

function reportUnknownField({ kind, report, known }: UnknownFieldSource, path: Path, key: string): void {
  // A key typed where its member's name belongs ({apiKey: {sk-...}}) is a secret as well.
  const isShown = !isSecret(kind, [...path, key], key) || nearestName(key, known) !== undefined;
  report.error({
    code: "UnknownField",
    field: fieldPath(["spec", ...path, ...(isShown ? [key] : [])]),
    found: isShown ? "an unknown field" : "an unknown field (hidden)",
    wanted: unknownFieldText(key, known),
  });
}

export function unknownFieldText(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  if (nearest !== undefined) return withSuggestion("a known field", key, known);
  return known.length === 0 ? "no field here" : `one of ${known.join(", ")}`;
}

/** True where a secret stands or is likely to be typed by mistake. */
function isSecret(kind: Kind, path: Path, value: unknown): boolean {
  if (kind.kind === "AIBackend" && path[0] === "endpoint") return typeof value === "string" && /[@?#]/.test(value);
  const holdsKeys = kind.kind === "Consumer" || kind.kind === "AIBackend";
  const isHeaderName = kind.kind === "AIBackend" && path.at(-1) === "name" && path.at(-2) === "apiKey";
  return holdsKeys && path.includes("apiKey") && !isHeaderName;
}
