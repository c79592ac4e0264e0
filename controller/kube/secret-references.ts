// Who needs which keys of which Secrets. Counts references, so that a Secret is kept until its last user is gone.

export interface SecretRef {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

export interface SecretReferences {
  /** Replaces what the owner needed before; none forgets the owner. Returns what changed for others to act on. */
  replace(owner: string, refs: readonly SecretRef[]): ReferenceChange;
  /** Keys needed of one Secret; undefined when nobody needs it. */
  keysOf(namespace: string, name: string): ReadonlySet<string> | undefined;
  /** Names needed in one namespace. */
  namesIn(namespace: string): Iterable<string>;
  namespaces(): Iterable<string>;
}

export interface ReferenceChange {
  /** Needed from now on, a key of a Secret that may be needed already included. */
  readonly added: readonly SecretRef[];
  /** Needed by nobody any more. */
  readonly removed: readonly SecretRef[];
}

export function createSecretReferences(): SecretReferences {
  const byOwner = new Map<string, readonly SecretRef[]>();
  const namespaces = new Map<string, Map<string, CountedKeys>>();

  function count(ref: SecretRef): boolean {
    const names = namespaces.get(ref.namespace) ?? new Map<string, CountedKeys>();
    namespaces.set(ref.namespace, names);
    const keys = names.get(ref.name) ?? new CountedKeys();
    names.set(ref.name, keys);
    return keys.raise(ref.key);
  }

  function discount({ namespace, name, key }: SecretRef): boolean {
    const names = namespaces.get(namespace);
    const keys = names?.get(name);
    if (names === undefined || keys?.lower(key) !== true) return false;
    if (keys.all.size === 0) names.delete(name);
    if (names.size === 0) namespaces.delete(namespace);
    return true;
  }

  return {
    replace(owner, refs) {
      const before = byOwner.get(owner) ?? [];
      if (refs.length === 0) byOwner.delete(owner);
      else byOwner.set(owner, refs);
      // The new ones first: what stays needed never counts as gone in between.
      const added = refs.filter(count);
      return { added, removed: before.filter(discount) };
    },
    keysOf: (namespace, name) => namespaces.get(namespace)?.get(name)?.all,
    namesIn: (namespace) => namespaces.get(namespace)?.keys() ?? [],
    namespaces: () => namespaces.keys(),
  };
}

/** Most Secrets have one key with one user, so counts above one are kept apart. */
class CountedKeys {
  readonly all = new Set<string>();
  #more: Map<string, number> | undefined;

  /** True when the key was not counted before. */
  raise(key: string): boolean {
    if (!this.all.has(key)) {
      this.all.add(key);
      return true;
    }
    this.#more ??= new Map();
    this.#more.set(key, (this.#more.get(key) ?? 0) + 1);
    return false;
  }

  /** True when that was the last. */
  lower(key: string): boolean {
    const more = this.#more?.get(key) ?? 0;
    if (more === 0) return this.all.delete(key);
    if (more === 1) this.#more?.delete(key);
    else this.#more?.set(key, more - 1);
    return false;
  }
}
