// Certificates of authorities as texts hold them: one PEM block after another, in ca.crt of the Secret and in caBundle.

import { X509Certificate } from "node:crypto";

export interface Authority {
  /** SHA-256 of the certificate, as OpenSSL writes it. */
  readonly id: string;
  readonly pem: string;
  readonly certificate: X509Certificate;
  /** Milliseconds since 1970. */
  readonly endsMs: number;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]{1,65536}-----END CERTIFICATE-----/g;
/** Two, and one more for each repair of the last hour: far below. More is somebody's mistake. */
export const MAX_AUTHORITIES = 8;

/** Each one once, in their order, at most MAX_AUTHORITIES; what cannot be read, or is no authority, is left out. */
export function readAuthorities(text: string): readonly Authority[] {
  const found = new Map<string, Authority>();
  for (const [block] of text.matchAll(BLOCK)) {
    if (found.size === MAX_AUTHORITIES) break;
    const certificate = readCertificate(block);
    if (certificate?.ca !== true) continue;
    const { fingerprint256: id } = certificate;
    found.set(id, { id, pem: certificate.toString(), certificate, endsMs: Date.parse(certificate.validTo) });
  }
  return [...found.values()];
}

/** Of the first PEM block; undefined when it is none. */
export function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** Each one once, in their order, at most MAX_AUTHORITIES. */
export function bundleOf(authorities: readonly Authority[]): string {
  const byId = new Map(authorities.map((authority) => [authority.id, authority]));
  return [...byId.values()]
    .slice(0, MAX_AUTHORITIES)
    .map(({ pem }) => pem)
    .join("");
}
