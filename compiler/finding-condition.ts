// What a finding means for the status of its object: which condition it makes False, or that it is a warning to be told
// while every condition stays True.

import type { Finding, FindingCode } from "./finding.ts";

/**
 * Accepted: the manifest itself may be in force, beside the other objects that are there. ResolvedRefs: everything that it
 * names is there. A warning makes no condition False.
 */
export type FindingEffect = "Accepted" | "ResolvedRefs" | "Warning";

const CONDITIONS: Readonly<Record<FindingCode, Exclude<FindingEffect, "Warning">>> = {
  Invalid: "Accepted",
  UnknownKind: "Accepted",
  UnknownField: "Accepted",
  Duplicate: "Accepted",
  CredentialConflict: "Accepted",
  HostnameTaken: "Accepted",
  PlaintextCredential: "Accepted",
  Conflicted: "Accepted",
  TooManyLimits: "Accepted",
  InlineSecret: "Accepted",
  ClientControlled: "Accepted",
  PriceMissing: "Accepted",
  MixedCurrencies: "Accepted",
  Shadow: "Accepted",
  TargetNotFound: "ResolvedRefs",
  SecretNotFound: "ResolvedRefs",
};

/**
 * A name that nothing has makes ResolvedRefs False whatever its severity: the object is in force, but not as it was meant.
 * All else makes its condition False only as an error. The finding's code is the reason in either case.
 */
export function effectOf({ code, severity }: Pick<Finding, "code" | "severity">): FindingEffect {
  const condition = CONDITIONS[code];
  return severity === "error" || condition === "ResolvedRefs" ? condition : "Warning";
}
