// Consumers, one by one: what one of them costs does not depend on how many there are. A change concerns the consumer and
// those that claim one of its keys, before or after.

import type { ChangeLog } from "./change-log.ts";
import { compileConsumer, resolveHashes } from "./compile-consumer.ts";
import type { Finding } from "./finding.ts";
import { createKeyClaims, type KeyClaims } from "./key-claims.ts";
import { type CompiledEntry, NOTHING, type ObjectState } from "./object-state.ts";
import type { ConsumerObject } from "./read-manifest.ts";
import { createReporter } from "./report.ts";
import type { Surroundings } from "./surroundings.ts";

export interface Consumers {
  compile(changed: ReadonlySet<ObjectState>, around: Surroundings, log: ChangeLog): void;
  /** What would be said of the object were it one of them, instead of the one of its name. Changes nothing. */
  judge(state: ObjectState, around: Surroundings): readonly Finding[];
}

export function createConsumers(systemNamespace: string): Consumers {
  const claims = createKeyClaims(systemNamespace);
  /** Those in force as they were published. */
  const adopted = new Set<ObjectState>();
  return {
    compile(changed, around, log) {
      const concerned = takeClaims(changed, claims, around);
      const compiled: ObjectState[] = [];
      for (const state of concerned) {
        adopted.delete(state);
        const consumer = consumerOf(state);
        if (consumer !== undefined) {
          compileOne(state, consumer, { claims, around, log });
          compiled.push(state);
          continue;
        }
        if (state.adopted !== undefined) adopted.add(state);
        log.publish(state, state.adopted);
        log.report(state, state.reading);
      }
      for (const state of adopted) {
        const { namespace } = state.ref;
        const others = concerned.has(state) ? around.store.of("Consumer", namespace) : compiled;
        publishAdopted(state, others, log);
      }
    },
    judge(state, around) {
      const consumer = consumerOf(state);
      return consumer === undefined ? state.reading : judgeOne(consumer, claims, around);
    },
  };
}

function consumerOf({ good }: ObjectState): ConsumerObject | undefined {
  return good?.kind === "Consumer" ? good : undefined;
}

/** Returns the changed ones, and all others who claim a key that one of them claims or has claimed. */
function takeClaims(
  changed: ReadonlySet<ObjectState>,
  claims: KeyClaims,
  { store, secretsOf }: Surroundings,
): ReadonlySet<ObjectState> {
  const concerned = new Set(changed);
  for (const state of changed) {
    const consumer = consumerOf(state);
    const hashes = consumer === undefined ? NOTHING : resolveHashes(consumer, secretsOf(state.ref.namespace));
    const keys = hashes.length === 0 ? NOTHING : keysOf(hashes);
    claims.replace(state.ref, state.keys, consumer && { consumer, keys });
    state.keys = keys;
  }
  for (const ref of claims.takeConcerned()) {
    const other = store.find(ref);
    if (other !== undefined) concerned.add(other);
  }
  return concerned;
}

function keysOf(hashes: ReturnType<typeof resolveHashes>): readonly string[] {
  return hashes.map((hash) => (typeof hash === "string" ? hash : ""));
}

function judgeOne(
  consumer: ConsumerObject,
  claims: KeyClaims,
  { ringFor, secretsOf }: Surroundings,
): readonly Finding[] {
  const { namespace } = consumer.ref;
  const findings: Finding[] = [];
  const hashes = resolveHashes(consumer, secretsOf(namespace));
  const claiming = { consumer, keys: keysOf(hashes) };
  compileConsumer(consumer, {
    hashes,
    ring: ringFor(namespace),
    lost: (credential) => claims.wouldLose(claiming, credential),
    report: createReporter(consumer.ref, findings),
  });
  return findings;
}

interface Round {
  readonly claims: KeyClaims;
  readonly around: Surroundings;
  readonly log: ChangeLog;
}

function compileOne(state: ObjectState, consumer: ConsumerObject, { claims, around, log }: Round): void {
  const { keys, reading, goodGeneration } = state;
  const { namespace } = state.ref;
  const findings: Finding[] = [];
  const object = compileConsumer(consumer, {
    hashes: keys.includes("") ? resolveHashes(consumer, around.secretsOf(namespace)) : keys,
    ring: around.ringFor(namespace),
    lost: (credential) => claims.lost(keys[credential] ?? "", { consumer, credential }),
    report: createReporter(state.ref, findings),
  });
  log.publish(state, { generation: goodGeneration, object });
  log.report(state, consumer === state.current ? findings : reading);
}

/**
 * Nothing is known of an adopted consumer's keys but their HMACs. A credential that a consumer of its namespace has been
 * compiled with is out for good: a key identifies one consumer.
 */
function publishAdopted(state: ObjectState, others: Iterable<ObjectState>, log: ChangeLog): void {
  const { adopted } = state;
  if (adopted?.object.kind !== "Consumer") return;
  const own = new Set(adopted.object.credentials.flatMap(({ keyHmacs }) => keyHmacs));
  const taken = new Set<string>();
  for (const other of others) {
    if (consumerOf(other) === undefined) continue;
    for (const hmac of hmacsOf(other.entry)) if (own.has(hmac)) taken.add(hmac);
  }
  if (taken.size === 0) return;
  const credentials = adopted.object.credentials.filter(({ keyHmacs }) => !keyHmacs.some((hmac) => taken.has(hmac)));
  state.adopted = { ...adopted, object: { ...adopted.object, credentials } };
  log.publish(state, state.adopted);
  log.report(state, state.reading);
}

function hmacsOf(entry: CompiledEntry | undefined): readonly string[] {
  return entry?.object.kind === "Consumer" ? entry.object.credentials.flatMap(({ keyHmacs }) => keyHmacs) : [];
}
