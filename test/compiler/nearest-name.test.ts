// Suggestions: near enough to help, never far-fetched.

import fc from "fast-check";
import { test } from "vitest";
import { editDistance, nearestName, withSuggestion } from "../../compiler/nearest-name.ts";

test.for([
  { name: "a missing letter", typed: "windw", known: ["window", "when"], nearest: "window" },
  { name: "swapped letters", typed: "limtis", known: ["limits", "limit"], nearest: "limits" },
  { name: "another case", typed: "APIKEY", known: ["name", "apiKey"], nearest: "apiKey" },
  { name: "one edit in a short name", typed: "pe", known: ["per", "unit"], nearest: "per" },
  { name: "the first of two that are as near", typed: "ab", known: ["abd", "abc"], nearest: "abc" },
  { name: "nothing near", typed: "colour", known: ["limit", "window"], nearest: undefined },
  { name: "a short name, two edits away", typed: "mo", known: ["when"], nearest: undefined },
  { name: "no candidates", typed: "a", known: [], nearest: undefined },
  { name: "an endless name", typed: "a".repeat(65), known: ["a".repeat(64)], nearest: undefined },
])("[unit] suggests for $name", ({ typed, known, nearest }, { expect }) => {
  expect(nearestName(typed, known)).toBe(nearest);
});

test("[unit] gives up on long lists of names", ({ expect }) => {
  const names = Array.from({ length: 1001 }, (_, i) => `user${String(i)}`);
  expect(nearestName("usr5", names)).toBeUndefined();
  expect(nearestName("usr5", names.slice(0, 1000))).toBe("user5");
});

test("[unit] adds the suggestion to what is wanted", ({ expect }) => {
  expect(withSuggestion("a field", "windw", ["window"])).toBe("a field; did you mean `window`?");
  expect(withSuggestion("a field", "x", ["window"])).toBe("a field");
});

const text = fc.string({ maxLength: 8, unit: fc.constantFrom("a", "b", "c") });

test("[unit] the distance is symmetric, zero only between equals, and at most the longer length", () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      const distance = editDistance(a, b);
      return (
        distance === editDistance(b, a) && (distance === 0) === (a === b) && distance <= Math.max(a.length, b.length)
      );
    }),
  );
});

test("[unit] one swap, insertion or replacement is one edit", () => {
  fc.assert(
    fc.property(text, fc.nat(7), (a, at) => {
      const i = Math.min(at, a.length);
      return editDistance(a, `${a.slice(0, i)}x${a.slice(i)}`) === 1 && editDistance(`xy${a}`, `yx${a}`) === 1;
    }),
  );
});
