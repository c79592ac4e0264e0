// The header that tells what Shadow limits would have refused.

import { expect, test } from "vitest";
import { wouldRefuse } from "../../../dataplane/respond/would-refuse.ts";
import { aStatus } from "./builders.ts";

const limit = (name: string, policy = "p") => aStatus({ name, policy }).status.limit;

test("[unit] names namespace, policy and limit of each", () => {
  expect(wouldRefuse([])).toBe("");
  expect(wouldRefuse([limit("a"), limit("b", "q")])).toBe("ai/p/a, ai/q/b");
});

test("[unit] a long list is cut after 1024 characters, and says so", () => {
  const text = wouldRefuse(Array.from({ length: 64 }, (_, i) => limit(`l${String(i)}`, "p".repeat(253))));
  expect(text.length).toBeLessThanOrEqual(1_024 + ", ...".length);
  expect(text.split(", ")).toHaveLength(4);
  expect(text.endsWith(", ...")).toBe(true);
});
