// Values that are equal, kept once: of 100,000 consumers thousands have the same status.

export interface SharedValues<T> {
  /** The value, or an equal one that was shared before. Equal is what has the same JSON text. */
  share(value: T): T;
}

/** Remembers the last `kept` values; an equal one that comes later than that takes room again. */
export function createSharedValues<T>(kept: number): SharedValues<T> {
  const byText = new Map<string, T>();
  return {
    share(value) {
      const text = JSON.stringify(value);
      const known = byText.get(text);
      if (known !== undefined) return known;
      byText.set(text, value);
      for (const oldest of byText.keys()) {
        if (byText.size <= kept) break;
        byText.delete(oldest);
      }
      return value;
    },
  };
}
