// What is to be said of credentials that have expired or soon will. Pure: the time is a parameter. They are compiled all the
// same, because data planes judge them by their own clocks.

import type { ConsumerSpec } from "../crds/consumer.ts";
import { quoted } from "./found-text.ts";
import type { Problem } from "./report.ts";

type Credential = Pick<ConsumerSpec["credentials"][number], "expiresAt">;

/** Time to hand out another key and to see it used. */
const SOON_MS = 7 * 86_400_000;

export function expiryProblem({ expiresAt }: Credential, index: number, nowMs: number): Problem | undefined {
  const leftMs = expiresAtMs(expiresAt) - nowMs;
  if (expiresAt === undefined || leftMs > SOON_MS) return undefined;
  const field = `spec.credentials[${String(index)}].expiresAt`;
  if (leftMs <= 0) {
    const wanted = "a time to come, or the credential removed";
    return { code: "CredentialExpired", field, found: `${quoted(expiresAt)}, which has passed`, wanted };
  }
  const wanted = "another credential beside it by then, or a later time";
  return { code: "CredentialExpiring", field, found: `${quoted(expiresAt)}, less than 7 days from now`, wanted };
}

/** The next time at which something else is to be said; Infinity when there is none. */
export function nextExpiryMs(credentials: readonly Credential[], nowMs: number): number {
  let next = Infinity;
  for (const { expiresAt } of credentials) {
    if (expiresAt === undefined) continue;
    const atMs = expiresAtMs(expiresAt);
    const isFar = atMs - nowMs > SOON_MS;
    if (isFar) next = Math.min(next, atMs - SOON_MS);
    else if (atMs > nowMs) next = Math.min(next, atMs);
  }
  return next;
}

/** Epoch milliseconds; Infinity: never. */
export function expiresAtMs(expiresAt: string | undefined): number {
  return expiresAt === undefined ? Infinity : Date.parse(expiresAt);
}
