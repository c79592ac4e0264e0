// A serving certificate and the authority that signed it, both made on the spot (RFC 5280, ECDSA on P-256). The authority's
// key signs this one certificate and is forgotten: nothing that is stored can sign another.

import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import {
  bitString,
  flags,
  integer,
  isTrue,
  octetString,
  oid,
  sequence,
  setOf,
  tagged,
  time,
  utf8String,
} from "./der.ts";

export interface IssueOptions {
  /** DNS names that the certificate is for. */
  readonly names: readonly string[];
  /** Milliseconds since 1970, of both certificates; cut to seconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Clocks of API servers may be behind ours by this: a pair is valid from so long before it is made. */
export const BACK_DATE_MS = 3_600_000;

/** All PEM. */
export interface IssuedPair {
  readonly cert: string;
  readonly key: string;
  readonly authority: string;
}

const OID = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

const ALGORITHM = sequence(oid(OID.ecdsaWithSha256));
const VERSION_3 = tagged(0xa0, integer(Buffer.from([2])));
const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;
const CRL_SIGN = 6;

export function issuePair(options: IssueOptions): IssuedPair {
  const authority = newKeys();
  const server = newKeys();
  // Authorities follow one another in one bundle: a name of its own tells each from the others.
  const issuer = nameOf(`ai-rate-limit webhook authority ${randomBytes(8).toString("hex")}`);
  const signed = { ...options, issuer, signer: authority.privateKey };
  return {
    cert: certificate({
      ...signed,
      subject: nameOf("ai-rate-limit webhook"),
      publicKey: server.publicKey,
      extensions: [
        extension(OID.basicConstraints, { critical: sequence() }),
        extension(OID.keyUsage, { critical: flags(DIGITAL_SIGNATURE) }),
        extension(OID.extendedKeyUsage, { value: sequence(oid(OID.serverAuth)) }),
        extension(OID.subjectAltName, { value: sequence(...options.names.map(dnsName)) }),
        extension(OID.subjectKeyIdentifier, { value: octetString(keyIdOf(server.publicKey)) }),
        extension(OID.authorityKeyIdentifier, { value: sequence(tagged(0x80, keyIdOf(authority.publicKey))) }),
      ],
    }),
    key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    authority: certificate({
      ...signed,
      subject: issuer,
      publicKey: authority.publicKey,
      extensions: [
        // It signs servers, not authorities.
        extension(OID.basicConstraints, { critical: sequence(isTrue(), integer(Buffer.from([0]))) }),
        extension(OID.keyUsage, { critical: flags(KEY_CERT_SIGN, CRL_SIGN) }),
        extension(OID.subjectKeyIdentifier, { value: octetString(keyIdOf(authority.publicKey)) }),
      ],
    }),
  };
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function newKeys(): Keys {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
}

interface Certificate extends IssueOptions {
  readonly issuer: Buffer;
  readonly signer: KeyObject;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function certificate(wanted: Certificate): string {
  const signedPart = sequence(
    VERSION_3,
    serialNumber(),
    ALGORITHM,
    wanted.issuer,
    sequence(time(wanted.notBeforeMs), time(wanted.notAfterMs)),
    wanted.subject,
    wanted.publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...wanted.extensions)),
  );
  const signature = sign("sha256", signedPart, wanted.signer);
  return pem(sequence(signedPart, ALGORITHM, bitString(signature)));
}

/** RFC 5280 section 4.1.2.2: positive, at most 20 octets, never twice by one issuer. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return integer(bytes);
}

function nameOf(commonName: string): Buffer {
  return sequence(setOf(sequence(oid(OID.commonName), utf8String(commonName))));
}

function dnsName(name: string): Buffer {
  return tagged(0x82, Buffer.from(name, "ascii"));
}

/** RFC 7093 section 2, method 1: the first 160 bits of SHA-256 of the public key's bits, which end the SPKI. */
function keyIdOf(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: "spki", format: "der" }).subarray(-POINT_BYTES);
  return createHash("sha256").update(point).digest().subarray(0, 20);
}

/** An uncompressed point of P-256. */
const POINT_BYTES = 65;

type ExtensionValue = { readonly critical: Buffer } | { readonly value: Buffer };

function extension(id: string, content: ExtensionValue): Buffer {
  return "critical" in content
    ? sequence(oid(id), isTrue(), octetString(content.critical))
    : sequence(oid(id), octetString(content.value));
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
