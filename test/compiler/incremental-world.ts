// Random changes to a small world: few names, few keys and few host names, so that they meet.

import fc from "fast-check";
import type { ManifestChange } from "../../compiler/incremental.ts";
import { aBackend, aConsumer, aLimit, aPolicy, aRoute, aSecret, asRecord, type Manifest } from "./manifest-builders.ts";

/** "default" is the system namespace. */
const namespace = fc.constantFrom("default", "a", "b");
const name = fc.constantFrom("one", "two", "three");
const creationTimestamp = fc.constantFrom(undefined, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
const meta = fc.record({ namespace, name, creationTimestamp });

const key = fc.constantFrom("k-1", "k-2", "k-3");
const apiKey = fc.oneof(
  fc.record({ value: key }),
  fc.record({ secretRef: fc.record({ name, key: fc.constantFrom("k", "l") }) }),
);
const jwt = fc.record({
  issuer: fc.constant("https://idp.example"),
  audience: fc.constant("ai"),
  claims: fc.constantFrom("a", "b").map((value) => [{ name: "sub", value }]),
});
const expiresAt = fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z");
const proof = fc.oneof(
  { arbitrary: fc.record({ apiKey, expiresAt }, { requiredKeys: ["apiKey"] }), weight: 3 },
  { arbitrary: fc.record({ jwt, expiresAt }, { requiredKeys: ["jwt"] }), weight: 1 },
);
const group = fc.constantFrom("gold", "silver", "bronze");
const consumerSpec = fc.record(
  {
    username: fc.constantFrom("Bea", "Ann"),
    parentRef: fc.record({ name: fc.constantFrom("two", "three", "nobody") }),
    groups: fc.uniqueArray(group, { maxLength: 2 }),
    credentials: fc
      .array(proof, { maxLength: 2 })
      .map((proofs) => proofs.map((one, i) => ({ name: `c${String(i)}`, ...one }))),
    suspended: fc.boolean(),
    models: fc.constant({ allow: ["gpt-*"] }),
  },
  { requiredKeys: ["credentials"] },
);

const prices = { inputPer1M: "1", outputPer1M: "2", currency: "USD" };
const models = fc.constantFrom([], [{ name: "m", prices }], [{ name: "m", prices }, { name: "n" }]);
/** Backends name a Secret of their own, "sealed", so that a world can be made in which it never goes. */
const auth = fc.constantFrom(
  { type: "None" },
  { type: "APIKey", apiKey: { value: "sk-1" } },
  { type: "APIKey", apiKey: { secretRef: { name: "sealed", key: "k" } } },
);
const backendSpec = fc.record({ models, auth });

const hostnames = fc.uniqueArray(fc.constantFrom("x.com", "*.x.com", "a.x.com", "y.com"), { maxLength: 2 });
const authentication = fc.oneof(
  fc.record({ apiKey: fc.constant({}), anonymousConsumer: name }),
  fc.constant({ jwt: {} }),
);
const routeSpec = fc.record(
  {
    matches: fc.array(
      hostnames.map((names) => ({ path: { type: "PathPrefix", value: "/" }, hostnames: names })),
      { minLength: 1, maxLength: 2 },
    ),
    backendRefs: fc
      .uniqueArray(name, { minLength: 1, maxLength: 2 })
      .map((names) => names.map((one) => ({ name: one }))),
    authentication,
  },
  { requiredKeys: ["matches", "backendRefs"] },
);

const condition = fc.oneof(
  fc.record({ type: fc.constantFrom("Consumer", "Route", "Backend"), values: fc.tuple(name) }),
  fc.record({ type: fc.constant("ConsumerGroup"), values: fc.tuple(group) }),
);
const limit = fc.oneof(
  fc.record({ when: fc.array(condition, { maxLength: 2 }) }).map((change) => aLimit(change)),
  fc.constant(aLimit({ unit: "Cost", limit: "1.5" })),
);
/** Sixteen limits on every request: the fifth such policy of a namespace is one too many. */
const manyLimits = Array.from({ length: 16 }, (_, i) => aLimit({ name: `l${String(i)}` }));
const appliesTo = fc.record(
  { consumers: fc.tuple(name), consumerGroups: fc.tuple(group), routes: fc.tuple(name), backends: fc.tuple(name) },
  { requiredKeys: [] },
);
const precedence = fc.constantFrom("Additive", "MostSpecific");
const policySpec = fc.oneof(
  fc.record({ appliesTo, precedence, limits: fc.tuple(limit) }),
  fc.record({ limits: fc.constant(manyLimits), scope: fc.constantFrom("Namespace", "Cluster") }),
  fc.record({ limits: fc.tuple(limit), scope: fc.constant("Cluster"), precedence }),
);
const policyMeta = fc.record({
  namespace,
  name: fc.constantFrom("one", "two", "three", "four", "five", "six"),
  creationTimestamp,
});

export const secretManifest = fc
  .tuple(meta, fc.record({ k: key, l: key }, { requiredKeys: [] }))
  .map(([where, data]) => aSecret(where, data));
const sealedManifest = fc
  .tuple(namespace, key)
  .map(([where, value]) => aSecret({ namespace: where, name: "sealed" }, { k: value }));

/** Only policies of the system namespace may be about all of them. */
function inScope(where: { readonly namespace: string }, spec: object): Manifest {
  return where.namespace === "default" ? { ...spec } : { ...spec, scope: "Namespace" };
}

/** Parents are further down the alphabet of this world, so that no cycle gives a manifest a past. */
const ORDER = ["one", "two", "three", "nobody"];

function withoutCycle(
  where: { readonly name: string },
  spec: { readonly parentRef?: { readonly name: string } },
): object {
  const { parentRef, ...rest } = spec;
  const isBelow = parentRef !== undefined && ORDER.indexOf(where.name) < ORDER.indexOf(parentRef.name);
  return isBelow ? spec : rest;
}

const validManifest = fc.oneof(
  {
    arbitrary: fc.tuple(meta, consumerSpec).map(([where, spec]) => aConsumer(where, { ...withoutCycle(where, spec) })),
    weight: 4,
  },
  { arbitrary: fc.tuple(meta, backendSpec).map(([where, spec]) => aBackend(where, spec)), weight: 2 },
  { arbitrary: fc.tuple(meta, routeSpec).map(([where, spec]) => aRoute(where, spec)), weight: 3 },
  {
    arbitrary: fc.tuple(policyMeta, policySpec).map(([where, spec]) => aPolicy(where, inScope(where, spec))),
    weight: 3,
  },
  { arbitrary: secretManifest, weight: 3 },
  { arbitrary: sealedManifest, weight: 1 },
);

/** Wrong by schema, wrong by what the schema cannot see, and an unreadable Secret. */
const invalidManifest = fc.oneof(
  meta.map((where) => aConsumer(where, { groups: 1 })),
  meta.map((where) => aBackend(where, { provider: "Acme" })),
  meta.map((where) => aBackend(where, { endpoint: "http://far.example", auth: { type: "Passthrough" } })),
  meta.map((where) => aRoute(where, { matches: [] })),
  policyMeta.map((where) => aPolicy(where, { limits: [] })),
  fc
    .tuple(policyMeta, appliesTo)
    .map(([where, to]) => aPolicy(where, { appliesTo: to, limits: [aLimit({ window: { duration: "0s" } })] })),
  meta.map((where) => ({ ...aSecret(where, {}), data: ["k"] })),
);

export interface Step {
  readonly type: "Valid" | "Invalid" | "Delete";
  readonly manifest: Manifest;
  /** Deleted and made again since the last step that was seen. */
  readonly isNew: boolean;
}

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({ type: fc.constant("Valid" as const), manifest: validManifest, isNew: fc.boolean() }),
    weight: 8,
  },
  {
    arbitrary: fc.record({ type: fc.constant("Invalid" as const), manifest: invalidManifest, isNew: fc.boolean() }),
    weight: 1,
  },
  {
    arbitrary: fc.record({ type: fc.constant("Delete" as const), manifest: validManifest, isNew: fc.boolean() }),
    weight: 3,
  },
);

export interface WorldObject {
  readonly manifest: Manifest;
  readonly uid: string;
  readonly generation: number;
}

export function identityOf({ kind, metadata }: Manifest): string {
  const { namespace: where, name: called } = asRecord(metadata);
  return `${String(kind)}/${String(where)}/${String(called)}`;
}

/** What an API server would have and say: uids and generations, and one change for each step that changes anything. */
export class World {
  readonly objects = new Map<string, WorldObject>();
  #uids = 0;

  /** `isNew` is decided by the caller. */
  take({ type, manifest }: Step, isNew: boolean): ManifestChange {
    const identity = identityOf(manifest);
    const known = this.objects.get(identity);
    if (type === "Delete") {
      const [kind = "", where = "", called = ""] = identity.split("/");
      this.objects.delete(identity);
      return { type: "Delete", ref: { kind, namespace: where, name: called } };
    }
    const uid = known === undefined || isNew ? `uid-${String(++this.#uids)}` : known.uid;
    const generation = uid === known?.uid ? known.generation + 1 : 1;
    const full = { ...manifest, metadata: { ...asRecord(manifest["metadata"]), uid, generation } };
    this.objects.set(identity, { manifest: full, uid, generation });
    return { type: "Upsert", manifest: full };
  }

  manifests(): Manifest[] {
    return [...this.objects.values()].map(({ manifest }) => manifest);
  }
}
