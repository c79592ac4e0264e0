// Texts -> manifests that remember where each field stands. Reads YAML 1.2 and fills in environment variables; what a
// manifest means is the compiler's matter.

import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type YAMLError,
} from "yaml";
import { errorText } from "./cli-error.ts";
import { substituteEnv } from "./env-substitution.ts";
import { expandedSize, MAX_EXPANDED_NODES } from "./expanded-size.ts";
import { offsetOf } from "./field-position.ts";
import type { SourceText } from "./manifest-files.ts";
import type { SourceFinding } from "./source-finding.ts";

export interface LocatedManifest {
  readonly value: unknown;
  readonly file: string;
  /** Line (from 1) of a field, or of its nearest parent that is there. */
  readonly lineOf: (field: string) => number;
}

export interface ParsedManifests {
  readonly manifests: readonly LocatedManifest[];
  readonly findings: readonly SourceFinding[];
}

export interface ParseInput {
  readonly source: SourceText;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Aliases are copied by nobody, but whoever walks the value meets them all: what they expand to is bounded. */
const MAX_ALIASES = 10_000;
const MAX_ERRORS_PER_DOCUMENT = 20;

/** A document that cannot be read gives findings and no manifest; the other documents of the file are read. */
export function parseManifests(input: ParseInput): ParsedManifests {
  try {
    return parseDocuments(input);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // The parser works by recursion: text nested thousands deep runs out of stack, and nothing of the file can be told.
    const file = input.source.file;
    const wanted = "maps and lists nested at most some hundred deep";
    return {
      manifests: [],
      findings: [{ severity: "error", code: "Syntax", file, field: "", found: error.message, wanted }],
    };
  }
}

function parseDocuments({ source, env }: ParseInput): ParsedManifests {
  const lines = new LineCounter();
  const options = {
    lineCounter: lines,
    schema: "core",
    version: "1.2",
    stringKeys: true,
    prettyErrors: false,
  } as const;
  const manifests: LocatedManifest[] = [];
  const findings: SourceFinding[] = [];
  const documents = parseAllDocuments(source.text, options);
  for (const document of Array.isArray(documents) ? documents : []) {
    const reader: Reader = { document, source, lineAt: (offset) => lines.linePos(offset).line };
    findings.push(...syntaxFindings(reader), ...fillIn(reader, env));
    if (document.errors.length > 0) continue;
    const read = readDocument(reader);
    for (const manifest of read.manifests) manifests.push(manifest); // a List may have more items than a call takes arguments
    findings.push(...read.findings);
  }
  return { manifests, findings };
}

interface Reader {
  readonly document: Document;
  readonly source: SourceText;
  readonly lineAt: (offset: number) => number;
}

function syntaxFindings({ document, source, lineAt }: Reader): SourceFinding[] {
  const at = (problem: YAMLError): Pick<SourceFinding, "file" | "line"> => ({
    file: source.file,
    line: lineAt(Math.min(problem.pos[0], source.text.length)),
  });
  const errors = document.errors.slice(0, MAX_ERRORS_PER_DOCUMENT).map((error) => ({
    ...at(error),
    severity: "error" as const,
    code: "Syntax" as const,
    field: "",
    ...describe(error, source.text),
  }));
  const warnings = document.warnings.map((warning) => ({
    ...at(warning),
    severity: "warning" as const,
    code: "Syntax" as const,
    field: "",
    found: warning.message,
    wanted: "plain YAML 1.2",
  }));
  return [...errors, ...warnings];
}

function describe(error: YAMLError, text: string): { found: string; wanted: string } {
  if (error.code !== "DUPLICATE_KEY") return { found: error.message, wanted: "valid YAML 1.2" };
  const key =
    /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s:,{}[\]]+)/.exec(text.slice(error.pos[0], error.pos[0] + 256))?.[0] ?? "";
  return { found: `the key ${key} a second time`, wanted: "each key once in its map" };
}

/** Only inside string values and only after parsing, so that a variable's text can never become YAML of its own. */
function fillIn({ document, source, lineAt }: Reader, env: ParseInput["env"]): SourceFinding[] {
  const findings: SourceFinding[] = [];
  if (!source.text.includes("${")) return findings;
  visit(document, {
    Scalar: (key, node, path) => {
      if (key === "key" || typeof node.value !== "string") return;
      const { text, missing } = substituteEnv(node.value, env);
      node.value = text;
      const [start = 0, end = start] = node.range ?? [];
      for (const name of missing) {
        const offset = source.text.slice(start, end).indexOf(`\${${name}}`);
        findings.push({
          severity: "error",
          code: "MissingVariable",
          file: source.file,
          line: lineAt(start + Math.max(offset, 0)),
          field: fieldOf([...path, node]),
          found: `\${${name}}, and the environment variable ${name} is not set or empty`,
          wanted: `${name} in the environment, or $\${${name}} for the text itself`,
        });
      }
    },
  });
  return findings;
}

/** The path of the last node: "spec.auth.apiKey.value", "spec.matches[0]". */
function fieldOf(path: readonly unknown[]): string {
  return path.reduce<string>((text, node, index) => {
    if (isPair(node) && isScalar(node.key))
      return text === "" ? String(node.key.value) : `${text}.${String(node.key.value)}`;
    const next = path[index + 1];
    return isSeq(node) && next !== undefined ? `${text}[${node.items.indexOf(next)}]` : text;
  }, "");
}

/** One document: nothing when it is empty, its items when it is a List, else one manifest. */
function readDocument(reader: Reader): ParsedManifests {
  const { document, source, lineAt } = reader;
  const problem = (found: string, wanted: string): ParsedManifests => ({
    manifests: [],
    findings: [
      {
        severity: "error",
        code: "NotAnObject",
        file: source.file,
        line: lineAt(offsetOf(document, "")),
        field: "",
        found,
        wanted,
      },
    ],
  });
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return { manifests: [], findings: [] };
  if (!isMap(contents))
    return problem(isSeq(contents) ? "a list" : "a single value", "a map with apiVersion, kind and metadata");
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (expandedSize(value) <= MAX_EXPANDED_NODES) return { manifests: expandList(value, reader), findings: [] };
    return problem("aliases that expand without bound", `at most ${MAX_EXPANDED_NODES} values, aliases expanded`);
  } catch (error) {
    return problem(
      errorText(error),
      `each alias after its anchor, and at most ${MAX_ALIASES} values reached by aliases`,
    );
  }
}

/** `kubectl get -o yaml` prints many objects as one List; its items are manifests of their own. */
function expandList(value: unknown, { document, source, lineAt }: Reader): LocatedManifest[] {
  const locate = (prefix: string) => (field: string) =>
    lineAt(offsetOf(document, [prefix, field].filter((part) => part !== "").join(".")));
  const items = listItems(value);
  if (items === undefined) return [{ value, file: source.file, lineOf: locate("") }];
  return items.map((item, index) => ({ value: item, file: source.file, lineOf: locate(`items[${index}]`) }));
}

function listItems(value: unknown): readonly unknown[] | undefined {
  if (typeof value !== "object" || value === null || !("kind" in value) || value.kind !== "List") return undefined;
  return "items" in value && Array.isArray(value.items) ? value.items : undefined;
}
