// A seeded source of chance: the same seed gives the same cases on every machine.

export interface Random {
  /** A whole number from 0 to below - 1; 0 when `below` is less than 1. */
  int(below: number): number;
  oneIn(n: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** A position in a list, near one of its ends more often than chance would have it. */
  place(length: number): number;
}

/** Mulberry32. The label keeps two uses of one seed apart. */
export function createRandom(seed: number, label = ""): Random {
  let state = seed >>> 0;
  for (let i = 0; i < label.length; i++) state = Math.imul(state ^ label.charCodeAt(i), 0x01000193) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const int = (below: number): number => (below < 1 ? 0 : next() % below);
  return {
    int,
    oneIn: (n) => int(n) === 0,
    pick: (items) => items[int(items.length)] ?? items[0],
    place(length) {
      if (int(8) === 0) return Math.max(0, length - 1 - int(4));
      return int(8) === 0 ? Math.min(int(4), length) : int(length + 1);
    },
  };
}
