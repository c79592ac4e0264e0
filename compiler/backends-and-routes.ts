// Backends and routes of a namespace with everything around them: which manifest of each is in force, and what is said of
// the one that is there.

import type { ChangeLog } from "./change-log.ts";
import { compileBackend } from "./compile-backend.ts";
import { compileRoute, ownMatches } from "./compile-route.ts";
import type { Finding } from "./finding.ts";
import { claimedHostnames, type HostnameClaim } from "./hostname-owners.ts";
import type { CompiledEntry, ObjectState } from "./object-state.ts";
import type { BackendObject, RouteObject } from "./read-manifest.ts";
import { createReporter } from "./report.ts";
import type { Surroundings } from "./surroundings.ts";

type Entry = Omit<CompiledEntry, "uid">;

/**
 * A backend whose Secret is gone keeps the credential that was sealed last, as long as its manifest names the same Secret
 * and key: people rotate a Secret by deleting and making it again.
 */
export function compileBackendOf(state: ObjectState, around: Surroundings, log: ChangeLog): void {
  const { ref, current, good } = state;
  const findings = [...state.reading];
  const compile = (backend: BackendObject, found: Finding[]): ReturnType<typeof compileBackend> =>
    compileBackend(backend, {
      ring: around.ringFor(ref.namespace),
      secrets: around.secretsOf(ref.namespace),
      report: createReporter(ref, found),
    });
  const fresh = current?.kind === "AIBackend" ? compile(current, findings) : undefined;
  if (good?.kind === "AIBackend") {
    const object = good === current ? fresh : compile(good, []);
    const entry = object === undefined ? sealedLast(state, good, around) : { object, generation: state.goodGeneration };
    log.publish(state, entry);
    state.sealedFrom = entry === undefined ? undefined : secretOf(good);
  } else {
    log.publish(state, state.adopted);
    state.sealedFrom = undefined;
  }
  log.report(state, findings);
}

/** A published entry of this very generation was sealed from the Secret that the manifest names. */
function sealedLast(state: ObjectState, good: BackendObject, { lastGood }: Surroundings): Entry | undefined {
  if (state.entry !== undefined) return state.sealedFrom === secretOf(good) ? state.entry : undefined;
  const published = lastGood(state.ref);
  const isSame = published?.uid === state.uid && state.uid !== "" && published.generation === state.goodGeneration;
  return isSame ? published : undefined;
}

function secretOf({ spec }: BackendObject): string {
  const { name, key } = spec.auth.apiKey?.secretRef ?? {};
  return JSON.stringify([name, key]);
}

export function compileRouteOf(state: ObjectState, around: Surroundings, log: ChangeLog): void {
  const { ref, current, good, refused, adopted } = state;
  const findings = [...state.reading];
  const backends = around.names.names("AIBackend", ref.namespace);
  const consumers = around.names.names("Consumer", ref.namespace);
  const compile = (route: RouteObject, found: Finding[]): ReturnType<typeof compileRoute> =>
    compileRoute(route, { backends, consumers, refused, report: createReporter(ref, found) });
  if (good?.kind === "AIRoute") {
    const object = compile(good, good === current ? findings : []);
    log.publish(state, object && { object, generation: state.goodGeneration });
  } else {
    log.publish(state, adopted && withoutRefused(adopted, state));
  }
  log.report(state, findings);
}

/** When only the names of consumers have changed. */
export function checkAnonymousConsumers(namespace: string, around: Surroundings, log: ChangeLog): void {
  for (const state of around.store.of("AIRoute", namespace)) {
    const { good } = state;
    const names = good?.kind === "AIRoute" && good.spec.authentication?.anonymousConsumer !== undefined;
    if (names) compileRouteOf(state, around, log);
  }
}

function withoutRefused(adopted: CompiledEntry, { ref, refused }: ObjectState): Entry | undefined {
  if (adopted.object.kind !== "AIRoute") return undefined;
  const matches = [...ownMatches(adopted.object.matches, refused, createReporter(ref, []))];
  return matches.length === 0 ? undefined : { ...adopted, object: { ...adopted.object, matches } };
}

/** What a route that is accepted by itself claims, whether or not all it refers to is there. */
export function hostnameClaimOf(state: ObjectState): HostnameClaim<ObjectState> | undefined {
  const { ref, good, adopted } = state;
  const { namespace, name } = ref;
  const route = { route: state, namespace, name };
  if (good?.kind === "AIRoute") {
    return { ...route, createdMs: good.createdMs, hostnames: claimedHostnames(good.spec.matches) };
  }
  if (adopted?.object.kind !== "AIRoute") return undefined;
  const { createdMs, matches } = adopted.object;
  return { ...route, createdMs, hostnames: claimedHostnames(matches) };
}
