// MostSpecific policies that another one with the same appliesTo keeps out of force for ever are told of.

import { expect, test } from "vitest";
import { aConsumer, aLimit, aPolicy, compiled, linesOf, type Manifest } from "./manifest-builders.ts";

const rival = (name: string, day: number, spec: Manifest = {}): Manifest =>
  aPolicy(
    { name, creationTimestamp: `2026-01-0${String(day)}T00:00:00Z` },
    { precedence: "MostSpecific", appliesTo: { consumers: ["x", "y"] }, ...spec },
  );
const people = ["x", "y"].map((name) => aConsumer({ name }));

const line = (name: string, other: string): string =>
  `warning: AIRateLimitPolicy default/${name} spec.precedence: found MostSpecific, with the same appliesTo as policy ${other}, ` +
  "which goes before it, wanted Additive, or another appliesTo: of equal MostSpecific policies the older is in force, and " +
  "this one never";

const shadow = { mode: "Shadow" };

test.for([
  { name: "the younger of two", policies: [rival("a", 2), rival("b", 1)], lines: [line("a", "b")] },
  {
    name: "by name where the age is the same, whatever the order of the list",
    policies: [rival("b", 1), rival("a", 1, { appliesTo: { consumers: ["y", "x"] } })],
    lines: [line("b", "a")],
  },
  { name: "none where appliesTo differs", policies: [rival("a", 1), rival("b", 2, { appliesTo: {} })], lines: [] },
  {
    name: "none beside an Additive one",
    policies: [rival("a", 1, { precedence: "Additive" }), rival("b", 2)],
    lines: [],
  },
  {
    name: "none where one is about all namespaces",
    policies: [rival("a", 1, { scope: "Cluster" }), rival("b", 2)],
    lines: [],
  },
  { name: "no younger one beside one in Shadow", policies: [rival("a", 1, shadow), rival("b", 2)], lines: [] },
  {
    name: "one in Shadow behind any",
    policies: [rival("a", 1), rival("b", 2, shadow)],
    lines: [line("b", "a")],
  },
  {
    name: "the third, where the first is in Shadow",
    policies: [rival("a", 1, shadow), rival("b", 2), rival("c", 3)],
    lines: [line("c", "b")],
  },
  {
    name: "one in Shadow behind one that enforces in part",
    policies: [rival("a", 1, { ...shadow, limits: [aLimit({ mode: "Enforce" })] }), rival("b", 2, shadow)],
    lines: [line("b", "a")],
  },
])("[unit] warns of $name", ({ policies, lines }) => {
  const output = compiled(...people, ...policies);
  expect(linesOf(output)).toEqual(lines);
  expect(output.objects.filter(({ kind }) => kind === "AIRateLimitPolicy")).toHaveLength(policies.length);
});
