// The compiler for a cluster: told what has changed, it says what that changes. Pure, as compile() is, and by the same
// rules: what is in force and what is said of it is what compile() gives for the manifests that are there, apart from
// objects that are invalid now and have a last good version.

import type { RingFor } from "../dataplane/contract/keyring.ts";
import { type NamespaceChanges, type ObjectReport, reportOf } from "./change-log.ts";
import { createCompilation } from "./compilation.ts";
import type { Finding, ObjectRef } from "./finding.ts";
import type { CompiledEntry } from "./object-state.ts";
import { readManifest } from "./read-manifest.ts";
import { versionOf } from "./read-metadata.ts";
import type { SecretName } from "./secret-references.ts";

export type ManifestChange =
  /** A manifest of one of our kinds or a Secret: new, or instead of the one that was there. */
  { readonly type: "Upsert"; readonly manifest: unknown } | { readonly type: "Delete"; readonly ref: ObjectRef };

export interface CompiledChanges {
  /** By the part of the configuration that they lie in, a namespace or CLUSTER_PART; what is not named has not changed. */
  readonly namespaces: ReadonlyMap<string, NamespaceChanges>;
  /** Every object of which something else is to be said: findings, its own generation, or the one in force. */
  readonly reports: readonly ObjectReport[];
  /** Objects that are no more. */
  readonly gone: readonly ObjectRef[];
  /** Secrets that objects name since now, and those that none names any more. */
  readonly secrets: { readonly added: readonly SecretName[]; readonly removed: readonly SecretName[] };
  /** Of manifests that do not say which object they are; they change nothing. */
  readonly unnamed: readonly Finding[];
}

export interface IncrementalCompilerOptions {
  /** The keys under which each namespace is compiled, see contract/keyring.ts. */
  readonly ringFor: RingFor;
  /** Consumers of this namespace identify on the routes of all namespaces; objects without a namespace belong to it. */
  readonly systemNamespace: string;
  /**
   * What is published of an object already; asked when an object is invalid and no earlier manifest of it is known, or a
   * backend's Secret is missing from the start. Used only when the uid is the same. Default: nothing is.
   */
  readonly lastGood?: (ref: ObjectRef) => CompiledEntry | undefined;
  /** Epoch milliseconds. Default: nothing is said of what expires. */
  readonly nowMs?: () => number;
}

export interface IncrementalCompiler {
  apply(changes: Iterable<ManifestChange>): CompiledChanges;
  /** Compiles everything with other keys; tells only of what changed. What was adopted as published stays as it is. */
  setRing(ringFor: RingFor): CompiledChanges;
  /** What is to be said of objects anew because time has passed. Cheap when nothing is. */
  timePassed(): CompiledChanges;
  /**
   * What would be said of a manifest were it applied now. Changes nothing. Says nothing of Secrets that it lacks: only those
   * that some object names already are known.
   */
  judge(manifest: unknown): readonly Finding[];
  /** What is in force, in no order. */
  entries(): Iterable<CompiledEntry>;
  /** Every object that is there, Secrets apart, in no order. */
  known(): Iterable<ObjectReport>;
  /** As `known`, each with what is in force of it. */
  standing(): Iterable<{ readonly report: ObjectReport; readonly entry: CompiledEntry | undefined }>;
  referencedSecrets(): Iterable<SecretName>;
}

export function createIncrementalCompiler(options: IncrementalCompilerOptions): IncrementalCompiler {
  const { ringFor, systemNamespace, lastGood = () => undefined, nowMs = () => -Infinity } = options;
  const compilation = createCompilation({ ringFor, systemNamespace, lastGood, nowMs, suggestSecrets: false });
  const flush = (unnamed: readonly Finding[]): CompiledChanges => {
    const { namespaces, reports, gone } = compilation.flush();
    return { namespaces, reports, gone, secrets: compilation.references.takeChanges(), unnamed };
  };
  return {
    apply(changes) {
      const unnamed: Finding[] = [];
      for (const change of changes) {
        if (change.type === "Delete") {
          compilation.remove(change.ref);
          continue;
        }
        const read = readManifest(change.manifest, systemNamespace);
        if (read.ref === undefined) unnamed.push(...read.findings);
        else compilation.put(read.ref, read, versionOf(change.manifest));
      }
      return flush(unnamed);
    },
    timePassed() {
      compilation.timePassed();
      return flush([]);
    },
    setRing(next) {
      compilation.setRing(next);
      return flush([]);
    },
    judge(manifest) {
      const read = readManifest(manifest, systemNamespace);
      if (read.ref === undefined) return read.findings;
      const findings = compilation.judge(read.ref, read, versionOf(manifest));
      return findings.filter(({ code }) => code !== "SecretNotFound");
    },
    *entries() {
      for (const { entry } of compilation.store.all()) if (entry !== undefined) yield entry;
    },
    *known() {
      for (const state of compilation.store.all()) if (state.ref.kind !== "Secret") yield reportOf(state);
    },
    *standing() {
      for (const state of compilation.store.all()) {
        if (state.ref.kind !== "Secret") yield { report: reportOf(state), entry: state.entry };
      }
    },
    referencedSecrets: () => compilation.references.all(),
  };
}
