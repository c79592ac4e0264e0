// Finds the route of a request. Precedence: host name (exact, longest wildcard, none), then path (Exact, then the longest
// prefix), then more header matches, then a method match, then the older route, then namespace and name.

import type { CompiledRoute } from "../contract/compiled.ts";

export interface RouteQuery {
  readonly method: string;
  /** Lower case, without port; "" when the request has none. */
  readonly host: string;
  /** Path without query. */
  readonly path: string;
  header(name: string): string | undefined;
}

export interface RouteMatch<R> {
  readonly route: R;
  /** Length of the matched prefix; the path's length for Exact. What follows it decides the operation. */
  readonly prefixLength: number;
}

export interface RouteTable<R> {
  find(query: RouteQuery): RouteMatch<R> | undefined;
  /** Every route that a request for this host (lower case, without port) may reach; those of the most exact name first. */
  at(host: string): readonly R[];
}

type Match = CompiledRoute["matches"][number];

interface Entry<R> {
  readonly route: R;
  readonly compiled: CompiledRoute;
  readonly match: Match;
}

/** Entries by path, each list in order of precedence. */
interface PathTable<R> {
  readonly exact: Map<string, Entry<R>[]>;
  readonly prefix: Map<string, Entry<R>[]>;
  readonly routes: Set<R>;
  /** Length of the longest prefix: nothing longer is looked up, however many segments a client sends. */
  longestPrefix: number;
}

export function createRouteTable<R extends { readonly compiled: CompiledRoute }>(routes: readonly R[]): RouteTable<R> {
  const hosts = new Map<string, PathTable<R>>();
  for (const route of routes) {
    for (const match of route.compiled.matches) {
      const names = match.hostnames.length > 0 ? match.hostnames : ["*"];
      for (const host of names) insert(hosts, host.toLowerCase(), { route, compiled: route.compiled, match });
    }
  }
  let longestHost = 0;
  for (const [host, table] of hosts) {
    longestHost = Math.max(longestHost, host.length);
    for (const list of [...table.exact.values(), ...table.prefix.values()]) list.sort(byPrecedence);
  }
  return {
    find(query) {
      for (const host of hostCandidates(query.host, longestHost)) {
        const table = hosts.get(host);
        const found = table && findInTable(table, query);
        if (found) return found;
      }
      return undefined;
    },
    at(host) {
      const found = new Set<R>();
      for (const name of hostCandidates(host, longestHost)) {
        for (const route of hosts.get(name)?.routes ?? []) found.add(route);
      }
      return [...found];
    },
  };
}

function insert<R>(hosts: Map<string, PathTable<R>>, host: string, entry: Entry<R>): void {
  let table = hosts.get(host);
  if (table === undefined) {
    table = { exact: new Map(), prefix: new Map(), routes: new Set(), longestPrefix: 0 };
    hosts.set(host, table);
  }
  table.routes.add(entry.route);
  const { type, value } = entry.match.path;
  const lists = type === "Exact" ? table.exact : table.prefix;
  const path = type === "Exact" ? value : trimSlash(value);
  if (type === "PathPrefix") table.longestPrefix = Math.max(table.longestPrefix, path.length);
  const list = lists.get(path);
  if (list) list.push(entry);
  else lists.set(path, [entry]);
}

/** "/a/" and "/a" are the same prefix; "/" is "". */
function trimSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

function byPrecedence(a: Entry<unknown>, b: Entry<unknown>): number {
  return (
    b.match.headers.length - a.match.headers.length ||
    Number(b.match.methods.length > 0) - Number(a.match.methods.length > 0) ||
    a.compiled.createdMs - b.compiled.createdMs ||
    compareText(a.compiled.namespace, b.compiled.namespace) ||
    compareText(a.compiled.name, b.compiled.name)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * "a.b.c" -> "a.b.c", "*.b.c", "*.c", "*". Only names of at most `longest` characters: those of the table are no longer,
 * and a client may send thousands of dots.
 */
function* hostCandidates(host: string, longest: number): Generator<string> {
  if (host !== "" && host.length <= longest) yield host;
  let dot = host.indexOf(".", host.length + 1 - longest);
  for (; dot >= 0; dot = host.indexOf(".", dot + 1)) yield `*${host.slice(dot)}`;
  yield "*";
}

function findInTable<R>(table: PathTable<R>, query: RouteQuery): RouteMatch<R> | undefined {
  const { path } = query;
  const exact = firstMatching(table.exact.get(path), query);
  if (exact) return { route: exact.route, prefixLength: path.length };
  // From the whole path to "" one segment at a time: prefixes match whole segments.
  let end = trimSlash(path).length;
  if (end > table.longestPrefix) end = path.lastIndexOf("/", table.longestPrefix);
  for (; end >= 0; end = end === 0 ? -1 : path.lastIndexOf("/", end - 1)) {
    const entry = firstMatching(table.prefix.get(path.slice(0, end)), query);
    if (entry) return { route: entry.route, prefixLength: end };
  }
  return undefined;
}

function firstMatching<R>(entries: readonly Entry<R>[] | undefined, query: RouteQuery): Entry<R> | undefined {
  return entries?.find(({ match }) => {
    if (match.methods.length > 0 && !match.methods.includes(query.method)) return false;
    return match.headers.every((h) => query.header(h.name) === h.value);
  });
}
