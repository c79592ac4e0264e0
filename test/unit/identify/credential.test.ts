// Where a client's key is looked for, and what counts as one.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  describeLocations,
  givesAway,
  type KeyLocations,
  presentedKey,
  queryParameters,
} from "../../../dataplane/identify/credential.ts";
import { createHeaderNames, HeaderList } from "../../../dataplane/identify/header-list.ts";

/** The default places of the API. */
const DEFAULT: KeyLocations = {
  headers: ["apikey", "x-api-key", "api-key", "x-goog-api-key", "authorization"],
  query: ["apikey", "key"],
  hideCredentials: true,
};

function presented(raw: readonly string[], query = "", locations = DEFAULT) {
  return presentedKey(
    locations,
    new HeaderList(
      raw,
      createHeaderNames(() => true),
    ),
    query,
  );
}

const key = (text: string) => ({ kind: "key", key: text });
const missing = { kind: "missing" };
const duplicated = (where: string) => ({ kind: "duplicated", where });

describe("the key that is presented", () => {
  const row = (name: string, raw: readonly string[], query: string, found: object) => ({ name, raw, query, found });
  test.for([
    row("a header", ["apikey", "k"], "", key("k")),
    row("a header's name in any case", ["ApiKey", "k"], "", key("k")),
    row("what the Anthropic SDK sends", ["X-Api-Key", "k"], "", key("k")),
    row("what the OpenAI SDK sends", ["Authorization", "Bearer k"], "", key("k")),
    row("the scheme's name in any case", ["Authorization", "bEARER k"], "", key("k")),
    row("more than one space behind the scheme", ["Authorization", "Bearer   k"], "", key("k")),
    row("a query parameter", [], "a=1&apikey=k", key("k")),
    row("a query parameter that is encoded", [], "apikey=a%2Bb%20c", key("a+b c")),
    row("a query parameter whose name is encoded", [], "%61pikey=k", key("k")),
    row("nothing at all", [], "", missing),
    row("authorization without a scheme is none", ["Authorization", "k"], "", missing),
    row("another scheme is none", ["Authorization", "Basic azpr"], "", missing),
    row("a scheme that only starts alike is none", ["Authorization", "Bearerk"], "", missing),
    row("a scheme without a key is none", ["Authorization", "Bearer"], "", missing),
    row("a scheme with only spaces is none", ["Authorization", "Bearer "], "", missing),
    row("an empty header is none", ["apikey", ""], "", missing),
    row("an empty parameter is none", [], "apikey=", missing),
    row("a parameter without a value is none", [], "apikey", missing),
    row("a parameter's name in another case is none", [], "ApiKey=k", missing),
    row("a parameter behind a second question mark is another parameter", [], "?apikey=k", missing),
    row(
      "the first listed header decides",
      ["Authorization", "Bearer b", "x-api-key", "x", "apikey", "a"],
      "",
      key("a"),
    ),
    row("a header decides before the query", ["authorization", "Bearer h"], "apikey=q", key("h")),
    row("the first listed parameter decides", [], "key=2&apikey=1", key("1")),
    row("an empty header leaves it to the next", ["apikey", "", "x-api-key", "x"], "", key("x")),
    row("a foreign scheme leaves it to the next", ["Authorization", "Basic x"], "key=q", key("q")),
    row("an empty parameter leaves it to the next", [], "apikey=&key=2", key("2")),
    row("a header given twice is refused", ["apikey", "a", "APIKEY", "b"], "", duplicated("header apikey")),
    row(
      "a header given twice with one value is refused",
      ["apikey", "a", "apikey", "a"],
      "",
      duplicated("header apikey"),
    ),
    row("a header given twice, once empty, is refused", ["apikey", "", "apikey", "a"], "", duplicated("header apikey")),
    row("a parameter given twice is refused", [], "apikey=a&apikey=b", duplicated("query parameter apikey")),
    row(
      "a parameter given twice in two spellings is refused",
      [],
      "apikey=a&%61pikey=b",
      duplicated("query parameter apikey"),
    ),
    row(
      "what is given twice behind the deciding place does not matter",
      ["apikey", "a", "x-api-key", "1", "x-api-key", "2"],
      "",
      key("a"),
    ),
  ])("[unit] $name", ({ raw, query, found }) => {
    expect(presented(raw, query)).toEqual(found);
  });

  test("[unit] places that are not listed are not looked at", () => {
    const only: KeyLocations = { ...DEFAULT, headers: ["x-mine"], query: [] };
    expect(presented(["apikey", "a", "Authorization", "Bearer b"], "apikey=c", only)).toEqual(missing);
    expect(presented(["X-Mine", "Bearer d"], "", only)).toEqual(key("Bearer d"));
  });

  test("[unit] the first listed place that holds something decides, whatever order the client chose", () => {
    const place = fc.subarray(DEFAULT.headers, { minLength: 1 });
    fc.assert(
      fc.property(place, fc.nat(), (names, turn) => {
        const shuffled = names.map((_, i) => names[(i + turn) % names.length] ?? "");
        const raw = shuffled.flatMap((name) => [name, name === "authorization" ? `Bearer ${name}` : name]);
        const first = DEFAULT.headers.find((name) => names.includes(name)) ?? "";
        expect(presented(raw)).toEqual(key(first));
      }),
    );
  });
});

describe("telling whether a text gives a key away", () => {
  test.for([
    { name: "the key itself", text: "long-key-1", key: "long-key-1", gives: true },
    { name: "behind a scheme", text: "Token long-key-1", key: "long-key-1", gives: true },
    { name: "within other text", text: "a=1; apikey=long-key-1; b", key: "long-key-1", gives: true },
    { name: "a part of it", text: "long-key", key: "long-key-1", gives: false },
    { name: "the first 64 characters of a longer one", text: "k".repeat(64), key: `${"k".repeat(64)}-1`, gives: true },
    { name: "a short key itself", text: "k1", key: "k1", gives: true },
    { name: "a short key behind a scheme", text: "Bearer k1", key: "k1", gives: true },
    { name: "a short key within innocent text", text: "application/k1", key: "k1", gives: false },
  ])("[unit] $name: $gives", ({ text, key: secret, gives }) => {
    expect(givesAway(text, secret)).toBe(gives);
  });
});

test("[unit] a query string is one parameter for each part between two & that is not empty", () => {
  const query = fc.string({
    unit: fc.constantFrom("a", "=", "&", "?", "%", "4", "1", "+", "#", ";", "é"),
    maxLength: 20,
  });
  fc.assert(
    fc.property(query, (text) => {
      expect([...queryParameters(text)]).toHaveLength(text.split("&").filter((pair) => pair !== "").length);
    }),
    { numRuns: 3_000 },
  );
});

test("[unit] the places are named in words for people", () => {
  expect(describeLocations({ ...DEFAULT, headers: ["apikey", "authorization"], query: ["key"] })).toBe(
    "header apikey, header Authorization: Bearer, query parameter key",
  );
});
