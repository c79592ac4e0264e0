// Findings as the message of a condition: the worst first, and never longer than a person reads.

import type { Finding } from "../../compiler/finding.ts";
import { formatProblem } from "../../compiler/format-finding.ts";

const MAX_NAMED = 5;
/** Leaves room within 1024 for what else a message says. */
const MAX_CHARACTERS = 900;

/** Errors before warnings, in the order of the compiler within each. */
export function bySeverity(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((a, b) => rank(a) - rank(b));
}

function rank({ severity }: Finding): number {
  return severity === "error" ? 0 : 1;
}

/** 'spec.limit: found 0, wanted ...; warning: spec.per: ... and 3 more'. Expects the order of `bySeverity`. */
export function findingsText(findings: readonly Finding[]): string {
  const named: string[] = [];
  let characters = 0;
  for (const finding of findings.slice(0, MAX_NAMED)) {
    const line = lineOf(finding);
    characters += line.length + 2;
    if (named.length > 0 && characters > MAX_CHARACTERS) break;
    named.push(line);
  }
  return named.join("; ") + moreText(findings.length - named.length);
}

function lineOf(finding: Finding): string {
  const line = `${finding.severity === "warning" ? "warning: " : ""}${formatProblem(finding)}`;
  return line.length <= MAX_CHARACTERS ? line : `${line.slice(0, MAX_CHARACTERS - 3)}...`;
}

/** 'gw-1, gw-2, gw-3, gw-4, gw-5 and 3 more'. */
export function namesText(names: readonly string[]): string {
  return names.slice(0, MAX_NAMED).join(", ") + moreText(names.length - MAX_NAMED);
}

function moreText(count: number): string {
  return count > 0 ? ` and ${String(count)} more` : "";
}
