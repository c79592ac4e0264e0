// Manifests that are refused, with the exact lines that their authors are shown.

import { test } from "vitest";
import { aConsumer, aLimit, aPolicy, compiled, linesOf, withField } from "./manifest-builders.ts";
import { REFUSED } from "./refused-all.ts";
import { rejects } from "./refused-fields.ts";

const consumer = aConsumer({ name: "user1" }, { credentials: [{ name: "main", apiKey: { value: "k-1" } }] });
const ONE_OF_THREE = "exactly one of secretRef, keyHash and value";

for (const refused of REFUSED) rejects(refused);

test.for([
  {
    to: "Consmer",
    line: ' default/user1 kind: found "Consmer", wanted one of AIBackend, AIRateLimitPolicy, AIRoute, Consumer, Secret; did you mean `Consumer`?',
  },
  {
    to: "Deployment",
    line: ' default/user1 kind: found "Deployment", wanted one of AIBackend, AIRateLimitPolicy, AIRoute, Consumer, Secret',
  },
  {
    to: undefined,
    line: " default/user1 kind: found nothing, wanted one of AIBackend, AIRateLimitPolicy, AIRoute, Consumer, Secret",
  },
])("[unit] refuses the kind $to", ({ to, line }, { expect }) => {
  expect(linesOf(compiled(withField(consumer, "kind", to)))).toEqual([`${to ?? "(no kind)"}${line}`]);
});

test.for([
  {
    name: "a text",
    value: "kind: Consumer",
    line: "(no kind) default/(no name): found a string, wanted a Kubernetes object",
  },
  { name: "a list", value: [1], line: "(no kind) default/(no name): found a list of 1, wanted a Kubernetes object" },
])("[unit] refuses $name in place of an object", ({ value, line }, { expect }) => {
  expect(linesOf(compiled(value))).toEqual([line]);
});

test("[unit] passes over empty documents", ({ expect }) => {
  expect(compiled(null, undefined)).toEqual({ objects: [], findings: [] });
});

test("[unit] names every error of an object at once, and an unknown field does not hide a broken rule", ({
  expect,
}) => {
  const limit = { name: "A", limit: 0, window: { duration: "1x" }, colour: "red" };
  const when = [{ type: "Header", vals: [] }];
  expect(
    linesOf(compiled(aPolicy({}, { limits: [limit, aLimit({ when })] }))).map((line) => line.split(" ")[2]),
  ).toEqual([
    "spec.limits[0].name:",
    "spec.limits[0].limit:",
    "spec.limits[0].window.duration:",
    "spec.limits[0].colour:",
    "spec.limits[1].when[0].vals:",
    "spec.limits[1].when[0].name:",
  ]);
});

test("[unit] hides a key that was typed where the name of a field belongs", ({ expect }) => {
  const output = compiled(withField(consumer, "spec.credentials[0].apiKey", { "sk-live": null }));
  expect(JSON.stringify(output)).not.toContain("sk-live");
  expect(linesOf(output)).toEqual([
    "Consumer default/user1 spec.credentials[0].apiKey: found an unknown field (hidden), wanted one of secretRef, keyHash, value",
    `Consumer default/user1 spec.credentials[0].apiKey: found none of them, wanted ${ONE_OF_THREE}`,
  ]);
});

test("[unit] shows hostile text on one line and shortened", ({ expect }) => {
  const [line = ""] = linesOf(compiled(aConsumer({}, { username: ` \u001b[31m\u202e\u0085\n${"x".repeat(500)}` })));
  expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(line.length).toBeLessThan(250);
});

test("[unit] a reference carries no text that could not be a name", ({ expect }) => {
  const { findings } = compiled({ ...aConsumer({ name: "\u001b[2J" }), kind: "Con\nsumer" });
  expect(findings.map(({ object }) => object)).toEqual([{ kind: "", namespace: "default", name: "" }]);
});

const many = Object.fromEntries(Array.from({ length: 250_000 }, (_, i) => [`f${String(i)}`, 1]));

test.for([
  {
    at: "spec",
    to: { ...many, username: "user1" },
    line: "spec: found more than 20000 values, wanted fewer: no valid spec has half as many",
  },
  {
    at: "spec.groups",
    to: Array.from({ length: 250_000 }, () => 1),
    line: "spec: found more than 20000 values, wanted fewer: no valid spec has half as many",
  },
  { at: "metadata", to: { name: "user1", ...many }, line: /metadata: found 250000 unknown fields, wanted only name,/ },
  {
    at: "metadata.labels",
    to: many,
    line: undefined,
  },
])("[unit] an object with 250,000 values in $at is one finding at most", ({ at, to, line }, { expect }) => {
  const lines = linesOf(compiled(withField(consumer, at, to)));
  expect(lines.filter((text) => !text.includes("value: found (hidden)"))).toEqual(
    line === undefined ? [] : [expect.stringMatching(line)],
  );
});

test("[unit] 250,000 unknown fields beside spec are one finding", ({ expect }) => {
  expect(linesOf(compiled({ ...consumer, ...many }))).toEqual([
    "Consumer default/user1: found 250000 unknown fields, wanted only apiVersion, kind, metadata, spec, status",
  ]);
});

test("[unit] of many problems the first hundred are told, and how many there are besides", ({ expect }) => {
  const unknown = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`f${String(i)}`, 1]));
  const limits = Array.from({ length: 16 }, (_, i) => aLimit({ name: `l${String(i)}`, ...unknown }));
  const lines = linesOf(compiled(aPolicy({}, { limits })));
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)).toEqual(expect.stringMatching(/spec: found 60 more problems, wanted those above mended first$/));
});
