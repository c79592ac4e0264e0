import { expect, test } from "vitest";
import { expandedSize } from "../../cli/expanded-size.ts";
import { type ParsedManifests, parseManifests } from "../../cli/manifests.ts";
import { findingLine } from "../../cli/source-finding.ts";

function parse(text: string, env: Record<string, string> = {}): ParsedManifests {
  return parseManifests({ source: { file: "a.yaml", text }, env });
}

const POLICY = `# a comment
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata:
  name: gold
  labels: {app.kubernetes.io/name: x}
spec:
  limits:
  - name: minute
    limit: 5
    window: {duration: 60s}
  - {name: day, limit: 9,
     window: {duration: 1d}}
  response:
    message: >-
      two
      lines
---
kind: Second
spec: &shared
  a: 1
other: *shared
`;

test.for([
  { field: "kind", line: 3 },
  { field: "metadata.name", line: 5 },
  { field: "metadata.labels.app.kubernetes.io/name", line: 6 },
  { field: 'metadata.labels["app.kubernetes.io/name"]', line: 6 },
  { field: "spec.limits", line: 8 },
  { field: "spec.limits[0]", line: 9 },
  { field: "spec.limits[0].limit", line: 10 },
  { field: "spec.limits[1].name", line: 12 },
  { field: "spec.limits[1].window.duration", line: 13 },
  { field: "spec.response.message", line: 15 },
])("[unit] finds $field on line $line", ({ field, line }) => {
  expect(parse(POLICY).manifests[0]?.lineOf(field)).toBe(line);
});

test.for([
  { name: "the whole object", field: "", line: 2 },
  { name: "a member that is absent", field: "spec.limits[0].unit", line: 9 },
  { name: "a list element that is absent", field: "spec.limits[7].unit", line: 8 },
  { name: "a member below a scalar", field: "spec.limits[0].limit.max", line: 10 },
  { name: "a top-level field that is absent", field: "status", line: 2 },
])("[unit] places $name at its nearest parent", ({ field, line }) => {
  expect(parse(POLICY).manifests[0]?.lineOf(field)).toBe(line);
});

test("[unit] counts lines across documents, and follows an alias to where the value was written", () => {
  const [, second] = parse(POLICY).manifests;
  expect(second?.lineOf("kind")).toBe(19);
  expect(second?.lineOf("other")).toBe(22);
  expect(second?.lineOf("other.a")).toBe(21);
  expect(second?.value).toEqual({ kind: "Second", spec: { a: 1 }, other: { a: 1 } });
});

test("[unit] the items of a List are manifests of their own", () => {
  const { manifests } = parse(
    "apiVersion: v1\nkind: List\nitems:\n- kind: A\n  spec: {x: 1}\n- kind: B\n  spec:\n    y: 2\n",
  );
  expect(manifests.map((manifest) => manifest.value)).toEqual([
    { kind: "A", spec: { x: 1 } },
    { kind: "B", spec: { y: 2 } },
  ]);
  expect(manifests[1]?.lineOf("spec.y")).toBe(8);
});

test("[unit] empty documents are passed over", () => {
  expect(parse("---\n# nothing\n---\nkind: A\n---\n...\n")).toMatchObject({
    manifests: [{ value: { kind: "A" } }],
    findings: [],
  });
  expect(parse("")).toEqual({ manifests: [], findings: [] });
});

test("[unit] YAML 1.2: yes and on are texts, and sixty-based numbers are not", () => {
  expect(parse("a: yes\nb: on\nc: 1:30\nd: 010\n").manifests[0]?.value).toEqual({
    a: "yes",
    b: "on",
    c: "1:30",
    d: 10,
  });
});

test.for([
  {
    name: "a syntax error with its line",
    text: "kind: A\nspec: [1, 2\nother: 3\n",
    expected: [
      "a.yaml:3: error: found Flow sequence in block collection must be sufficiently indented and end with a ], wanted valid YAML 1.2",
    ],
  },
  {
    name: "a key that stands twice, at its second place",
    text: "kind: A\nspec:\n  a: 1\n  b: 2\n  a: 3\n",
    expected: ["a.yaml:5: error: found the key a a second time, wanted each key once in its map"],
  },
  {
    name: "a document that is a list",
    text: "kind: A\n---\n- kind: B\n",
    expected: ["a.yaml:3: error: found a list, wanted a map with apiVersion, kind and metadata"],
  },
  {
    name: "a document that is a text",
    text: "hello\n",
    expected: ["a.yaml:1: error: found a single value, wanted a map with apiVersion, kind and metadata"],
  },
  {
    name: "an alias without its anchor",
    text: "kind: A\nspec: *none\n",
    expected: [
      "a.yaml:1: error: found Unresolved alias (the anchor must be set before the alias): none, wanted each alias after its anchor, and at most 10000 values reached by aliases",
    ],
  },
  {
    name: "a value that contains itself",
    text: "kind: A\nspec: &loop\n  again: *loop\n",
    expected: [
      "a.yaml:1: error: found aliases that expand without bound, wanted at most 5000000 values, aliases expanded",
    ],
  },
  {
    name: "a variable that is not set, at its own line within a block text",
    text: "kind: A\nspec:\n  list:\n  - message: |\n      first\n      ${GONE}\n",
    expected: [
      "a.yaml:6: error: spec.list[0].message: found ${GONE}, and the environment variable GONE is not set or empty, wanted GONE in the environment, or $${GONE} for the text itself",
    ],
  },
])("[unit] reports $name", ({ text, expected }) => {
  expect(parse(text).findings.map(findingLine)).toEqual(expected);
});

test("[unit] one broken document does not hide the others", () => {
  const { manifests, findings } = parse("kind: A\n---\na: [\n---\nkind: C\n");
  expect(manifests.map((manifest) => manifest.value)).toEqual([{ kind: "A" }, { kind: "C" }]);
  expect(findings).toHaveLength(1);
});

test("[unit] aliases that multiply are refused without expanding them", () => {
  const levels = Array.from({ length: 9 }, (_, index) => `a${index + 1}: &a${index + 1} [${`*a${index},`.repeat(9)}]`);
  const { manifests, findings } = parse(["a0: &a0 [x]", ...levels].join("\n"));
  expect(manifests).toEqual([]);
  expect(findings).toMatchObject([{ severity: "error", code: "NotAnObject" }]);
});

test("[unit] text nested deeper than the parser's stack is a finding", () => {
  const { manifests, findings } = parse(`kind: A\nspec: ${"[".repeat(100_000)}`);
  expect(manifests).toEqual([]);
  expect(findings[0]).toMatchObject({ severity: "error", code: "Syntax" });
});

test.for([
  { name: "a text", value: "x", size: 1 },
  { name: "a map with a list", value: { a: [1, 2], b: 3 }, size: 5 },
])("[unit] the expanded size of $name is $size", ({ value, size }) => {
  expect(expandedSize(value)).toBe(size);
});

test("[unit] a value used twice counts twice", () => {
  const shared = [1, 2];
  expect(expandedSize({ a: shared, b: shared })).toBe(7);
});

test("[unit] a variable's text cannot become YAML, a number or a key", () => {
  const env = { INJECTED: "x\nlimit: 9\n- y: {z: 1}", NUMBER: "123456", NAME: "kind" };
  const { manifests } = parse(
    "value: ${INJECTED}\nkey: ${NUMBER}\n${NAME}: A\nlist: [\"${NUMBER}\", '${NUMBER}']\n# ${COMMENT}\n",
    env,
  );
  expect(manifests[0]?.value).toEqual({
    value: "x\nlimit: 9\n- y: {z: 1}",
    key: "123456",
    "${NAME}": "A",
    list: ["123456", "123456"],
  });
});
