// What findings mean for the status of an object.

import { test } from "vitest";
import { effectOf } from "../../compiler/finding-condition.ts";

test.for([
  { code: "Invalid", severity: "error", effect: "Accepted" },
  { code: "HostnameTaken", severity: "error", effect: "Accepted" },
  { code: "CredentialConflict", severity: "error", effect: "Accepted" },
  { code: "CredentialConflict", severity: "warning", effect: "Warning" },
  { code: "SecretNotFound", severity: "error", effect: "ResolvedRefs" },
  { code: "SecretNotFound", severity: "warning", effect: "ResolvedRefs" },
  { code: "TargetNotFound", severity: "warning", effect: "ResolvedRefs" },
  { code: "PriceMissing", severity: "warning", effect: "Warning" },
] as const)("[unit] $code as $severity means $effect", ({ code, severity, effect }, { expect }) => {
  expect(effectOf({ code, severity })).toBe(effect);
});
