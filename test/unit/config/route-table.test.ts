// Which route takes a request: rules one by one, and the whole order against a naive sort of everything.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRouteTable, type RouteMatch, type RouteQuery } from "../../../dataplane/config/route-table.ts";
import type { CompiledRoute } from "../../../dataplane/contract/compiled.ts";
import { aMatch, aRoute } from "./builders.ts";

interface QueryParts {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function aQuery({ method = "POST", host = "", path = "/", headers = {} }: QueryParts = {}): RouteQuery {
  return { method, host, path, header: (name) => headers[name] };
}

interface Wrapped {
  readonly compiled: CompiledRoute;
}

function find(routes: readonly CompiledRoute[], query: RouteQuery): RouteMatch<Wrapped> | undefined {
  return createRouteTable(routes.map((compiled) => ({ compiled }))).find(query);
}

const exact = (value: string) => ({ path: { type: "Exact" as const, value } });
const prefix = (value: string) => ({ path: { type: "PathPrefix" as const, value } });

describe("paths", () => {
  test.for([
    { name: "Exact is the whole path", path: exact("/a"), asked: "/a/b", length: undefined },
    { name: "Exact minds a trailing slash", path: exact("/a"), asked: "/a/", length: undefined },
    { name: "Exact reports the path's length", path: exact("/a/b"), asked: "/a/b", length: 4 },
    { name: "a prefix takes itself", path: prefix("/a"), asked: "/a", length: 2 },
    { name: "a prefix takes itself with a slash", path: prefix("/a"), asked: "/a/", length: 2 },
    { name: "a prefix takes what is below it", path: prefix("/a"), asked: "/a/b/c", length: 2 },
    { name: "a prefix ends at a segment's end", path: prefix("/a"), asked: "/ab", length: undefined },
    { name: "/a/ is the prefix /a", path: prefix("/a/"), asked: "/a", length: 2 },
    { name: "/a/ is not the prefix /ab", path: prefix("/a/"), asked: "/ab", length: undefined },
    { name: "the prefix / takes everything", path: prefix("/"), asked: "/x/y", length: 0 },
    { name: "the prefix / takes /", path: prefix("/"), asked: "/", length: 0 },
    { name: "case matters", path: prefix("/a"), asked: "/A", length: undefined },
    { name: "an encoded letter is another path", path: prefix("/a"), asked: "/%61", length: undefined },
    { name: "dots are not resolved", path: prefix("/a"), asked: "/b/../a", length: undefined },
    { name: "an empty segment is a segment", path: prefix("/a/b"), asked: "/a//b", length: undefined },
    { name: "empty segments below a prefix belong to it", path: prefix("/a"), asked: "/a//", length: 2 },
  ])("[unit] $name", ({ path, asked, length }) => {
    expect(find([aRoute({ matches: [aMatch(path)] })], aQuery({ path: asked }))?.prefixLength).toBe(length);
  });
});

describe("host names", () => {
  test.for([
    { name: "an exact name is the whole name", hostnames: ["api.example.com"], host: "api.example.com", found: true },
    { name: "an exact name takes no name below it", hostnames: ["example.com"], host: "api.example.com", found: false },
    { name: "a wildcard takes one label", hostnames: ["*.example.com"], host: "api.example.com", found: true },
    { name: "a wildcard takes several labels", hostnames: ["*.example.com"], host: "a.b.example.com", found: true },
    {
      name: "a wildcard does not take the name itself",
      hostnames: ["*.example.com"],
      host: "example.com",
      found: false,
    },
    { name: "a wildcard ends at a label's start", hostnames: ["*.example.com"], host: "badexample.com", found: false },
    { name: "any of several names", hostnames: ["a.example", "b.example"], host: "b.example", found: true },
    { name: "no names is every name", hostnames: [], host: "x.example", found: true },
    { name: "no names takes a request without a host", hostnames: [], host: "", found: true },
    { name: "a name takes no request without a host", hostnames: ["a.example"], host: "", found: false },
    { name: "a host name of dots is only a host name", hostnames: ["*.a"], host: "....", found: false },
  ])("[unit] $name", ({ hostnames, host, found }) => {
    expect(find([aRoute({ matches: [aMatch({ hostnames })] })], aQuery({ host })) !== undefined).toBe(found);
  });
});

describe("precedence", () => {
  const route = (name: string, match: Partial<CompiledRoute["matches"][number]>, parts: Partial<CompiledRoute> = {}) =>
    aRoute({ name, matches: [aMatch(match)], ...parts });
  const headers = (...names: string[]) => ({ headers: names.map((name) => ({ name, value: "1" })) });
  test.for([
    {
      name: "an exact host name beats a longer path",
      first: { hostnames: ["a.b"], ...prefix("/") },
      second: exact("/p/q"),
    },
    { name: "an exact host name beats a wildcard", first: { hostnames: ["a.b"] }, second: { hostnames: ["*.b"] } },
    { name: "a wildcard beats none", first: { hostnames: ["*.b"] }, second: {} },
    {
      name: "Exact beats a prefix of the same path",
      first: exact("/p/q"),
      second: { ...prefix("/p/q"), ...headers("x", "y"), methods: ["POST"] },
    },
    { name: "the longer prefix wins", first: prefix("/p/q"), second: { ...prefix("/p"), ...headers("x", "y") } },
    { name: "more headers win", first: headers("x", "y"), second: { ...headers("x"), methods: ["POST"] } },
    { name: "a method wins over none", first: { methods: ["POST"] }, second: {} },
  ] satisfies { name: string; first: object; second: object }[])("[unit] $name", ({ first, second }) => {
    const query = aQuery({ host: "a.b", path: "/p/q", headers: { x: "1", y: "1" } });
    // The winner is the younger and later one, so that nothing but the rule makes it win.
    const routes = [route("loser", second), route("winner", first, { createdMs: 9 })];
    expect(find(routes, query)?.route.compiled.name).toBe("winner");
  });

  test.for([
    { name: "the older route wins a tie", winner: { createdMs: 1, name: "z" }, loser: { createdMs: 2, name: "a" } },
    {
      name: "then the namespace that sorts first",
      winner: { namespace: "a", name: "z" },
      loser: { namespace: "b", name: "a" },
    },
    { name: "then the name that sorts first", winner: { name: "a" }, loser: { name: "b" } },
  ])("[unit] $name", ({ winner, loser }) => {
    const found = [aRoute(winner), aRoute(loser)];
    expect(find(found, aQuery())?.route.compiled).toBe(found[0]);
    expect(find(found.toReversed(), aQuery())?.route.compiled).toBe(found[0]);
  });

  test("[unit] a better path that fails on its header or method leaves the request to the next", () => {
    const routes = [
      route("header", { ...exact("/p"), headers: [{ name: "x", value: "1" }] }),
      route("method", { ...prefix("/p"), methods: ["GET"] }),
      route("rest", {}),
    ];
    expect(find(routes, aQuery({ path: "/p", headers: { x: "2" } }))?.route.compiled.name).toBe("rest");
    expect(find(routes, aQuery({ path: "/p", method: "GET" }))?.route.compiled.name).toBe("method");
    expect(find(routes, aQuery({ path: "/p", headers: { x: "1" } }))?.route.compiled.name).toBe("header");
  });

  test("[unit] no route is found when none matches", () => {
    expect(find([route("p", prefix("/p"))], aQuery({ path: "/q" }))).toBeUndefined();
    expect(find([], aQuery())).toBeUndefined();
  });
});

// The oracle: every (route, host name, match) that takes the request, sorted by the documented order.

interface Candidate {
  readonly name: string;
  readonly prefixLength: number;
  readonly rank: readonly number[];
}

function naive(routes: readonly CompiledRoute[], query: RouteQuery): Candidate | undefined {
  const candidates = routes.flatMap((route) =>
    route.matches.flatMap((match) => {
      const hosts = match.hostnames.length > 0 ? match.hostnames : ["*"];
      return hosts.flatMap((host) => candidatesOf({ route, match, host }, query));
    }),
  );
  candidates.sort((a, b) => compare(a.rank, b.rank) || (a.name < b.name ? -1 : Number(a.name > b.name)));
  return candidates[0];
}

interface Choice {
  readonly route: CompiledRoute;
  readonly match: CompiledRoute["matches"][number];
  readonly host: string;
}

function candidatesOf({ route, match, host }: Choice, query: RouteQuery): Candidate[] {
  const { type, value } = match.path;
  const plain = value.replace(/\/$/, "");
  const holds = [
    host === "*" || host === query.host || (host.startsWith("*") && query.host.endsWith(host.slice(1))),
    type === "Exact" ? query.path === value : `${query.path}/`.startsWith(`${plain}/`),
    match.methods.length === 0 || match.methods.includes(query.method),
    match.headers.every((h) => query.header(h.name) === h.value),
  ];
  if (holds.includes(false)) return [];
  const pathRank = type === "Exact" ? 10_000 : plain.length;
  const rank = [-hostRank(host), -pathRank, -match.headers.length, -Math.min(1, match.methods.length), route.createdMs];
  return [{ name: route.name, prefixLength: type === "Exact" ? value.length : plain.length, rank }];
}

function hostRank(host: string): number {
  if (host === "*") return 0;
  return host.startsWith("*") ? host.length : 1_000;
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((value, i) => value - (b[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

test("[unit] the route found is the first of all that match, in the documented order", () => {
  const path = fc.array(fc.constantFrom("a", "b", ""), { maxLength: 3 }).map((segments) => `/${segments.join("/")}`);
  const match = fc.record({
    path: fc.record({
      type: fc.constantFrom("Exact" as const, "PathPrefix" as const),
      value: path.filter((p) => !p.endsWith("//")),
    }),
    methods: fc.subarray(["GET", "POST"]),
    hostnames: fc.subarray(["a.b", "*.b", "*.a.b", "b"], { maxLength: 2 }),
    headers: fc.subarray([
      { name: "x", value: "1" },
      { name: "y", value: "1" },
    ]),
  });
  const routes = fc
    .array(fc.record({ matches: fc.array(match, { minLength: 1, maxLength: 3 }), createdMs: fc.nat(1) }), {
      maxLength: 8,
    })
    .map((list) => list.map((parts, i) => aRoute({ ...parts, name: `route-${String(i)}` })));
  const query = fc.record({
    method: fc.constantFrom("GET", "POST"),
    host: fc.constantFrom("", "b", "a.b", "c.a.b", "x.y.b", "z"),
    path,
    headers: fc.constantFrom({}, { x: "1" }, { x: "1", y: "1" }, { x: "2" }),
  });
  fc.assert(
    fc.property(routes, query, (list, parts) => {
      const asked = aQuery(parts);
      const found = find(list, asked);
      const wanted = naive(list, asked);
      expect(found?.route.compiled.name).toBe(wanted?.name);
      expect(found?.prefixLength).toBe(wanted?.prefixLength);
    }),
    { numRuns: 3_000 },
  );
});

test.for([
  { name: "a host name of 15,000 labels", query: { host: "a.".repeat(15_000) } },
  { name: "a path of 15,000 segments", query: { path: "/a".repeat(15_000) } },
  { name: "a path of 30,000 slashes", query: { path: "/".repeat(30_000) } },
])("[unit] $name costs no more than a long text has to", ({ query }) => {
  const table = createRouteTable([
    { compiled: aRoute({ matches: [aMatch({ ...prefix("/v1/chat"), hostnames: ["*.example.com"] })] }) },
  ]);
  const started = performance.now();
  for (let i = 0; i < 20; i++) table.find(aQuery({ host: "a.example.com", ...query }));
  // Quadratic work takes seconds for these.
  expect(performance.now() - started).toBeLessThan(500);
});
