// AIBackend -> what the data plane dials. The provider's key leaves here sealed for exactly this endpoint.

import type { BackendSpec } from "../crds/ai-backend.ts";
import type { CompiledBackend } from "../dataplane/contract/compiled.ts";
import { type KeyRing, seal } from "../dataplane/contract/keyring.ts";
import { parseDuration } from "../dataplane/core/duration.ts";
import { compilePrices } from "./compile-prices.ts";
import { quoted } from "./found-text.ts";
import type { BackendObject } from "./read-manifest.ts";
import { createReporter, type Reporter } from "./report.ts";
import { inlineWarning, resolveKey, type Secrets } from "./resolve-key.ts";

export interface BackendContext {
  readonly ring: KeyRing;
  readonly secrets: Secrets;
  readonly report: Reporter;
}

/** OpenAICompatible has none: the schema asks for an endpoint there. */
const DEFAULT_ENDPOINTS: Readonly<Record<BackendSpec["provider"], string>> = {
  OpenAI: "https://api.openai.com",
  OpenAICompatible: "",
  Anthropic: "https://api.anthropic.com",
};
const MAX_TIMEOUT_MS = 24 * 3_600_000;

/** Undefined after reporting an error: of the spec itself, or of the Secret that it names. */
export function compileBackend({ ref, spec }: BackendObject, context: BackendContext): CompiledBackend | undefined {
  const { report } = context;
  const own = compileOwn(spec, report);
  if (own === undefined) return undefined;
  const auth = compileAuth({ ref, spec }, own.origin, context);
  if (auth === undefined || report.hasError()) return undefined;
  const { origin, path, prices, timeouts } = own;
  return {
    kind: "AIBackend",
    namespace: ref.namespace,
    name: ref.name,
    provider: spec.provider,
    origin,
    ...(path === "/" ? {} : { path }),
    auth,
    ...(prices === undefined ? {} : { prices }),
    usage: spec.usage,
    timeouts,
  };
}

/** True when nothing is wrong with the spec itself, whatever it refers to. */
export function isSoundBackend({ ref, spec }: BackendObject): boolean {
  const report = createReporter(ref, []);
  return compileOwn(spec, report) !== undefined && !report.hasError();
}

interface OwnPart extends Pick<CompiledBackend, "origin" | "prices" | "timeouts"> {
  readonly path: string;
}

/** What the spec says without anything it refers to. Undefined when there is no endpoint to go on with. */
function compileOwn(spec: BackendSpec, report: Reporter): OwnPart | undefined {
  const timeouts = compileTimeouts(spec.timeouts, report);
  const url = readEndpoint(spec.endpoint ?? DEFAULT_ENDPOINTS[spec.provider], report);
  if (url === undefined) return undefined;
  refusePlaintext(spec, url, report);
  const prices = compilePrices(spec.models, report);
  return { origin: url.origin, path: url.pathname, prices, timeouts };
}

/** The schema has checked the form; a host or port that is none is left to find here. */
function readEndpoint(endpoint: string, report: Reporter): URL | undefined {
  if (URL.canParse(endpoint)) return new URL(endpoint);
  const wanted = "a URL with a valid host and port, like https://llm.example.com";
  report.error({ code: "Invalid", field: "spec.endpoint", found: quoted(endpoint), wanted });
  return undefined;
}

function refusePlaintext({ auth }: BackendSpec, url: URL, report: Reporter): void {
  if (auth.type === "None" || auth.allowPlaintext || url.protocol === "https:" || isLoopback(url.hostname)) return;
  report.error({
    code: "PlaintextCredential",
    field: "spec.endpoint",
    found: quoted(url.origin),
    wanted: "https, or spec.auth.allowPlaintext: true to let anyone on the way read the credential",
  });
}

/** `hostname` as URL gives it: lower case, IPv4 in dotted form, IPv6 in brackets. RFC 6761 section 6.3 for names. */
function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}

function compileAuth(
  { ref, spec }: Pick<BackendObject, "ref" | "spec">,
  origin: string,
  { ring, secrets, report }: BackendContext,
): CompiledBackend["auth"] | undefined {
  const { type, apiKey } = spec.auth;
  if (type !== "APIKey" || apiKey === undefined) return { type: type === "Passthrough" ? "Passthrough" : "None" };
  const field = "spec.auth.apiKey";
  const inline = inlineWarning(apiKey, field);
  if (inline) report.warning(inline);
  const resolved = resolveKey(apiKey, field, secrets);
  if (resolved.kind === "problem") {
    report.error(resolved.problem);
    return undefined;
  }
  const binding = { namespace: ref.namespace, name: ref.name, provider: spec.provider, origin, authType: type };
  const header = (apiKey.name ?? (spec.provider === "Anthropic" ? "x-api-key" : "authorization")).toLowerCase();
  return {
    type,
    header,
    prefix: apiKey.prefix ?? (header === "authorization" ? "Bearer " : ""),
    sealed: ring.map((keys) => seal(keys, binding, resolved.key)),
  };
}

function compileTimeouts(timeouts: BackendSpec["timeouts"], report: Reporter): CompiledBackend["timeouts"] {
  const read = (name: keyof typeof timeouts): number => {
    const ms = parseDuration(timeouts[name]) ?? 0;
    if (ms >= 1 && ms <= MAX_TIMEOUT_MS) return ms;
    const found = quoted(timeouts[name]);
    report.error({ code: "Invalid", field: `spec.timeouts.${name}`, found, wanted: "a duration from 1ms to 24h" });
    return 1;
  };
  return { connectMs: read("connect"), firstByteMs: read("firstByte"), streamIdleMs: read("streamIdle") };
}
