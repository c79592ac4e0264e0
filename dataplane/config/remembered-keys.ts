// Keys that were recognised, in memory only. Hashing a key twice for each request costs more than the rest of its
// identification. Unknown keys are never remembered: guesses fill nothing.

/** Per namespace and kind of consumer; when they are more, all are forgotten and found anew. */
const REMEMBERED = 10_000;

interface Remembered<C> {
  /** Of the namespace's own consumers. */
  readonly own: Map<string, C>;
  /** Of the system namespace's, which any consumer of the namespace with the same key comes before. */
  readonly system: Map<string, C>;
}

export class RememberedKeys<C extends object> {
  readonly #namespaces = new Map<string, Remembered<C>>();
  /** Whoever is in no map need not be looked for. May name some that are in none. */
  #consumers = new WeakSet<C>();

  get(namespace: string, key: string): C | undefined {
    const known = this.#namespaces.get(namespace);
    return known === undefined ? undefined : (known.own.get(key) ?? known.system.get(key));
  }

  add(namespace: string, key: string, found: { readonly consumer: C; readonly isOwn: boolean }): void {
    let known = this.#namespaces.get(namespace);
    if (known === undefined) {
      known = { own: new Map(), system: new Map() };
      this.#namespaces.set(namespace, known);
    }
    const map = found.isOwn ? known.own : known.system;
    if (map.size >= REMEMBERED) map.clear();
    map.set(ownText(key), found.consumer);
    this.#consumers.add(found.consumer);
  }

  /** All keys of a consumer, wherever they were recognised. */
  forget(consumer: C): void {
    if (!this.#consumers.delete(consumer)) return;
    for (const { own, system } of this.#namespaces.values()) {
      forgetIn(own, consumer);
      forgetIn(system, consumer);
    }
  }

  /** The namespace has keys that it had not: what the system namespace was asked for may be its own now. */
  forgetSystem(namespace: string): void {
    this.#namespaces.get(namespace)?.system.clear();
  }

  clear(): void {
    this.#namespaces.clear();
    this.#consumers = new WeakSet();
  }
}

/** As a string of its own: what was cut out of a request's head keeps all of that head from being collected. */
function ownText(key: string): string {
  return Buffer.from(key).toString();
}

function forgetIn<C>(keys: Map<string, C>, consumer: C): void {
  for (const [key, known] of keys) if (known === consumer) keys.delete(key);
}
