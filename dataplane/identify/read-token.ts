// Reads a signed token (JWT, RFC 7519, in the compact form of RFC 7515 section 7.1) without believing a word of it. What
// proves it comes afterwards. Never logs or keeps one.

import { isUtf8 } from "node:buffer";
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from "../contract/token-algorithms.ts";
import type { Claims } from "./token-credentials.ts";

/** Longer ones are for no header; the gateway's bound on heads is above it. */
export const MAX_TOKEN_LENGTH = 16_384;
/** Of header and payload. Claims are flat, or nearly so. */
const MAX_DEPTH = 32;

export interface ReadToken {
  readonly algorithm: TokenAlgorithm;
  /** Names the key within the issuer's set. */
  readonly keyId: string | undefined;
  readonly issuer: string;
  /** Seconds since 1970, as in the token. */
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
  readonly claims: Claims;
  /** What is signed. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** Why a text is no token that could be accepted; says nothing of what stands in it. */
export interface TokenFault {
  readonly fault: string;
}

const BASE64URL = /^[A-Za-z0-9_-]+$/;
const ALGORITHMS = new Map<unknown, TokenAlgorithm>(TOKEN_ALGORITHMS.map((name) => [name, name]));

/** Whether a text has the form of a token: what else is presented in its place is an API key. */
export function looksLikeToken(text: string): boolean {
  return /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(text);
}

export function readToken(text: string): ReadToken | TokenFault {
  if (text.length > MAX_TOKEN_LENGTH) {
    return { fault: `it has ${String(text.length)} characters; at most ${String(MAX_TOKEN_LENGTH)} are read` };
  }
  const [headerText = "", payloadText = "", signatureText, ...more] = text.split(".", 4);
  if (signatureText === undefined || more.length > 0) return { fault: "it does not have three parts" };
  const header = readHeader(readPart(headerText));
  if ("fault" in header) return header;
  const payload = readClaims(readPart(payloadText));
  if ("fault" in payload) return payload;
  const signature = decode(signatureText);
  if (signature === undefined) return { fault: "it has no signature in base64url" };
  const signed = text.slice(0, headerText.length + 1 + payloadText.length);
  return { ...header, ...payload, signed, signature };
}

function readHeader(header: Claims | undefined): Pick<ReadToken, "algorithm" | "keyId"> | TokenFault {
  if (header === undefined) return { fault: "its header is not an object in base64url" };
  const { alg, crit, kid } = header;
  const algorithm = ALGORITHMS.get(alg);
  if (algorithm === undefined) return { fault: "its algorithm is none that is understood" };
  // RFC 7515 section 4.1.11: what must be understood and is not makes the token invalid. Nothing of it is understood here.
  if (crit !== undefined) return { fault: "its header asks for extensions (crit)" };
  if (kid !== undefined && typeof kid !== "string") return { fault: "its key id is not a text" };
  return { algorithm, keyId: kid };
}

type Payload = Pick<ReadToken, "issuer" | "expiresAt" | "notBefore" | "issuedAt" | "claims">;

function readClaims(claims: Claims | undefined): Payload | TokenFault {
  if (claims === undefined) return { fault: "its payload is not an object in base64url" };
  const { iss, exp, nbf, iat } = claims;
  if (typeof iss !== "string") return { fault: "it names no issuer (iss)" };
  if (!isTime(exp)) return { fault: "it does not say when it expires (exp)" };
  if (nbf !== undefined && !isTime(nbf)) return { fault: "its claim nbf is not a time" };
  if (iat !== undefined && !isTime(iat)) return { fault: "its claim iat is not a time" };
  return { issuer: iss, expiresAt: exp, notBefore: nbf, issuedAt: iat, claims };
}

/** RFC 7519 section 2, NumericDate: seconds, maybe with a fraction. */
function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

/** An object in base64url; undefined for everything else. */
function readPart(text: string): Claims | undefined {
  const bytes = decode(text);
  if (bytes === undefined || !isUtf8(bytes) || isDeeper(bytes, MAX_DEPTH)) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Claims {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Strict, where node is not: nothing is skipped, and no length is left over (RFC 4648 section 5, without padding). */
function decode(text: string): Buffer | undefined {
  if (!BASE64URL.test(text) || text.length % 4 === 1) return undefined;
  return Buffer.from(text, "base64url");
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether JSON nests deeper; text that is no JSON may give either answer. */
function isDeeper(json: Buffer, most: number): boolean {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < json.length; i += 1) {
    const byte = json[i];
    if (byte === QUOTE) inText = !inText;
    else if (inText && byte === BACKSLASH) i += 1;
    else if (!inText) depth += stepOf(byte);
    if (depth > most) return true;
  }
  return false;
}

/** Of { and [ one in, of } and ] one out. */
function stepOf(byte: number | undefined): number {
  if (byte === 0x7b || byte === 0x5b) return 1;
  return byte === 0x7d || byte === 0x5d ? -1 : 0;
}
