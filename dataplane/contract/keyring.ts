// Secrets of the contract: how consumer keys are recognised and how provider credentials travel. Both sides derive the
// same keys per namespace from the same masters (HKDF-SHA-256, RFC 5869), so that a namespace's keys open nothing elsewhere.

import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from "node:crypto";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MASTER_BYTES = 32;
const MAX_MASTERS = 4;
const BASE64 = /^[A-Za-z0-9+/_-]{1,512}={0,2}$/;

/** Keys of one namespace under one master. */
export interface NamespaceKeys {
  /** 8 hex digits that name the master; all that is secret of it stays within. */
  readonly id: string;
  /** 32 bytes each. */
  readonly pepper: Buffer;
  readonly seal: Buffer;
  /** Makes the nonces of `seal`. */
  readonly nonce: Buffer;
}

/** Newest first, at least one. Several while a new master replaces an older one. */
export type KeyRing = readonly NamespaceKeys[];

/** The ring of a namespace. */
export type RingFor = (namespace: string) => KeyRing;

/** Where a credential may be used. A credential opens only for exactly this. */
export interface SealBinding {
  readonly namespace: string;
  readonly name: string;
  readonly provider: string;
  /** Scheme, host and port of the endpoint. */
  readonly origin: string;
  readonly authType: string;
}

/**
 * A key ring file: one master a line, base64 of at least 32 random bytes, newest first; empty lines and lines with # are
 * passed over. Throws with the number of the line, never its text.
 */
export function readMasters(text: string): readonly Buffer[] {
  const masters: Buffer[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const master = BASE64.test(line) ? Buffer.from(line, "base64") : Buffer.alloc(0);
    if (master.length < MASTER_BYTES) {
      throw new RangeError(
        `line ${String(index + 1)} of the key ring: wanted base64 of at least ${String(MASTER_BYTES)} random bytes`,
      );
    }
    masters.push(master);
  }
  if (masters.length === 0) throw new RangeError("the key ring has no key: wanted one base64 key a line, newest first");
  if (masters.length > MAX_MASTERS) {
    throw new RangeError(
      `the key ring has ${String(masters.length)} keys, wanted at most ${String(MAX_MASTERS)}; remove the oldest`,
    );
  }
  return masters;
}

/** Derives each namespace's ring once and keeps it. */
export function createRing(masters: readonly Buffer[]): RingFor {
  const known = new Map<string, KeyRing>();
  return (namespace) => {
    const ring = known.get(namespace) ?? masters.map((master) => deriveKeys(master, namespace));
    known.set(namespace, ring);
    return ring;
  };
}

/** Names a master without telling anything of it. */
export function masterId(master: Buffer): string {
  return createHash("sha256").update("ai-rate-limit/1/id/").update(master).digest("hex").slice(0, 8);
}

/** `master` is at least 32 random bytes; a shorter one is refused, because an empty file would give keys that all can guess. */
export function deriveKeys(master: Buffer, namespace: string): NamespaceKeys {
  if (master.length < MASTER_BYTES) {
    throw new RangeError(`the master key has ${String(master.length)} bytes, wanted at least ${String(MASTER_BYTES)}`);
  }
  const derive = (purpose: string): Buffer =>
    Buffer.from(hkdfSync("sha256", master, "", `ai-rate-limit/1/${purpose}/${namespace}`, 32));
  return { id: masterId(master), pepper: derive("pepper"), seal: derive("seal"), nonce: derive("nonce") };
}

export function hashKey(key: string): Buffer {
  return createHash("sha256").update(key, "utf8").digest();
}

/**
 * "<id>.<base64url of HMAC-SHA-256(pepper, keyHash)>": what compiled consumers hold and what a presented key is looked up
 * by. Example "9f86d081.kP0x...".
 */
export function keyHmac({ id, pepper }: NamespaceKeys, keyHash: Buffer): string {
  return `${id}.${createHmac("sha256", pepper).update(keyHash).digest("base64url")}`;
}

/**
 * "<id>.<base64url of nonce, ciphertext and tag>", AES-256-GCM. The nonce is a keyed hash of binding and credential, as
 * in synthetic-IV modes: the same credential for the same use seals to the same text, so that compiled objects can be
 * compared, and different ones meet in a nonce with a chance of 2^-96 only.
 */
export function seal(keys: NamespaceKeys, binding: SealBinding, credential: string): string {
  const data = associatedData(binding);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const mac = createHmac("sha256", keys.nonce).update(length).update(data).update(credential, "utf8");
  const nonce = mac.digest().subarray(0, NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", keys.seal, nonce);
  cipher.setAAD(data);
  const text = Buffer.concat([cipher.update(credential, "utf8"), cipher.final()]);
  return `${keys.id}.${Buffer.concat([nonce, text, cipher.getAuthTag()]).toString("base64url")}`;
}

/** The credential, or undefined when none of these was sealed with a key of the ring and for this binding. */
export function open(ring: KeyRing, binding: SealBinding, sealed: readonly string[]): string | undefined {
  for (const keys of ring) {
    for (const text of sealed) {
      if (!text.startsWith(`${keys.id}.`)) continue;
      const credential = openOne(keys, binding, Buffer.from(text.slice(keys.id.length + 1), "base64url"));
      if (credential !== undefined) return credential;
    }
  }
  return undefined;
}

function openOne(keys: NamespaceKeys, binding: SealBinding, bytes: Buffer): string | undefined {
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", keys.seal, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
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
