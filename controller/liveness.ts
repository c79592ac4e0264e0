// Whether the controller can still help itself. A watch that hears nothing and does not even fail is stuck; one that fails
// again and again is not: the API server is away, and a restart would only make the controller late when it is back.

import type { ClusterFeed } from "./cluster-feed.ts";
import type { Clock } from "./kube/clock.ts";

/** Bookmarks come about once a minute, and a failed watch is tried again after half a minute at most. */
export const STUCK_MS = 600_000;

interface Sign {
  readonly failures: number;
  readonly lastEventAtMs: number | undefined;
  readonly atMs: number;
}

/** Asked again and again; says what is stuck, or undefined. */
export function createLiveness(feed: Pick<ClusterFeed, "watches">, clock: Clock): () => string | undefined {
  const signs = new Map<string, Sign>();
  return () => {
    const atMs = clock.monotonicMs();
    for (const { kind, failures, lastEventAtMs } of feed.watches()) {
      const last = signs.get(kind);
      if (last?.failures !== failures || last.lastEventAtMs !== lastEventAtMs) {
        signs.set(kind, { failures, lastEventAtMs, atMs });
      } else if (atMs - last.atMs > STUCK_MS) {
        return `the watch of ${kind} objects neither hears anything nor fails`;
      }
    }
    return undefined;
  };
}
