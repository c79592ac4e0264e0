// Who keeps a key that several credentials claim. A key identifies one consumer only: the older keeps it. Each key is
// judged by itself, from all who claim it.

import type { ObjectRef } from "./finding.ts";
import { compareAge } from "./object-age.ts";
import type { ConsumerObject } from "./read-manifest.ts";

export interface KeyClaim {
  readonly consumer: ConsumerObject;
  /** Index in spec.credentials. */
  readonly credential: number;
}

/** Keys are any texts that are equal for equal keys; "" is none. */
export interface ClaimingConsumer {
  readonly consumer: ConsumerObject;
  /** One for each credential, in order. */
  readonly keys: readonly string[];
}

export interface KeyClaims {
  /** Takes over what a consumer claims now, instead of `before`. Returns all others whose credentials are to be judged anew. */
  replace(ref: ObjectRef, before: readonly string[], after: ClaimingConsumer | undefined): ReadonlySet<ObjectRef>;
  /** What is wanted instead when another one has the key; undefined when the credential keeps it. */
  lost(key: string, claim: KeyClaim): string | undefined;
}

export function createKeyClaims(systemNamespace: string): KeyClaims {
  const byKey: ClaimsByKey = new Map();
  return {
    replace(ref, before, after) {
      const left = before.flatMap((key) => leave(byKey, key, ref));
      const met = after === undefined ? [] : join(byKey, after);
      return new Set([...left, ...met].map(({ consumer }) => consumer.ref));
    },
    lost(key, claim) {
      const claims = byKey.get(key) ?? [];
      return claims.length < 2 ? undefined : judge(claims, claim, systemNamespace);
    },
  };
}

type ClaimsByKey = Map<string, readonly KeyClaim[]>;

/** Returns those who go on claiming the key. */
function leave(byKey: ClaimsByKey, key: string, { namespace, name }: ObjectRef): readonly KeyClaim[] {
  const rest = (byKey.get(key) ?? []).filter(
    ({ consumer: { ref } }) => ref.name !== name || ref.namespace !== namespace,
  );
  if (rest.length > 0) byKey.set(key, rest);
  else byKey.delete(key);
  return rest;
}

/** Returns those who claimed the keys before. */
function join(byKey: ClaimsByKey, { consumer, keys }: ClaimingConsumer): readonly KeyClaim[] {
  return keys.flatMap((key, credential) => {
    if (key === "") return [];
    const others = byKey.get(key) ?? [];
    byKey.set(key, [...others, { consumer, credential }]);
    return others;
  });
}

/** At most one holder per namespace; one in the system namespace excludes all others. */
function judge(claims: readonly KeyClaim[], asked: KeyClaim, systemNamespace: string): string | undefined {
  const holders: KeyClaim[] = [];
  for (const claim of [...claims].sort(byAge)) {
    const wanted = wantedInstead(claim, holders, systemNamespace);
    if (claim.consumer === asked.consumer && claim.credential === asked.credential) return wanted;
    if (wanted === undefined) holders.push(claim);
  }
  return undefined;
}

function byAge(a: KeyClaim, b: KeyClaim): number {
  const { ref: refA, createdMs: createdA } = a.consumer;
  const { ref: refB, createdMs: createdB } = b.consumer;
  const order = compareAge({ ...refA, createdMs: createdA }, { ...refB, createdMs: createdB });
  return order || a.credential - b.credential;
}

/** Names the holder only within one namespace: who uses a key elsewhere is nobody's business here. */
function wantedInstead(
  { consumer }: KeyClaim,
  holders: readonly KeyClaim[],
  systemNamespace: string,
): string | undefined {
  const { namespace } = consumer.ref;
  const local = holders.find((holder) => holder.consumer.ref.namespace === namespace);
  if (local !== undefined) {
    const credential = local.consumer.spec.credentials[local.credential]?.name ?? "";
    const who = local.consumer === consumer ? `credential ${credential}` : `Consumer ${local.consumer.ref.name}`;
    return `a key of its own: ${who} has this one`;
  }
  const meets = holders.some((holder) => {
    return namespace === systemNamespace || holder.consumer.ref.namespace === systemNamespace;
  });
  return meets ? "another key: this one is in use" : undefined;
}
