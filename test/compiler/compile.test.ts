// What holds for the compiler as a whole: order, duplicates, namespaces, and that no secret leaves it.

import fc from "fast-check";
import { test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { formatFinding } from "../../compiler/format-finding.ts";
import { compiledObject } from "../../dataplane/contract/compiled.ts";
import { createRing, hashKey, masterId } from "../../dataplane/contract/keyring.ts";
import {
  aBackend,
  aConsumer,
  aConsumerWithKey,
  aLimit,
  aPolicy,
  aRoute,
  aSecret,
  asRecord,
  compiled,
  linesOf,
  MASTER,
  type Manifest,
} from "./manifest-builders.ts";

const HASHED = `sha256:${hashKey("PLANTED-hashed").toString("hex")}`;

/** Valid, warned of, conflicting and broken objects of several namespaces, with a secret in every place that takes one. */
const WORLD: readonly Manifest[] = [
  aSecret({ name: "keys" }, { a: "PLANTED-a", broken: "PLANTED-ü" }),
  { ...aSecret({ name: "keys", namespace: "ai" }, {}), data: { a: Buffer.from("PLANTED-i").toString("base64") } },
  aConsumer({ name: "a" }, { credentials: [{ name: "x", apiKey: { secretRef: { name: "keys", key: "a" } } }] }),
  aConsumer({ name: "b" }, { credentials: [{ name: "x", apiKey: { secretRef: { name: "keys", key: "broken" } } }] }),
  aConsumer(
    { name: "c", creationTimestamp: "2026-01-01T00:00:00Z" },
    { credentials: [{ name: "x", apiKey: { keyHash: HASHED } }] },
  ),
  aConsumerWithKey({ name: "d" }, "PLANTED-hashed"),
  aConsumer({ name: "e" }, { credentials: [{ name: "x", apiKey: { keyHash: HASHED.slice(0, -1) } }] }),
  aConsumer({ name: "f" }, { credentials: [{ name: "x", apiKey: { value: "PLANTED\n" } }] }),
  aConsumer({ name: "g" }, { credentials: [{ name: "x", apiKey: "PLANTED" }] }),
  aConsumer({ name: "h" }, { credentials: [{ name: "x", apiKey: { vale: "PLANTED" } }] }),
  aConsumer(
    { name: "i", namespace: "ai" },
    { credentials: [{ name: "x", apiKey: { secretRef: { name: "keys", key: "a" } } }] },
  ),
  aBackend({ name: "a" }, { auth: { type: "APIKey", apiKey: { value: "PLANTED-b" } } }),
  aBackend({ name: "b" }, { auth: { type: "APIKey", apiKey: { secretRef: { name: "keys", key: "a" } } } }),
  aBackend({ name: "c" }, { endpoint: "http://far.example", auth: { type: "APIKey", apiKey: { value: "PLANTED-c" } } }),
  aBackend({ name: "d" }, { endpoint: "https://PLANTED:PLANTED@far.example" }),
  aBackend({ name: "e" }, { endpoint: "https://far.example/?key=PLANTED" }),
  aBackend({ name: "f" }, { auth: { type: "APIKey", apiKey: { value: "é PLANTED", prefix: "PLANTED\n" } } }),
  aBackend({ name: "g" }, { auth: "PLANTED" }),
  aRoute({ name: "a" }, { backendRefs: [{ name: "a" }, { name: "b", weight: 3 }] }),
  aRoute({ name: "b" }),
  aPolicy({ name: "a" }, { appliesTo: { consumers: ["a", "zz"] } }),
  aPolicy({ name: "b" }, { limits: [aLimit(), aLimit({ name: "two", label: "minute" })] }),
  aPolicy({ name: "c" }, { limits: [aLimit({ limit: 0, colour: "red" })] }),
  aPolicy({ name: "c", namespace: "ai" }),
  { ...aPolicy({ name: "d" }), kind: "AIRateLimitPolice" },
  { ...aPolicy({ name: "e" }), apiVersion: "v1" },
];

test("[unit] the order of the manifests does not matter", () => {
  const expected = JSON.stringify(compiled(...WORLD));
  const shuffled = fc.shuffledSubarray([...WORLD], { minLength: WORLD.length });
  fc.assert(
    fc.property(shuffled, (manifests) => JSON.stringify(compiled(...manifests)) === expected),
    { numRuns: 50 },
  );
});

test("[unit] no secret is in what comes out", ({ expect }) => {
  const output = compiled(...WORLD);
  const text = JSON.stringify(output) + linesOf(output).join();
  expect(output.objects.length).toBeGreaterThan(5);
  expect(output.findings.length).toBeGreaterThan(15);
  expect(text).not.toContain("PLANTED");
  expect(text).not.toContain(Buffer.from("PLANTED").toString("base64").slice(0, 8));
  expect(text).not.toContain(HASHED.slice(7, 30));
  expect(text).not.toContain(hashKey("PLANTED-a").toString("hex"));
  expect(text).not.toContain(hashKey("PLANTED-a").toString("base64url"));
});

test("[unit] everything that comes out fits the contract, and what is in force with an error is so in part", ({
  expect,
}) => {
  const { objects, findings } = compiled(...WORLD);
  const nameOf = (ref: { kind: string; namespace: string; name: string }): string =>
    `${ref.kind}/${ref.namespace}/${ref.name}`;
  const failed = new Set(findings.filter(({ severity }) => severity === "error").map(({ object }) => nameOf(object)));
  for (const object of objects) {
    expect(compiledObject.parse(object)).toEqual(object);
    const isPart = object.kind === "AIRoute" || (object.kind === "Consumer" && object.credentials.length === 0);
    if (!isPart) expect(failed).not.toContain(nameOf(object));
  }
});

test("[unit] every manifest either comes out or has an error", ({ expect }) => {
  const { objects, findings } = compiled(...WORLD);
  const named = new Set(
    [...objects, ...findings.map(({ object }) => object)].map(
      ({ kind, namespace, name }) => `${kind}/${namespace}/${name}`,
    ),
  );
  const silent = WORLD.filter(({ kind, metadata }) => {
    const { name, namespace = "default" } = asRecord(metadata);
    return kind !== "Secret" && !named.has(`${String(kind)}/${String(namespace)}/${String(name)}`);
  });
  expect(silent).toEqual([]);
});

test("[unit] nothing a manifest holds makes the compiler throw", () => {
  const base = fc.constantFrom(...WORLD);
  fc.assert(
    fc.property(base, fc.array(fc.string(), { maxLength: 3 }), fc.jsonValue(), (manifest, path, value) => {
      const keys = Object.keys(asRecord(manifest["spec"]));
      const field = keys[(path[0] ?? "").length % Math.max(1, keys.length)] ?? "x";
      compiled({ ...manifest, spec: { ...asRecord(manifest["spec"]), [field]: value } }, value);
      compiled({ ...manifest, metadata: value }, { ...manifest, spec: value });
    }),
    { numRuns: 500 },
  );
});

test("[unit] of an object that is given twice the first counts and the second is reported", ({ expect }) => {
  const output = compiled(
    aConsumer({}, { groups: ["first"] }),
    aConsumer({ namespace: "default" }, { groups: ["second"] }),
  );
  expect(output.objects).toMatchObject([{ groups: ["first"] }]);
  expect(linesOf(output)).toEqual([
    "Consumer default/it metadata.name: found a second object of this name, wanted each object once",
  ]);
});

test("[unit] a second object counts even when the first is invalid", ({ expect }) => {
  const { objects, findings } = compiled(aConsumer({}, { groups: 1 }), aConsumer());
  expect(objects).toEqual([]);
  expect(findings.map(({ code }) => code)).toEqual(["Invalid", "Duplicate"]);
});

test("[unit] one name in two kinds or namespaces is two objects", ({ expect }) => {
  expect(compiled(aConsumer(), aConsumer({ namespace: "ai" }), aBackend(), aPolicy()).findings).toEqual([]);
});

test("[unit] an object without a namespace belongs to the system namespace", ({ expect }) => {
  const manifests = [aConsumer(), { ...aBackend(), metadata: { name: "b", namespace: null } }];
  const { objects } = compile({ manifests, ringFor: createRing([MASTER]), systemNamespace: "platform" });
  expect(objects.map(({ namespace }) => namespace)).toEqual(["platform", "platform"]);
});

test("[unit] objects and findings come out sorted by kind, namespace and name", ({ expect }) => {
  const { objects, findings } = compiled(...WORLD.toReversed());
  for (const list of [objects, findings.map(({ object }) => object)]) {
    const names = list.map(({ kind, namespace, name }) => [kind, namespace, name].join("\0"));
    expect(names).toEqual([...names].sort());
  }
});

test("[unit] under several masters credentials are compiled for each, newest first", ({ expect }) => {
  const masters = [Buffer.alloc(32, 1), MASTER];
  const { objects } = compile({ manifests: WORLD, ringFor: createRing(masters), systemNamespace: "default" });
  const consumer = objects.find(({ kind }) => kind === "Consumer");
  const hmacs = consumer?.kind === "Consumer" ? (consumer.credentials[0]?.keyHmacs ?? []) : [];
  expect(hmacs.map((hmac) => hmac.slice(0, 8))).toEqual(masters.map((master) => masterId(master)));
});

test.for([
  {
    name: "a field",
    finding: { object: { kind: "Consumer", namespace: "default", name: "user1" }, field: "spec.credentials[0].apiKey" },
    line: "Consumer default/user1 spec.credentials[0].apiKey: found a, wanted b",
  },
  {
    name: "no field",
    finding: { object: { kind: "Consumer", namespace: "default", name: "user1" }, field: "" },
    line: "Consumer default/user1: found a, wanted b",
  },
  {
    name: "no kind and name",
    finding: { object: { kind: "", namespace: "default", name: "" }, field: "kind" },
    line: "(no kind) default/(no name) kind: found a, wanted b",
  },
])("[unit] a finding with $name is one line", ({ finding, line }, { expect }) => {
  expect(formatFinding({ severity: "error", code: "Invalid", found: "a", wanted: "b", ...finding })).toBe(line);
});
