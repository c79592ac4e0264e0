// A certificate and its key as TLS takes them.

import { createPrivateKey, X509Certificate } from "node:crypto";

export interface TlsPair {
  /** PEM, with the chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/**
 * When the certificate expires, in ms since 1970. Throws when the two do not belong together; TLS itself would take an empty
 * text, and then fail every client.
 */
export function expiryOf({ cert, key }: TlsPair): number {
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error("the certificate is not one of this key");
  return Date.parse(certificate.validTo);
}
