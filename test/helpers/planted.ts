// Secrets that a test plants, and the forms in which one could come out again.

import { createHash } from "node:crypto";

/** Of each value: itself, as base64 and base64url, hex, URL-encoded, hashed, and what is left when any of these is cut. */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const hash = createHash("sha256").update(secret).digest();
  const whole = [
    secret,
    ...[0, 1, 2].map((shift) => bytes.subarray(shift).toString("base64").replaceAll("=", "").slice(0, -1)),
    bytes.toString("base64url").slice(0, -1),
    bytes.toString("hex"),
    encodeURIComponent(secret),
    hash.toString("hex"),
    hash.toString("base64"),
    hash.toString("base64url"),
    hash.toString("latin1"),
  ];
  return [...new Set(whole.flatMap((text) => [text.slice(0, 8), text.slice(-8)]))];
}

/** Those of the forms that occur. Case does not matter: hex may be written either way. */
export function leaksIn(haystack: string, secrets: readonly string[]): readonly string[] {
  const text = haystack.toLowerCase();
  return secrets.filter((secret) => formsOf(secret).some((form) => text.includes(form.toLowerCase())));
}
