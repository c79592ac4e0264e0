// Whom claims identify, with several credentials that ask for more or less.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type Claims, type TokenDemand, TokenIndex } from "../../../dataplane/identify/token-credentials.ts";

interface Named {
  readonly name: string;
  readonly demand: TokenDemand;
}

const ISSUER = "https://idp.example";
const claim = (name: string, value: string) => ({ name, value });

function aCredential(name: string, claims = [claim("sub", name)], parts: Partial<TokenDemand> = {}): Named {
  return { name, demand: { issuer: ISSUER, audience: "ai", claims, ...parts } };
}

function indexOf(...credentials: readonly Named[]): TokenIndex<Named> {
  const index = new TokenIndex<Named>((a, b) => (a.name < b.name ? -1 : 1));
  for (const credential of credentials) index.add(credential, credential.demand);
  return index;
}

const claims = (parts: Claims): Claims => ({ iss: ISSUER, aud: "ai", ...parts });
const alice = aCredential("alice");

test.for([
  { name: "the subject", held: alice, claims: { sub: "alice" }, fits: true },
  { name: "the subject in another case", held: alice, claims: { sub: "Alice" }, fits: false },
  { name: "another subject", held: alice, claims: { sub: "bob" }, fits: false },
  { name: "no subject", held: alice, claims: {}, fits: false },
  { name: "another issuer", held: alice, claims: { sub: "alice", iss: `${ISSUER}/` }, fits: false },
  { name: "another audience", held: alice, claims: { sub: "alice", aud: "other" }, fits: false },
  { name: "one of several audiences", held: alice, claims: { sub: "alice", aud: ["other", "ai"] }, fits: true },
  { name: "no audience", held: alice, claims: { sub: "alice", aud: undefined }, fits: false },
  {
    name: "a list with the value",
    held: aCredential("a", [claim("groups", "b")]),
    claims: { groups: ["a", "b"] },
    fits: true,
  },
  { name: "a list without it", held: aCredential("a", [claim("groups", "b")]), claims: { groups: ["a"] }, fits: false },
  { name: "a number", held: aCredential("a", [claim("id", "42")]), claims: { id: 42 }, fits: true },
  { name: "a boolean", held: aCredential("a", [claim("staff", "true")]), claims: { staff: true }, fits: true },
  { name: "an object", held: aCredential("a", [claim("o", "[object Object]")]), claims: { o: {} }, fits: false },
  { name: "null", held: aCredential("a", [claim("o", "null")]), claims: { o: null }, fits: false },
  { name: "what every object has", held: aCredential("a", [claim("constructor", "x")]), claims: {}, fits: false },
  {
    name: "all of two claims",
    held: aCredential("a", [claim("sub", "a"), claim("t", "1")]),
    claims: { sub: "a", t: "1" },
    fits: true,
  },
  {
    name: "one of two claims",
    held: aCredential("a", [claim("sub", "a"), claim("t", "1")]),
    claims: { sub: "a" },
    fits: false,
  },
])("[unit] $name: fits $fits", ({ held, claims: said, fits }) => {
  expect(indexOf(held).find(claims(said))).toBe(fits ? held : undefined);
});

test("[unit] of several that fit the one that asks for most has it, then the name that sorts first", () => {
  const team = aCredential("a-team", [claim("groups", "gold")]);
  const both = aCredential("z", [claim("groups", "gold"), claim("sub", "alice")]);
  const twin = aCredential("b-team", [claim("groups", "silver")]);
  const said = claims({ sub: "alice", groups: ["silver", "gold"] });
  expect(indexOf(team, both, twin).find(said)).toBe(both);
  expect(indexOf(twin, team).find(said)).toBe(team);
});

test("[unit] what is removed is found no more, and its issuer is unknown when none is left", () => {
  const shared = [claim("tenant", "acme"), claim("sub", "1")];
  const others = ["2", "3"].map((sub) => aCredential(sub, [claim("tenant", "acme"), claim("sub", sub)]));
  const index = indexOf(aCredential("1", shared), ...others, alice);
  expect(index.find(claims({ tenant: "acme", sub: "3" }))).toBe(others[1]);
  for (const one of others) index.remove(one, one.demand);
  expect(index.find(claims({ tenant: "acme", sub: "3" }))).toBeUndefined();
  expect(index.find(claims({ tenant: "acme", sub: "1" }))?.name).toBe("1");
  index.remove(alice, alice.demand);
  expect([index.hasIssuer(ISSUER), index.hasIssuer("https://other.example")]).toEqual([true, false]);
});

test("[unit] the index finds what looking at all of them finds, whatever came and went", () => {
  const value = fc.constantFrom("1", "2");
  const name = fc.constantFrom("sub", "team", "mail");
  const demand = fc.record({
    issuer: fc.constantFrom(ISSUER, "https://other.example"),
    audience: fc.constantFrom("ai", "b"),
    claims: fc.uniqueArray(fc.record({ name, value }), { minLength: 1, maxLength: 3, selector: (one) => one.name }),
  });
  const said = fc.record(
    { sub: value, team: fc.array(value, { maxLength: 2 }), mail: value, aud: fc.constantFrom("ai", ["ai", "b"]) },
    { requiredKeys: ["aud"] },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(demand, fc.boolean()), { maxLength: 12 }), said, (steps, parts) => {
      const held = steps.map(([asked, stays], i) => ({ name: String.fromCharCode(97 + i), demand: asked, stays }));
      const index = indexOf(...held);
      for (const one of held) if (!one.stays) index.remove(one, one.demand);
      const all = claims(parts);
      const fitting = held.filter(
        ({ demand: asked, stays }) => stays && indexOf({ name: "", demand: asked }).find(all),
      );
      const [best] = fitting.sort(
        (a, b) => b.demand.claims.length - a.demand.claims.length || (a.name < b.name ? -1 : 1),
      );
      expect(index.find(all)).toBe(best);
    }),
    { numRuns: 1_000 },
  );
});
