// Signed tokens as clients send them: whatever stands there is read or refused, the same in every reading, and nothing
// that was not signed identifies anybody.

import { readToken } from "../../../dataplane/identify/read-token.ts";
import { readKeySet } from "../../../dataplane/identify/signing-keys.ts";
import { makeTokenKey, signToken } from "../../helpers/tokens.ts";
import { kindOf, law, parsed } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

const KEYS = [makeTokenKey("P-256", "ec"), makeTokenKey("Ed25519", "ed"), makeTokenKey("RSA", "rsa")];
const PUBLISHED = readKeySet({ keys: KEYS.map(({ jwk }) => jwk) }, []) ?? [];
const PAYLOAD = { iss: "https://idp.example", aud: ["ai"], exp: 2_000_000_000, sub: "alice", nested: { a: [1] } };
const ALGORITHMS = ["ES256", "EdDSA", "PS256"];
const SIGNED = KEYS.map((key, i) => signToken(key, { header: { alg: ALGORITHMS[i] }, payload: PAYLOAD }));
/** What was signed; in the last character of a signature some bits are no part of it. */
const GENUINE = new Set(SIGNED.map((token) => token.slice(0, token.lastIndexOf("."))));

const encoded = (text: string): string => Buffer.from(text).toString("base64url");

export const target: FuzzTarget = {
  name: "tokens",
  shape: "text",
  seeds: [...SIGNED, `${encoded('{"alg":"none"}')}.${encoded(JSON.stringify(PAYLOAD))}.`],
  tokens: [
    ".",
    "=",
    "eyJ",
    "-",
    "_",
    encoded('{"alg":"none"}'),
    encoded('{"alg":"HS256"}'),
    encoded('{"iss":"i","exp":1}'),
  ],
  maxBytes: 20_000,
  run(input) {
    const text = input.toString("latin1");
    const token = readToken(text);
    if ("fault" in token) {
      law(
        token.fault.length < 100 && !token.fault.includes("alice"),
        "a fault tells nothing of the token",
        token.fault,
      );
      return kindOf(token.fault);
    }
    const [header = "", payload = ""] = text.split(".");
    for (const part of [header, payload]) {
      law(parsed(Buffer.from(part, "base64url").toString()) !== undefined, "what is read is JSON", part);
    }
    law(text.startsWith(`${token.signed}.`), "what is signed stands in front of the signature");
    const proven = PUBLISHED.filter(
      (key) => key.serves(token.algorithm) && key.verifies(token.algorithm, token.signed, token.signature),
    );
    law(proven.length === 0 || GENUINE.has(token.signed), "nothing unsigned is proven", text);
    return `${token.algorithm} ${String(proven.length)}`;
  },
};
