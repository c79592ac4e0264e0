// A certificate with its key that a server can use: every doubt that a client of the webhook could have is raised here first.

import { createPrivateKey, type X509Certificate } from "node:crypto";
import { type Authority, readCertificate } from "./authorities.ts";
import { BACK_DATE_MS } from "./issue-pair.ts";

export interface ServingPair {
  /** SHA-256 of the certificate, as OpenSSL writes it. */
  readonly id: string;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly authority: Authority;
  /** Milliseconds since 1970. */
  readonly issuedMs: number;
  readonly endsMs: number;
}

/** Why a pair is of no use; safe to be told, because it repeats nothing. */
export interface UselessPair {
  readonly problem: string;
}

export interface PairContext {
  /** DNS names that it must be for. */
  readonly names: readonly string[];
  /** One of them must have signed it. */
  readonly authorities: readonly Authority[];
  readonly nowMs: number;
}

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

export function readPair(cert: string, key: string, context: PairContext): ServingPair | UselessPair {
  const certificate = readCertificate(cert);
  if (certificate === undefined) return { problem: "the certificate cannot be read" };
  const authority = context.authorities.find((one) => hasSigned(one, certificate));
  if (authority === undefined) return { problem: "no authority beside it has signed the certificate" };
  const problem = problemOfKey(certificate, key) ?? problemOfUse(certificate, context);
  if (problem !== undefined) return { problem };
  const issuedMs = Date.parse(certificate.validFrom) + BACK_DATE_MS;
  const endsMs = Math.min(Date.parse(certificate.validTo), authority.endsMs);
  return { id: certificate.fingerprint256, cert, key, authority, issuedMs, endsMs };
}

function hasSigned({ certificate: authority }: Authority, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function problemOfKey(certificate: X509Certificate, key: string): string | undefined {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key)) ? undefined : "the key is not that of the certificate";
  } catch {
    return "the key cannot be read";
  }
}

function problemOfUse(certificate: X509Certificate, { names, nowMs }: PairContext): string | undefined {
  if (nowMs < Date.parse(certificate.validFrom)) return "the certificate is not valid yet";
  if (nowMs >= Date.parse(certificate.validTo)) return "the certificate has expired";
  const missing = names.find((name) => certificate.checkHost(name, { subject: "never" }) === undefined);
  if (missing !== undefined) return `the certificate is not for ${missing}`;
  return isForServers(certificate) ? undefined : "the certificate is not for servers";
}

/** Without any extended key usage, which the types do not know of, a certificate is for every use. */
function isForServers(certificate: { readonly keyUsage?: readonly string[] | undefined }): boolean {
  return certificate.keyUsage?.includes(SERVER_AUTH) ?? true;
}
