// Keys that were recognised, in memory only. Hashing a key twice for each request costs more than the rest of its
// identification. Unknown keys are never remembered: guesses fill nothing.

/** Per namespace and kind of credential; when they are more, all are forgotten and found anew. */
const REMEMBERED = 10_000;

interface Remembered<C> {
  /** Of the namespace's own consumers. */
  readonly own: Map<string, C>;
  /** Of the system namespace's, which any consumer of the namespace with the same key comes before. */
  readonly system: Map<string, C>;
}

export class RememberedKeys<C extends object> {
  readonly #namespaces = new Map<string, Remembered<C>>();
  /** What is in no map need not be looked for. May name some that are in none. */
  #known = new WeakSet<C>();

  get(namespace: string, key: string): C | undefined {
    const known = this.#namespaces.get(namespace);
    return known === undefined ? undefined : (known.own.get(key) ?? known.system.get(key));
  }

  add(namespace: string, key: string, { found, isOwn }: { readonly found: C; readonly isOwn: boolean }): void {
    let known = this.#namespaces.get(namespace);
    if (known === undefined) {
      known = { own: new Map(), system: new Map() };
      this.#namespaces.set(namespace, known);
    }
    const map = isOwn ? known.own : known.system;
    if (map.size >= REMEMBERED) map.clear();
    map.set(ownText(key), found);
    this.#known.add(found);
  }

  /** The key of a credential, wherever it was recognised. */
  forget(credential: C): void {
    if (!this.#known.delete(credential)) return;
    for (const { own, system } of this.#namespaces.values()) {
      forgetIn(own, credential);
      forgetIn(system, credential);
    }
  }

  /** The namespace has keys that it had not: what the system namespace was asked for may be its own now. */
  forgetSystem(namespace: string): void {
    this.#namespaces.get(namespace)?.system.clear();
  }

  clear(): void {
    this.#namespaces.clear();
    this.#known = new WeakSet();
  }
}

/** As a string of its own: what was cut out of a request's head keeps all of that head from being collected. */
function ownText(key: string): string {
  return Buffer.from(key).toString();
}

function forgetIn<C>(keys: Map<string, C>, credential: C): void {
  for (const [key, known] of keys) if (known === credential) keys.delete(key);
}
