// One manifest of unknown content -> a typed object, or findings that say why not. Judges an object by itself; what needs
// other objects is judged later.

import type { z } from "zod";
import { type BackendSpec, backendSpec } from "../crds/ai-backend.ts";
import { type PolicySpec, policySpec } from "../crds/ai-rate-limit-policy.ts";
import { type RouteSpec, routeSpec } from "../crds/ai-route.ts";
import { type ConsumerSpec, consumerSpec } from "../crds/consumer.ts";
import { findKind, KINDS, type Kind } from "../crds/index.ts";
import { API_VERSION } from "../crds/meta.ts";
import type { Finding, ObjectRef } from "./finding.ts";
import { foundText, foundType } from "./found-text.ts";
import { isRecord } from "./is-record.ts";
import { withSuggestion } from "./nearest-name.ts";
import { createdMsOf, readRef } from "./read-metadata.ts";
import { readSecret, type SecretObject } from "./read-secret.ts";
import { readSpec, unknownFieldsAt } from "./read-spec.ts";
import { createReporter, type Reporter } from "./report.ts";

export interface Resource<K extends string, S> {
  readonly kind: K;
  readonly ref: ObjectRef;
  /** 0 when unknown. */
  readonly createdMs: number;
  readonly spec: S;
}

export type ConsumerObject = Resource<"Consumer", ConsumerSpec>;
export type BackendObject = Resource<"AIBackend", BackendSpec>;
export type RouteObject = Resource<"AIRoute", RouteSpec>;
export type PolicyObject = Resource<"AIRateLimitPolicy", PolicySpec>;
export type SourceObject = ConsumerObject | BackendObject | RouteObject | PolicyObject | SecretObject;

export interface ReadResult {
  /** Which object the manifest is, as soon as kind and name are legible: it exists, valid or not. */
  readonly ref?: ObjectRef;
  /** Absent after an error. */
  readonly object?: SourceObject;
  readonly findings: readonly Finding[];
}

const FIELDS = ["apiVersion", "kind", "metadata", "spec", "status"];
const KIND_NAMES = [...KINDS.map(({ kind }) => kind), "Secret"].sort();

export function readManifest(manifest: unknown, defaultNamespace: string): ReadResult {
  const findings: Finding[] = [];
  const nameless = { kind: "", namespace: defaultNamespace, name: "" };
  if (!isRecord(manifest)) {
    const found = foundType(manifest);
    createReporter(nameless, findings).error({ code: "Invalid", field: "", found, wanted: "a Kubernetes object" });
    return { findings };
  }
  const { ref, problems } = readRef(manifest, defaultNamespace);
  const report = createReporter(ref, findings);
  const known = readKind(manifest, report);
  if (known === undefined) return { findings };
  for (const problem of problems) report.error(problem);
  if (problems.length > 0)
    return problems.every(({ code }) => code === "UnknownField") ? { ref, findings } : { findings };
  const object = readObject(known, manifest, report);
  return object === undefined || report.hasError() ? { ref, findings } : { ref, object, findings };
}

/** Kind and apiVersion. */
function readKind(manifest: Record<string, unknown>, report: Reporter): Kind | "Secret" | undefined {
  const name = manifest["kind"];
  const known = name === "Secret" ? name : findKind(typeof name === "string" ? name : "");
  if (known === undefined) {
    const wanted = withSuggestion(`one of ${KIND_NAMES.join(", ")}`, typeof name === "string" ? name : "", KIND_NAMES);
    report.error({ code: "UnknownKind", field: "kind", found: foundText(name), wanted });
    return undefined;
  }
  const wanted = known === "Secret" ? "v1" : API_VERSION;
  const apiVersion = manifest["apiVersion"];
  if (apiVersion === wanted) return known;
  report.error({ code: "Invalid", field: "apiVersion", found: foundText(apiVersion), wanted });
  return undefined;
}

function readObject(
  kind: Kind | "Secret",
  manifest: Record<string, unknown>,
  report: Reporter,
): SourceObject | undefined {
  if (kind === "Secret") return readSecret(manifest, report);
  for (const problem of unknownFieldsAt([], manifest, FIELDS)) report.error(problem);
  const read = <T extends z.ZodType>(schema: T): z.output<T> | undefined =>
    readSpec(schema, manifest["spec"], { kind, report });
  const identity = { ref: report.ref, createdMs: createdMsOf(manifest) };
  switch (kind.kind) {
    case "Consumer": {
      const spec = read(consumerSpec);
      return spec && { kind: "Consumer", ...identity, spec };
    }
    case "AIBackend": {
      const spec = read(backendSpec);
      return spec && { kind: "AIBackend", ...identity, spec };
    }
    case "AIRoute": {
      const spec = read(routeSpec);
      return spec && { kind: "AIRoute", ...identity, spec };
    }
    default: {
      const spec = read(policySpec);
      return spec && { kind: "AIRateLimitPolicy", ...identity, spec };
    }
  }
}
