// Proves a token and finds whose it is. A token that was proven is remembered by its hash until it expires, so that the
// next requests with it cost a hash and a look-up: a signature is checked once.

import { hash } from "node:crypto";
import { createGenerationCache } from "../core/generation-cache.ts";
import { IssuerKeys, type IssuerKeysOptions } from "./issuer-keys.ts";
import { type ReadToken, readToken } from "./read-token.ts";
import type { SigningKey } from "./signing-keys.ts";
import type { TokenCredentials } from "./token-credentials.ts";
import type { TokenRule } from "./token-rule.ts";

export type TokenReason = "malformed" | "invalid" | "expired" | "unknown" | "unavailable";

/** Why a token identifies nobody. The message says nothing of what stands in it. */
export class TokenProblem {
  readonly reason: TokenReason;
  readonly message: string;

  constructor(reason: TokenReason, message: string) {
    this.reason = reason;
    this.message = message;
  }
}

export interface TokenCheck<C> {
  readonly rule: TokenRule;
  readonly token: string;
  readonly credentials: TokenCredentials<C>;
}

export interface TokenVerifier<C> {
  /** Undefined: the issuer's keys are being fetched, and `late` will be called once with what came of it. */
  verify(check: TokenCheck<C>, late: (outcome: C | TokenProblem) => void): C | TokenProblem | undefined;
}

export interface TokenVerifierOptions extends IssuerKeysOptions {
  /** Wall clock, epoch milliseconds. */
  readonly nowMs: () => number;
}

/** Tokens kept; twice this many at the most. */
const REMEMBERED = 20_000;
/** Issuers whose keys are kept; beyond them the one that was added first goes. */
const MAX_ISSUERS = 1_000;

/** A token whose signature has been checked. */
class ProvenToken<C> {
  readonly key: SigningKey;
  readonly keys: IssuerKeys;
  /** The issuer's time and the clocks' difference that is allowed for. */
  readonly expiresAtMs: number;
  credential: C;
  /** Of the credentials when it was found to be this one's. */
  generation: number;

  constructor(parts: Pick<ProvenToken<C>, "key" | "keys" | "expiresAtMs" | "credential" | "generation">) {
    this.key = parts.key;
    this.keys = parts.keys;
    this.expiresAtMs = parts.expiresAtMs;
    this.credential = parts.credential;
    this.generation = parts.generation;
  }
}

const EXPIRED = new TokenProblem("expired", "The token has expired.");
const NOBODYS = new TokenProblem(
  "unknown",
  "The token is valid, but no Consumer of this route has a credential that its issuer, audience and claims fit.",
);

export function createTokenVerifier<C extends object>(options: TokenVerifierOptions): TokenVerifier<C> {
  return new Verifier(options);
}

class Verifier<C extends object> implements TokenVerifier<C> {
  readonly #options: TokenVerifierOptions;
  readonly #proven = createGenerationCache<string, ProvenToken<C>>(REMEMBERED);
  readonly #issuers = new Map<string, IssuerKeys>();
  /** What was proven by one rule is not by another: each has its own name in the memory. */
  readonly #ruleIds = new WeakMap<TokenRule, string>();
  #rules = 0;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  verify(check: TokenCheck<C>, late: (outcome: C | TokenProblem) => void): C | TokenProblem | undefined {
    const id = this.#idOf(check.rule) + hash("sha256", check.token, "base64");
    const proven = this.#proven.get(id);
    const recalled = proven && this.#recall(proven, check);
    if (recalled !== undefined) return recalled;
    const token = readToken(check.token);
    if ("fault" in token) return new TokenProblem("malformed", `The token cannot be read: ${token.fault}.`);
    const problem = this.#judge(token, check);
    if (problem !== undefined) return problem;
    const keys = this.#keysOf(token.issuer, check.rule);
    const outcome = this.#prove(token, { check, id, keys });
    if (outcome !== undefined) return outcome;
    keys.whenFetched(() => {
      late(this.#prove(token, { check, id, keys }) ?? unavailable());
    });
    return undefined;
  }

  /** Undefined when it must be proven again. */
  #recall(proven: ProvenToken<C>, { rule, token, credentials }: TokenCheck<C>): C | TokenProblem | undefined {
    if (proven.expiresAtMs <= this.#options.nowMs()) return EXPIRED;
    proven.keys.tend();
    if (!proven.key.isPublished) return undefined;
    const { generation } = credentials;
    if (proven.generation === generation) return proven.credential;
    const read = readToken(token);
    const credential = "fault" in read ? undefined : credentials.find(rule.namespace, read.claims);
    if (credential === undefined) return NOBODYS;
    proven.credential = credential;
    proven.generation = generation;
    return credential;
  }

  /** All that can be said without the issuer's keys. */
  #judge(token: ReadToken, { rule, credentials }: TokenCheck<C>): TokenProblem | undefined {
    const { algorithm, issuer, expiresAt, notBefore, issuedAt } = token;
    const { clockSkewMs, issuers, namespace } = rule;
    if (!rule.algorithms.has(algorithm)) {
      return new TokenProblem("invalid", "The token's algorithm is not accepted on this route.");
    }
    if (issuers?.has(issuer) === false || !credentials.hasIssuer(namespace, issuer)) {
      return new TokenProblem("unknown", "The token's issuer is not known on this route.");
    }
    const nowMs = this.#options.nowMs();
    if (expiresAt * 1000 + clockSkewMs <= nowMs) return EXPIRED;
    const earliest = Math.max(notBefore ?? -Infinity, issuedAt ?? -Infinity);
    return earliest * 1000 - clockSkewMs > nowMs
      ? new TokenProblem("invalid", "The token is not valid yet (nbf, iat).")
      : undefined;
  }

  #prove(
    token: ReadToken,
    { check, id, keys }: { readonly check: TokenCheck<C>; readonly id: string; readonly keys: IssuerKeys },
  ): C | TokenProblem | undefined {
    const { algorithm, signed, signature, claims, expiresAt } = token;
    const key = keys.look(algorithm, token.keyId);
    if (key === "wait") return undefined;
    if (key === "away") return unavailable();
    if (key === "unknown") return new TokenProblem("invalid", "The token's issuer has no such key.");
    if (!key.verifies(algorithm, signed, signature)) {
      return new TokenProblem("invalid", "The token's signature does not verify.");
    }
    const { rule, credentials } = check;
    const { generation } = credentials;
    const credential = credentials.find(rule.namespace, claims);
    if (credential === undefined) return NOBODYS;
    const expiresAtMs = expiresAt * 1000 + rule.clockSkewMs;
    this.#proven.set(id, new ProvenToken({ key, keys, expiresAtMs, credential, generation }));
    return credential;
  }

  #keysOf(issuer: string, { issuers }: TokenRule): IssuerKeys {
    const jwksUri = issuers?.get(issuer);
    const id = jwksUri === undefined ? issuer : `${issuer} ${jwksUri}`;
    const known = this.#issuers.get(id);
    if (known !== undefined) return known;
    const [oldest] = this.#issuers.keys();
    if (oldest !== undefined && this.#issuers.size >= MAX_ISSUERS) this.#issuers.delete(oldest);
    const keys = new IssuerKeys({ issuer, jwksUri }, this.#options);
    this.#issuers.set(id, keys);
    return keys;
  }

  #idOf(rule: TokenRule): string {
    const known = this.#ruleIds.get(rule);
    if (known !== undefined) return known;
    this.#rules += 1;
    const id = `${String(this.#rules)}:`;
    this.#ruleIds.set(rule, id);
    return id;
  }
}

function unavailable(): TokenProblem {
  return new TokenProblem("unavailable", "The keys of the token's issuer cannot be fetched at the moment.");
}
