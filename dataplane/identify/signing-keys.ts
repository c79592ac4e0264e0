// An issuer's published keys (JWK Set, RFC 7517) -> keys that check signatures. The kind of key decides which algorithms it
// may serve, never the token: that is what keeps a public key from being taken for a shared secret.

import { constants, createPublicKey, type KeyObject, type VerifyKeyObjectInput, verify } from "node:crypto";
import type { TokenAlgorithm } from "../contract/token-algorithms.ts";

/** Of a set no more are read. */
const MAX_KEYS = 64;
const PUBLIC_KINDS = new Set<unknown>(["RSA", "EC", "OKP"]);
/** RFC 7518 section 3.3: RSA keys of 2048 bits or more. Above 8192 a check takes milliseconds. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

interface Scheme {
  readonly keyType: string;
  /** With EC: the one curve of the algorithm. */
  readonly curve?: string;
  readonly hash: string | null;
  readonly options?: Omit<VerifyKeyObjectInput, "key">;
}

const RSA = { keyType: "rsa" };
/** RFC 7518 section 3.5: the salt is as long as the hash. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
/** RFC 7518 section 3.4: R and S side by side, not as DER. */
const EC = { keyType: "ec", options: { dsaEncoding: "ieee-p1363" } } as const;

const SCHEMES: Readonly<Record<TokenAlgorithm, Scheme>> = {
  RS256: { ...RSA, hash: "sha256" },
  RS384: { ...RSA, hash: "sha384" },
  RS512: { ...RSA, hash: "sha512" },
  PS256: { ...RSA, hash: "sha256", options: PSS },
  PS384: { ...RSA, hash: "sha384", options: PSS },
  PS512: { ...RSA, hash: "sha512", options: PSS },
  ES256: { ...EC, curve: "prime256v1", hash: "sha256" },
  ES384: { ...EC, curve: "secp384r1", hash: "sha384" },
  ES512: { ...EC, curve: "secp521r1", hash: "sha512" },
  EdDSA: { keyType: "ed25519", hash: null },
};

export class SigningKey {
  readonly id: string | undefined;
  /** The only algorithm it is for, when its issuer says so. */
  readonly algorithm: string | undefined;
  /** Its JWK as text: by this two of the same are known. */
  readonly text: string;
  /** The issuer publishes it. */
  isPublished = true;
  readonly #key: KeyObject;

  constructor(key: KeyObject, jwk: Readonly<Record<string, unknown>>) {
    const { kid, alg } = jwk;
    this.#key = key;
    this.id = typeof kid === "string" ? kid : undefined;
    this.algorithm = typeof alg === "string" ? alg : undefined;
    this.text = JSON.stringify(jwk);
  }

  /** Whether it is for signatures of this algorithm. */
  serves(algorithm: TokenAlgorithm): boolean {
    const { keyType, curve } = SCHEMES[algorithm];
    if (this.algorithm !== undefined && this.algorithm !== algorithm) return false;
    if (this.#key.asymmetricKeyType !== keyType) return false;
    return curve === undefined || this.#key.asymmetricKeyDetails?.namedCurve === curve;
  }

  /** Only with an algorithm that it serves. */
  verifies(algorithm: TokenAlgorithm, signed: string, signature: Buffer): boolean {
    const { hash, options } = SCHEMES[algorithm];
    try {
      return verify(hash, Buffer.from(signed, "latin1"), { key: this.#key, ...options }, signature);
    } catch {
      return false; // a signature of a form that the key cannot have
    }
  }
}

/**
 * The keys of a JWK Set that can check signatures; keys of other kinds and uses are passed over, as RFC 7517 section 5
 * asks. Undefined when it is no JWK Set. Keys that `known` holds stay the objects that they are.
 */
export function readKeySet(document: unknown, known: readonly SigningKey[]): readonly SigningKey[] | undefined {
  const jwks: unknown = isRecord(document) ? document["keys"] : undefined;
  if (!Array.isArray(jwks)) return undefined;
  const byText = new Map(known.map((key) => [key.text, key]));
  const keys: SigningKey[] = [];
  for (const jwk of jwks.slice(0, MAX_KEYS)) {
    const key = isRecord(jwk) ? (byText.get(JSON.stringify(jwk)) ?? readKey(jwk)) : undefined;
    if (key !== undefined) keys.push(key);
  }
  return keys;
}

function readKey(jwk: Readonly<Record<string, unknown>>): SigningKey | undefined {
  const key = isForSignatures(jwk) ? importKey(jwk) : undefined;
  if (key === undefined) return undefined;
  const bits = key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS;
  return bits < MIN_RSA_BITS || bits > MAX_RSA_BITS ? undefined : new SigningKey(key, jwk);
}

/** RFC 7517 sections 4.2 and 4.3: what a key is for, where that is said. */
function isForSignatures({ kty, use, key_ops: operations }: Readonly<Record<string, unknown>>): boolean {
  if (!PUBLIC_KINDS.has(kty)) return false;
  if (use !== undefined && use !== "sig") return false;
  return !Array.isArray(operations) || operations.includes("verify");
}

/** Of the public part alone, whatever else stands there. */
function importKey({ kty, n, e, crv, x, y }: Readonly<Record<string, unknown>>): KeyObject | undefined {
  const parts = Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => typeof value === "string");
  try {
    return createPublicKey({ key: Object.fromEntries(parts), format: "jwk" });
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
