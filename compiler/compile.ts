// Objects -> compiled objects + findings. Pure: no clock, no I/O, the same output for the same input; the command line and the
// controller call it alike. The order of the manifests does not matter, unless an object is given twice.

import type { CompiledObject } from "../dataplane/contract/compiled.ts";
import type { RingFor } from "../dataplane/contract/keyring.ts";
import { compileBackend } from "./compile-backend.ts";
import { compileConsumers } from "./compile-consumer.ts";
import { compilePolicy } from "./compile-policy.ts";
import { compileRoute } from "./compile-route.ts";
import { warnUnknownUsageFields } from "./expression-findings.ts";
import type { Finding, ObjectRef } from "./finding.ts";
import { refuseTooManyLimits } from "./limit-count.ts";
import { createObjectIndex, type ObjectIndex } from "./object-index.ts";
import { warnMissingPrices } from "./price-findings.ts";
import { readManifest, type SourceObject } from "./read-manifest.ts";
import type { SecretObject } from "./read-secret.ts";
import { createReporter, type Reporter } from "./report.ts";
import type { Secrets } from "./resolve-key.ts";

/** A manifest as read from YAML or the API server; nothing about it is trusted yet. */
export type Manifest = unknown;

export interface CompileInput {
  readonly manifests: readonly Manifest[];
  /** The keys under which each namespace is compiled, see contract/keyring.ts. */
  readonly ringFor: RingFor;
  /** Consumers of this namespace identify on the routes of all namespaces; objects without a namespace belong to it. */
  readonly systemNamespace: string;
}

export interface CompileOutput {
  /** By kind, namespace and name. Objects with an error are left out. */
  readonly objects: readonly CompiledObject[];
  /** By kind, namespace and name of their object. */
  readonly findings: readonly Finding[];
}

/** Empty documents (null) are passed over: they are what a trailing `---` of a YAML file reads as. */
export function compile({ manifests, ringFor, systemNamespace }: CompileInput): CompileOutput {
  const { objects, refs, findings } = readAll(manifests, systemNamespace);
  const consumers = objects.filter((object) => object.kind === "Consumer");
  const compiled = compileAll(objects, {
    ringFor,
    systemNamespace,
    index: createObjectIndex(refs, consumers),
    secretsOf: secretsByNamespace(objects.filter((object) => object.kind === "Secret")),
    reporterOf: ({ ref }) => createReporter(ref, findings),
  });
  return {
    objects: compiled.sort(byIdentity),
    findings: findings.sort((a, b) => byIdentity(a.object, b.object) || byText(a, b)),
  };
}

interface ReadObjects {
  readonly objects: readonly SourceObject[];
  readonly refs: readonly ObjectRef[];
  readonly findings: Finding[];
}

function readAll(manifests: readonly Manifest[], defaultNamespace: string): ReadObjects {
  const objects: SourceObject[] = [];
  const refs = new Map<string, ObjectRef>();
  const findings: Finding[] = [];
  for (const manifest of manifests) {
    if (manifest === null || manifest === undefined) continue;
    const read = readManifest(manifest, defaultNamespace);
    findings.push(...read.findings);
    if (read.ref === undefined) continue;
    const identity = `${read.ref.kind}/${read.ref.namespace}/${read.ref.name}`;
    if (refs.has(identity)) {
      const problem = { field: "metadata.name", found: "a second object of this name", wanted: "each object once" };
      createReporter(read.ref, findings).error({ code: "Duplicate", ...problem });
      continue;
    }
    refs.set(identity, read.ref);
    if (read.object) objects.push(read.object);
  }
  return { objects, refs: [...refs.values()], findings };
}

interface Surroundings {
  readonly ringFor: RingFor;
  readonly systemNamespace: string;
  readonly index: ObjectIndex;
  readonly secretsOf: (namespace: string) => Secrets;
  readonly reporterOf: (object: { readonly ref: ObjectRef }) => Reporter;
}

function compileAll(objects: readonly SourceObject[], around: Surroundings): CompiledObject[] {
  const { ringFor, systemNamespace, index, secretsOf, reporterOf } = around;
  const consumers = compileConsumers(
    objects.filter((object) => object.kind === "Consumer"),
    around,
  );
  const others = objects.flatMap((object) => {
    const report = reporterOf(object);
    const { namespace } = object.ref;
    switch (object.kind) {
      case "AIBackend":
        return compileBackend(object, { ring: ringFor(namespace), secrets: secretsOf(namespace), report }) ?? [];
      case "AIRoute":
        return compileRoute(object, { backends: index.names("AIBackend", namespace), report }) ?? [];
      case "AIRateLimitPolicy":
        return compilePolicy(object, { index, systemNamespace, report }) ?? [];
      default:
        return [];
    }
  });
  const policies = others.filter((object) => object.kind === "AIRateLimitPolicy");
  const kept = refuseTooManyLimits(policies, ({ kind, namespace, name }) =>
    reporterOf({ ref: { kind, namespace, name } }),
  );
  const context = {
    backends: others.filter((object) => object.kind === "AIBackend"),
    routes: others.filter((object) => object.kind === "AIRoute"),
    reporterOf: ({ kind, namespace, name }: ObjectRef) => reporterOf({ ref: { kind, namespace, name } }),
  };
  warnMissingPrices(kept, { ...context, unpricedModels: unpricedModels(objects) });
  warnUnknownUsageFields(kept, context);
  return [...consumers, ...others.filter((object) => object.kind !== "AIRateLimitPolicy"), ...kept];
}

function unpricedModels(objects: readonly SourceObject[]): ReadonlyMap<string, readonly string[]> {
  const backends = objects.filter((object) => object.kind === "AIBackend");
  return new Map(
    backends.map(({ ref, spec }) => {
      const unpriced = spec.models.filter(({ prices }) => prices === undefined).map(({ name }) => name);
      return [`${ref.namespace}/${ref.name}`, unpriced];
    }),
  );
}

function secretsByNamespace(secrets: readonly SecretObject[]): (namespace: string) => Secrets {
  const byNamespace = new Map<string, Map<string, SecretObject>>();
  for (const secret of secrets) {
    const { namespace, name } = secret.ref;
    const known = byNamespace.get(namespace) ?? new Map<string, SecretObject>();
    byNamespace.set(namespace, known.set(name, secret));
  }
  const none: Secrets = new Map();
  return (namespace) => byNamespace.get(namespace) ?? none;
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
