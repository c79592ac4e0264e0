// The Secret and the configuration of the webhook as a test looks at them.

import { X509Certificate } from "node:crypto";
import { z } from "zod";

const secretObject = z.looseObject({ data: z.record(z.string(), z.string()) });
const configurationObject = z.looseObject({
  webhooks: z.array(z.looseObject({ clientConfig: z.looseObject({ caBundle: z.string().default("") }) })),
});

/** A key's text, decoded; "" when it is absent. */
export function secretText(secret: unknown, key: string): string {
  const { data } = secretObject.parse(secret);
  return Buffer.from(data[key] ?? "", "base64").toString("utf8");
}

/** PEM of the first webhook's caBundle; "" when there is none. */
export function bundleText(configuration: unknown): string {
  const { webhooks } = configurationObject.parse(configuration);
  return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? "", "base64").toString("utf8");
}

export function blocksOf(bundle: string): readonly string[] {
  return bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** Whether a client that knows this bundle alone accepts the server's certificate at that time. */
export function isTrustedBy(bundle: string, cert: string, nowMs: number): boolean {
  const certificate = new X509Certificate(cert);
  const isWithin = Date.parse(certificate.validFrom) <= nowMs && nowMs < Date.parse(certificate.validTo);
  return isWithin && blocksOf(bundle).some((block) => hasSigned(new X509Certificate(block), certificate));
}

function hasSigned(authority: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}
