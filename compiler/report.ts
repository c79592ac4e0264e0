// Collects findings. One reporter belongs to one object, so that no check has to repeat which object it is about.

import type { Finding, ObjectRef } from "./finding.ts";

export type Problem = Omit<Finding, "object" | "severity">;

export interface Reporter {
  readonly ref: ObjectRef;
  /** The object is not in force, or not as a whole, because of this. */
  error(problem: Problem): void;
  /** The object is in force all the same. */
  warning(problem: Problem): void;
  hasError(): boolean;
}

export function createReporter(ref: ObjectRef, findings: Finding[]): Reporter {
  let failed = false;
  return {
    ref,
    error(problem) {
      failed = true;
      findings.push({ severity: "error", object: ref, ...problem });
    },
    warning(problem) {
      findings.push({ severity: "warning", object: ref, ...problem });
    },
    hasError: () => failed,
  };
}
