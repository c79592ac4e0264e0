// What comes of a credential: somebody, or an answer that says why not. Answers name places and reasons, never what stood
// there.

import type { RouteAuthentication } from "../config/route-authentication.ts";
import type { Identity } from "../config/snapshot.ts";
import type { Presented } from "../identify/credential.ts";
import { TokenProblem, type TokenReason } from "../identify/token-verifier.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";

type FailureCode =
  | "credential_missing"
  | "credential_malformed"
  | "credential_duplicated"
  | "credential_unknown"
  | "credential_expired"
  | "credential_invalid"
  | "issuer_unavailable";

/** A class, so that it is told from an identity at once. */
export class Unidentified {
  readonly code: FailureCode;
  readonly message: string;

  constructor(code: FailureCode, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** Of refusals for who asks: the metrics' reasons. */
const REASONS = new Map<string, string>([
  ["credential_missing", "missing"],
  ["credential_malformed", "malformed"],
  ["credential_duplicated", "duplicated"],
  ["credential_unknown", "unknown"],
  ["credential_expired", "expired"],
  ["credential_invalid", "invalid"],
  ["issuer_unavailable", "issuer_unavailable"],
  ["consumer_suspended", "suspended"],
  ["model_denied", "model_denied"],
]);

/** Undefined for errors that are no matter of who asks. */
export function identificationReason({ code }: GatewayError): string | undefined {
  return REASONS.get(code);
}

const OF_TOKENS: Readonly<Record<TokenReason, FailureCode>> = {
  malformed: "credential_malformed",
  invalid: "credential_invalid",
  expired: "credential_expired",
  unknown: "credential_unknown",
  unavailable: "issuer_unavailable",
};

export function identityOfToken(outcome: Identity | TokenProblem, nowMs: () => number): Identity | Unidentified {
  if (!(outcome instanceof TokenProblem)) return validAt(outcome, nowMs, "credential of the token's consumer");
  return new Unidentified(OF_TOKENS[outcome.reason], outcome.message);
}

export function validAt(identity: Identity, nowMs: () => number, what: string): Identity | Unidentified {
  if (identity.expiresAtMs === Infinity || identity.expiresAtMs > nowMs()) return identity;
  return new Unidentified("credential_expired", `The ${what} has expired.`);
}

/** `places`: where it was looked for. */
export function notPresented(presented: Presented | undefined, what: string, places: string): Unidentified {
  switch (presented?.kind) {
    case "duplicated":
      return new Unidentified(
        "credential_duplicated",
        `More than one ${what} found: ${presented.where} is given twice.`,
      );
    case "malformed":
      return new Unidentified(
        "credential_malformed",
        `No single ${what} found: ${presented.where} has text with spaces behind Bearer.`,
      );
    default:
      return new Unidentified("credential_missing", `No ${what} found. Looked at: ${places}.`);
  }
}

/** With a challenge, on every 401 (RFC 9110 section 11.6.1). */
export function notIdentified({ code, message }: Unidentified, authentication: RouteAuthentication): GatewayError {
  if (code === "issuer_unavailable") return { code, message };
  const isInvalid = authentication.tokens !== undefined && code !== "credential_missing";
  return { code, message, headers: isInvalid ? authentication.tokenChallenge : authentication.challenge };
}
