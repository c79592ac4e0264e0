// The Secret that holds the webhook's certificates: what is of use in it, whatever somebody has made of it, and how it is
// written. Beside the keys of kubernetes.io/tls there is ca.crt, which is the caBundle as it is to be, and, while a renewal
// is under way, the pair that comes next.

import { type Authority, bundleOf, readAuthorities } from "./authorities.ts";
import { type PairContext, readPair, type ServingPair } from "./serving-pair.ts";

export interface CertificateSecret {
  /** Served now; undefined when there is none of use. */
  readonly current: ServingPair | undefined;
  /** Served as soon as its authority is known everywhere. */
  readonly next: ServingPair | undefined;
  /** All of ca.crt that have not expired, in their order. */
  readonly authorities: readonly Authority[];
  /** The texts are what toSecretData writes of the above. */
  readonly isTidy: boolean;
  /** Why there is no current pair. */
  readonly problem: string | undefined;
  readonly isAbsent: boolean;
}

const KEYS = {
  cert: "tls.crt",
  key: "tls.key",
  authorities: "ca.crt",
  nextCert: "next.crt",
  nextKey: "next.key",
} as const;

/** Of a text; certificates and keys are about one kilobyte each. */
const MAX_BASE64 = 131_072;

export type SecretData = Readonly<Record<string, unknown>>;

/** `data` as the API has it, in base64; undefined: there is no Secret. */
export function readCertificateSecret(
  data: SecretData | undefined,
  { names, nowMs }: Omit<PairContext, "authorities">,
): CertificateSecret {
  if (data === undefined) return NOTHING;
  const text = (key: string): string => decoded(data[key]);
  const authorities = readAuthorities(text(KEYS.authorities)).filter(({ endsMs }) => endsMs > nowMs);
  const context = { names, nowMs, authorities };
  const current = readPair(text(KEYS.cert), text(KEYS.key), context);
  const next = readPair(text(KEYS.nextCert), text(KEYS.nextKey), context);
  const found = { current: pairOf(current), next: pairOf(next), authorities };
  const problem = "problem" in current ? current.problem : undefined;
  return { ...found, isTidy: isWritten(data, found), problem, isAbsent: false };
}

const NOTHING: CertificateSecret = {
  current: undefined,
  next: undefined,
  authorities: [],
  isTidy: false,
  problem: "there is no Secret",
  isAbsent: true,
};

/** In base64. Of `data` every other key is kept. */
export function toSecretData(
  data: SecretData,
  { current, next, authorities }: Pick<CertificateSecret, "current" | "next" | "authorities">,
): SecretData {
  const { [KEYS.nextCert]: _cert, [KEYS.nextKey]: _key, ...others } = data;
  const texts = {
    [KEYS.cert]: current?.cert ?? "",
    [KEYS.key]: current?.key ?? "",
    [KEYS.authorities]: bundleOf(authorities),
    ...(next === undefined ? {} : { [KEYS.nextCert]: next.cert, [KEYS.nextKey]: next.key }),
  };
  return { ...others, ...Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, encoded(text)])) };
}

/** Nothing is there that is not meant: else it is written anew, and an API server never meets what we did not read. */
function isWritten(data: SecretData, found: Pick<CertificateSecret, "current" | "next" | "authorities">): boolean {
  const wanted = toSecretData(data, found);
  return Object.values(KEYS).every((key) => data[key] === wanted[key]);
}

function pairOf(read: ReturnType<typeof readPair>): ServingPair | undefined {
  return "problem" in read ? undefined : read;
}

function decoded(value: unknown): string {
  if (typeof value !== "string" || value.length > MAX_BASE64) return "";
  return Buffer.from(value, "base64").toString("utf8");
}

function encoded(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
