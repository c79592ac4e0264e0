// Consumers, one by one: what one of them costs does not depend on how many there are. A change concerns the consumer and
// those that claim one of its keys, before or after.

import type { CompiledConsumer } from "../dataplane/contract/compiled.ts";
import type { ChangeLog } from "./change-log.ts";
import { compileConsumer, resolveClaims, tokenClaim } from "./compile-consumer.ts";
import { nextExpiryMs } from "./credential-expiry.ts";
import type { Finding } from "./finding.ts";
import { lineProblem, parentProblem } from "./hierarchy.ts";
import { createKeyClaims, type KeyClaims } from "./key-claims.ts";
import { NOTHING, type ObjectState } from "./object-state.ts";
import type { ConsumerObject } from "./read-manifest.ts";
import { createReporter } from "./report.ts";
import type { Surroundings } from "./surroundings.ts";

export interface Consumers {
  compile(changed: ReadonlySet<ObjectState>, around: Surroundings, log: ChangeLog): void;
  /** What would be said of the object were it one of them, instead of the one of its name. Changes nothing. */
  judge(state: ObjectState, around: Surroundings): readonly Finding[];
  /** Those of which something else is to be said since the time has come. */
  due(nowMs: number): Iterable<ObjectState>;
}

export function createConsumers(systemNamespace: string): Consumers {
  const claims = createKeyClaims(systemNamespace);
  /** Those in force as they were published. */
  const adopted = new Set<ObjectState>();
  /** When something else is to be said of a consumer whose credentials expire. */
  const dueMs = new Map<ObjectState, number>();
  return {
    compile(changed, around, log) {
      const concerned = takeClaims(changed, claims, around);
      const compiled: ObjectState[] = [];
      for (const state of concerned) {
        adopted.delete(state);
        dueMs.delete(state);
        const consumer = consumerOf(state);
        if (consumer !== undefined) {
          const nowMs = around.nowMs();
          compileOne(state, consumer, { claims, around, log, nowMs });
          const nextMs = nextExpiryMs(consumer.spec.credentials, nowMs);
          if (nextMs < Infinity) dueMs.set(state, nextMs);
          compiled.push(state);
          continue;
        }
        if (state.adopted !== undefined) adopted.add(state);
        log.publish(state, state.adopted);
        log.report(state, unaccepted(state, around));
      }
      for (const state of adopted) {
        const { namespace } = state.ref;
        const others = concerned.has(state) ? around.store.of("Consumer", namespace) : compiled;
        publishAdopted(state, others, { around, log });
      }
    },
    judge(state, around) {
      const consumer = consumerOf(state);
      return consumer === undefined ? state.reading : judgeOne(state, consumer, { claims, around });
    },
    *due(nowMs) {
      for (const [state, atMs] of dueMs) if (atMs <= nowMs) yield state;
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
    const claimed = consumer === undefined ? NOTHING : resolveClaims(consumer, secretsOf(state.ref.namespace));
    const keys = claimed.length === 0 ? NOTHING : keysOf(claimed);
    claims.replace(state.ref, state.keys, consumer && { consumer, keys });
    state.keys = keys;
  }
  for (const ref of claims.takeConcerned()) {
    const other = store.find(ref);
    if (other !== undefined) concerned.add(other);
  }
  return concerned;
}

function keysOf(claimed: ReturnType<typeof resolveClaims>): readonly string[] {
  return claimed.map((claim) => (typeof claim === "string" ? claim : ""));
}

/** What is said of a manifest that is not in force. */
function unaccepted(state: ObjectState, { store }: Surroundings): readonly Finding[] {
  const problem = state.current === undefined ? undefined : lineProblem(state, store);
  if (problem === undefined) return state.reading;
  const findings = [...state.reading];
  createReporter(state.ref, findings).error(problem);
  return findings;
}

function judgeOne(
  state: ObjectState,
  consumer: ConsumerObject,
  { claims, around }: Pick<Round, "claims" | "around">,
): readonly Finding[] {
  const { namespace } = consumer.ref;
  const { ringFor, secretsOf, nowMs, store } = around;
  const findings: Finding[] = [];
  const report = createReporter(consumer.ref, findings);
  const claimed = resolveClaims(consumer, secretsOf(namespace));
  const claiming = { consumer, keys: keysOf(claimed) };
  compileConsumer(consumer, {
    claimed,
    ring: ringFor(namespace),
    nowMs: nowMs(),
    lost: (credential) => claims.wouldLose(claiming, credential),
    report,
  });
  const problem = lineProblem(state, store) ?? parentProblem(state, store);
  if (problem !== undefined) report.error(problem);
  return findings;
}

interface Round {
  readonly claims: KeyClaims;
  readonly around: Surroundings;
  readonly log: ChangeLog;
  readonly nowMs: number;
}

function compileOne(state: ObjectState, consumer: ConsumerObject, { claims, around, log, nowMs }: Round): void {
  const { keys, goodGeneration } = state;
  const { namespace } = state.ref;
  const findings: Finding[] = [];
  const report = createReporter(state.ref, findings);
  const object = compileConsumer(consumer, {
    claimed: keys.includes("") ? resolveClaims(consumer, around.secretsOf(namespace)) : keys,
    ring: around.ringFor(namespace),
    nowMs,
    lost: (credential) => claims.lost(keys[credential] ?? "", { consumer, credential }),
    report,
  });
  // Another consumer may have closed a cycle around this one, whose manifest stays in force.
  const problem = lineProblem(state, around.store) ?? parentProblem(state, around.store);
  if (problem !== undefined) report.error(problem);
  log.publish(state, { generation: goodGeneration, object });
  log.report(state, consumer === state.current ? findings : unaccepted(state, around));
}

/**
 * Nothing is known of an adopted consumer's keys but their HMACs. A credential that a consumer of its namespace has been
 * compiled with is out for good: a key, or what is asked of a token, identifies one consumer.
 */
function publishAdopted(
  state: ObjectState,
  others: Iterable<ObjectState>,
  { around, log }: Pick<Round, "around" | "log">,
): void {
  const { adopted } = state;
  if (adopted?.object.kind !== "Consumer") return;
  const own = new Set(adopted.object.credentials.flatMap((credential) => marksOf(credential)));
  const taken = new Set<string>();
  for (const other of others) {
    if (consumerOf(other) === undefined || other.entry?.object.kind !== "Consumer") continue;
    const { credentials } = other.entry.object;
    for (const mark of credentials.flatMap((credential) => marksOf(credential))) if (own.has(mark)) taken.add(mark);
  }
  if (taken.size === 0) return;
  const credentials = adopted.object.credentials.filter((one) => !marksOf(one).some((mark) => taken.has(mark)));
  state.adopted = { ...adopted, object: { ...adopted.object, credentials } };
  log.publish(state, state.adopted);
  log.report(state, unaccepted(state, around));
}

/** By what a compiled credential is told from others. */
function marksOf({ keyHmacs, jwt }: CompiledConsumer["credentials"][number]): readonly string[] {
  return jwt === undefined ? keyHmacs : [tokenClaim(jwt)];
}
