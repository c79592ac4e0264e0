// What stays in force while the manifest that is there is invalid, and what does not.

import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import {
  createIncrementalCompiler,
  type IncrementalCompiler,
  type ManifestChange,
} from "../../compiler/incremental.ts";
import type { CompiledEntry } from "../../compiler/object-state.ts";
import type { CompiledObject } from "../../dataplane/contract/compiled.ts";
import { createRing, hashKey } from "../../dataplane/contract/keyring.ts";
import { identityOf, type Step, step, World, type WorldObject } from "./incremental-world.ts";
import {
  aBackend,
  aConsumer,
  aLimit,
  aPolicy,
  aRoute,
  aSecret,
  asRecord,
  MASTER,
  type Manifest,
} from "./manifest-builders.ts";

const options = { ringFor: createRing([MASTER]), systemNamespace: "default" };

function version(manifest: Manifest, generation: number, uid = "u1"): ManifestChange {
  return {
    type: "Upsert",
    manifest: { ...manifest, metadata: { ...asRecord(manifest["metadata"]), uid, generation } },
  };
}

function deletion(kind: string, name = "it"): ManifestChange {
  return { type: "Delete", ref: { kind, namespace: "default", name } };
}

interface InForce {
  readonly object: CompiledObject | undefined;
  readonly generation: number | undefined;
  readonly codes: readonly string[];
}

function inForce(compiler: IncrementalCompiler, kind: string): InForce {
  const isIt = (ref: { readonly kind: string; readonly name: string }): boolean =>
    ref.kind === kind && ref.name === "it";
  const entry = [...compiler.entries()].find(({ object }) => isIt(object));
  const report = [...compiler.known()].find(({ ref }) => isIt(ref));
  return {
    object: entry?.object,
    generation: report?.inForceGeneration,
    codes: report?.findings.map(({ code }) => code) ?? [],
  };
}

const byKey = { type: "APIKey", apiKey: { secretRef: { name: "it", key: "k" } } };
const keyed = (spec: Manifest = {}): Manifest => aBackend({}, { auth: byKey, ...spec });
const secret = (value: string): ManifestChange => version(aSecret({}, { k: value }), 0, "s");
const consumer = (spec: Manifest = {}): Manifest =>
  aConsumer({}, { credentials: [{ name: "main", apiKey: { secretRef: { name: "it", key: "k" } } }], ...spec });

const invalid = [
  { kind: "Consumer", good: aConsumer({}, { groups: ["gold"] }), bad: aConsumer({}, { groups: 1 }), code: "Invalid" },
  { kind: "AIBackend", good: aBackend(), bad: aBackend({}, { provider: "Acme" }), code: "Invalid" },
  {
    kind: "AIBackend",
    good: aBackend(),
    bad: aBackend({}, { endpoint: "http://far.example", auth: { type: "Passthrough" } }),
    code: "PlaintextCredential",
  },
  { kind: "AIRoute", good: aRoute(), bad: aRoute({}, { colour: "red" }), code: "UnknownField" },
  { kind: "AIRateLimitPolicy", good: aPolicy(), bad: aPolicy({}, { limits: [] }), code: "Invalid" },
  {
    kind: "AIRateLimitPolicy",
    good: aPolicy(),
    bad: aPolicy({}, { limits: [aLimit(), aLimit({ name: "two", label: "minute" })] }),
    code: "Conflicted",
  },
];

test.for(invalid)("[unit] a $kind that becomes $code stays in force as it was last good", (row) => {
  const compiler = createIncrementalCompiler(options);
  compiler.apply([version(aBackend(), 1), version(row.good, 3)]);
  const before = inForce(compiler, row.kind);
  expect(before).toMatchObject({ generation: 3, codes: [] });
  const { namespaces, reports } = compiler.apply([version(row.bad, 4)]);
  expect(namespaces.size).toBe(0);
  expect(reports.find(({ ref }) => ref.kind === row.kind)).toMatchObject({ generation: 4, inForceGeneration: 3 });
  expect(inForce(compiler, row.kind)).toEqual({ ...before, codes: [row.code] });
  const mended = compiler.apply([version(row.good, 5)]);
  expect(mended.namespaces.size).toBe(0);
  expect(inForce(compiler, row.kind)).toEqual({ ...before, generation: 5 });
});

test.for(invalid)("[unit] a $kind that is $code when made anew has nothing in force", (row) => {
  const compiler = createIncrementalCompiler(options);
  compiler.apply([version(aBackend({ name: "other" }), 1), version(row.good, 3, "old")]);
  compiler.apply([version(row.bad, 1, "new")]);
  expect(inForce(compiler, row.kind)).toEqual({ object: undefined, generation: undefined, codes: [row.code] });
  compiler.apply([deletion(row.kind), version(row.good, 1, "x"), deletion(row.kind), version(row.bad, 1, "x")]);
  expect(inForce(compiler, row.kind)).toMatchObject({ object: undefined, generation: undefined });
});

test("[unit] a last good version follows what is around it", () => {
  const compiler = createIncrementalCompiler(options);
  compiler.apply([secret("k-1"), version(consumer(), 1), version(consumer({ groups: 1 }), 2)]);
  const before = inForce(compiler, "Consumer");
  compiler.apply([secret("k-2")]);
  const after = inForce(compiler, "Consumer");
  expect([before, after]).toMatchObject([{ generation: 1 }, { generation: 1 }]);
  expect(after.object).not.toEqual(before.object);
  expect(compiler.setRing(createRing([Buffer.alloc(32, 8)])).namespaces.get("default")?.set).toHaveLength(1);
});

test("[unit] a consumer's key is out with its Secret, whatever was in force", () => {
  const compiler = createIncrementalCompiler(options);
  compiler.apply([secret("k-1"), version(consumer(), 1)]);
  expect(inForce(compiler, "Consumer").object).toMatchObject({ credentials: [{ name: "main" }] });
  compiler.apply([deletion("Secret")]);
  expect(inForce(compiler, "Consumer")).toMatchObject({
    object: { credentials: [] },
    generation: 1,
    codes: ["SecretNotFound"],
  });
  compiler.apply([secret("k-1"), version(consumer({ groups: 1 }), 2), deletion("Secret")]);
  expect(inForce(compiler, "Consumer")).toMatchObject({ object: { credentials: [] }, codes: ["Invalid"] });
});

test("[unit] a key that an older consumer claims is out at once", () => {
  const compiler = createIncrementalCompiler(options);
  const keyHash = `sha256:${hashKey("k-1").toString("hex")}`;
  const older = aConsumer(
    { name: "older", creationTimestamp: "2026-01-01T00:00:00Z" },
    { credentials: [{ name: "main", apiKey: { keyHash } }] },
  );
  compiler.apply([secret("k-1"), version(consumer(), 1), version(consumer({ groups: 1 }), 2)]);
  compiler.apply([version(older, 1, "o")]);
  expect(inForce(compiler, "Consumer").object).toMatchObject({ credentials: [] });
});

interface SecretRow {
  readonly name: string;
  readonly spec: Manifest;
  readonly stays: boolean;
}

const secretRows: SecretRow[] = [
  { name: "unchanged", spec: {}, stays: true },
  { name: "changed elsewhere", spec: { timeouts: { connect: "1s" } }, stays: true },
  { name: "invalid", spec: { provider: "Acme" }, stays: true },
  {
    name: "naming another Secret",
    spec: { auth: { type: "APIKey", apiKey: { secretRef: { name: "else", key: "k" } } } },
    stays: false,
  },
  {
    name: "naming another key",
    spec: { auth: { type: "APIKey", apiKey: { secretRef: { name: "it", key: "l" } } } },
    stays: false,
  },
];

test.for(secretRows)("[unit] a backend $name whose Secret is gone: stays $stays", ({ spec, stays }) => {
  const compiler = createIncrementalCompiler(options);
  compiler.apply([secret("sk-1"), version(keyed(), 1)]);
  const before = inForce(compiler, "AIBackend");
  compiler.apply([deletion("Secret")]);
  expect(inForce(compiler, "AIBackend")).toEqual({ ...before, codes: ["SecretNotFound"] });
  compiler.apply([version(keyed(spec), 2)]);
  const after = inForce(compiler, "AIBackend");
  expect([after.object, after.generation]).toEqual(stays ? [before.object, 1] : [undefined, undefined]);
  expect(after.codes).toHaveLength(1);
  compiler.apply([version(keyed(), 3), secret("sk-2")]);
  expect(inForce(compiler, "AIBackend")).toMatchObject({ generation: 3, codes: [] });
  expect(inForce(compiler, "AIBackend").object).not.toEqual(before.object);
});

test("[unit] a deleted object is gone, and so is what was good of it", () => {
  const compiler = createIncrementalCompiler(options);
  compiler.apply([version(aBackend(), 1), version(aBackend({}, { provider: "Acme" }), 2)]);
  const { namespaces, gone } = compiler.apply([deletion("AIBackend")]);
  const ref = { kind: "AIBackend", namespace: "default", name: "it" };
  expect([namespaces.get("default"), gone]).toEqual([{ set: [], removed: [ref] }, [ref]]);
  expect([...compiler.known(), ...compiler.entries()]).toEqual([]);
});

test("[unit] after a restart an invalid object keeps what was published, if it is the same object", () => {
  const compiler = createIncrementalCompiler(options);
  compiler.apply([
    secret("k-1"),
    version(aBackend(), 1),
    version(aRoute(), 1),
    version(aPolicy(), 7),
    version(consumer(), 2),
  ]);
  const published = new Map<string, CompiledEntry>();
  for (const entry of compiler.entries()) published.set(entry.object.kind, entry);
  const bad = [aRoute({}, { matches: [] }), aPolicy({}, { limits: [] }), aConsumer({}, { groups: 1 })];
  for (const uid of ["u1", "u2", ""]) {
    const restarted = createIncrementalCompiler({ ...options, lastGood: ({ kind }) => published.get(kind) });
    restarted.apply(bad.map((manifest) => version(manifest, 9, uid)));
    for (const kind of ["AIRoute", "AIRateLimitPolicy", "Consumer"]) {
      const { object, generation } = inForce(restarted, kind);
      const expected = published.get(kind);
      expect([object, generation]).toEqual(
        uid === "u1" ? [expected?.object, expected?.generation] : [undefined, undefined],
      );
    }
  }
});

test("[unit] after a restart a backend without its Secret keeps what was published of the same generation", ({
  expect,
}) => {
  const compiler = createIncrementalCompiler(options);
  compiler.apply([secret("sk-1"), version(keyed(), 4)]);
  const [entry] = compiler.entries();
  for (const generation of [4, 5]) {
    const restarted = createIncrementalCompiler({ ...options, lastGood: () => entry });
    restarted.apply([version(keyed(), generation)]);
    expect(inForce(restarted, "AIBackend")).toEqual({
      object: generation === 4 ? entry?.object : undefined,
      generation: generation === 4 ? 4 : undefined,
      codes: ["SecretNotFound"],
    });
  }
});

test("[unit] a published consumer loses a key that another one has by now", () => {
  const before = createIncrementalCompiler(options);
  before.apply([secret("k-1"), version(consumer(), 1)]);
  const [entry] = before.entries();
  const taker = version(
    aConsumer({ name: "taker" }, { credentials: [{ name: "x", apiKey: { value: "k-1" } }] }),
    1,
    "t",
  );
  const bad = version(aConsumer({}, { groups: 1 }), 2);
  for (const changes of [[[taker, bad]], [[taker], [bad]], [[bad], [taker]]]) {
    const restarted = createIncrementalCompiler({
      ...options,
      lastGood: ({ name }) => (name === "it" ? entry : undefined),
    });
    for (const round of changes) restarted.apply(round);
    expect(inForce(restarted, "Consumer")).toMatchObject({ object: { credentials: [] }, generation: 1 });
  }
});

/** The newest valid manifest of the same object; a Secret has no past. */
function remember(good: Map<string, WorldObject>, { type, manifest }: Step, now: WorldObject | undefined): void {
  const identity = identityOf(manifest);
  if (type === "Valid" && now !== undefined) good.set(identity, now);
  else if (good.get(identity)?.uid !== now?.uid || manifest["kind"] === "Secret") good.delete(identity);
}

/** Backends' Secrets stay: what happens without them has rows of its own above. */
test("[unit] what is in force is what the newest valid manifest of each object compiles to", {
  timeout: 120_000,
}, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const world = new World();
      const good = new Map<string, WorldObject>();
      const compiler = createIncrementalCompiler(options);
      for (const one of steps) {
        const identity = identityOf(one.manifest);
        if (one.type === "Delete" && identity.endsWith("/sealed")) continue;
        compiler.apply([world.take(one, one.isNew)]);
        remember(good, one, world.objects.get(identity));
        // One that was never valid is there all the same: what refers to it is in force.
        const manifests = [...world.objects].map(([name, object]) => (good.get(name) ?? object).manifest);
        const whole = compile({ manifests, ...options }).objects.map((object) => JSON.stringify(object));
        const known = [...compiler.entries()].map(({ object }) => JSON.stringify(object));
        expect(known.sort()).toEqual(whole.sort());
      }
    }),
    { numRuns: 60 },
  );
});
