// Findings as an admission webhook tells them: all errors in one refusal, warnings one by one and within what an API
// server passes on.

import type { Finding } from "../../compiler/finding.ts";
import { formatProblem } from "../../compiler/format-finding.ts";

/** The API server cuts a warning at 256 characters and drops what goes beyond 4096 in all. */
const MAX_WARNING = 256;
const MAX_WARNINGS = 12;
const MAX_REFUSED = 50;
const MAX_LINE = 1_000;

/** One line for each finding. */
export function refusalText(name: string, errors: readonly Finding[]): string {
  const lines = errors.slice(0, MAX_REFUSED).map((finding) => `- ${cut(formatProblem(finding), MAX_LINE)}`);
  const left = errors.length - lines.length;
  const more = left > 0 ? [`- and ${String(left)} more`] : [];
  return [`${name} is invalid:`, ...lines, ...more].join("\n");
}

export function warningTexts(findings: readonly Finding[]): readonly string[] {
  const texts = [...new Set(findings.map((finding) => cut(formatProblem(finding), MAX_WARNING)))];
  if (texts.length <= MAX_WARNINGS) return texts;
  const left = texts.length - MAX_WARNINGS;
  return [...texts.slice(0, MAX_WARNINGS), `and ${String(left)} more warnings; see the status of the object`];
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3).replace(/[\ud800-\udbff]$/, "")}...`;
}
