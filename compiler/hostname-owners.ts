// Which namespace a host name belongs to, so that no route takes requests that another namespace receives: to the system
// namespace if it claims it, else to the namespace of the oldest route that does. Who has "*.a.com" has every name below.
// Who has "*" (a match without host names) has what nobody names, and no more. A name that is older than a wildcard around
// it stays where it is.

import { compareAge } from "./object-age.ts";

/** What a match without host names claims. */
export const EVERY_HOSTNAME = "*";

export interface HostnameClaim<T> {
  readonly route: T;
  readonly namespace: string;
  readonly name: string;
  readonly createdMs: number;
  readonly hostnames: readonly string[];
}

export function claimedHostnames(matches: readonly { readonly hostnames: readonly string[] }[]): readonly string[] {
  const names = matches.flatMap(({ hostnames }) => (hostnames.length > 0 ? hostnames : [EVERY_HOSTNAME]));
  return [...new Set(names)];
}

/** Per route: the host names that another namespace has. A claim that is refused stands in nobody's way. */
export function refusedHostnames<T>(
  claims: readonly HostnameClaim<T>[],
  systemNamespace: string,
): ReadonlyMap<T, ReadonlySet<string>> {
  const rank = ({ namespace }: HostnameClaim<T>): number => Number(namespace !== systemNamespace);
  const owners = new Map<string, string>();
  const refused = new Map<T, Set<string>>();
  for (const claim of [...claims].sort((a, b) => rank(a) - rank(b) || compareAge(a, b))) {
    const { route, namespace } = claim;
    for (const hostname of claim.hostnames) {
      // Of the names that cover it the most exact one that has an owner receives its requests up to now.
      const receiver = covering(hostname).find((name) => owners.has(name)) ?? hostname;
      if ((owners.get(receiver) ?? namespace) !== namespace)
        refused.set(route, (refused.get(route) ?? new Set()).add(hostname));
      else owners.set(hostname, namespace);
    }
  }
  return refused;
}

/** "x.a.com" -> "x.a.com", "*.a.com", "*.com": every claim that takes requests for it by name. */
function covering(hostname: string): readonly string[] {
  if (hostname === EVERY_HOSTNAME) return [EVERY_HOSTNAME];
  const names = [hostname];
  const bare = hostname.startsWith("*.") ? hostname.slice(2) : hostname;
  for (let dot = bare.indexOf("."); dot >= 0; dot = bare.indexOf(".", dot + 1)) names.push(`*${bare.slice(dot)}`);
  return names;
}
