// Valid manifests of every kind, and a way to change one field of them, so that a test states only what it is about.

import { type CompileOutput, compile } from "../../compiler/compile.ts";
import { formatFinding } from "../../compiler/format-finding.ts";
import { isRecord } from "../../compiler/is-record.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";

export const MASTER = Buffer.alloc(32, 7);

export type Manifest = Record<string, unknown>;

interface Meta {
  readonly name?: string;
  readonly namespace?: string;
  readonly creationTimestamp?: unknown;
}

function aManifest(kind: string, { name = "it", ...meta }: Meta, spec: unknown): Manifest {
  return { apiVersion: "airatelimit.dev/v1alpha1", kind, metadata: { name, ...meta }, spec };
}

export function aConsumer(meta: Meta = {}, spec: Manifest = {}): Manifest {
  return aManifest("Consumer", meta, spec);
}

/** A consumer with one inline key. */
export function aConsumerWithKey(meta: Meta, value: string): Manifest {
  return aConsumer(meta, { credentials: [{ name: "main", apiKey: { value } }] });
}

export function aBackend(meta: Meta = {}, spec: Manifest = {}): Manifest {
  return aManifest("AIBackend", meta, { provider: "OpenAI", ...spec });
}

export function aRoute(meta: Meta = {}, spec: Manifest = {}): Manifest {
  const matches = [{ path: { type: "Exact", value: "/anything" } }];
  return aManifest("AIRoute", meta, { matches, backendRefs: [{ name: "it" }], ...spec });
}

export function aPolicy(meta: Meta = {}, spec: Manifest = {}): Manifest {
  return aManifest("AIRateLimitPolicy", meta, { limits: [aLimit()], ...spec });
}

export function aLimit(changes: Manifest = {}): Manifest {
  return { name: "minute", limit: 500, window: { duration: "60s" }, ...changes };
}

export function aSecret(meta: Meta, stringData: Record<string, string>): Manifest {
  return { apiVersion: "v1", kind: "Secret", metadata: { name: "it", ...meta }, stringData };
}

export function compiled(...manifests: readonly unknown[]): CompileOutput {
  return compile({ manifests, ringFor: createRing([MASTER]), systemNamespace: "default" });
}

/** Findings as lines, errors marked by nothing and warnings by "warning: ". */
export function linesOf({ findings }: CompileOutput): string[] {
  return findings.map((finding) => `${finding.severity === "warning" ? "warning: " : ""}${formatFinding(finding)}`);
}

/** The value as an object; an empty one when it is none. */
export function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

/** A deep copy with one field set, or taken away by undefined. `path` is written as in findings: "spec.limits[0].name". */
export function withField(manifest: Manifest, path: string, value: unknown): Manifest {
  const steps = path.split(/[.[\]]+/).filter((step) => step !== "");
  const copy = structuredClone(manifest);
  let parent: object = copy;
  for (const step of steps.slice(0, -1)) {
    const child: unknown = Reflect.get(parent, step);
    if (typeof child !== "object" || child === null) throw new Error(`${path}: nothing to change at ${step}`);
    parent = child;
  }
  const last = steps.at(-1) ?? "";
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, value);
  return copy;
}
