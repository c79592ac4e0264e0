import fc from "fast-check";
import { expect, test } from "vitest";
import { substituteEnv } from "../../cli/env-substitution.ts";

const env = { KEY: "s3cret", _A1: "x", EMPTY: "", NESTED: "${KEY}", DOLLAR: "$&$1" };

test.for([
  { name: "replaces an upper-case name", text: "${KEY}", expected: "s3cret" },
  {
    name: "replaces within a text, as often as it stands there",
    text: "a ${KEY}-${KEY} b",
    expected: "a s3cret-s3cret b",
  },
  { name: "takes digits and underscores in names", text: "${_A1}", expected: "x" },
  { name: "leaves a lower-case template", text: "${http_x_id ?? 7}", expected: "${http_x_id ?? 7}" },
  { name: "leaves a name of mixed case", text: "${Key}", expected: "${Key}" },
  { name: "leaves a name that begins with a digit", text: "${1KEY}", expected: "${1KEY}" },
  { name: "leaves a dollar without braces", text: "$KEY costs $5", expected: "$KEY costs $5" },
  { name: "leaves an unclosed brace", text: "${KEY", expected: "${KEY" },
  { name: "unescapes a doubled dollar", text: "$${KEY}", expected: "${KEY}" },
  { name: "keeps a doubled dollar before what is no reference", text: "$${http_x}", expected: "$${http_x}" },
  { name: "does not look into a value again", text: "${NESTED}", expected: "${KEY}" },
  { name: "takes a value as it is, replacement patterns included", text: "${DOLLAR}", expected: "$&$1" },
])("[unit] $name", ({ text, expected }) => {
  expect(substituteEnv(text, env)).toEqual({ text: expected, missing: [] });
});

test.for([
  {
    name: "reports an unset variable and keeps the text",
    text: "x ${GONE} ${KEY}",
    expected: { text: "x ${GONE} s3cret", missing: ["GONE"] },
  },
  {
    name: "reports a variable that is set to nothing",
    text: "${EMPTY}",
    expected: { text: "${EMPTY}", missing: ["EMPTY"] },
  },
  {
    name: "does not take inherited names for variables",
    text: "${CONSTRUCTOR}",
    expected: { text: "${CONSTRUCTOR}", missing: ["CONSTRUCTOR"] },
  },
])("[unit] $name", ({ text, expected }) => {
  expect(substituteEnv(text, env)).toEqual(expected);
});

test("[unit] a text without a dollar sign is never changed", () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes("$")),
      (text) => {
        expect(substituteEnv(text, env)).toEqual({ text, missing: [] });
      },
    ),
  );
});
