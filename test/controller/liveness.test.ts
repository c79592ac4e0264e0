// A stuck watch is told of, an API server that is away is not.

import { expect, test } from "vitest";
import type { WatchState } from "../../controller/cluster-feed.ts";
import { createLiveness, STUCK_MS } from "../../controller/liveness.ts";
import { createHandClock } from "../helpers/hand-clock.ts";

const watch = (changes: Partial<WatchState> = {}): WatchState => ({
  kind: "Consumer",
  synced: true,
  objects: 1,
  lastEventAtMs: 1_000,
  relists: 0,
  failures: 0,
  ...changes,
});

test.for([
  { name: "events come", next: (i: number) => watch({ lastEventAtMs: i }), isStuck: false },
  { name: "every try fails", next: (i: number) => watch({ failures: i }), isStuck: false },
  { name: "nothing happens at all", next: () => watch(), isStuck: true },
  { name: "nothing has ever happened", next: () => watch({ lastEventAtMs: undefined, synced: false }), isStuck: true },
])("[unit] $name: stuck is $isStuck", ({ next, isStuck }) => {
  const clock = createHandClock();
  let round = 0;
  const stuck = createLiveness({ watches: () => [next(round)] }, clock);
  expect(stuck()).toBeUndefined();
  for (round = 1; round <= 13; round += 1) {
    clock.advance(STUCK_MS / 12);
    if (round < 12) expect(stuck()).toBeUndefined();
  }
  expect(stuck() !== undefined).toBe(isStuck);
});
