// Headers as they came, looked up by lower-case name.

import fc from "fast-check";
import { expect, test } from "vitest";
import { createHeaderNames, HeaderList } from "../../../dataplane/identify/header-list.ts";

const list = (...raw: string[]): HeaderList =>
  new HeaderList(
    raw,
    createHeaderNames(() => true),
  );

test.for([
  { name: "finds a name in any spelling", raw: ["X-Id", "1"], asked: "x-id", value: "1", count: 1 },
  {
    name: "joins values of one name in order",
    raw: ["a", "1", "b", "2", "A", "3"],
    asked: "a",
    value: "1, 3",
    count: 2,
  },
  { name: "keeps an empty value", raw: ["a", ""], asked: "a", value: "", count: 1 },
  { name: "joins empty values too", raw: ["a", "", "a", "x"], asked: "a", value: ", x", count: 2 },
  { name: "does not find what is not there", raw: ["a", "1"], asked: "b", value: undefined, count: 0 },
  { name: "does not take a value for a name", raw: ["a", "b"], asked: "b", value: undefined, count: 0 },
  { name: "knows no inherited names", raw: [], asked: "__proto__", value: undefined, count: 0 },
  { name: "takes __proto__ for a name like any", raw: ["__proto__", "x"], asked: "__proto__", value: "x", count: 1 },
])("[unit] $name", ({ raw, asked, value, count }) => {
  expect(list(...raw).get(asked)).toBe(value);
  expect(list(...raw).count(asked)).toBe(count);
});

test("[unit] names[i] is the lower case of raw[2i], however many spellings came before", () => {
  const names = createHeaderNames(() => true);
  const token = fc.string({ unit: fc.constantFrom("a", "B", "-", "Z", "9"), minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(fc.array(fc.tuple(token, fc.string()), { maxLength: 20 }), (pairs) => {
      const headers = new HeaderList(pairs.flat(), names);
      expect(headers.names).toEqual(pairs.map(([name]) => name.toLowerCase()));
      for (const [i, [, value]] of pairs.entries()) expect(headers.value(i)).toBe(value);
    }),
    { numRuns: 500 },
  );
});
