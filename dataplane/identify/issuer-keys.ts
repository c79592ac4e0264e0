// The signing keys of one issuer as they are known here: fetched when first needed, again from time to time while they are
// in use, and when a token names a key that is not among them. An issuer that is away keeps the keys that it had, for a
// day. Where keys are fetched from is configuration; nothing in a token has a say in it.

import type { TokenAlgorithm } from "../contract/token-algorithms.ts";
import { readKeySet, type SigningKey } from "./signing-keys.ts";

/** Fetches a JSON document; calls `done` once, within a bounded time. */
export type FetchDocument = (url: string, done: (result: FetchedDocument) => void) => void;

/** `problem` says in words what went wrong. */
export type FetchedDocument = { readonly document: unknown } | { readonly problem: string };

export interface KeySource {
  readonly issuer: string;
  /** Undefined: the discovery document says. */
  readonly jwksUri: string | undefined;
}

export interface IssuerKeysOptions {
  readonly fetchDocument: FetchDocument;
  /** Milliseconds that never decrease. */
  readonly clockMs: () => number;
  /** Told of each attempt to fetch the keys of an issuer; `problem` is absent when it succeeded. */
  readonly fetched: (issuer: string, problem?: string) => void;
}

/** unknown: the issuer has no such key. away: its keys cannot be had now. wait: they are being fetched, see `whenFetched`. */
export type KeyLookup = SigningKey | "unknown" | "away" | "wait";

/** Keys in use are fetched again after this time. */
const FRESH_MS = 10 * 60_000;
/** How long keys serve when they cannot be fetched again. */
const STALE_MS = 24 * 3_600_000;
/** Between two attempts: to find a key that a token names, and to reach an issuer whose keys are old. */
const REFRESH_GAP_MS = 10_000;
/** Between two attempts when there is no key at all. */
const RETRY_GAP_MS = 2_000;
const MAX_WAITING = 1_000;

export class IssuerKeys {
  readonly #source: KeySource;
  readonly #options: IssuerKeysOptions;
  #keys: readonly SigningKey[] | undefined;
  #fetchedMs = 0;
  #attemptedMs = -Infinity;
  #isFetching = false;
  /** Before this time there is nothing to do for keys that are known. */
  #dueMs = Infinity;
  #waiting: (() => void)[] = [];

  constructor(source: KeySource, options: IssuerKeysOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** The key of a token's signature. `keyId` is absent when the token names none: then the issuer must have one such key only. */
  look(algorithm: TokenAlgorithm, keyId: string | undefined): KeyLookup {
    this.tend();
    const key = this.#pick(algorithm, keyId);
    if (key !== undefined) return key;
    const hasKeys = this.#keys !== undefined;
    const quietMs = this.#options.clockMs() - this.#attemptedMs;
    if (!this.#isFetching && quietMs >= (hasKeys ? REFRESH_GAP_MS : RETRY_GAP_MS)) this.#fetch();
    if (this.#isFetching && this.#waiting.length < MAX_WAITING) return "wait";
    return hasKeys ? "unknown" : "away";
  }

  /** Calls `then` once when the fetch under way has ended. Only after a look that said "wait". */
  whenFetched(then: () => void): void {
    this.#waiting.push(then);
  }

  /** Fetches keys in use anew when it is time, in the background. To be called whenever one of them is relied on. */
  tend(): void {
    const nowMs = this.#options.clockMs();
    if (nowMs < this.#dueMs) return;
    if (nowMs - this.#fetchedMs >= STALE_MS) this.#take(undefined);
    else if (!this.#isFetching) this.#fetch();
  }

  #pick(algorithm: TokenAlgorithm, keyId: string | undefined): SigningKey | undefined {
    const serving = this.#keys?.filter((key) => key.serves(algorithm)) ?? [];
    if (keyId !== undefined) return serving.find(({ id }) => id === keyId);
    return serving.length === 1 ? serving[0] : undefined;
  }

  #fetch(): void {
    this.#isFetching = true;
    this.#attemptedMs = this.#options.clockMs();
    this.#dueMs = this.#attemptedMs + REFRESH_GAP_MS;
    const { issuer, jwksUri } = this.#source;
    if (jwksUri !== undefined) {
      this.#fetchKeys(jwksUri);
      return;
    }
    const url = `${issuer.endsWith("/") ? issuer.slice(0, -1) : issuer}/.well-known/openid-configuration`;
    this.#options.fetchDocument(url, (result) => {
      const found = "problem" in result ? result : discoveredUri(result.document, issuer);
      if ("problem" in found) this.#ended(`${url}: ${found.problem}`);
      else this.#fetchKeys(found.jwksUri);
    });
  }

  #fetchKeys(url: string): void {
    this.#options.fetchDocument(url, (result) => {
      const keys = "problem" in result ? undefined : readKeySet(result.document, this.#keys ?? []);
      if (keys !== undefined) {
        this.#fetchedMs = this.#options.clockMs();
        this.#dueMs = this.#fetchedMs + FRESH_MS;
        this.#take(keys);
      }
      const problem = "problem" in result ? result.problem : "found no JWK Set";
      this.#ended(keys === undefined ? `${url}: ${problem}` : undefined);
    });
  }

  #take(keys: readonly SigningKey[] | undefined): void {
    for (const key of this.#keys ?? []) key.isPublished = keys?.includes(key) === true;
    this.#keys = keys;
    if (keys === undefined) this.#dueMs = Infinity;
  }

  #ended(problem: string | undefined): void {
    this.#isFetching = false;
    this.#options.fetched(this.#source.issuer, problem);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const then of waiting) then();
  }
}

/** OpenID Connect Discovery 1.0 section 4.3: the document must be the issuer's own. */
function discoveredUri(document: unknown, issuer: string): { readonly jwksUri: string } | { readonly problem: string } {
  if (!isRecord(document)) return { problem: "found no JSON object" };
  if (document["issuer"] !== issuer) return { problem: "the document is of another issuer" };
  const uri = document["jwks_uri"];
  if (typeof uri !== "string" || !isTrustworthy(uri)) return { problem: "jwks_uri is no https URL" };
  return { jwksUri: uri };
}

/** As configuration must name it: https, and http to loopback addresses only. */
function isTrustworthy(uri: string): boolean {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.username !== "" || url.password !== "") return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
