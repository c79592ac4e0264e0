// A finding with the place in the files that it is about: what the compiler says of an object, or what reading a file says.

import type { Finding, ObjectRef } from "../compiler/finding.ts";
import { formatFinding } from "../compiler/format-finding.ts";

/** Findings about files, beside the compiler's codes about objects. */
export type FileFindingCode = "Unreadable" | "Syntax" | "NotAnObject" | "MissingVariable" | "EndpointUnmatched";

interface Place {
  readonly file: string;
  /** From 1; absent when the finding is about the file as a whole. */
  readonly line?: number | undefined;
}

/** About a file, or a document in it that is no object yet. */
export interface FileFinding extends Place {
  readonly severity: "error" | "warning";
  readonly code: FileFindingCode;
  readonly object?: undefined;
  readonly field: string;
  readonly found: string;
  readonly wanted: string;
}

export type SourceFinding = FileFinding | (Finding & Place);

/** "quickstart.yaml:12", as editors and terminals make it a link. */
export function placeOf(finding: SourceFinding): string {
  return finding.line === undefined ? finding.file : `${finding.file}:${finding.line}`;
}

/** "Consumer ai/alice"; an object that could not say what it is shows what it has. */
export function objectText(object: ObjectRef): string {
  const name = object.namespace === "" ? object.name : `${object.namespace}/${object.name}`;
  return [object.kind, name].filter((part) => part !== "" && part !== "/").join(" ");
}

export function hasError(findings: readonly SourceFinding[]): boolean {
  return findings.some((finding) => finding.severity === "error");
}

/** One line: "a.yaml:12: error: AIRateLimitPolicy ai/gold spec.limits[0].limit: found ..., wanted ...". */
export function findingLine(finding: SourceFinding): string {
  const { severity, field, found, wanted } = finding;
  const where = field === "" ? "" : `${field}: `;
  const text = finding.object === undefined ? `${where}found ${found}, wanted ${wanted}` : formatFinding(finding);
  return oneLine([placeOf(finding), severity, text].filter((part) => part !== "").join(": "));
}

/** Control characters of a hostile file must not reach the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/** "2 errors, 1 warning"; empty without findings. */
export function countText(findings: readonly SourceFinding[]): string {
  const errors = findings.filter((finding) => finding.severity === "error").length;
  return [plural(errors, "error"), plural(findings.length - errors, "warning")]
    .filter((text) => text !== "")
    .join(", ");
}

function plural(count: number, noun: string): string {
  return count === 0 ? "" : `${count} ${noun}${count === 1 ? "" : "s"}`;
}
