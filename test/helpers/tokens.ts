// Signed tokens as an identity provider makes them, and as an attacker would like to.

import {
  constants,
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
} from "node:crypto";

export type KeyKind = "RSA" | "P-256" | "P-384" | "P-521" | "Ed25519";

export interface TokenKey {
  readonly kind: KeyKind;
  readonly id: string | undefined;
  readonly privateKey: KeyObject;
  /** As the issuer publishes it. */
  readonly jwk: JsonWebKey;
}

/** `members` go beside the key's own in its JWK. */
export function makeTokenKey(kind: KeyKind, id?: string, members: Readonly<Record<string, unknown>> = {}): TokenKey {
  const { publicKey, privateKey } = pairOf(kind);
  const jwk = { ...publicKey.export({ format: "jwk" }), ...(id === undefined ? {} : { kid: id }), ...members };
  return { kind, id, privateKey, jwk };
}

function pairOf(kind: KeyKind): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (kind === "RSA") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  return kind === "Ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ec", { namedCurve: kind });
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const EC = { dsaEncoding: "ieee-p1363" } as const;
const SIGNING: Readonly<Record<string, readonly [hash: string | null, options: Omit<SignKeyObjectInput, "key">]>> = {
  RS256: ["sha256", {}],
  RS384: ["sha384", {}],
  RS512: ["sha512", {}],
  PS256: ["sha256", PSS],
  PS384: ["sha384", PSS],
  PS512: ["sha512", PSS],
  ES256: ["sha256", EC],
  ES384: ["sha384", EC],
  ES512: ["sha512", EC],
  EdDSA: [null, {}],
};

export interface TokenParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

export function encoded({ header, payload }: TokenParts): string {
  return [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
}

/** Signed by the key under the header's `alg`; its `kid` is the key's unless the header says otherwise. */
export function signToken(key: TokenKey, { header, payload }: TokenParts): string {
  const [hash, options] = SIGNING[String(header["alg"])] ?? ["sha256", {}];
  const text = encoded({ header: { ...(key.id === undefined ? {} : { kid: key.id }), ...header }, payload });
  return `${text}.${sign(hash, Buffer.from(text), { key: key.privateKey, ...options }).toString("base64url")}`;
}

/** With a MAC in place of a signature: what an attacker makes who has no more than the issuer's public key. */
export function macToken(secret: string | Buffer, parts: TokenParts): string {
  const text = encoded(parts);
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
