// spec.authentication of an AIRoute -> how its callers are identified. Every default is filled in here, but for what most
// routes do not say: that is left out.

import type { RouteSpec } from "../crds/ai-route.ts";
import type { CompiledRoute } from "../dataplane/contract/compiled.ts";
import { DEFAULT_KEY_HEADERS, DEFAULT_KEY_QUERY } from "../dataplane/contract/key-locations.ts";
import { TOKEN_ALGORITHMS } from "../dataplane/contract/token-algorithms.ts";
import { parseDuration } from "../dataplane/core/duration.ts";
import { quoted } from "./found-text.ts";
import type { NameSet } from "./known-names.ts";
import { withSuggestion } from "./nearest-name.ts";
import type { Reporter } from "./report.ts";

type Authentication = NonNullable<RouteSpec["authentication"]>;
type Compiled = CompiledRoute["authentication"];
type CompiledJwt = Extract<Compiled, { type: "JWT" }>;

/** What `apiKey: {}` reads as; no place given means the default ones. */
const DEFAULT: Authentication = { apiKey: { headers: [], query: [], hideCredentials: true } };

export interface AuthenticationContext {
  /** Names of the Consumers in the route's namespace. */
  readonly consumers: NameSet;
  readonly report: Reporter;
}

/** A Consumer that is missing is an error and nothing more: whoever would have been it gets a 401. */
export function compileAuthentication(
  authentication: Authentication = DEFAULT,
  { consumers, report }: AuthenticationContext,
): Compiled {
  const { apiKey, jwt, none, anonymousConsumer, realm, runOnPreflight } = authentication;
  if (none !== undefined) return { type: "None" };
  if (anonymousConsumer !== undefined && !consumers.has(anonymousConsumer)) {
    report.error({
      code: "TargetNotFound",
      field: "spec.authentication.anonymousConsumer",
      found: quoted(anonymousConsumer),
      wanted: withSuggestion("a Consumer of this namespace", anonymousConsumer, consumers.keys()),
    });
  }
  const common = {
    ...(anonymousConsumer === undefined ? {} : { anonymousConsumer }),
    ...(realm === undefined ? {} : { realm }),
    ...(runOnPreflight === false ? { skipsPreflight: true as const } : {}),
  };
  if (jwt === undefined) return { type: "APIKey", ...keyPlaces(apiKey), ...common };
  const keys = apiKey === undefined ? {} : { apiKey: keyPlaces(apiKey) };
  return { type: "JWT", jwt: compileJwt(jwt), ...keys, ...common };
}

function keyPlaces(
  apiKey: Authentication["apiKey"],
): Pick<Extract<Compiled, { type: "APIKey" }>, "headers" | "query" | "hideCredentials"> {
  const { headers = [], query = [], hideCredentials = true } = apiKey ?? {};
  const isDefault = headers.length === 0 && query.length === 0;
  return {
    headers: isDefault ? DEFAULT_KEY_HEADERS : [...new Set(headers.map((name) => name.toLowerCase()))],
    query: isDefault ? DEFAULT_KEY_QUERY : query,
    hideCredentials,
  };
}

function compileJwt(jwt: NonNullable<Authentication["jwt"]>): CompiledJwt["jwt"] {
  const { header, issuers, algorithms, clockSkew, hideCredentials } = jwt;
  return {
    header: header.toLowerCase(),
    ...(issuers.length === 0 ? {} : { issuers: issuers.map(issuerOf) }),
    algorithms: algorithms.length === 0 ? [...TOKEN_ALGORITHMS] : algorithms,
    clockSkewMs: parseDuration(clockSkew) ?? 0,
    hideCredentials,
  };
}

type Issuer = NonNullable<CompiledJwt["jwt"]["issuers"]>[number];

function issuerOf({ issuer, jwksUri }: NonNullable<Authentication["jwt"]>["issuers"][number]): Issuer {
  return jwksUri === undefined ? { issuer } : { issuer, jwksUri };
}
