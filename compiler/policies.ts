// Policies of a namespace with everything around them. What a policy says by itself is compiled once; the names in it are
// looked up again whenever names have come or gone.

import type { CompiledPolicy } from "../dataplane/contract/compiled.ts";
import type { ChangeLog } from "./change-log.ts";
import { type CompiledBody, compilePolicy } from "./compile-policy.ts";
import { warnUnknownUsageFields } from "./expression-findings.ts";
import type { Finding, ObjectRef } from "./finding.ts";
import { refuseTooManyLimits } from "./limit-count.ts";
import { warnNeverInForce } from "./never-in-force.ts";
import type { ObjectState } from "./object-state.ts";
import { warnUnknownTargets } from "./policy-targets.ts";
import { warnMissingPrices } from "./price-findings.ts";
import type { PolicyObject } from "./read-manifest.ts";
import { createReporter, type Reporter } from "./report.ts";
import type { Surroundings } from "./surroundings.ts";

/** Compiled by themselves; as long as their manifests are known. */
export type PolicyBodies = (policy: PolicyObject) => CompiledBody;

export function createPolicyBodies(systemNamespace: string): PolicyBodies {
  const known = new WeakMap<PolicyObject, CompiledBody>();
  return (policy) => {
    const body = known.get(policy) ?? compilePolicy(policy, systemNamespace);
    known.set(policy, body);
    return body;
  };
}

export interface PolicyRound {
  readonly around: Surroundings;
  readonly bodyOf: PolicyBodies;
  readonly log: ChangeLog;
}

/** After the backends and routes of the namespace. */
export function compilePoliciesOf(namespace: string, round: PolicyRound): void {
  const { around, bodyOf, log } = round;
  const states = sorted(around.store.of("AIRateLimitPolicy", namespace));
  const { kept, found } = judgeTogether(states, namespace, round);
  for (const state of states) {
    const { good, goodGeneration, adopted, ref } = state;
    const object = candidateOf(state, bodyOf);
    const generation = good === undefined ? (adopted?.generation ?? 0) : goodGeneration;
    log.publish(state, object !== undefined && kept.has(object) ? { object, generation } : undefined);
    // What surrounds an older manifest is no matter of the one that is there.
    state.around = good === state.current ? (found.get(ref.name) ?? []) : [];
    reportPolicy(state, round);
  }
}

interface Together {
  /** Those that may be in force side by side. */
  readonly kept: ReadonlySet<CompiledPolicy>;
  /** By name of the policy. */
  readonly found: ReadonlyMap<string, readonly Finding[]>;
}

/** What policies are to each other and to the backends around them. */
function judgeTogether(states: readonly ObjectState[], namespace: string, { around, bodyOf }: PolicyRound): Together {
  const candidates = states.flatMap((state) => candidateOf(state, bodyOf) ?? []);
  const found = new Map<string, Finding[]>();
  const reporterOf = (policy: CompiledPolicy): Reporter => reporterFor(policy, found);
  const everywhere = namespace === around.systemNamespace ? [] : policiesForAll(around);
  const kept = new Set(refuseTooManyLimits({ policies: candidates, everywhere, reporterOf }));
  warnNeverInForce([...kept], reporterOf);
  const reachable = {
    backends: compiledOf("AIBackend", namespace, around).filter((object) => object.kind === "AIBackend"),
    routes: compiledOf("AIRoute", namespace, around).filter((object) => object.kind === "AIRoute"),
    reporterOf,
  };
  warnMissingPrices([...kept], { ...reachable, unpricedModels: unpricedModels(namespace, around) });
  warnUnknownUsageFields([...kept], reachable);
  return { kept, found };
}

/** Those in force for all namespaces. */
export function policiesForAll({ store, systemNamespace }: Surroundings): readonly CompiledPolicy[] {
  return [...store.of("AIRateLimitPolicy", systemNamespace)].flatMap(({ entry }) => {
    return entry?.object.kind === "AIRateLimitPolicy" && entry.object.scope === "Cluster" ? [entry.object] : [];
  });
}

/** What would be said of a policy that is not in the store, instead of the one of its name there. Changes nothing. */
export function judgePolicy(state: ObjectState, round: PolicyRound): readonly Finding[] {
  const { namespace, name } = state.ref;
  const others = [...round.around.store.of("AIRateLimitPolicy", namespace)].filter(({ ref }) => ref.name !== name);
  const { found } = judgeTogether(sorted([...others, state]), namespace, round);
  state.around = found.get(name) ?? [];
  reportPolicy(state, round);
  return state.findings;
}

/** When only the names of objects elsewhere have changed. */
export function checkTargetsOf(namespace: string, round: PolicyRound): void {
  for (const state of round.around.store.of("AIRateLimitPolicy", namespace)) reportPolicy(state, round);
}

function reportPolicy(state: ObjectState, { around, bodyOf, log }: PolicyRound): void {
  const { current } = state;
  if (current?.kind !== "AIRateLimitPolicy") {
    log.report(state, state.reading);
    return;
  }
  const targets: Finding[] = [];
  const { names: index, systemNamespace } = around;
  warnUnknownTargets(current, { index, systemNamespace, report: createReporter(state.ref, targets) });
  log.report(state, [...targets, ...bodyOf(current).findings, ...state.around]);
}

function candidateOf({ good, adopted }: ObjectState, bodyOf: PolicyBodies): CompiledPolicy | undefined {
  if (good?.kind === "AIRateLimitPolicy") return bodyOf(good).compiled;
  return adopted?.object.kind === "AIRateLimitPolicy" ? adopted.object : undefined;
}

function reporterFor({ kind, namespace, name }: ObjectRef, found: Map<string, Finding[]>): Reporter {
  const findings = found.get(name) ?? [];
  found.set(name, findings);
  return createReporter({ kind, namespace, name }, findings);
}

function compiledOf(
  kind: "AIBackend" | "AIRoute",
  namespace: string,
  { store }: Surroundings,
): NonNullable<ObjectState["entry"]>["object"][] {
  return sorted(store.of(kind, namespace)).flatMap(({ entry }) => entry?.object ?? []);
}

function unpricedModels(namespace: string, { store }: Surroundings): ReadonlyMap<string, readonly string[]> {
  const models = new Map<string, readonly string[]>();
  for (const { ref, good } of store.of("AIBackend", namespace)) {
    if (good?.kind !== "AIBackend") continue;
    const unpriced = good.spec.models.filter(({ prices }) => prices === undefined);
    models.set(
      `${ref.namespace}/${ref.name}`,
      unpriced.map(({ name }) => name),
    );
  }
  return models;
}

/** Findings list names, so the order must not be that of arrival. */
function sorted(states: Iterable<ObjectState>): ObjectState[] {
  return [...states].sort((a, b) => (a.ref.name < b.ref.name ? -1 : 1));
}
