// Data planes that keep up and those that do not, as they are counted for metrics.

import { describe, expect, test } from "vitest";
import { createAcknowledgementWatch, GRACE_MS } from "../../../controller/status/acknowledgement.ts";
import type { DataPlane, Publication } from "../../../controller/status/data-planes.ts";
import { aDataPlane, CONFIG, NOW_MS } from "./state-builders.ts";

interface World {
  nowMs: number;
  positions: ReadonlyMap<string, Publication>;
}

const at = (revision: number, generation = CONFIG): ReadonlyMap<string, Publication> =>
  new Map([["ai", { generation, revision }]]);

/** Looks at the planes again and again, as the leader does, until what is published is old enough to be wanted. */
function countsAfter(world: World, planes: readonly DataPlane[], lookEveryMs = GRACE_MS) {
  const watch = createAcknowledgementWatch({ nowMs: () => world.nowMs, positions: () => world.positions });
  for (let i = 0; i < 2; i++) {
    world.nowMs += lookEveryMs;
    watch.seen(planes);
  }
  return watch.counts();
}

describe("a data plane is", () => {
  test.for([
    { is: "current", name: "at the revision that is published", plane: aDataPlane("a", { revision: 12 }) },
    { is: "current", name: "above it, when it was asked later", plane: aDataPlane("a", { revision: 13 }) },
    { is: "behind", name: "below it", plane: aDataPlane("a", { revision: 11 }) },
    { is: "behind", name: "without a word about the namespace", plane: aDataPlane("a", { acknowledged: {} }) },
    {
      is: "current",
      name: "serving other namespaces only",
      plane: aDataPlane("a", { serves: ["x"], acknowledged: {} }),
    },
    { is: "current", name: "a sidecar elsewhere", plane: aDataPlane("a", { scope: "x", acknowledged: {} }) },
    { is: "silent", name: "without a heartbeat, whatever it said", plane: aDataPlane("a", { silentSinceMs: NOW_MS }) },
  ])("[unit] $is: $name", ({ is, plane }) => {
    const counts = countsAfter({ nowMs: 0, positions: at(12) }, [plane]);
    expect(counts).toEqual({ current: 0, behind: 0, silent: 0, [is]: 1 });
  });
});

test("[unit] what has just been published is not asked for yet", () => {
  const world: World = { nowMs: 0, positions: at(12) };
  const watch = createAcknowledgementWatch({ nowMs: () => world.nowMs, positions: () => world.positions });
  const planes = [aDataPlane("a", { revision: 12 })];
  world.nowMs = GRACE_MS;
  watch.seen(planes); // revision 12 is wanted from here on
  world.positions = at(13);
  world.nowMs = 2 * GRACE_MS - 1;
  watch.seen(planes);
  expect(watch.counts()).toMatchObject({ current: 1, behind: 0 });
  world.nowMs = 2 * GRACE_MS;
  watch.seen(planes); // 13 was published before this checkpoint, so it is wanted with the next
  world.nowMs = 3 * GRACE_MS;
  watch.seen(planes);
  expect(watch.counts()).toMatchObject({ current: 0, behind: 1 });
});

test("[unit] where changes come all the time, one that follows closely is current", () => {
  const world: World = { nowMs: 0, positions: at(0) };
  const watch = createAcknowledgementWatch({ nowMs: () => world.nowMs, positions: () => world.positions });
  for (let second = 1; second <= 60; second++) {
    world.nowMs = second * 1000;
    world.positions = at(second * 10);
    watch.seen([aDataPlane("near", { revision: second * 10 - 5 }), aDataPlane("stuck", { revision: 5 })]);
  }
  expect(watch.counts()).toEqual({ current: 1, behind: 1, silent: 0 });
});

test("[unit] after Redis was written anew, one that has the new generation is current at once", () => {
  const world: World = { nowMs: 0, positions: at(12, "0000000000000000") };
  const watch = createAcknowledgementWatch({ nowMs: () => world.nowMs, positions: () => world.positions });
  const old = aDataPlane("old", { acknowledged: {} });
  const renewed = aDataPlane("new", { revision: 13 });
  for (const nowMs of [GRACE_MS, 2 * GRACE_MS]) {
    world.nowMs = nowMs;
    watch.seen([old, renewed]);
  }
  world.positions = at(13);
  expect(watch.counts()).toEqual({ current: 1, behind: 1, silent: 0 });
});

test("[unit] a namespace that is published no more is asked of nobody", () => {
  const world: World = { nowMs: 0, positions: at(12) };
  const watch = createAcknowledgementWatch({ nowMs: () => world.nowMs, positions: () => world.positions });
  for (const nowMs of [GRACE_MS, 2 * GRACE_MS]) {
    world.nowMs = nowMs;
    watch.seen([aDataPlane("a", { acknowledged: {} })]);
  }
  world.positions = new Map();
  expect(watch.counts()).toEqual({ current: 1, behind: 0, silent: 0 });
});
