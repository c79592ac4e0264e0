// AIRoute -> what the data plane matches requests with. Every default is filled in here.

import type { RouteSpec } from "../crds/ai-route.ts";
import type { CompiledRoute } from "../dataplane/contract/compiled.ts";
import { quoted } from "./found-text.ts";
import { withSuggestion } from "./nearest-name.ts";
import type { RouteObject } from "./read-manifest.ts";
import type { Reporter } from "./report.ts";

/** Where official SDKs and common gateways put a key; a documented default of the API. */
const DEFAULT_HEADERS = ["apikey", "x-api-key", "api-key", "x-goog-api-key", "authorization"];
const DEFAULT_QUERY = ["apikey", "key"];

/** What `apiKey: {}` reads as; no place given means the default ones. */
const DEFAULT_API_KEY = { headers: [], query: [], hideCredentials: true };

export interface RouteContext {
  /** Names of the AIBackends in the route's namespace. */
  readonly backends: ReadonlySet<string>;
  readonly report: Reporter;
}

/** Undefined after reporting an error. */
export function compileRoute(
  { ref, createdMs, spec }: RouteObject,
  { backends, report }: RouteContext,
): CompiledRoute | undefined {
  for (const [index, { name }] of spec.backendRefs.entries()) {
    if (backends.has(name)) continue;
    report.error({
      code: "TargetNotFound",
      field: `spec.backendRefs[${String(index)}].name`,
      found: quoted(name),
      wanted: withSuggestion("an AIBackend of this namespace", name, backends),
    });
  }
  if (report.hasError()) return undefined;
  return {
    kind: "AIRoute",
    namespace: ref.namespace,
    name: ref.name,
    createdMs,
    matches: spec.matches.map((match) => ({
      ...match,
      headers: match.headers.map(({ name, value }) => ({ name: name.toLowerCase(), value })),
    })),
    authentication: compileAuthentication(spec.authentication),
    backends: spec.backendRefs,
  };
}

function compileAuthentication(authentication: RouteSpec["authentication"]): CompiledRoute["authentication"] {
  if (authentication?.none) return { type: "None" };
  const { headers, query, hideCredentials } = authentication?.apiKey ?? DEFAULT_API_KEY;
  const isDefault = headers.length === 0 && query.length === 0;
  return {
    type: "APIKey",
    headers: isDefault ? DEFAULT_HEADERS : [...new Set(headers.map((name) => name.toLowerCase()))],
    query: isDefault ? DEFAULT_QUERY : query,
    hideCredentials,
  };
}
