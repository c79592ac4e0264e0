// Which objects name which Secrets, and which Secrets are named at all: only those need to be known.

import type { ObjectState } from "./object-state.ts";

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

export interface SecretReferences {
  /** An object names these Secrets from now on, and none of its earlier ones. */
  replace(state: ObjectState, names: readonly string[]): void;
  objectsThatName(secret: SecretName): Iterable<ObjectState>;
  all(): Iterable<SecretName>;
  /** What has changed since the last call. */
  takeChanges(): { readonly added: readonly SecretName[]; readonly removed: readonly SecretName[] };
}

/** Mostly one object names a Secret: that one stands there without a set around it. */
type Namers = ObjectState | Set<ObjectState>;

export function createSecretReferences(): SecretReferences {
  const namespaces = new Map<string, Map<string, Namers>>();
  /** By text; true: was named before. */
  const touched = new Map<string, SecretName & { readonly was: boolean }>();
  const isNamed = ({ namespace, name }: SecretName): boolean => namespaces.get(namespace)?.has(name) ?? false;

  function touch(secret: SecretName): void {
    const key = `${secret.namespace}/${secret.name}`;
    if (!touched.has(key)) touched.set(key, { ...secret, was: isNamed(secret) });
  }

  function add(state: ObjectState, name: string): void {
    const { namespace } = state.ref;
    const secrets = namespaces.get(namespace) ?? new Map<string, Namers>();
    namespaces.set(namespace, secrets);
    const namers = secrets.get(name);
    if (namers instanceof Set) namers.add(state);
    else secrets.set(name, namers === undefined || namers === state ? state : new Set([namers, state]));
  }

  function remove(state: ObjectState, name: string): void {
    const { namespace } = state.ref;
    const secrets = namespaces.get(namespace);
    const namers = secrets?.get(name);
    if (namers instanceof Set) namers.delete(state);
    if (namers === state || (namers instanceof Set && namers.size === 0)) secrets?.delete(name);
    if (secrets?.size === 0) namespaces.delete(namespace);
  }

  return {
    replace(state, names) {
      const { namespace } = state.ref;
      for (const name of [...names, ...state.secrets]) touch({ namespace, name });
      for (const name of state.secrets) remove(state, name);
      for (const name of names) add(state, name);
      state.secrets = names;
    },
    objectsThatName({ namespace, name }) {
      const namers = namespaces.get(namespace)?.get(name);
      if (namers === undefined) return [];
      return namers instanceof Set ? namers : [namers];
    },
    *all() {
      for (const [namespace, secrets] of namespaces) for (const name of secrets.keys()) yield { namespace, name };
    },
    takeChanges() {
      const changes = [...touched.values()].filter((secret) => secret.was !== isNamed(secret));
      touched.clear();
      const those = (was: boolean): SecretName[] =>
        changes.filter((one) => one.was === was).map(({ namespace, name }) => ({ namespace, name }));
      return { added: those(false), removed: those(true) };
    },
  };
}
