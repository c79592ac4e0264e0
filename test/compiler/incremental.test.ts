// What a change costs and tells: the one object, and those that depend on it, however many there are.

import { test } from "vitest";
import { createIncrementalCompiler, type ManifestChange } from "../../compiler/incremental.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { aBackend, aConsumer, aLimit, aPolicy, aRoute, aSecret, MASTER, type Manifest } from "./manifest-builders.ts";

const upsert = (manifest: Manifest): ManifestChange => ({ type: "Upsert", manifest });
const deletion = (kind: string, name: string): ManifestChange => ({
  type: "Delete",
  ref: { kind, namespace: "default", name },
});

function consumer(index: number, changes: Manifest = {}): Manifest {
  const secretRef = { name: `key-${String(index)}`, key: "k" };
  const credentials = [{ name: "main", apiKey: { secretRef } }];
  return aConsumer({ name: `user-${String(index)}` }, { groups: ["all"], credentials, ...changes });
}

function secret(index: number, version = 1): Manifest {
  return aSecret({ name: `key-${String(index)}` }, { k: `sk-${String(index)}-${String(version)}` });
}

/** How often a ring is asked for: once for each consumer that is compiled. */
function compiledConsumers(count: number, change: ManifestChange): number {
  const ringFor = createRing([MASTER]);
  let asked = 0;
  const compiler = createIncrementalCompiler({
    ringFor: (namespace) => {
      asked++;
      return ringFor(namespace);
    },
    systemNamespace: "default",
  });
  const policy = aPolicy({}, { appliesTo: { consumers: ["user-1", "nobody"], consumerGroups: ["all", "none"] } });
  compiler.apply([policy, ...range(count).flatMap((i) => [secret(i), consumer(i)])].map(upsert));
  asked = 0;
  compiler.apply([change]);
  return asked;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const oneKey = { credentials: [{ name: "main", apiKey: { value: "sk-2-1" } }] };

test.for([
  { name: "an edit", change: upsert(consumer(1, { username: "Bea" })), compiled: 1 },
  { name: "a change of groups", change: upsert(consumer(1, { groups: ["some"] })), compiled: 1 },
  { name: "a new key", change: upsert(secret(1, 2)), compiled: 1 },
  { name: "a Secret that goes", change: deletion("Secret", "key-1"), compiled: 1 },
  { name: "a new consumer", change: upsert(consumer(-1)), compiled: 1 },
  { name: "a consumer that goes", change: deletion("Consumer", "user-1"), compiled: 0 },
  { name: "a key that another one has", change: upsert(consumer(1, oneKey)), compiled: 2 },
])("[unit] of any number of consumers $name compiles $compiled", ({ change, compiled }, { expect }) => {
  expect([5, 500].map((count) => compiledConsumers(count, change))).toEqual([compiled, compiled]);
});

const options = { ringFor: createRing([MASTER]), systemNamespace: "default" };

test("[unit] a consumer that comes or goes changes what is said of policies that name it, in every namespace", ({
  expect,
}) => {
  const compiler = createIncrementalCompiler(options);
  const when = [{ type: "Consumer", values: ["user-1"] }];
  compiler.apply([upsert(aPolicy({ namespace: "ai" }, { limits: [aLimit({ when })] }))]);
  const told = [upsert(consumer(1, { credentials: [] })), deletion("Consumer", "user-1")].map((change) => {
    const { reports, namespaces } = compiler.apply([change]);
    expect(namespaces.get("ai")).toBeUndefined();
    return reports
      .filter(({ ref }) => ref.namespace === "ai")
      .flatMap(({ findings }) => [findings.map(({ code }) => code)]);
  });
  expect(told).toEqual([[[]], [["TargetNotFound"]]]);
});

test("[unit] says which Secrets are named, and when that changes", ({ expect }) => {
  const compiler = createIncrementalCompiler(options);
  const auth = { type: "APIKey", apiKey: { secretRef: { name: "key-1", key: "k" } } };
  const named = (name: string): unknown => ({ namespace: "default", name });
  const changesOf = (...changes: ManifestChange[]): unknown => compiler.apply(changes).secrets;
  expect(changesOf(upsert(consumer(1)), upsert(consumer(2)))).toEqual({
    added: [named("key-1"), named("key-2")],
    removed: [],
  });
  expect(changesOf(upsert(aBackend({}, { auth })), deletion("Consumer", "user-1"))).toEqual({ added: [], removed: [] });
  expect(changesOf(upsert(consumer(2, { credentials: [] })))).toEqual({ added: [], removed: [named("key-2")] });
  expect(changesOf(upsert(aBackend({}, { auth, provider: "Acme" })))).toEqual({ added: [], removed: [] });
  expect([...compiler.referencedSecrets()]).toEqual([named("key-1")]);
  expect(changesOf(deletion("AIBackend", "it"))).toEqual({ added: [], removed: [named("key-1")] });
});

test("[unit] names of Secrets are not told to those who may not list them", ({ expect }) => {
  const compiler = createIncrementalCompiler(options);
  const credentials = [{ name: "main", apiKey: { secretRef: { name: "key-11", key: "kk" } } }];
  const { reports } = compiler.apply([upsert(secret(1)), upsert(consumer(1, { credentials }))]);
  expect(JSON.stringify(reports)).not.toContain("did you mean");
});

test("[unit] a host name that moves moves the routes of both namespaces", ({ expect }) => {
  const compiler = createIncrementalCompiler(options);
  const route = (namespace: string, day: number): ManifestChange =>
    upsert(aRoute({ namespace, creationTimestamp: `2026-01-0${String(day)}T00:00:00Z` }));
  compiler.apply([upsert(aBackend({ namespace: "a" })), upsert(aBackend({ namespace: "b" })), route("a", 2)]);
  const { namespaces, reports } = compiler.apply([route("b", 1)]);
  expect([...namespaces].map(([name, { set, removed }]) => [name, set.length, removed.length]).sort()).toEqual([
    ["a", 0, 1],
    ["b", 1, 0],
  ]);
  const taken = reports.filter(({ findings }) => findings.some(({ code }) => code === "HostnameTaken"));
  expect(taken).toMatchObject([{ ref: { namespace: "a" } }]);
  expect(taken[0]).not.toHaveProperty("inForceGeneration");
});

test("[unit] a manifest that does not say what it is changes nothing and is told of", ({ expect }) => {
  const { unnamed, namespaces, reports } = createIncrementalCompiler(options).apply([
    { type: "Upsert", manifest: null },
    upsert({ ...aBackend(), kind: "Deployment" }),
  ]);
  expect(unnamed.map(({ code }) => code)).toEqual(["Invalid", "UnknownKind"]);
  expect([namespaces.size, reports]).toEqual([0, []]);
});
