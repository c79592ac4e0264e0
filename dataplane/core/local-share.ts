// What a data plane may let through on its own while the store is away. Pure.

import { addAt, type CounterState, usageAt, type Window } from "./window.ts";

export interface Share {
  readonly window: Window;
  /** Usage at or above this refuses; Infinity never does. */
  readonly refuseAt: number;
  /** As the store told it last. */
  readonly seen: CounterState;
  /** Those that share what remained then, this one included; at least 1. */
  readonly dataPlanes: number;
}

/**
 * The state with what the other data planes are held to use: all that remained when it was last seen, but for one share
 * of it (at least 1). So this data plane refuses once it has used its share itself, and says that nothing remains then.
 */
export function withOthersShare(own: CounterState, nowMs: number, share: Share): CounterState {
  const { window, refuseAt, seen, dataPlanes } = share;
  if (dataPlanes <= 1 || refuseAt === Infinity) return own;
  const remaining = refuseAt - usageAt(window, seen, nowMs);
  const others = Math.ceil(remaining - Math.max(1, Math.floor(remaining / dataPlanes)));
  return others <= 0 ? own : addAt(own, nowMs, { window, amount: others });
}
