// What to do with the certificates, as a function of what is there and what is known. A new pair is announced before it is
// used: its authority stands in every caBundle for a while beside the old one, and the old one stays for a while after.
// So whichever bundle of that time an API server holds, and whichever pair a replica serves, they fit.

import type { Authority } from "./authorities.ts";
import type { CertificateSecret } from "./certificate-secret.ts";
import type { ServingPair } from "./serving-pair.ts";

export interface CertificateTimes {
  /** Of a new pair. It is renewed when a third of this is left. */
  readonly lifeMs: number;
  /** How long an authority stands in every caBundle before its pair is used: until the last API server has read it. */
  readonly settleMs: number;
  /** How long it stays after its pair was replaced: until the last replica serves the new one. */
  readonly retireMs: number;
}

export const CERTIFICATE_TIMES: CertificateTimes = {
  lifeMs: 90 * 86_400_000,
  settleMs: 300_000,
  retireMs: 3_600_000,
};

export interface Known {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** What this process serves; API servers trust it. */
  readonly served: ServingPair | undefined;
  /** For how long an authority has been seen in every caBundle; undefined: it is not, or that is not known. */
  readonly publishedForMs: (authority: Authority) => number | undefined;
  /** For how long the current pair has been seen in the Secret. */
  readonly steadyForMs: number;
}

export type Step =
  /** Nothing, for so long at most. */
  | { readonly kind: "wait"; readonly delayMs: number }
  | {
      readonly kind: "write";
      /** What has come about by it. */
      readonly change: "made" | "repaired" | "announced" | "promoted" | "tidied";
      /** "new": to be issued. */
      readonly current: ServingPair | "new";
      readonly next: ServingPair | "new" | undefined;
      /** To be kept beside those of the two. */
      readonly others: readonly Authority[];
    };

/** Whatever the timers say, all is looked at this often. */
const LOOK_MS = 600_000;

export function nextStep(found: CertificateSecret, known: Known, times: CertificateTimes): Step {
  const { current, next } = found;
  if (current === undefined) return mend(found, known);
  if (next !== undefined) {
    const leftMs = times.settleMs - (known.publishedForMs(next.authority) ?? 0);
    if (leftMs <= 0)
      return { kind: "write", change: "promoted", current: next, next: undefined, others: found.authorities };
    if (!isDue(next, known, times)) return tidied(found) ?? wait(leftMs);
  }
  if (isDue(current, known, times)) {
    return { kind: "write", change: "announced", current, next: "new", others: found.authorities };
  }
  return tidied(found) ?? retired(found, { known, times, current });
}

export function isDue({ endsMs }: ServingPair, { nowMs }: Pick<Known, "nowMs">, { lifeMs }: CertificateTimes): boolean {
  return nowMs >= endsMs - lifeMs / 3;
}

/** What is served stays trusted, so that replicas can go on with it until the new authority is known. */
function mend({ next, authorities, isAbsent }: CertificateSecret, { served }: Known): Step {
  const others = served === undefined ? authorities : [served.authority, ...authorities];
  const change = isAbsent && served === undefined ? "made" : "repaired";
  return { kind: "write", change, current: next ?? "new", next: undefined, others };
}

function tidied({ isTidy, current, next, authorities }: CertificateSecret): Step | undefined {
  if (isTidy || current === undefined) return undefined;
  return { kind: "write", change: "tidied", current, next, others: authorities };
}

interface Settled {
  readonly known: Known;
  readonly times: CertificateTimes;
  readonly current: ServingPair;
}

function retired({ authorities }: CertificateSecret, { known, times, current }: Settled): Step {
  const dueInMs = current.endsMs - times.lifeMs / 3 - known.nowMs;
  if (authorities.every(({ id }) => id === current.authority.id)) return wait(dueInMs);
  const leftMs = times.retireMs - known.steadyForMs;
  if (leftMs > 0) return wait(Math.min(leftMs, dueInMs));
  return { kind: "write", change: "tidied", current, next: undefined, others: [] };
}

function wait(delayMs: number): Step {
  return { kind: "wait", delayMs: Math.min(delayMs, LOOK_MS) };
}

/**
 * Whether the pair of the Secret is to be served from now on. One that was announced is: another replica has waited, and this
 * one may have been away meanwhile. One that was made in place of a pair of no use is not known yet when it appears, and what
 * is served goes on until it is, while it can.
 */
export function isToBeServed(
  { authority, issuedMs }: ServingPair,
  { served, nowMs, publishedForMs }: Known,
  { authorities, settleMs }: Pick<CertificateSecret, "authorities"> & Pick<CertificateTimes, "settleMs">,
): boolean {
  if (served === undefined || served.endsMs <= nowMs) return true;
  // Nobody will trust what is served.
  if (!authorities.some((one) => one.id === served.authority.id)) return true;
  const forMs = publishedForMs(authority);
  return forMs !== undefined && (forMs >= settleMs || nowMs - issuedMs >= settleMs);
}
