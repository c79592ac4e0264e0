// What the compiler says about an object: the same for `validate`, webhooks and status conditions.

export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export type FindingCode =
  | "Invalid"
  | "UnknownKind"
  | "UnknownField"
  | "Duplicate"
  | "TargetNotFound"
  | "SecretNotFound"
  | "CredentialConflict"
  | "CredentialExpired"
  | "CredentialExpiring"
  | "HostnameTaken"
  | "PlaintextCredential"
  | "InlineSecret"
  | "ClientControlled"
  | "Conflicted"
  | "TooManyLimits"
  | "PriceMissing"
  | "MixedCurrencies"
  | "UnknownUsageField"
  | "Shadow";

export interface Finding {
  /**
   * error: the object is not in force, or not as a whole: a route without the host names that are taken or the backends
   * that are missing, a consumer without any credential; an invalid object's last good version may be. warning: it is in
   * force as it stands.
   */
  readonly severity: "error" | "warning";
  readonly code: FindingCode;
  readonly object: ObjectRef;
  /** Path from the object's root: "spec.limits[2].window.duration". */
  readonly field: string;
  /** What stands there, never a secret. */
  readonly found: string;
  readonly wanted: string;
}
