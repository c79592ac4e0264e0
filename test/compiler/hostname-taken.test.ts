// Host names: whose requests they are when routes of several namespaces ask for them.

import fc from "fast-check";
import { test } from "vitest";
import { refusedHostnames } from "../../compiler/hostname-owners.ts";
import { aBackend, aRoute, compiled, linesOf, type Manifest } from "./manifest-builders.ts";

const at = (day: number): string => `2026-01-0${String(day)}T00:00:00Z`;

/** namespace/name, day of creation, host names (none: no match has any). */
type RouteRow = readonly [path: string, day: number, hostnames: readonly string[]];

function worldOf(rows: readonly RouteRow[]): Manifest[] {
  return rows.flatMap(([path, day, hostnames]) => {
    const [namespace = "", name = ""] = path.split("/");
    const matches = [{ path: { type: "PathPrefix", value: "/" }, hostnames }];
    return [
      aRoute(
        { namespace, name, creationTimestamp: at(day) },
        { matches, backendRefs: [{ name: path.replace("/", "-") }] },
      ),
      aBackend({ namespace, name: path.replace("/", "-") }),
    ];
  });
}

/** "namespace/name: host names" of each route in force, "*" for none. */
function servedBy(...manifests: Manifest[]): string[] {
  return compiled(...manifests).objects.flatMap((object) => {
    if (object.kind !== "AIRoute") return [];
    const names = object.matches.flatMap(({ hostnames }) => (hostnames.length > 0 ? hostnames : ["*"]));
    return [`${object.namespace}/${object.name}: ${names.join(" ")}`];
  });
}

interface Row {
  readonly name: string;
  readonly routes: readonly RouteRow[];
  readonly served: readonly string[];
  /** "namespace/name field" of each HostnameTaken. */
  readonly taken: readonly string[];
}

const HOST = "spec.matches[0].hostnames";

const rows: Row[] = [
  {
    name: "the oldest route's namespace has a name",
    routes: [
      ["a/r", 2, ["x.com"]],
      ["b/r", 1, ["x.com"]],
    ],
    served: ["b/r: x.com"],
    taken: [`a/r ${HOST}[0]`],
  },
  {
    name: "a newer route of the same namespace shares it",
    routes: [
      ["a/r", 1, ["x.com"]],
      ["a/s", 3, ["x.com"]],
      ["b/r", 2, ["x.com"]],
    ],
    served: ["a/r: x.com", "a/s: x.com"],
    taken: [`b/r ${HOST}[0]`],
  },
  {
    name: "the system namespace has what it asks for, however new",
    routes: [
      ["a/r", 1, ["x.com"]],
      ["default/r", 2, ["x.com"]],
    ],
    served: ["default/r: x.com"],
    taken: [`a/r ${HOST}[0]`],
  },
  {
    name: "only the names that are taken are dropped",
    routes: [
      ["a/r", 1, ["x.com"]],
      ["b/r", 2, ["w.com", "x.com", "y.com"]],
    ],
    served: ["a/r: x.com", "b/r: w.com y.com"],
    taken: [`b/r ${HOST}[1]`],
  },
  {
    name: "no host names is a claim to all of them",
    routes: [
      ["a/r", 1, []],
      ["b/r", 2, []],
    ],
    served: ["a/r: *"],
    taken: [`b/r ${HOST}`],
  },
  {
    name: "a newer name inside a wildcard belongs to the wildcard's namespace",
    routes: [
      ["a/r", 1, ["*.x.com"]],
      ["b/r", 2, ["llm.x.com"]],
    ],
    served: ["a/r: *.x.com"],
    taken: [`b/r ${HOST}[0]`],
  },
  {
    name: "so does a newer, narrower wildcard",
    routes: [
      ["a/r", 1, ["*.x.com"]],
      ["b/r", 2, ["*.llm.x.com"]],
    ],
    served: ["a/r: *.x.com"],
    taken: [`b/r ${HOST}[0]`],
  },
  {
    name: "a wildcard is not the name above it",
    routes: [
      ["a/r", 1, ["*.x.com"]],
      ["b/r", 2, ["x.com"]],
    ],
    served: ["a/r: *.x.com", "b/r: x.com"],
    taken: [],
  },
  {
    name: "an older name stays where it is when a wildcard comes around it",
    routes: [
      ["a/r", 1, ["llm.x.com"]],
      ["b/r", 2, ["*.x.com"]],
      ["a/s", 3, ["llm.x.com"]],
    ],
    served: ["a/r: llm.x.com", "a/s: llm.x.com", "b/r: *.x.com"],
    taken: [],
  },
  {
    name: "an older name stays when others take all the rest",
    routes: [
      ["a/r", 1, ["llm.x.com"]],
      ["b/r", 2, []],
    ],
    served: ["a/r: llm.x.com", "b/r: *"],
    taken: [],
  },
  {
    name: "whoever names none has what nobody names",
    routes: [
      ["a/r", 1, []],
      ["b/r", 2, ["llm.x.com"]],
    ],
    served: ["a/r: *", "b/r: llm.x.com"],
    taken: [],
  },
  {
    name: "a claim that is refused stands in nobody's way",
    routes: [
      ["a/r", 1, ["*.x.com"]],
      ["b/r", 2, ["llm.x.com"]],
      ["a/s", 3, ["llm.x.com"]],
    ],
    served: ["a/r: *.x.com", "a/s: llm.x.com"],
    taken: [`b/r ${HOST}[0]`],
  },
];

test.for(rows)("[unit] host names: $name", ({ routes, served, taken }, { expect }) => {
  for (const manifests of [worldOf(routes), worldOf(routes).toReversed()]) {
    expect(servedBy(...manifests)).toEqual(served);
    const { findings } = compiled(...manifests);
    expect(findings.every(({ code, severity }) => code === "HostnameTaken" && severity === "error")).toBe(true);
    expect(findings.map(({ object, field }) => `${object.namespace}/${object.name} ${field}`)).toEqual(taken);
  }
});

test("[unit] a host name that is taken is said without saying by whom", ({ expect }) => {
  const output = compiled(
    ...worldOf([
      ["secretive/r", 1, ["x.com"]],
      ["b/r", 2, ["x.com"]],
      ["c/r", 3, []],
    ]),
  );
  expect(linesOf(output)).toEqual([
    `AIRoute b/r ${HOST}[0]: found "x.com", wanted a host name whose requests no other namespace takes, by this name or by a wildcard`,
  ]);
  const every = linesOf(
    compiled(
      ...worldOf([
        ["secretive/r", 1, []],
        ["b/r", 2, []],
      ]),
    ),
  );
  expect(every).toEqual([
    `AIRoute b/r ${HOST}: found none, which is every host name, wanted host names of this namespace: another one takes the requests for every name`,
  ]);
});

test("[unit] a match without a host name left is dropped, the others stay", ({ expect }) => {
  const matches = [
    { path: { type: "Exact", value: "/a" }, hostnames: ["x.com"] },
    { path: { type: "Exact", value: "/b" }, hostnames: ["y.com"] },
  ];
  const { objects } = compiled(
    ...worldOf([["a/r", 1, ["x.com"]]]),
    aRoute({ namespace: "b", name: "r", creationTimestamp: at(2) }, { matches }),
    aBackend({ namespace: "b" }),
  );
  expect(objects.find(({ kind, namespace }) => kind === "AIRoute" && namespace === "b")).toMatchObject({
    matches: [{ path: { value: "/b" }, hostnames: ["y.com"] }],
  });
});

test("[unit] a route whose backend is missing keeps its host names", ({ expect }) => {
  const [route] = worldOf([["a/r", 1, ["x.com"]]]);
  expect(servedBy(route ?? {}, ...worldOf([["b/r", 2, ["x.com"]]]))).toEqual(["a/r: x.com"]);
});

const hostname = fc.constantFrom("*", "*.com", "x.com", "*.x.com", "a.x.com", "*.a.x.com", "b.a.x.com", "y.com");
const claim = fc.record({
  namespace: fc.constantFrom("a", "b", "c"),
  hostnames: fc.uniqueArray(hostname, { minLength: 1, maxLength: 3 }),
});

/** Who receives requests for a name by name: the most exact of the names that are served. */
function receiver(served: ReadonlyMap<string, string>, name: string): string | undefined {
  const bare = name.startsWith("*.") ? name.slice(2) : name;
  const wider = [...bare.matchAll(/\./g)].map(({ index }) => `*${bare.slice(index)}`);
  return [name, ...wider].map((host) => served.get(host)).find((namespace) => namespace !== undefined);
}

test("[unit] a newer route takes no requests away that another namespace receives by name", () => {
  fc.assert(
    fc.property(fc.array(claim, { maxLength: 8 }), (claims) => {
      const routes = claims.map((one, i) => ({ ...one, route: i, name: `r${String(i)}`, createdMs: i + 1 }));
      const servedAfter = (count: number): Map<string, string> => {
        const refused = refusedHostnames(routes.slice(0, count), "system");
        const served = routes.slice(0, count).flatMap(({ route, namespace, hostnames }) => {
          return hostnames.filter((host) => !refused.get(route)?.has(host)).map((host) => [host, namespace] as const);
        });
        return new Map(served);
      };
      const names = ["x.com", "q.com", "a.x.com", "c.x.com", "b.a.x.com", "d.a.x.com", "y.com", "z.org"];
      for (let count = 1; count <= routes.length; count++) {
        for (const name of names) {
          const before = receiver(servedAfter(count - 1), name);
          if (before !== undefined && receiver(servedAfter(count), name) !== before) return false;
        }
      }
      return true;
    }),
    { numRuns: 500 },
  );
});
