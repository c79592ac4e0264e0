import { expect, test } from "vitest";
import { overrideEndpoints, redirectBackends } from "../../cli/endpoint-override.ts";

function backend(name: string, provider: string, endpoint?: string): object {
  return { kind: "AIBackend", metadata: { name }, spec: { provider, endpoint, model: "m" } };
}

const url = "http://127.0.0.1:9000";

test.for([
  { name: "the backend of that name only", override: "first", expected: [url, undefined, "http://c"] },
  { name: "all backends of a provider, in any case", override: "openai", expected: [url, url, "http://c"] },
])("[unit] an override reaches $name", ({ override, expected }) => {
  const values = [
    backend("first", "OpenAI"),
    backend("second", "OpenAI"),
    backend("third", "OpenAICompatible", "http://c"),
  ];
  const result = overrideEndpoints(values, [{ name: override, url }]);
  expect(result.findings).toEqual([]);
  expect(result.values).toEqual(
    ["first", "second", "third"].map((name, index) =>
      backend(name, name === "third" ? "OpenAICompatible" : "OpenAI", expected[index]),
    ),
  );
});

test("[unit] a backend's own name goes before its provider's", () => {
  const overrides = [
    { name: "openai", url },
    { name: "special", url: "http://127.0.0.1:9001" },
  ];
  const { values } = overrideEndpoints([backend("special", "OpenAI"), backend("other", "OpenAI")], overrides);
  expect(values).toEqual([backend("special", "OpenAI", "http://127.0.0.1:9001"), backend("other", "OpenAI", url)]);
});

test("[unit] an override that meets no backend is an error that names the backends", () => {
  const { findings } = overrideEndpoints([backend("main", "OpenAI")], [{ name: "opnai", url }]);
  expect(findings).toEqual([
    {
      severity: "error",
      code: "EndpointUnmatched",
      file: "--endpoint",
      field: "",
      found: `opnai=${url}`,
      wanted: "the name of a backend or a provider; backends are: main",
    },
  ]);
});

test("[unit] other kinds and malformed backends pass unchanged, and nothing given is modified", () => {
  const given = [
    null,
    "text",
    { kind: "Consumer", spec: {} },
    { kind: "AIBackend", spec: 5 },
    Object.freeze(backend("a", "OpenAI")),
  ];
  const { values } = overrideEndpoints(given, [{ name: "a", url }]);
  expect(values.slice(0, 4)).toEqual(given.slice(0, 4));
  expect(values[4]).toEqual(backend("a", "OpenAI", url));
});

test("[unit] the demo redirects every backend", () => {
  const values = [
    backend("a", "OpenAI"),
    { kind: "AIRoute" },
    backend("b", "OpenAICompatible", "https://real.example"),
  ];
  expect(redirectBackends(values, url)).toEqual([
    backend("a", "OpenAI", url),
    { kind: "AIRoute" },
    backend("b", "OpenAICompatible", url),
  ]);
});
