// What is read of a token before anything in it is proven, and what is refused at sight.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { looksLikeToken, MAX_TOKEN_LENGTH, readToken } from "../../../dataplane/identify/read-token.ts";

const text = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const HEADER = { alg: "ES256", kid: "k1" };
const PAYLOAD = { iss: "https://idp.example", exp: 2_000_000_000, sub: "planted-subject" };
const SIGNATURE = Buffer.alloc(64, 1).toString("base64url");
const tokenOf = (header: unknown, payload: unknown = PAYLOAD): string =>
  `${text(header)}.${text(payload)}.${SIGNATURE}`;

test("[unit] a token says its algorithm, key, issuer and times, and what is signed", () => {
  const payload = { ...PAYLOAD, nbf: 1.5, iat: 1, aud: ["ai", "b"] };
  expect(readToken(tokenOf(HEADER, payload))).toEqual({
    algorithm: "ES256",
    keyId: "k1",
    issuer: "https://idp.example",
    expiresAt: 2_000_000_000,
    notBefore: 1.5,
    issuedAt: 1,
    claims: payload,
    signed: `${text(HEADER)}.${text(payload)}`,
    signature: Buffer.alloc(64, 1),
  });
});

describe("refused at sight, in words that tell nothing of it", () => {
  const row = (name: string, token: string, fault: string) => ({ name, token, fault });
  const ALGORITHM = "its algorithm is none that is understood";
  const nested = `${"[".repeat(33)}${"]".repeat(33)}`;
  const raw = (json: string): string => Buffer.from(json).toString("base64url");
  test.for([
    row("no token at all", "opaque", "it does not have three parts"),
    row("two parts", "a.b", "it does not have three parts"),
    row("the five parts of an encrypted token", "a.b.c.d.e", "it does not have three parts"),
    row(
      "a header that is no JSON",
      `${raw("{")}.${text(PAYLOAD)}.${SIGNATURE}`,
      "its header is not an object in base64url",
    ),
    row(
      "a header with padding",
      `${text(HEADER)}=.${text(PAYLOAD)}.${SIGNATURE}`,
      "its header is not an object in base64url",
    ),
    row("a header in plain base64", `a+b/.${text(PAYLOAD)}.${SIGNATURE}`, "its header is not an object in base64url"),
    row("a header that is a list", tokenOf([1]), "its header is not an object in base64url"),
    row("a payload that is a text", tokenOf(HEADER, "x"), "its payload is not an object in base64url"),
    row("a payload that is no UTF-8", `${text(HEADER)}._w.${SIGNATURE}`, "its payload is not an object in base64url"),
    row(
      "a payload that nests too deep",
      `${text(HEADER)}.${raw(`{"iss":"i","exp":1,"a":${nested}}`)}.${SIGNATURE}`,
      "its payload is not an object in base64url",
    ),
    row("an empty signature", `${text(HEADER)}.${text(PAYLOAD)}.`, "it has no signature in base64url"),
    row("alg none", tokenOf({ alg: "none" }), ALGORITHM),
    row("alg NONE", tokenOf({ alg: "NONE" }), ALGORITHM),
    row("a shared secret", tokenOf({ alg: "HS256" }), ALGORITHM),
    row("no algorithm", tokenOf({}), ALGORITHM),
    row("an algorithm that is a list", tokenOf({ alg: ["ES256"] }), ALGORITHM),
    row("the name of a property that objects have", tokenOf({ alg: "constructor" }), ALGORITHM),
    row(
      "an extension that must be understood",
      tokenOf({ ...HEADER, crit: ["exp"] }),
      "its header asks for extensions (crit)",
    ),
    row(
      "a payload left unencoded",
      tokenOf({ ...HEADER, b64: false, crit: ["b64"] }),
      "its header asks for extensions (crit)",
    ),
    row("a key id that is a number", tokenOf({ ...HEADER, kid: 1 }), "its key id is not a text"),
    row("no issuer", tokenOf(HEADER, { exp: 1 }), "it names no issuer (iss)"),
    row("an issuer that is a list", tokenOf(HEADER, { iss: ["i"], exp: 1 }), "it names no issuer (iss)"),
    row("no end", tokenOf(HEADER, { iss: "i" }), "it does not say when it expires (exp)"),
    row(
      "an end that is a text",
      tokenOf(HEADER, { iss: "i", exp: "2000000000" }),
      "it does not say when it expires (exp)",
    ),
    row("an end beyond all time", tokenOf(HEADER, { iss: "i", exp: 1e300 }), "it does not say when it expires (exp)"),
    row("a beginning that is a text", tokenOf(HEADER, { ...PAYLOAD, nbf: "1" }), "its claim nbf is not a time"),
    row("a birth that is null", tokenOf(HEADER, { ...PAYLOAD, iat: null }), "its claim iat is not a time"),
    row("more text than is read", "a".repeat(MAX_TOKEN_LENGTH + 1), "it has 16385 characters; at most 16384 are read"),
  ])("[unit] $name", ({ token, fault }) => {
    expect(readToken(token)).toEqual({ fault });
  });
});

test("[unit] nesting within bounds, brackets in texts and duplicate members are no matter", () => {
  const payload = `{"iss":"i","exp":1,"a":${"[".repeat(31)}${"]".repeat(31)},"b":"[[[[{{{{\\"]","exp":2}`;
  const read = readToken(`${text(HEADER)}.${Buffer.from(payload).toString("base64url")}.${SIGNATURE}`);
  expect(read).toMatchObject({ issuer: "i", expiresAt: 2 });
});

test("[unit] only what has the form of a token is taken for one where keys identify as well", () => {
  expect(looksLikeToken(tokenOf(HEADER))).toBe(true);
  expect(looksLikeToken(`${text(HEADER)}.${text(PAYLOAD)}.`)).toBe(true);
  for (const key of ["sk-1", "SG.abc.def", "eyJhbGciOiJub25lIn0", "eyJ.a", "eyJ.a.b.c", "a eyJ.a.b", "eyJ.a.b c"]) {
    expect(looksLikeToken(key), key).toBe(false);
  }
});

test("[unit] any text is read or refused, and never thrown over", () => {
  const part = fc
    .oneof(
      fc.json().map((json) => Buffer.from(json)),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    )
    .map((b) => b.toString("base64url"));
  const anything = fc.oneof(
    fc.string(),
    fc.array(part, { minLength: 2, maxLength: 4 }).map((parts) => parts.join(".")),
  );
  fc.assert(
    fc.property(anything, (token) => {
      const read = readToken(token);
      expect("fault" in read || read.signed.length < token.length).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
