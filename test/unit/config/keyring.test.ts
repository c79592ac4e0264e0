// How consumer keys are recognised and provider credentials travel.

import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deriveKeys, hashKey, keyHmac, open, type SealBinding, seal } from "../../../dataplane/contract/keyring.ts";

const MASTER = Buffer.alloc(32, 7);
const key = deriveKeys(MASTER, "ai").seal;
const binding: SealBinding = {
  namespace: "ai",
  name: "openai",
  provider: "OpenAI",
  origin: "https://api.openai.com",
  authType: "APIKey",
};

describe("namespace keys", () => {
  test("[unit] differ by namespace, by purpose and by master", () => {
    const all = [deriveKeys(MASTER, "ai"), deriveKeys(MASTER, "ai2"), deriveKeys(Buffer.alloc(32, 8), "ai")];
    const texts = all.flatMap(({ pepper, seal: sealKey }) => [pepper.toString("hex"), sealKey.toString("hex")]);
    expect(new Set(texts).size).toBe(6);
    expect(texts.every((text) => text.length === 64)).toBe(true);
  });

  test("[unit] are the same in every process", () => {
    expect(deriveKeys(MASTER, "ai").pepper.toString("hex")).toMatchInlineSnapshot(
      `"a47c0a128a40aafa4daf1b4e20fdeb57028a92a0f4e3fed80a44838a0b7672b2"`,
    );
  });

  test.for([0, 1, 31])("[unit] a master of %i bytes is refused", (bytes) => {
    expect(() => deriveKeys(Buffer.alloc(bytes), "ai")).toThrow(
      `the master key has ${String(bytes)} bytes, wanted at least 32`,
    );
  });
});

describe("consumer keys", () => {
  test("[unit] one key has one HMAC per pepper", () => {
    const { pepper } = deriveKeys(MASTER, "ai");
    expect(keyHmac(pepper, hashKey("secret"))).toBe(keyHmac(pepper, hashKey("secret")));
    expect(keyHmac(pepper, hashKey("secret"))).not.toBe(keyHmac(pepper, hashKey("secret ")));
    expect(keyHmac(pepper, hashKey("secret"))).not.toBe(keyHmac(deriveKeys(MASTER, "b").pepper, hashKey("secret")));
  });

  test("[unit] the hash is the plain SHA-256 that a keyHash in a manifest holds", () => {
    const sha256OfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(hashKey("abc").toString("hex")).toBe(sha256OfAbc);
  });
});

describe("sealed credentials", () => {
  test("[unit] open to what was sealed", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (credential) => {
        expect(open(key, binding, seal(key, binding, credential))).toBe(credential);
      }),
    );
  });

  test.for([
    { member: "namespace", changed: { namespace: "ai2" } },
    { member: "name", changed: { name: "openai2" } },
    { member: "provider", changed: { provider: "OpenAICompatible" } },
    { member: "scheme of the endpoint", changed: { origin: "http://api.openai.com" } },
    { member: "host of the endpoint", changed: { origin: "https://api.openai.com.evil.example" } },
    { member: "port of the endpoint", changed: { origin: "https://api.openai.com:8443" } },
    { member: "authType", changed: { authType: "Passthrough" } },
    { member: "border between two members", changed: { namespace: "a", name: "iopenai" } },
  ])("[unit] do not open with another $member", ({ changed }) => {
    expect(open(key, { ...binding, ...changed }, seal(key, binding, "sk-1"))).toBeUndefined();
  });

  test("[unit] do not open with another key", () => {
    expect(open(deriveKeys(MASTER, "ai2").seal, binding, seal(key, binding, "sk-1"))).toBeUndefined();
    expect(open(deriveKeys(MASTER, "ai").pepper, binding, seal(key, binding, "sk-1"))).toBeUndefined();
  });

  test("[unit] do not open with any bit changed", () => {
    const sealed = Buffer.from(seal(key, binding, "sk-secret"), "base64url");
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(open(key, binding, changed.toString("base64url"))).toBeUndefined();
      }),
    );
  });

  test("[unit] cut short or made up, they do not open and nothing is thrown", () => {
    const sealed = seal(key, binding, "sk-secret");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat(sealed.length - 1).map((n) => sealed.slice(0, n)),
          fc.string(),
        ),
        (text) => {
          expect(open(key, binding, text)).toBeUndefined();
        },
      ),
    );
  });

  test("[unit] seal to another text each time, and never show the credential", () => {
    const credential = randomBytes(12).toString("hex");
    const texts = Array.from({ length: 50 }, () => seal(key, binding, credential));
    expect(new Set(texts).size).toBe(50);
    for (const text of texts) expect(Buffer.from(text, "base64url").includes(credential)).toBe(false);
  });
});
