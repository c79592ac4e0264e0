// Which of several MostSpecific policies is in force: ranks, ties, backends and Shadow.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { AppliesTo } from "../../../dataplane/core/match.ts";
import { bySpecificity, type Candidate, inForce } from "../../../dataplane/core/precedence.ts";

const GROUPS = ["silver", "gold"];

function aCandidate(name: string, appliesTo: AppliesTo = {}, parts: Partial<Candidate> = {}): Candidate {
  return { name, createdMs: 5, appliesTo, isCluster: false, above: 0, isShadow: false, ...parts };
}

function chosen(candidates: readonly Candidate[], backend = "openai"): string[] {
  return inForce(candidates.toSorted(bySpecificity(GROUPS)), backend).map(({ name }) => name);
}

const consumers = ["alice"];
const consumerGroups = ["gold"];
const routes = ["chat"];
const backends = ["openai"];

/** From the most to the least specific. */
const RANKS = [
  aCandidate("z-consumer-route", { consumers, routes }),
  aCandidate("y-group-route", { consumerGroups, routes }),
  aCandidate("x-consumer", { consumers }),
  aCandidate("w-group", { consumerGroups }),
  aCandidate("v-route", { routes }),
  aCandidate("u-namespace", {}),
  aCandidate("t-cluster", {}, { isCluster: true }),
];

test.for(RANKS.slice(1).map((lower, i) => ({ lower, higher: RANKS[i] ?? lower })))(
  "[unit] $higher.name goes before $lower.name, though that is older",
  ({ higher, lower }) => {
    expect(chosen([{ ...lower, createdMs: 1 }, higher])).toEqual([higher.name]);
  },
);

test.for([
  {
    name: "of a consumer's own policy and its parent's its own",
    candidates: [
      aCandidate("a", { consumers: ["team"] }, { createdMs: 1, above: 1 }),
      aCandidate("b", { consumers }, { isCluster: true }),
    ],
    winner: "b",
  },
  {
    name: "of two for the same lists that of the namespace before that of the cluster",
    candidates: [aCandidate("a", { consumers }, { createdMs: 1, isCluster: true }), aCandidate("b", { consumers })],
    winner: "b",
  },
  {
    name: "consumers of the cluster before groups of the namespace",
    candidates: [
      aCandidate("a", { consumerGroups }, { createdMs: 1 }),
      aCandidate("b", { consumers }, { isCluster: true }),
    ],
    winner: "b",
  },
  {
    name: "of several groups of the caller the name that sorts first",
    candidates: [
      aCandidate("a", { consumerGroups: ["silver", "iron"] }, { createdMs: 1 }),
      aCandidate("b", { consumerGroups: ["silver", "gold"] }),
    ],
    winner: "b",
  },
  {
    name: "a group that the caller is not in does not count",
    candidates: [
      aCandidate("a", { consumerGroups: ["bronze", "silver"] }, { createdMs: 1 }),
      aCandidate("b", { consumerGroups: ["gold"] }),
    ],
    winner: "b",
  },
  {
    name: "groups of a policy for consumers do not count",
    candidates: [
      aCandidate("a", { consumers, consumerGroups: ["silver"] }, { createdMs: 1 }),
      aCandidate("b", { consumers, consumerGroups: ["gold"] }),
    ],
    winner: "a",
  },
  {
    name: "then the older",
    candidates: [aCandidate("a", {}, { createdMs: 2 }), aCandidate("b", {}, { createdMs: 1 })],
    winner: "b",
  },
  {
    name: "an unknown age is the youngest",
    candidates: [aCandidate("a", {}, { createdMs: 0 }), aCandidate("b", {}, { createdMs: 9 })],
    winner: "b",
  },
  {
    name: "then the name",
    candidates: [aCandidate("b", {}, { createdMs: 0 }), aCandidate("a", {}, { createdMs: 0 })],
    winner: "a",
  },
  {
    name: "backends do not raise a rank",
    candidates: [aCandidate("a", { backends }), aCandidate("b", {}, { createdMs: 1 })],
    winner: "b",
  },
  {
    name: "a policy for other backends leaves the choice to the rest",
    candidates: [aCandidate("a", { consumers, backends: ["azure"] }), aCandidate("b")],
    winner: "b",
  },
])("[unit] $name", ({ candidates, winner }) => {
  expect(chosen(candidates)).toEqual([winner]);
});

test.for([
  { name: "above the enforced one is watched beside it", shadows: [{ consumers }], applies: ["s0", "e"] },
  { name: "below the enforced one is not asked", shadows: [{}], applies: ["e"] },
  {
    name: "below another in Shadow is not asked",
    shadows: [
      { consumerGroups, routes },
      { consumers, routes },
    ],
    applies: ["s1", "e"],
  },
])("[unit] a policy in Shadow $name", ({ shadows, applies }) => {
  const watched = shadows.map((appliesTo, i) => aCandidate(`s${String(i)}`, appliesTo, { isShadow: true }));
  expect(chosen([...watched, aCandidate("e", { routes })])).toEqual(applies);
});

test("[unit] with none enforced the most specific in Shadow is watched; with none at all nothing is", () => {
  expect(chosen([aCandidate("a", {}, { isShadow: true }), aCandidate("b", { routes }, { isShadow: true })])).toEqual([
    "b",
  ]);
  expect(chosen([])).toEqual([]);
});

const list = (names: readonly string[]): fc.Arbitrary<string[] | undefined> =>
  fc.option(fc.subarray([...names], { minLength: 1 }), { nil: undefined });
const candidates = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
    createdMs: fc.nat({ max: 2 }),
    isShadow: fc.boolean(),
    isCluster: fc.boolean(),
    above: fc.nat({ max: 2 }),
    appliesTo: fc.record({
      consumers: list(["alice"]),
      consumerGroups: list(["gold", "silver", "iron"]),
      routes: list(["chat"]),
      backends: list(["openai", "azure"]),
    }),
  }),
  { selector: ({ name }) => name },
);

test("[unit] the choice does not depend on the order in which policies come", () => {
  fc.assert(
    fc.property(candidates, (each) => {
      expect(chosen(each.toReversed())).toEqual(chosen(each));
    }),
  );
});

test("[unit] policies in Shadow never change which one is enforced, and at most one of them is watched", () => {
  fc.assert(
    fc.property(candidates, (each) => {
      const shadows = new Set<string>(each.filter(({ isShadow }) => isShadow).map(({ name }) => name));
      const [withThem, without] = [chosen(each), chosen(each.filter(({ isShadow }) => !isShadow))];
      expect(withThem.filter((name) => !shadows.has(name))).toEqual(without);
      expect(withThem.filter((name) => shadows.has(name)).length).toBeLessThanOrEqual(1);
    }),
  );
});
