// Files -> compiled objects and findings with their places: what `run`, `demo` and `validate` have in common.

import { type CompileInput, compile } from "../compiler/compile.ts";
import type { Finding, ObjectRef } from "../compiler/finding.ts";
import { isRecord } from "../compiler/is-record.ts";
import { readRef } from "../compiler/read-metadata.ts";
import type { CompiledObject } from "../dataplane/contract/compiled.ts";
import type { RingFor } from "../dataplane/contract/keyring.ts";
import type { ManifestFiles } from "./manifest-files.ts";
import { type LocatedManifest, parseManifests } from "./manifests.ts";
import type { SourceFinding } from "./source-finding.ts";

/** In files: what the system namespace is, and where objects without a namespace are. */
export const FILES_NAMESPACE = "default";

export interface CompileFilesInput {
  readonly files: ManifestFiles;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ringFor: RingFor;
  /** Wall clock, epoch milliseconds: what has expired is told. */
  readonly nowMs: () => number;
  /** Changes manifests after reading and before compiling. */
  readonly adapt?: (values: readonly unknown[]) => { values: readonly unknown[]; findings: readonly SourceFinding[] };
}

export interface CompiledFiles {
  readonly objects: readonly CompiledObject[];
  readonly findings: readonly SourceFinding[];
  readonly fileCount: number;
  readonly manifests: readonly unknown[];
}

export async function compileFiles({ files, env, ringFor, nowMs, adapt }: CompileFilesInput): Promise<CompiledFiles> {
  const { texts, findings: fileFindings } = await files.read();
  const parsed = texts.map((source) => parseManifests({ source, env }));
  const located = parsed.flatMap((one) => one.manifests);
  const adapted = adapt?.(located.map((one) => one.value)) ?? { values: located.map((one) => one.value), findings: [] };
  const reading = [...fileFindings, ...parsed.flatMap((one) => one.findings), ...adapted.findings];
  const toCompile = located.map((one, index) => ({ ...one, value: adapted.values[index] }));
  const { objects, findings } = compileLocated(toCompile, {
    ringFor,
    nowMs: nowMs(),
    systemNamespace: FILES_NAMESPACE,
  });
  return {
    objects,
    findings: [...reading, ...findings.filter(isMeaningfulAfter(reading))].sort(byWeightAndPlace),
    fileCount: texts.length,
    manifests: adapted.values,
  };
}

const DANGLING = new Set<string>(["TargetNotFound", "SecretNotFound"]);

/** What an object refers to may stand in a document that could not be read: saying that it is missing would mislead. */
function isMeaningfulAfter(reading: readonly SourceFinding[]): (finding: SourceFinding) => boolean {
  const unread = reading.some((finding) => finding.severity === "error" && finding.code !== "MissingVariable");
  return (finding) => !(unread && DANGLING.has(finding.code));
}

/** Errors first, then as the files stand. */
function byWeightAndPlace(a: SourceFinding, b: SourceFinding): number {
  if (a.severity !== b.severity) return a.severity === "error" ? -1 : 1;
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}

interface Located {
  readonly objects: readonly CompiledObject[];
  readonly findings: readonly SourceFinding[];
}

/**
 * A finding names its object, and by that name it is placed. Manifests without a usable name are compiled one by one
 * instead: nothing can refer to them, and what is said of them can only be about the one.
 */
function compileLocated(manifests: readonly LocatedManifest[], surroundings: Omit<CompileInput, "manifests">): Located {
  const byName = new Map<string, LocatedManifest[]>();
  const findings: SourceFinding[] = [];
  const named = manifests.filter((manifest) => {
    const key = nameOf(manifest.value);
    if (key === undefined) {
      const alone = compile({ ...surroundings, manifests: [manifest.value] });
      findings.push(...alone.findings.map((finding) => placed(finding, manifest)));
      return false;
    }
    const sharing = byName.get(key);
    if (sharing === undefined) byName.set(key, [manifest]);
    else sharing.push(manifest);
    return true;
  });
  const compiled = compile({ ...surroundings, manifests: named.map((one) => one.value) });
  for (const finding of compiled.findings) {
    // The first of a name is the one that counts; Duplicate is said of the others.
    const sharing = byName.get(keyOf(finding.object)) ?? [];
    findings.push(placed(finding, sharing.at(finding.code === "Duplicate" ? -1 : 0)));
  }
  return { objects: compiled.objects, findings };
}

function placed(finding: Finding, manifest: LocatedManifest | undefined): SourceFinding {
  return { ...finding, file: manifest?.file ?? "", line: manifest?.lineOf(finding.field) };
}

function nameOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  const { ref } = readRef(value, FILES_NAMESPACE);
  return ref.name === "" || ref.kind === "" ? undefined : keyOf(ref);
}

function keyOf({ kind, namespace, name }: ObjectRef): string {
  return JSON.stringify([kind, namespace, name]);
}
