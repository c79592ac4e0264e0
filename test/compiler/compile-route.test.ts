// Routes: defaults, and backends that must exist.

import { test } from "vitest";
import type { CompiledRoute } from "../../dataplane/contract/compiled.ts";
import { aBackend, aRoute, compiled, linesOf, type Manifest } from "./manifest-builders.ts";

function routeOf(spec: Manifest): CompiledRoute | undefined {
  return compiled(aRoute({}, spec), aBackend()).objects.find((object) => object.kind === "AIRoute");
}

const DEFAULT_PLACES = {
  type: "APIKey",
  headers: ["apikey", "x-api-key", "api-key", "x-goog-api-key", "authorization"],
  query: ["apikey", "key"],
  hideCredentials: true,
};

test("[unit] a short route has every default", ({ expect }) => {
  const creationTimestamp = "1970-01-01T00:00:01Z";
  expect(compiled(aRoute({ creationTimestamp }), aBackend()).objects.find(({ kind }) => kind === "AIRoute")).toEqual({
    kind: "AIRoute",
    namespace: "default",
    name: "it",
    createdMs: 1000,
    matches: [{ path: { type: "Exact", value: "/anything" }, methods: [], hostnames: [], headers: [] }],
    authentication: DEFAULT_PLACES,
    backends: [{ name: "it", weight: 1 }],
  });
});

test("[unit] a service is taken over as it is", ({ expect }) => {
  expect(routeOf({ service: "Chat v1" })?.service).toBe("Chat v1");
});

test("[unit] names of matched headers become lower case, their values do not", ({ expect }) => {
  const matches = [{ path: { type: "PathPrefix", value: "/A" }, headers: [{ name: "X-Team", value: "Red" }] }];
  expect(routeOf({ matches })?.matches).toEqual([
    {
      path: { type: "PathPrefix", value: "/A" },
      methods: [],
      hostnames: [],
      headers: [{ name: "x-team", value: "Red" }],
    },
  ]);
});

test.for([
  { name: "no places given: the default ones", given: { apiKey: {} }, expected: DEFAULT_PLACES },
  {
    name: "empty lists: the default places",
    given: { apiKey: { headers: [], query: [], hideCredentials: false } },
    expected: { ...DEFAULT_PLACES, hideCredentials: false },
  },
  {
    name: "headers given: no query",
    given: { apiKey: { headers: ["X-Key", "x-key", "Authorization"] } },
    expected: { type: "APIKey", headers: ["x-key", "authorization"], query: [], hideCredentials: true },
  },
  {
    name: "query given: no headers",
    given: { apiKey: { query: ["Key"] } },
    expected: { type: "APIKey", headers: [], query: ["Key"], hideCredentials: true },
  },
  { name: "none: nobody is identified", given: { none: {} }, expected: { type: "None" } },
])("[unit] where a key may stand: $name", ({ given, expected }, { expect }) => {
  expect(routeOf({ authentication: given })?.authentication).toEqual(expected);
});

test("[unit] a route names a backend that does not exist here, and is in force all the same", ({ expect }) => {
  const backendRefs = [{ name: "opnai" }, { name: "openai" }, { name: "far" }];
  const output = compiled(
    aRoute({ namespace: "ai" }, { backendRefs }),
    aBackend({ name: "openai", namespace: "ai" }),
    aBackend({ name: "far" }),
  );
  expect(output.objects.map(({ kind }) => kind)).toEqual(["AIBackend", "AIBackend", "AIRoute"]);
  expect(output.objects.at(-1)).toMatchObject({ backends: backendRefs });
  expect(output.findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
    "error TargetNotFound",
    "error TargetNotFound",
  ]);
  expect(linesOf(output)).toEqual([
    'AIRoute ai/it spec.backendRefs[0].name: found "opnai", wanted an AIBackend of this namespace; did you mean `openai`?',
    'AIRoute ai/it spec.backendRefs[2].name: found "far", wanted an AIBackend of this namespace',
  ]);
});

test("[unit] a backend that is invalid exists: its last good version may serve the route", ({ expect }) => {
  const output = compiled(aRoute(), aBackend({}, { provider: "Acme" }));
  expect(output.objects.map(({ kind }) => kind)).toEqual(["AIRoute"]);
  expect(output.findings.map(({ object }) => object.kind)).toEqual(["AIBackend"]);
});
