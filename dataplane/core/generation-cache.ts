// A bounded memory of what was used last.

export interface GenerationCache<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
}

/** Keeps the last `size` to 2 x `size` entries used: two generations, the older dropped when the younger is full. */
export function createGenerationCache<K, V>(size: number): GenerationCache<K, V> {
  let young = new Map<K, V>();
  let old = new Map<K, V>();
  function set(key: K, value: V): void {
    if (young.size >= size) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  }
  return {
    get(key) {
      const value = young.get(key);
      if (value !== undefined) return value;
      const older = old.get(key);
      if (older !== undefined) set(key, older);
      return older;
    },
    set,
  };
}
