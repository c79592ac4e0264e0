// Labels and the names of headers: which two limits of a policy could not be told apart, in the formats that it shows.

import { expect, test } from "vitest";
import type { HeaderFormat } from "../../dataplane/contract/compiled.ts";
import { aLimit, aPolicy, compiled, linesOf, type Manifest } from "./manifest-builders.ts";

const policy = (formats: readonly HeaderFormat[], ...limits: readonly Manifest[]): Manifest =>
  aPolicy({}, { limits, response: { headers: { formats } } });

/** Label and length of the window. */
const limit = (name: string, label: string, duration: string, unit = "TotalTokens"): Manifest =>
  aLimit({ name, label, window: { duration }, unit });

const refusal = (label: string, other: string, format: string): string =>
  `AIRateLimitPolicy default/it spec.limits[1].label: found "${label}", wanted a label unlike that of limit ${other}: headers of format ${format} could not tell them apart`;

test.for<{ name: string; formats: HeaderFormat[]; second: Manifest; format?: string }>([
  {
    name: "Kong list 1, trap 27: one label and window, in the Window format",
    formats: ["Window"],
    second: limit("b", "x", "1m"),
    format: "Window",
  },
  {
    name: "one label in two windows, in the Window format",
    formats: ["Window", "IETF"],
    second: limit("b", "x", "1h"),
  },
  {
    name: "one label in two windows, in the Instance format",
    formats: ["Instance"],
    second: limit("b", "x", "1h"),
    format: "Instance",
  },
  {
    name: "one label in two windows, in the Rule format",
    formats: ["Rule"],
    second: limit("b", "x", "1h"),
    format: "Rule",
  },
  {
    name: "labels that differ, in all formats",
    formats: ["Window", "Instance", "Rule"],
    second: limit("b", "y", "1m"),
  },
  {
    name: "a label that is the end of the other's name in the Window format",
    formats: ["Window", "Instance"],
    second: limit("b", "minute-x", "1h"),
    format: "Window",
  },
  {
    name: "such a label where only one of the two formats is shown",
    formats: ["Instance"],
    second: limit("b", "hour-x", "1h"),
  },
  {
    name: "one label in two windows where one limit of a kind is shown",
    formats: ["IETFDraft03", "OpenAI", "Anthropic"],
    second: limit("b", "x", "1h"),
  },
])("[unit] $name", ({ formats, second, format }) => {
  const manifest = policy(formats, limit("a", "x", "60s"), second);
  const label = String(second["label"]);
  expect(linesOf(compiled(manifest))).toEqual(format === undefined ? [] : [refusal(label, "a", format)]);
});

test("[unit] letters' case does not tell labels apart", () => {
  expect(linesOf(compiled(policy(["Rule"], limit("a", "x", "60s"), limit("b", "X", "1h"))))).toEqual([
    refusal("X", "a", "Rule"),
  ]);
});

test("[unit] limits of one label and two windows get their units where only the label names them", () => {
  const labels = (formats: readonly HeaderFormat[]): unknown => {
    const limits = [limit("a", "x", "60s"), limit("b", "x", "1h", "Cost"), limit("c", "y", "1h", "Requests")];
    const [object] = compiled(policy(formats, ...limits)).objects;
    return object?.kind === "AIRateLimitPolicy" && object.limits.map((each) => each.label);
  };
  const fixed = (...texts: readonly string[]) => texts.map((text) => ({ kind: "fixed", text }));
  expect(labels(["Window"])).toEqual(fixed("x", "x", "y"));
  expect(labels(["Instance"])).toEqual(fixed("x", "x-cost", "y"));
  expect(labels(["Rule", "Window"])).toEqual(fixed("x", "x-cost", "y"));
});
