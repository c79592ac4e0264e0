// Secrets of the contract: how consumer keys are recognised and how provider credentials travel. Both sides derive the
// same keys per namespace from one master (HKDF-SHA-256, RFC 5869), so that a namespace's keys open nothing elsewhere.

import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MASTER_BYTES = 32;

/** Keys of one namespace. 32 bytes each. */
export interface NamespaceKeys {
  readonly pepper: Buffer;
  readonly seal: Buffer;
}

/** Where a credential may be used. A credential opens only for exactly this. */
export interface SealBinding {
  readonly namespace: string;
  readonly name: string;
  readonly provider: string;
  /** Scheme, host and port of the endpoint. */
  readonly origin: string;
  readonly authType: string;
}

/** `master` is at least 32 random bytes; a shorter one is refused, because an empty file would give keys that all can guess. */
export function deriveKeys(master: Buffer, namespace: string): NamespaceKeys {
  if (master.length < MASTER_BYTES) {
    throw new RangeError(`the master key has ${String(master.length)} bytes, wanted at least ${String(MASTER_BYTES)}`);
  }
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync("sha256", master, "", `ai-rate-limit/1/${purpose}/${namespace}`, 32));
  return { pepper: derive("pepper"), seal: derive("seal") };
}

export function hashKey(key: string): Buffer {
  return createHash("sha256").update(key, "utf8").digest();
}

/** base64url of HMAC-SHA-256(pepper, keyHash); what compiled consumers hold and what a presented key is looked up by. */
export function keyHmac(pepper: Buffer, keyHash: Buffer): string {
  return createHmac("sha256", pepper).update(keyHash).digest("base64url");
}

/** AES-256-GCM with a random nonce; base64url of nonce, ciphertext and tag. */
export function seal(key: Buffer, binding: SealBinding, credential: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(associatedData(binding));
  const text = Buffer.concat([cipher.update(credential, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, text, cipher.getAuthTag()]).toString("base64url");
}

/** The credential, or undefined when it was sealed with another key or for another binding. */
export function open(key: Buffer, binding: SealBinding, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(associatedData(binding));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    return undefined; // the tag did not verify: not for this key and binding
  }
}

function associatedData({ namespace, name, provider, origin, authType }: SealBinding): Buffer {
  return Buffer.from(JSON.stringify([namespace, name, provider, origin, authType]), "utf8");
}
