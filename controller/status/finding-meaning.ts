// What each finding says in terms of conditions. Findings about the object itself and what it claims belong to Accepted,
// findings about what it names to ResolvedRefs.

import type { Finding, FindingCode } from "../../compiler/finding.ts";

export interface Meaning {
  readonly condition: "Accepted" | "ResolvedRefs";
  /** Reason of the condition. */
  readonly reason: string;
}

/** Complete by its type: a new code says here what it means before it can be reported. */
const MEANINGS: Readonly<Record<FindingCode, Meaning>> = {
  Invalid: { condition: "Accepted", reason: "Invalid" },
  UnknownKind: { condition: "Accepted", reason: "Invalid" },
  UnknownField: { condition: "Accepted", reason: "Invalid" },
  Duplicate: { condition: "Accepted", reason: "Invalid" },
  Conflicted: { condition: "Accepted", reason: "Conflicted" },
  TooManyLimits: { condition: "Accepted", reason: "TooManyLimits" },
  CredentialConflict: { condition: "Accepted", reason: "CredentialConflict" },
  CredentialExpired: { condition: "Accepted", reason: "CredentialExpired" },
  CredentialExpiring: { condition: "Accepted", reason: "CredentialExpiring" },
  HostnameTaken: { condition: "Accepted", reason: "HostnameTaken" },
  PlaintextCredential: { condition: "Accepted", reason: "PlaintextCredential" },
  InlineSecret: { condition: "Accepted", reason: "InlineSecret" },
  ClientControlled: { condition: "Accepted", reason: "ClientControlled" },
  MixedCurrencies: { condition: "Accepted", reason: "MixedCurrencies" },
  UnknownUsageField: { condition: "Accepted", reason: "UnknownUsageField" },
  Shadow: { condition: "Accepted", reason: "Shadow" },
  TargetNotFound: { condition: "ResolvedRefs", reason: "TargetNotFound" },
  SecretNotFound: { condition: "ResolvedRefs", reason: "SecretNotFound" },
  PriceMissing: { condition: "ResolvedRefs", reason: "PriceMissing" },
};

export function meaningOf({ code }: Finding): Meaning {
  return MEANINGS[code];
}
