// Findings as a table for a person, and as JSON or YAML for a program. Same content in each.

import { stringify } from "yaml";
import { countText, objectText, oneLine, placeOf, type SourceFinding } from "./source-finding.ts";
import type { Paint } from "./terminal.ts";

export const OUTPUT_FORMATS = ["table", "json", "yaml"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface ValidationReport {
  readonly fileCount: number;
  readonly objectCount: number;
  readonly findings: readonly SourceFinding[];
}

/** In the order given. */
export function renderReport(report: ValidationReport, format: OutputFormat, paint: Paint): string {
  const { findings } = report;
  if (format === "table") return [...table(findings, paint), summary(report, paint)].join("\n");
  const document = {
    files: report.fileCount,
    objects: report.objectCount,
    errors: findings.filter((finding) => finding.severity === "error").length,
    warnings: findings.filter((finding) => finding.severity === "warning").length,
    findings: findings.map(asRecord),
  };
  return format === "json"
    ? JSON.stringify(document, null, 2)
    : stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}

/** Absent members are left out, and the order is fixed: outputs can be compared as text. */
function asRecord({ severity, code, file, line, object, field, found, wanted }: SourceFinding): object {
  return {
    severity,
    code,
    ...(file === "" ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(object === undefined ? {} : { object }),
    field,
    found,
    wanted,
  };
}

const COLUMNS = ["SEVERITY", "PLACE", "OBJECT", "FIELD", "FOUND", "WANTED"] as const;
const WIDEST_CELL = 60;

function table(findings: readonly SourceFinding[], paint: Paint): string[] {
  if (findings.length === 0) return [];
  const rows = findings.map((finding) =>
    [
      finding.severity,
      placeOf(finding),
      finding.object === undefined ? "-" : objectText(finding.object),
      finding.field === "" ? "-" : finding.field,
      shortened(finding.found),
      finding.wanted,
    ].map(oneLine),
  );
  const widths = COLUMNS.map((title, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), title.length),
  );
  const render = (cells: readonly string[]): string =>
    cells.map((cell, column) => (column === COLUMNS.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("  ");
  const lines = rows.map((row) => {
    const style = row[0] === "error" ? "red" : "yellow";
    const line = render(row);
    const width = row[0]?.length ?? 0;
    return paint(style, line.slice(0, width)) + line.slice(width);
  });
  return [paint("bold", render(COLUMNS)), ...lines, ""];
}

/** The full text of what was found is in the other formats. */
function shortened(text: string): string {
  return text.length > WIDEST_CELL ? `${text.slice(0, WIDEST_CELL - 3)}...` : text;
}

function summary({ findings, fileCount, objectCount }: ValidationReport, paint: Paint): string {
  const files = `${fileCount} ${fileCount === 1 ? "file" : "files"}`;
  const counts = countText(findings);
  if (findings.some((finding) => finding.severity === "error")) return paint("red", `not valid: ${counts} in ${files}`);
  const objects = `${objectCount} ${objectCount === 1 ? "object" : "objects"} in ${files}`;
  return paint("green", `valid: ${objects}${counts === "" ? "" : `, ${counts}`}`);
}
