// Tokens, models and suspension of consumers, and the authentication of routes: what they compile to, and what is said.

import { describe, expect, test } from "vitest";
import { compiledObject } from "../../dataplane/contract/compiled.ts";
import { TOKEN_ALGORITHMS } from "../../dataplane/contract/token-algorithms.ts";
import { aBackend, aConsumer, aRoute, asRecord, compiled, linesOf, type Manifest } from "./manifest-builders.ts";

const jwt = { issuer: "https://idp.example", audience: "ai", claims: [{ name: "sub", value: "alice" }] };
const withTokens = (meta: Parameters<typeof aConsumer>[0], ...demands: readonly object[]): Manifest =>
  aConsumer(meta, { credentials: demands.map((demand, i) => ({ name: `c${String(i)}`, jwt: demand })) });

function objectOf(manifest: Manifest): unknown {
  const { objects } = compiled(manifest, aBackend());
  const object = objects.find(({ kind }) => kind === manifest["kind"]);
  expect(compiledObject.parse(object)).toEqual(object);
  return object;
}

describe("a consumer", () => {
  test("[unit] with a token has what the token must say, and no key", () => {
    expect(objectOf(withTokens({}, jwt))).toMatchObject({ credentials: [{ name: "c0", keyHmacs: [], jwt }] });
  });

  test("[unit] without anything of this compiles to what it did before", () => {
    const plain = aConsumer({}, { models: { allow: [], deny: [] }, suspended: false });
    expect(objectOf(plain)).toEqual(objectOf(aConsumer()));
    expect(Object.keys(asRecord(objectOf(plain)))).toEqual([
      "kind",
      "namespace",
      "name",
      "username",
      "groups",
      "credentials",
    ]);
  });

  test("[unit] has its models in lower case, and is suspended only when it says so", () => {
    const spec = { models: { allow: ["GPT-4o*"], deny: ["gpt-4o-Mini"] }, suspended: true };
    expect(objectOf(aConsumer({}, spec))).toMatchObject({
      suspended: true,
      models: { allow: ["gpt-4o*"], deny: ["gpt-4o-mini"] },
    });
  });
});

const OLD = "2026-01-01T00:00:00Z";
const NEW = "2026-01-02T00:00:00Z";

describe("kong trap 32: two that ask for the same of a token", () => {
  const FOUND = "found what another credential asks for";
  const reordered = { ...jwt, claims: [{ name: "team", value: "a" }, ...jwt.claims] };
  const ordered = { ...jwt, claims: [...jwt.claims, { name: "team", value: "a" }] };

  test.for([
    { name: "the same", first: jwt, second: jwt },
    { name: "the same in another order", first: ordered, second: reordered },
  ])("[unit] $name: the older keeps it and the newer is told", ({ first, second }) => {
    const output = compiled(
      withTokens({ name: "new", creationTimestamp: NEW }, second),
      withTokens({ name: "old", creationTimestamp: OLD }, first),
    );
    expect(linesOf(output)).toEqual([
      `Consumer default/new spec.credentials[0].jwt: ${FOUND}, wanted other claims: Consumer old asks for these`,
    ]);
    expect(output.objects).toMatchObject([
      { name: "new", credentials: [] },
      { name: "old", credentials: [{ name: "c0" }] },
    ]);
  });

  test("[unit] across namespaces they do not meet, but the system namespace's do, without a name", () => {
    const spread = [withTokens({ namespace: "a" }, jwt), withTokens({ namespace: "b" }, jwt)];
    expect(linesOf(compiled(...spread))).toEqual([]);
    const system = withTokens({ namespace: "default", creationTimestamp: OLD }, jwt);
    expect(linesOf(compiled(system, withTokens({ namespace: "a", creationTimestamp: NEW }, jwt)))).toEqual([
      `Consumer a/it spec.credentials[0].jwt: ${FOUND}, wanted other claims: these are in use`,
    ]);
  });

  test("[unit] more claims or another audience are something else", () => {
    const others = [ordered, { ...jwt, audience: "b" }, { ...jwt, issuer: "https://other.example" }];
    expect(linesOf(compiled(withTokens({ name: "a" }, jwt), withTokens({ name: "b" }, ...others)))).toEqual([]);
  });
});

describe("the authentication of a route", () => {
  const authenticationOf = (authentication: unknown): unknown => {
    const route = objectOf(aRoute({}, { authentication }));
    return asRecord(route)["authentication"];
  };
  const keys = { headers: ["apikey"], query: [], hideCredentials: true };
  const tokens = {
    header: "authorization",
    algorithms: [...TOKEN_ALGORITHMS],
    clockSkewMs: 30_000,
    hideCredentials: true,
  };

  test("[unit] says of keys what it did before, and more only where there is more", () => {
    const apiKey = { headers: ["ApiKey"] };
    expect(authenticationOf({ apiKey })).toEqual({ type: "APIKey", ...keys });
    expect(authenticationOf({ apiKey, runOnPreflight: true })).toEqual({ type: "APIKey", ...keys });
    expect(authenticationOf({ apiKey, runOnPreflight: false, realm: "r" })).toEqual({
      type: "APIKey",
      ...keys,
      realm: "r",
      skipsPreflight: true,
    });
  });

  test("[unit] fills in the defaults of tokens, with keys or without", () => {
    expect(authenticationOf({ jwt: {} })).toEqual({ type: "JWT", jwt: tokens });
    const issuers = [
      { issuer: "https://idp.example" },
      { issuer: "http://localhost:1", jwksUri: "http://127.0.0.1:2/k" },
    ];
    const asked = { header: "X-Token", issuers, algorithms: ["ES256"], clockSkew: "2m", hideCredentials: false };
    expect(authenticationOf({ jwt: asked, apiKey: { headers: ["ApiKey"] } })).toEqual({
      type: "JWT",
      jwt: { header: "x-token", issuers, algorithms: ["ES256"], clockSkewMs: 120_000, hideCredentials: false },
      apiKey: keys,
    });
  });

  test("[unit] names a consumer of its own namespace, and stays in force without it", () => {
    const authentication = { apiKey: {}, anonymousConsumer: "guest" };
    const route = aRoute({ namespace: "ai" }, { authentication });
    const backend = aBackend({ namespace: "ai" });
    const missing = compiled(
      route,
      backend,
      aConsumer({ name: "guest" }),
      aConsumer({ namespace: "ai", name: "guests" }),
    );
    expect(linesOf(missing)).toEqual([
      'AIRoute ai/it spec.authentication.anonymousConsumer: found "guest", wanted a Consumer of this namespace; did you mean `guests`?',
    ]);
    expect(missing.objects).toContainEqual(expect.objectContaining({ kind: "AIRoute", name: "it" }));
    expect(linesOf(compiled(route, backend, aConsumer({ namespace: "ai", name: "guest" })))).toEqual([]);
  });
});
