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
  /** Takes over what a consumer claims now, instead of `before`. */
  replace(ref: ObjectRef, before: readonly string[], after: ClaimingConsumer | undefined): void;
  /** Everyone who claims a key of which claims have come or gone since the last call. */
  takeConcerned(): ReadonlySet<ObjectRef>;
  /** What is wanted instead when another one has the key; undefined when the credential keeps it. */
  lost(key: string, claim: KeyClaim): string | undefined;
  /** What `lost` would say if these were the consumer's claims, whatever it claims now. Changes nothing. */
  wouldLose(claiming: ClaimingConsumer, credential: number): string | undefined;
}

/** Per consumer and credential: what is wanted instead. */
type Losers = ReadonlyMap<ConsumerObject, ReadonlyMap<number, string>>;

export function createKeyClaims(systemNamespace: string): KeyClaims {
  const byKey = new Map<string, KeyClaim[]>();
  const touched = new Set<string>();
  /** Of keys that several claim: judged once, not once for each of them. */
  const judged = new Map<string, Losers>();
  const touch = (key: string): void => {
    touched.add(key);
    judged.delete(key);
  };
  return {
    replace(ref, before, after) {
      for (const key of before) {
        touch(key);
        leave(byKey, key, ref);
      }
      for (const [credential, key] of after?.keys.entries() ?? []) {
        if (key === "" || after === undefined) continue;
        touch(key);
        const claims = byKey.get(key);
        const claim = { consumer: after.consumer, credential };
        if (claims === undefined) byKey.set(key, [claim]);
        else claims.push(claim);
      }
    },
    takeConcerned() {
      const concerned = new Set<ObjectRef>();
      for (const key of touched) for (const { consumer } of byKey.get(key) ?? []) concerned.add(consumer.ref);
      touched.clear();
      return concerned;
    },
    lost(key, { consumer, credential }) {
      const claims = byKey.get(key) ?? [];
      if (claims.length < 2) return undefined;
      const losers = judged.get(key) ?? judge(claims, systemNamespace);
      judged.set(key, losers);
      return losers.get(consumer)?.get(credential);
    },
    wouldLose({ consumer, keys }, credential) {
      const key = keys[credential] ?? "";
      const others = key === "" ? [] : without(byKey.get(key) ?? [], consumer.ref);
      const own = keys.flatMap((one, index) => (one === key ? [{ consumer, credential: index }] : []));
      if (key === "" || others.length + own.length < 2) return undefined;
      return judge([...others, ...own], systemNamespace)
        .get(consumer)
        ?.get(credential);
    },
  };
}

function without(claims: readonly KeyClaim[], { namespace, name }: ObjectRef): KeyClaim[] {
  return claims.filter(({ consumer: { ref } }) => ref.name !== name || ref.namespace !== namespace);
}

function leave(byKey: Map<string, KeyClaim[]>, key: string, ref: ObjectRef): void {
  const rest = without(byKey.get(key) ?? [], ref);
  if (rest.length > 0) byKey.set(key, rest);
  else byKey.delete(key);
}

/** At most one holder per namespace; one in the system namespace excludes all others. */
function judge(claims: readonly KeyClaim[], systemNamespace: string): Losers {
  const holders: KeyClaim[] = [];
  const losers = new Map<ConsumerObject, Map<number, string>>();
  for (const claim of [...claims].sort(byAge)) {
    const wanted = wantedInstead(claim, holders, systemNamespace);
    if (wanted === undefined) {
      holders.push(claim);
      continue;
    }
    const lost = losers.get(claim.consumer) ?? new Map<number, string>();
    losers.set(claim.consumer, lost.set(claim.credential, wanted));
  }
  return losers;
}

function byAge(a: KeyClaim, b: KeyClaim): number {
  const { ref: refA, createdMs: createdA } = a.consumer;
  const { ref: refB, createdMs: createdB } = b.consumer;
  const order = compareAge({ ...refA, createdMs: createdA }, { ...refB, createdMs: createdB });
  return order || a.credential - b.credential;
}

/** Names the holder only within one namespace: who uses a key elsewhere is nobody's business here. */
function wantedInstead(
  { consumer, credential: index }: KeyClaim,
  holders: readonly KeyClaim[],
  systemNamespace: string,
): string | undefined {
  const { namespace } = consumer.ref;
  const isToken = consumer.spec.credentials[index]?.jwt !== undefined;
  const local = holders.find((holder) => holder.consumer.ref.namespace === namespace);
  if (local !== undefined) {
    const credential = local.consumer.spec.credentials[local.credential]?.name ?? "";
    const who = local.consumer === consumer ? `credential ${credential}` : `Consumer ${local.consumer.ref.name}`;
    return isToken ? `other claims: ${who} asks for these` : `a key of its own: ${who} has this one`;
  }
  const meets = holders.some((holder) => {
    return namespace === systemNamespace || holder.consumer.ref.namespace === systemNamespace;
  });
  if (!meets) return undefined;
  return isToken ? "other claims: these are in use" : "another key: this one is in use";
}
