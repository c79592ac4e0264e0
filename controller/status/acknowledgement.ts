// Whether data planes keep up with what is published, as counts for metrics. Where changes come all the time each of them
// is always a little behind; so they are compared with what was published a while ago.

import { type DataPlane, hasTakenOver, isServing, type Publication } from "./data-planes.ts";

/** current: has in force what was published a while ago; behind: has not; silent: sends no heartbeat. */
export type Acknowledgement = "current" | "behind" | "silent";

export type Acknowledgements = Readonly<Record<Acknowledgement, number>>;

/** What is published, by namespace. */
type Positions = ReadonlyMap<string, Publication>;

export interface AcknowledgementOptions {
  readonly nowMs: () => number;
  readonly positions: () => Positions;
}

export interface AcknowledgementWatch {
  /** To be called every few seconds, with those that are present now. */
  seen(present: readonly DataPlane[]): void;
  counts(): Acknowledgements;
}

/** What a data plane must have in force is this old, and at most twice as old. */
export const GRACE_MS = 10_000;

export function createAcknowledgementWatch({ nowMs, positions }: AcknowledgementOptions): AcknowledgementWatch {
  let present: readonly DataPlane[] = [];
  let wanted: Positions = new Map();
  let next = { atMs: nowMs(), positions: positions() };
  return {
    seen(planes) {
      present = planes;
      if (nowMs() - next.atMs < GRACE_MS) return;
      wanted = next.positions;
      next = { atMs: nowMs(), positions: positions() };
    },
    counts() {
      const counts = { current: 0, behind: 0, silent: 0 };
      const published = positions();
      for (const plane of present) counts[acknowledgementOf(plane, wanted, published)] += 1;
      return counts;
    },
  };
}

function acknowledgementOf(plane: DataPlane, wanted: Positions, published: Positions): Acknowledgement {
  if (plane.silentSinceMs !== undefined) return "silent";
  for (const [namespace, position] of wanted) {
    const newest = published.get(namespace);
    if (newest === undefined || !isServing(plane, namespace)) continue;
    // Published anew since, as another generation: then the newest is what can be had.
    if (!hasTakenOver(plane, namespace, position) && !hasTakenOver(plane, namespace, newest)) return "behind";
  }
  return "current";
}
