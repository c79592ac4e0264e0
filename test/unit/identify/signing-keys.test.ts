// Keys and signatures: every algorithm that is understood, and each way to have a signature taken that proves nothing.

import { describe, expect, test } from "vitest";
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from "../../../dataplane/contract/token-algorithms.ts";
import { readToken } from "../../../dataplane/identify/read-token.ts";
import { readKeySet, type SigningKey } from "../../../dataplane/identify/signing-keys.ts";
import { type KeyKind, makeTokenKey, signToken, type TokenKey } from "../../helpers/tokens.ts";

const KEYS: Readonly<Record<KeyKind, TokenKey>> = {
  RSA: makeTokenKey("RSA", "rsa"),
  "P-256": makeTokenKey("P-256", "p256"),
  "P-384": makeTokenKey("P-384", "p384"),
  "P-521": makeTokenKey("P-521", "p521"),
  Ed25519: makeTokenKey("Ed25519", "ed"),
};
const KIND_OF: Readonly<Record<TokenAlgorithm, KeyKind>> = {
  RS256: "RSA",
  RS384: "RSA",
  RS512: "RSA",
  PS256: "RSA",
  PS384: "RSA",
  PS512: "RSA",
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
  EdDSA: "Ed25519",
};
const payload = { iss: "https://idp.example", exp: 2_000_000_000 };

function published(...jwks: readonly unknown[]): readonly SigningKey[] {
  return readKeySet({ keys: jwks }, []) ?? [];
}

function verified(key: SigningKey | undefined, algorithm: TokenAlgorithm, token: string): boolean {
  const read = readToken(token);
  if ("fault" in read || key === undefined) throw new Error("no token or no key");
  return key.serves(algorithm) && key.verifies(algorithm, read.signed, read.signature);
}

describe("each algorithm", () => {
  test.for(TOKEN_ALGORITHMS)("[unit] %s verifies what its key has signed, and nothing else", (alg) => {
    const key = KEYS[KIND_OF[alg]];
    const [read] = published(key.jwk);
    const token = signToken(key, { header: { alg }, payload });
    expect(verified(read, alg, token)).toBe(true);
    const [head = "", body = "", signature = ""] = token.split(".");
    const other = Buffer.from(JSON.stringify({ ...payload, sub: "root" })).toString("base64url");
    expect(verified(read, alg, `${head}.${other}.${signature}`)).toBe(false);
    const flipped = Buffer.from(signature, "base64url");
    flipped.writeUInt8((flipped[9] ?? 0) ^ 1, 9);
    expect(verified(read, alg, `${head}.${body}.${flipped.toString("base64url")}`)).toBe(false);
    expect(verified(read, alg, `${head}.${body}.AAAA`)).toBe(false);
  });

  test.for(TOKEN_ALGORITHMS)("[unit] a key serves %s only when it is of its kind", (alg) => {
    const kinds = Object.entries(KEYS).filter(([, { jwk }]) => published(jwk)[0]?.serves(alg) === true);
    expect(kinds.map(([kind]) => kind)).toEqual([KIND_OF[alg]]);
  });
});

test("[unit] a key that is for one algorithm serves no other", () => {
  const [key] = published({ ...KEYS.RSA.jwk, alg: "RS256" });
  expect(TOKEN_ALGORITHMS.filter((alg) => key?.serves(alg))).toEqual(["RS256"]);
});

test("[unit] the DER form of an ECDSA signature is none, nor one of zeros", () => {
  const [key] = published(KEYS["P-256"].jwk);
  const token = signToken(KEYS["P-256"], { header: { alg: "ES256" }, payload });
  const signed = token.slice(0, token.lastIndexOf("."));
  expect(key?.verifies("ES256", signed, Buffer.alloc(64))).toBe(false);
  expect(key?.verifies("ES256", signed, Buffer.alloc(0))).toBe(false);
});

describe("of a key set", () => {
  const rsa = KEYS.RSA.jwk;
  test.for([
    { name: "keys for encryption", jwk: { ...rsa, use: "enc" } },
    { name: "keys that sign and do not verify", jwk: { ...rsa, key_ops: ["sign"] } },
    { name: "shared secrets", jwk: { kty: "oct", k: "c2VjcmV0", kid: "s", alg: "HS256" } },
    { name: "kinds that nobody knows", jwk: { kty: "ABC", kid: "s" } },
    {
      name: "RSA keys that are too short",
      jwk: { kty: "RSA", e: "AQAB", n: Buffer.alloc(128, 255).toString("base64url") },
    },
    {
      name: "RSA keys that are too long",
      jwk: { kty: "RSA", e: "AQAB", n: Buffer.alloc(2048, 255).toString("base64url") },
    },
    { name: "points that lie on no curve", jwk: { kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA" } },
    { name: "curves that nobody knows", jwk: { ...KEYS["P-256"].jwk, crv: "P-999" } },
    { name: "what is no object", jwk: "key" },
  ])("[unit] $name are passed over, and the others serve", ({ jwk }) => {
    expect(published(jwk, KEYS.Ed25519.jwk).map(({ id }) => id)).toEqual(["ed"]);
  });

  test.for([{}, { keys: {} }, [], null, "keys"])("[unit] %j is none", (document) => {
    expect(readKeySet(document, [])).toBeUndefined();
  });

  test("[unit] a private key that is published serves by its public part", () => {
    const whole = { ...KEYS["P-256"].privateKey.export({ format: "jwk" }), kid: "oops" };
    const [key] = published(whole);
    expect(verified(key, "ES256", signToken(KEYS["P-256"], { header: { alg: "ES256" }, payload }))).toBe(true);
  });

  test("[unit] at most 64 keys are read", () => {
    const jwks = Array.from({ length: 70 }, (_, i) => ({ ...KEYS.Ed25519.jwk, kid: String(i) }));
    expect(published(...jwks)).toHaveLength(64);
  });

  test("[unit] a key that is published again is the same one", () => {
    const before = published(rsa);
    const again = readKeySet({ keys: [KEYS.Ed25519.jwk, rsa] }, before);
    expect(again?.[1]).toBe(before[0]);
  });
});
