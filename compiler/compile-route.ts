// AIRoute -> what the data plane matches requests with. Every default is filled in here.

import type { RouteSpec } from "../crds/ai-route.ts";
import type { CompiledRoute } from "../dataplane/contract/compiled.ts";
import { compileAuthentication } from "./compile-authentication.ts";
import { quoted } from "./found-text.ts";
import { EVERY_HOSTNAME } from "./hostname-owners.ts";
import type { NameSet } from "./known-names.ts";
import { withSuggestion } from "./nearest-name.ts";
import type { RouteObject } from "./read-manifest.ts";
import type { Reporter } from "./report.ts";

export interface RouteContext {
  /** Names of the AIBackends in the route's namespace. */
  readonly backends: NameSet;
  /** Names of the Consumers there. */
  readonly consumers: NameSet;
  /** Host names of the route that belong to another namespace. */
  readonly refused: ReadonlySet<string>;
  readonly report: Reporter;
}

/**
 * Undefined when no host name is left to serve. A backend that is missing is an error and nothing more: the route names it
 * all the same, so that the data plane knows its weight, and answers 503 when none of them is there. Out of force, the
 * route would leave its requests to another one that is less exact.
 */
export function compileRoute(
  { ref, createdMs, spec }: RouteObject,
  { backends, consumers, refused, report }: RouteContext,
): CompiledRoute | undefined {
  for (const [index, { name }] of spec.backendRefs.entries()) {
    if (backends.has(name)) continue;
    report.error({
      code: "TargetNotFound",
      field: `spec.backendRefs[${String(index)}].name`,
      found: quoted(name),
      wanted: withSuggestion("an AIBackend of this namespace", name, backends.keys()),
    });
  }
  const authentication = compileAuthentication(spec.authentication, { consumers, report });
  const matches = ownMatches(spec.matches, refused, report);
  if (matches.length === 0) return undefined;
  return {
    kind: "AIRoute",
    namespace: ref.namespace,
    name: ref.name,
    createdMs,
    matches: matches.map((match) => ({
      ...match,
      headers: match.headers.map(({ name, value }) => ({ name: name.toLowerCase(), value })),
    })),
    authentication,
    backends: spec.backendRefs,
    ...(spec.service === undefined ? {} : { service: spec.service }),
  };
}

type Match = RouteSpec["matches"][number];

/** Drops host names that belong to another namespace, which is never named, and matches that have none left. */
export function ownMatches<M extends Pick<Match, "hostnames">>(
  matches: readonly M[],
  refused: ReadonlySet<string>,
  report: Reporter,
): readonly M[] {
  if (refused.size === 0) return matches;
  return matches.flatMap((match, index) => {
    const field = `spec.matches[${String(index)}].hostnames`;
    if (match.hostnames.length === 0) {
      if (!refused.has(EVERY_HOSTNAME)) return [match];
      const wanted = "host names of this namespace: another one takes the requests for every name";
      report.error({ code: "HostnameTaken", field, found: "none, which is every host name", wanted });
      return [];
    }
    const own = match.hostnames.filter((hostname) => !refused.has(hostname));
    for (const [j, hostname] of match.hostnames.entries()) {
      if (!refused.has(hostname)) continue;
      const wanted = "a host name whose requests no other namespace takes, by this name or by a wildcard";
      report.error({ code: "HostnameTaken", field: `${field}[${String(j)}]`, found: quoted(hostname), wanted });
    }
    return own.length === 0 ? [] : [{ ...match, hostnames: own }];
  });
}
