// What has to be compiled anew after objects have changed.

import { NOTHING, type ObjectState } from "./object-state.ts";
import type { SourceObject } from "./read-manifest.ts";
import type { SecretReferences } from "./secret-references.ts";

export interface Dirty {
  readonly consumers: Set<ObjectState>;
  /** Whose backends, routes and policies. */
  readonly namespaces: Set<string>;
  /** Where names of consumers or groups have come or gone: policies look up theirs again. */
  readonly targets: Set<string>;
  readonly secrets: Set<ObjectState>;
  readonly gone: Set<ObjectState>;
  /** Claims on host names may have changed. */
  hostnames: boolean;
}

export function nothingDirty(): Dirty {
  return {
    consumers: new Set(),
    namespaces: new Set(),
    targets: new Set(),
    secrets: new Set(),
    gone: new Set(),
    hostnames: false,
  };
}

/** The object itself, and those that refer to it by name. */
export function markDirty(state: ObjectState, dirty: Dirty, references: SecretReferences): void {
  const { kind, namespace } = state.ref;
  switch (kind) {
    case "Consumer":
      dirty.consumers.add(state);
      return;
    case "Secret":
      dirty.secrets.add(state);
      for (const namer of references.objectsThatName(state.ref)) markDirty(namer, dirty, references);
      return;
    case "AIRoute":
      dirty.hostnames = true;
      dirty.namespaces.add(namespace);
      return;
    default:
      dirty.namespaces.add(namespace);
  }
}

export function groupsOf(object: SourceObject | undefined): readonly string[] {
  return object?.kind === "Consumer" ? object.spec.groups : NOTHING;
}

/** Of the manifest that is there and of the one in force. */
export function secretsNamedBy({ current, good }: ObjectState): readonly string[] {
  const names = [...secretsIn(current), ...(good === current ? NOTHING : secretsIn(good))];
  return names.length === 0 ? NOTHING : [...new Set(names)];
}

function secretsIn(object: SourceObject | undefined): readonly string[] {
  if (object?.kind === "AIBackend") {
    const name = object.spec.auth.apiKey?.secretRef?.name;
    return name === undefined ? NOTHING : [name];
  }
  if (object?.kind !== "Consumer") return NOTHING;
  return object.spec.credentials.flatMap(({ apiKey }) => apiKey?.secretRef?.name ?? []);
}
