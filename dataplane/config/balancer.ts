// Smooth weighted round robin (the scheme nginx describes for its upstream module): each pick raises every current weight
// by its own weight and lowers the winner by the total, so that picks interleave in the ratio of the weights.

export interface Balancer<T> {
  /** Undefined when there is nothing to choose from. */
  pick(): T | undefined;
}

export interface Choice<T> {
  readonly item: T;
  readonly weight: number;
}

/** All weights 0: plain rotation in listed order. 0 beside positive weights: never picked. */
export function createBalancer<T>(choices: readonly Choice<T>[]): Balancer<T> {
  const positive = choices.filter((c) => c.weight > 0);
  const pool = positive.length > 0 ? positive : choices.map((c) => ({ item: c.item, weight: 1 }));
  const [only] = pool;
  if (only === undefined) return { pick: () => undefined };
  if (pool.length === 1) return { pick: () => only.item };
  const total = pool.reduce((sum, c) => sum + c.weight, 0);
  const states = pool.map((c) => ({ ...c, current: 0 }));
  return {
    pick() {
      let best = states[0];
      for (const state of states) {
        state.current += state.weight;
        if (best === undefined || state.current > best.current) best = state;
      }
      if (best !== undefined) best.current -= total;
      return best?.item;
    },
  };
}
