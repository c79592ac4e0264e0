// How consumer keys are recognised and provider credentials travel.

import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createRing,
  deriveKeys,
  hashKey,
  keyHmac,
  masterId,
  open,
  readMasters,
  type SealBinding,
  seal,
} from "../../../dataplane/contract/keyring.ts";

const MASTER = Buffer.alloc(32, 7);
const key = deriveKeys(MASTER, "ai");
const ring = [key];
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
    const texts = all.flatMap((keys) => [keys.pepper, keys.seal, keys.nonce].map((each) => each.toString("hex")));
    expect(new Set(texts).size).toBe(9);
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
    expect(keyHmac(key, hashKey("secret"))).toBe(keyHmac(key, hashKey("secret")));
    expect(keyHmac(key, hashKey("secret"))).not.toBe(keyHmac(key, hashKey("secret ")));
    expect(keyHmac(key, hashKey("secret"))).not.toBe(keyHmac(deriveKeys(MASTER, "b"), hashKey("secret")));
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
        expect(open(ring, binding, [seal(key, binding, credential)])).toBe(credential);
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
    expect(open(ring, { ...binding, ...changed }, [seal(key, binding, "sk-1")])).toBeUndefined();
  });

  test("[unit] do not open with another key", () => {
    const sealed = [seal(key, binding, "sk-1")];
    expect(open([deriveKeys(MASTER, "ai2")], binding, sealed)).toBeUndefined();
    expect(open([{ ...key, seal: key.pepper }], binding, sealed)).toBeUndefined();
  });

  test("[unit] do not open with any bit changed", () => {
    const sealed = Buffer.from(seal(key, binding, "sk-secret").slice(key.id.length + 1), "base64url");
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(open(ring, binding, [`${key.id}.${changed.toString("base64url")}`])).toBeUndefined();
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
          expect(open(ring, binding, [text, `${key.id}.${text}`])).toBeUndefined();
        },
      ),
    );
  });

  test("[unit] seal to one text for one use, to others for others, and never show the credential", () => {
    const credential = randomBytes(12).toString("hex");
    const names = Array.from({ length: 50 }, (_, i) => `backend-${String(i)}`);
    const texts = names.map((name) => seal(key, { ...binding, name }, credential));
    expect(names.map((name) => seal(key, { ...binding, name }, credential))).toEqual(texts);
    expect(new Set([...texts, seal(key, binding, "other"), seal(key, binding, "othe r")]).size).toBe(52);
    for (const text of texts) expect(Buffer.from(text.slice(9), "base64url").includes(credential)).toBe(false);
  });

  test("[unit] open while either of two masters is in the ring", () => {
    const older = deriveKeys(Buffer.alloc(32, 8), "ai");
    const both = [seal(key, binding, "sk-1"), seal(older, binding, "sk-1")];
    for (const some of [[key], [older], [key, older], [older, key]]) expect(open(some, binding, both)).toBe("sk-1");
    expect(open([older], binding, both.slice(0, 1))).toBeUndefined();
  });
});

describe("a key ring file", () => {
  const line = (byte: number): string => Buffer.alloc(32, byte).toString("base64");

  test("[unit] has a master a line, newest first", () => {
    const text = `# newest\n${line(1)}\n\n  ${line(2)}\r\n`;
    expect(readMasters(text)).toEqual([Buffer.alloc(32, 1), Buffer.alloc(32, 2)]);
    expect(createRing(readMasters(text))("ai").map(({ id }) => id)).toEqual(
      readMasters(text).map((master) => masterId(master)),
    );
  });

  test.for([
    ["", "the key ring has no key: wanted one base64 key a line, newest first"],
    ["# only this\n", "the key ring has no key: wanted one base64 key a line, newest first"],
    [`${line(1)}\nsecret`, "line 2 of the key ring: wanted base64 of at least 32 random bytes"],
    [Buffer.alloc(31).toString("base64"), "line 1 of the key ring: wanted base64 of at least 32 random bytes"],
    [`${line(1)} ${line(2)}`, "line 1 of the key ring: wanted base64 of at least 32 random bytes"],
    [`${line(1)}\n`.repeat(5), "the key ring has 5 keys, wanted at most 4; remove the oldest"],
  ] as const)("[unit] %j is refused: %s", ([text, message]) => {
    expect(() => readMasters(text)).toThrow(message);
  });
});
