// Objects -> compiled objects + findings. Pure: no clock, no I/O, the same output for the same input; the command line and the
// controller compile by the same rules. The order of the manifests does not matter, unless an object is given twice.

import type { CompiledObject } from "../dataplane/contract/compiled.ts";
import type { RingFor } from "../dataplane/contract/keyring.ts";
import { createCompilation } from "./compilation.ts";
import type { Finding, ObjectRef } from "./finding.ts";
import { readManifest } from "./read-manifest.ts";
import { versionOf } from "./read-metadata.ts";
import { createReporter } from "./report.ts";

/** A manifest as read from YAML or the API server; nothing about it is trusted yet. */
export type Manifest = unknown;

export interface CompileInput {
  readonly manifests: readonly Manifest[];
  /** The keys under which each namespace is compiled, see contract/keyring.ts. */
  readonly ringFor: RingFor;
  /** Consumers of this namespace identify on the routes of all namespaces; objects without a namespace belong to it. */
  readonly systemNamespace: string;
  /** Epoch milliseconds; without it nothing is said of what expires. */
  readonly nowMs?: number;
}

export interface CompileOutput {
  /** By kind, namespace and name. What is not in force is left out. */
  readonly objects: readonly CompiledObject[];
  /** By kind, namespace and name of their object. */
  readonly findings: readonly Finding[];
}

/** Empty documents (null) are passed over: they are what a trailing `---` of a YAML file reads as. */
export function compile({ manifests, ringFor, systemNamespace, nowMs = -Infinity }: CompileInput): CompileOutput {
  const lastGood = (): undefined => undefined;
  const clock = (): number => nowMs;
  const compilation = createCompilation({ ringFor, systemNamespace, lastGood, nowMs: clock, suggestSecrets: true });
  const apart: Finding[] = [];
  for (const manifest of manifests) {
    if (manifest === null || manifest === undefined) continue;
    const read = readManifest(manifest, systemNamespace);
    if (read.ref !== undefined && compilation.store.find(read.ref) === undefined) {
      compilation.put(read.ref, read, versionOf(manifest));
      continue;
    }
    apart.push(...read.findings);
    if (read.ref === undefined) continue;
    const problem = { field: "metadata.name", found: "a second object of this name", wanted: "each object once" };
    createReporter(read.ref, apart).error({ code: "Duplicate", ...problem });
  }
  const { namespaces, reports } = compilation.flush();
  const objects = [...namespaces.values()].flatMap(({ set }) => set.map(({ object }) => object));
  const findings = [...reports.flatMap((report) => report.findings), ...apart];
  return {
    objects: objects.sort(byIdentity),
    findings: findings.sort((a, b) => byIdentity(a.object, b.object) || byText(a, b)),
  };
}

function byIdentity(a: ObjectRef, b: ObjectRef): number {
  return compareTexts(a.kind, b.kind) || compareTexts(a.namespace, b.namespace) || compareTexts(a.name, b.name);
}

/** Findings of one object keep the order in which they were made; those of things without a name have no other order. */
function byText(a: Finding, b: Finding): number {
  if (a.object.name !== "") return 0;
  return compareTexts(a.field, b.field) || compareTexts(a.found, b.found) || compareTexts(a.wanted, b.wanted);
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
