// A compilation that goes on: objects come, change and go, and what they compile to follows. The order in which objects
// come does not matter to where it ends.

import type { RingFor } from "../dataplane/contract/keyring.ts";
import { checkAnonymousConsumers, compileBackendOf, compileRouteOf, hostnameClaimOf } from "./backends-and-routes.ts";
import { type ChangeLog, createChangeLog } from "./change-log.ts";
import { type Consumers, createConsumers } from "./consumers.ts";
import { type Dirty, groupsOf, markDirty, nothingDirty, secretsNamedBy } from "./dirty.ts";
import type { Finding, ObjectRef } from "./finding.ts";
import { createHierarchy, type Hierarchy } from "./hierarchy.ts";
import { refusedHostnames } from "./hostname-owners.ts";
import { createNameBook, type NameBook } from "./known-names.ts";
import {
  type CompiledEntry,
  createObjectState,
  createObjectStore,
  NO_NAMES,
  type ObjectState,
  type ObjectStore,
} from "./object-state.ts";
import {
  checkTargetsOf,
  compilePoliciesOf,
  createPolicyBodies,
  judgePolicy,
  type PolicyRound,
  policiesForAll,
} from "./policies.ts";
import type { ReadResult, SourceObject } from "./read-manifest.ts";
import type { ManifestVersion } from "./read-metadata.ts";
import type { Secrets } from "./resolve-key.ts";
import { createSecretReferences, type SecretReferences } from "./secret-references.ts";
import type { Surroundings } from "./surroundings.ts";
import { forgetManifests, takeManifest } from "./take-manifest.ts";

export interface CompilationOptions {
  readonly ringFor: RingFor;
  readonly systemNamespace: string;
  /** Whether findings may suggest names of Secrets and of their keys. */
  readonly suggestSecrets: boolean;
  /** What was published of an object before this process knew it. */
  readonly lastGood: (ref: ObjectRef) => CompiledEntry | undefined;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

export interface Compilation {
  readonly store: ObjectStore;
  readonly references: SecretReferences;
  put(ref: ObjectRef, read: ReadResult, version: ManifestVersion): void;
  remove(ref: ObjectRef): void;
  setRing(ringFor: RingFor): void;
  /** What is said of some objects depends on the time. */
  timePassed(): void;
  /** What would be said of the manifest were it put beside all others, instead of the one of its name. Changes nothing. */
  judge(ref: ObjectRef, read: ReadResult, version: ManifestVersion): readonly Finding[];
  /** Compiles what the calls before have made necessary. */
  flush(): ChangeLog;
}

export function createCompilation({ ringFor, suggestSecrets, ...given }: CompilationOptions): Compilation {
  const store = createObjectStore();
  const names = createNameBook();
  const references = createSecretReferences();
  const bodyOf = createPolicyBodies(given.systemNamespace);
  const [consumers, hierarchy] = [createConsumers(given.systemNamespace), createHierarchy()];
  const books = { names, references };
  let around: Surroundings = { ...given, store, names, secretsOf: secretsIn(store, names, suggestSecrets), ringFor };
  let dirty = nothingDirty();
  return {
    store,
    references,
    put(ref, read, version) {
      const state = store.obtain(ref);
      const { good } = state;
      dirty.gone.delete(state);
      takeManifest(state, { read, version, published: () => given.lastGood(ref) }, bodyOf);
      follow(state, good, { ...books, dirty });
    },
    remove(ref) {
      const state = store.find(ref);
      if (state === undefined || state.isGone) return;
      const { good } = state;
      forgetManifests(state);
      state.isGone = true;
      dirty.gone.add(state);
      follow(state, good, { ...books, dirty });
    },
    setRing(next) {
      around = { ...around, ringFor: next };
      markAllDirty(store, dirty);
    },
    timePassed() {
      for (const state of consumers.due(around.nowMs())) dirty.consumers.add(state);
    },
    judge(ref, read, version) {
      const state = createObjectState(ref);
      takeManifest(state, { read, version, published: () => undefined }, bodyOf);
      if (ref.kind === "Consumer") return consumers.judge(state, around);
      return judgeAlone(state, { around, bodyOf, log: createChangeLog() });
    },
    flush() {
      settleHierarchy(hierarchy, around, { ...books, dirty });
      const due = dirty;
      dirty = nothingDirty();
      return compileDue(due, consumers, { around, bodyOf, log: createChangeLog() });
    },
  };
}

function compileDue(due: Dirty, consumers: Consumers, round: PolicyRound): ChangeLog {
  const { around, log } = round;
  consumers.compile(due.consumers, around, log);
  if (due.hostnames) moveHostnames(around, due);
  compileOthers(due, round);
  tellTheRest(due, around.store, log);
  return log;
}

function markAllDirty(store: ObjectStore, dirty: Dirty): void {
  for (const namespace of store.namespaces()) {
    dirty.namespaces.add(namespace);
    for (const state of store.of("Consumer", namespace)) dirty.consumers.add(state);
  }
}

/** Of a state that is not in the store: only what is said of it is of interest. */
function judgeAlone(state: ObjectState, round: PolicyRound): readonly Finding[] {
  const { around, log } = round;
  switch (state.ref.kind) {
    case "AIBackend":
      compileBackendOf(state, around, log);
      return state.findings;
    case "AIRoute": {
      const { namespace, name } = state.ref;
      const others = routesOf(around.store).filter(({ ref }) => ref.name !== name || ref.namespace !== namespace);
      state.refused = refusedOf([...others, state], around).get(state) ?? NO_NAMES;
      compileRouteOf(state, around, log);
      return state.findings;
    }
    case "AIRateLimitPolicy":
      return judgePolicy(state, round);
    default:
      return state.reading;
  }
}

/** Secrets compile to nothing; what is gone was kept so far to tell what went with it. */
function tellTheRest({ secrets, gone }: Dirty, store: ObjectStore, log: ChangeLog): void {
  for (const state of secrets) log.report(state, state.reading);
  for (const state of gone) {
    log.forget(state);
    store.drop(state.ref);
  }
}

interface Books {
  readonly names: NameBook;
  readonly references: SecretReferences;
  readonly dirty: Dirty;
}

/** Names, groups and Secrets that are known by the object's manifests follow them; whoever looks at them is dirty. */
function follow(state: ObjectState, before: SourceObject | undefined, { names, references, dirty }: Books): void {
  const { kind, namespace, name } = state.ref;
  const isKnown = names.names(kind, namespace).has(name);
  if (isKnown && state.isGone) names.remove(state.ref);
  if (!isKnown && !state.isGone) names.add(state.ref);
  const groupsMoved = names.moveGroups(namespace, groupsOf(before), groupsOf(state.good));
  if (groupsMoved || (kind === "Consumer" && isKnown === state.isGone)) dirty.targets.add(namespace);
  const secrets = secretsNamedBy(state);
  if (secrets.length > 0 || state.secrets.length > 0) references.replace(state, secrets);
  markDirty(state, dirty, references);
}

/** Of consumers another manifest may be in force than they said: whoever looks at names, groups and Secrets follows. */
function settleHierarchy(hierarchy: Hierarchy, around: Surroundings, books: Books): void {
  for (const { state, before } of hierarchy.settle(books.dirty.consumers, around)) follow(state, before, books);
}

function secretsIn(store: ObjectStore, names: NameBook, suggestSecrets: boolean): (namespace: string) => Secrets {
  return (namespace) => ({
    find(name) {
      const secret = store.find({ kind: "Secret", namespace, name })?.good;
      return secret?.kind === "Secret" ? secret : undefined;
    },
    suggestible: suggestSecrets ? names.names("Secret", namespace) : undefined,
  });
}

/** Namespaces in which a route has won or lost a host name become dirty. */
function moveHostnames(around: Surroundings, dirty: Dirty): void {
  const routes = routesOf(around.store);
  const refused = refusedOf(routes, around);
  for (const route of routes) {
    const now = refused.get(route) ?? NO_NAMES;
    if (now.size === route.refused.size && [...now].every((hostname) => route.refused.has(hostname))) continue;
    route.refused = now;
    dirty.namespaces.add(route.ref.namespace);
  }
}

function routesOf(store: ObjectStore): readonly ObjectState[] {
  return [...store.namespaces()].flatMap((namespace) => [...store.of("AIRoute", namespace)]);
}

function refusedOf(
  routes: readonly ObjectState[],
  { systemNamespace }: Surroundings,
): ReadonlyMap<ObjectState, ReadonlySet<string>> {
  return refusedHostnames(
    routes.flatMap((route) => hostnameClaimOf(route) ?? []),
    systemNamespace,
  );
}

/** Conditions of all namespaces may name consumers of the system namespace. */
function compileOthers({ namespaces, targets }: Dirty, round: PolicyRound): void {
  const { store, systemNamespace } = round.around;
  const compiled = new Set(namespaces);
  if (namespaces.has(systemNamespace) && compileSystemNamespace(round)) {
    for (const namespace of store.namespaces()) compiled.add(namespace);
  }
  for (const namespace of compiled) if (namespace !== systemNamespace) compileNamespace(namespace, round);
  for (const namespace of targets.has(systemNamespace) ? store.namespaces() : targets) {
    if (compiled.has(namespace)) continue;
    checkTargetsOf(namespace, round);
    checkAnonymousConsumers(namespace, round.around, round.log);
  }
}

/** Whether what is in force for all namespaces has changed: their own policies have more or less room beside it. */
function compileSystemNamespace(round: PolicyRound): boolean {
  const before = policiesForAll(round.around);
  compileNamespace(round.around.systemNamespace, round);
  const after = policiesForAll(round.around);
  return before.length !== after.length || after.some((policy) => !before.includes(policy));
}

function compileNamespace(namespace: string, round: PolicyRound): void {
  const { around, log } = round;
  for (const state of around.store.of("AIBackend", namespace)) compileBackendOf(state, around, log);
  for (const state of around.store.of("AIRoute", namespace)) compileRouteOf(state, around, log);
  compilePoliciesOf(namespace, round);
}
