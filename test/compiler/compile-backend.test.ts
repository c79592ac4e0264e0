// Backends: endpoints, credentials sealed for them, and when a credential may not travel.

import { test } from "vitest";
import type { CompiledBackend } from "../../dataplane/contract/compiled.ts";
import { deriveKeys, open } from "../../dataplane/contract/keyring.ts";
import { aBackend, aSecret, compiled, linesOf, MASTER, type Manifest } from "./manifest-builders.ts";

function backendOf(...manifests: Manifest[]): CompiledBackend | undefined {
  return compiled(...manifests).objects.find((object) => object.kind === "AIBackend");
}

test("[unit] a backend of one line has every default", ({ expect }) => {
  expect(backendOf(aBackend())).toEqual({
    kind: "AIBackend",
    namespace: "default",
    name: "it",
    provider: "OpenAI",
    origin: "https://api.openai.com",
    auth: { type: "None" },
    usage: { injectIncludeUsage: true, onMissing: "ChargeEstimate" },
    timeouts: { connectMs: 5000, firstByteMs: 60_000, streamIdleMs: 60_000 },
  });
});

test.for([
  { endpoint: "https://llm.example", origin: "https://llm.example", path: undefined },
  { endpoint: "https://LLM.example/", origin: "https://llm.example", path: undefined },
  { endpoint: "https://llm.example:443", origin: "https://llm.example", path: undefined },
  { endpoint: "https://llm.example:8443/v1/chat", origin: "https://llm.example:8443", path: "/v1/chat" },
  { endpoint: "https://llm.example/openai/", origin: "https://llm.example", path: "/openai/" },
  { endpoint: "http://[2001:db8::1]:8000/a", origin: "http://[2001:db8::1]:8000", path: "/a" },
])("[unit] $endpoint is dialled as origin and path", ({ endpoint, origin, path }, { expect }) => {
  const backend = backendOf(aBackend({}, { endpoint }));
  expect([backend?.origin, backend?.path]).toEqual([origin, path]);
});

test("[unit] durations become milliseconds", ({ expect }) => {
  const timeouts = { connect: "250ms", firstByte: "1m30s", streamIdle: "24h" };
  expect(backendOf(aBackend({}, { timeouts }))?.timeouts).toEqual({
    connectMs: 250,
    firstByteMs: 90_000,
    streamIdleMs: 86_400_000,
  });
});

test.for([
  { name: "Authorization", given: {}, header: "authorization", prefix: "Bearer " },
  { name: "Authorization in any case", given: { name: "AUTHORIZATION" }, header: "authorization", prefix: "Bearer " },
  { name: "another header", given: { name: "X-Api-Key" }, header: "x-api-key", prefix: "" },
  { name: "an own prefix", given: { prefix: "Key " }, header: "authorization", prefix: "Key " },
  { name: "an empty prefix", given: { prefix: "" }, header: "authorization", prefix: "" },
])("[unit] the key goes out with the prefix of $name", ({ given, header, prefix }, { expect }) => {
  const auth = { type: "APIKey", apiKey: { value: "sk-1", ...given } };
  expect(backendOf(aBackend({}, { auth }))?.auth).toMatchObject({ type: "APIKey", header, prefix });
});

test("[unit] the provider's key opens for this backend and endpoint only", ({ expect }) => {
  const auth = { type: "APIKey", apiKey: { secretRef: { name: "it", key: "k" } } };
  const backend = backendOf(aBackend({ namespace: "ai" }, { auth }), aSecret({ namespace: "ai" }, { k: "sk-1\n" }));
  const sealed = backend?.auth.type === "APIKey" ? backend.auth.sealed : [];
  const binding = {
    namespace: "ai",
    name: "it",
    provider: "OpenAI",
    origin: "https://api.openai.com",
    authType: "APIKey",
  };
  const ring = [deriveKeys(MASTER, "ai")];
  expect(open(ring, binding, sealed)).toBe("sk-1");
  for (const field of ["namespace", "name", "provider", "origin", "authType"]) {
    expect(open(ring, { ...binding, [field]: "other" }, sealed)).toBeUndefined();
  }
  expect(open([deriveKeys(MASTER, "other")], binding, sealed)).toBeUndefined();
});

test("[unit] a backend whose Secret is missing is not in force", ({ expect }) => {
  const auth = { type: "APIKey", apiKey: { secretRef: { name: "it", key: "k" } } };
  const output = compiled(aBackend({}, { auth }), aSecret({ namespace: "ai" }, { k: "sk-1" }));
  expect(output.objects).toEqual([]);
  expect(linesOf(output)).toEqual([
    'AIBackend default/it spec.auth.apiKey.secretRef.name: found "it", wanted a Secret of this namespace',
  ]);
});

const KEY = { type: "APIKey", apiKey: { value: "sk-1" } };

test.for([
  { name: "a key over http", endpoint: "http://llm.example", auth: KEY, refused: true },
  {
    name: "a client's credential over http",
    endpoint: "http://llm.example",
    auth: { type: "Passthrough" },
    refused: true,
  },
  { name: "http to a name that only looks local", endpoint: "http://127.0.0.1.evil.example", auth: KEY, refused: true },
  { name: "http to a mapped loopback address", endpoint: "http://[::ffff:127.0.0.1]", auth: KEY, refused: true },
  { name: "http when allowed", endpoint: "http://llm.example", auth: { ...KEY, allowPlaintext: true }, refused: false },
  { name: "https", endpoint: "https://llm.example", auth: KEY, refused: false },
  { name: "http without a credential", endpoint: "http://llm.example", auth: { type: "None" }, refused: false },
  { name: "http to 127.0.0.1", endpoint: "http://127.0.0.1:9000", auth: KEY, refused: false },
  { name: "http to 127.1", endpoint: "http://127.1", auth: KEY, refused: false },
  { name: "http to ::1", endpoint: "http://[::1]:9000", auth: KEY, refused: false },
  { name: "http to localhost", endpoint: "http://localhost:9000", auth: KEY, refused: false },
  { name: "http below localhost", endpoint: "http://llm.localhost", auth: KEY, refused: false },
])("[unit] a credential may or may not travel: $name", ({ endpoint, auth, refused }, { expect }) => {
  const { objects, findings } = compiled(aBackend({}, { endpoint, auth }));
  expect(objects.length).toBe(refused ? 0 : 1);
  expect(findings.filter(({ severity }) => severity === "error").map(({ code }) => code)).toEqual(
    refused ? ["PlaintextCredential"] : [],
  );
});

test("[unit] says how to allow plain http", ({ expect }) => {
  expect(linesOf(compiled(aBackend({}, { endpoint: "http://llm.example/v1", auth: { type: "Passthrough" } })))).toEqual(
    [
      'AIBackend default/it spec.endpoint: found "http://llm.example", wanted https, or spec.auth.allowPlaintext: true to let anyone on the way read the credential',
    ],
  );
});

test.for([
  { spec: { provider: "OpenAI" }, origin: "https://api.openai.com", header: "authorization", prefix: "Bearer " },
  { spec: { provider: "Anthropic" }, origin: "https://api.anthropic.com", header: "x-api-key", prefix: "" },
  {
    spec: { provider: "Anthropic", endpoint: "https://claude.example" },
    name: "Authorization",
    origin: "https://claude.example",
    header: "authorization",
    prefix: "Bearer ",
  },
])("[unit] $spec with key header $name is $origin with the key in $header", (row, { expect }) => {
  const apiKey = row.name === undefined ? { value: "k" } : { value: "k", name: row.name };
  const backend = backendOf(aBackend({}, { ...row.spec, auth: { type: "APIKey", apiKey } }));
  const { origin, header, prefix } = row;
  expect(backend).toMatchObject({ provider: row.spec.provider, origin, auth: { type: "APIKey", header, prefix } });
});
