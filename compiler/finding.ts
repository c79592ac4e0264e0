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
  /** error: the object is not in force (its last good version stays); warning: it is. */
  readonly severity: "error" | "warning";
  readonly code: FindingCode;
  readonly object: ObjectRef;
  /** Path from the object's root: "spec.limits[2].window.duration". */
  readonly field: string;
  /** What stands there, never a secret. */
  readonly found: string;
  readonly wanted: string;
}
