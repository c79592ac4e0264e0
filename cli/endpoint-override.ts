// --endpoint NAME=URL: reaches a backend, or all backends of a provider, somewhere else. Works on manifests before they are
// compiled, so that every rule about endpoints and credentials judges the address that is really dialled.

import { isRecord } from "../compiler/is-record.ts";
import type { EndpointOverride } from "./option-values.ts";
import type { SourceFinding } from "./source-finding.ts";

export interface Overridden {
  readonly values: readonly unknown[];
  readonly findings: readonly SourceFinding[];
}

/**
 * A backend's own name decides before its provider's. An override that meets no backend is an error: with a mistyped
 * name the traffic would go to the real provider.
 */
export function overrideEndpoints(values: readonly unknown[], overrides: readonly EndpointOverride[]): Overridden {
  const used = new Set<EndpointOverride>();
  const overridden = values.map((value) => {
    const backend = readBackend(value);
    const override = backend && findOverride(backend, overrides);
    if (backend === undefined || override === undefined) return value;
    used.add(override);
    return withEndpoint(backend, override.url);
  });
  const known = [...new Set(values.flatMap((value) => readBackend(value)?.name ?? []))];
  const findings = overrides
    .filter((override) => !used.has(override))
    .map(({ name, url }) => unmatched(`${name}=${url}`, known));
  return { values: overridden, findings };
}

/** Every backend, whatever its endpoint: nothing leaves for a real provider. */
export function redirectBackends(values: readonly unknown[], url: string): readonly unknown[] {
  return values.map((value) => {
    const backend = readBackend(value);
    return backend === undefined ? value : withEndpoint(backend, url);
  });
}

interface Backend {
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly provider: string;
}

/** Undefined for other kinds, and for what the compiler will refuse anyhow. */
function readBackend(value: unknown): Backend | undefined {
  if (!isRecord(value) || value["kind"] !== "AIBackend") return undefined;
  const { metadata, spec } = value;
  if (!isRecord(metadata) || !isRecord(spec)) return undefined;
  const { name } = metadata;
  const { provider } = spec;
  if (typeof name !== "string" || typeof provider !== "string") return undefined;
  return { manifest: value, spec, name, provider };
}

function findOverride(backend: Backend, overrides: readonly EndpointOverride[]): EndpointOverride | undefined {
  const provider = backend.provider.toLowerCase();
  return (
    overrides.find((override) => override.name === backend.name) ??
    overrides.find((override) => override.name.toLowerCase() === provider)
  );
}

function withEndpoint({ manifest, spec }: Backend, endpoint: string): unknown {
  return { ...manifest, spec: { ...spec, endpoint } };
}

function unmatched(found: string, known: readonly string[]): SourceFinding {
  const wanted = `the name of a backend or a provider; backends are: ${known.join(", ") || "none"}`;
  return { severity: "error", code: "EndpointUnmatched", file: "--endpoint", field: "", found, wanted };
}
