// How a refusal looks -> the form that the data plane runs: defaults left out, so that a policy without them stays as it was.

import type { PolicySpec } from "../crds/ai-rate-limit-policy.ts";
import { DEFAULT_MAX_LIMITS, type ResponseRules } from "../dataplane/contract/compiled.ts";
import { parseDuration } from "../dataplane/core/duration.ts";
import { quoted } from "./found-text.ts";
import type { Reporter } from "./report.ts";

const MAX_JITTER_MS = 86_400_000;

/** What is returned is meaningless after an error was reported. */
export function compileResponse(spec: PolicySpec["response"], report: Reporter): ResponseRules {
  const { statusCode, bodyFormat, message, hideDetails, headers, retryAfterJitter } = spec;
  const { formats, hide, maxLimits } = headers;
  const retryAfterJitterMs = readJitter(retryAfterJitter, report);
  return {
    statusCode,
    bodyFormat,
    message,
    ...(hideDetails && { hideDetails }),
    headers: { formats, ...(hide !== "None" && { hide }), ...(maxLimits !== DEFAULT_MAX_LIMITS && { maxLimits }) },
    ...(retryAfterJitterMs > 0 && { retryAfterJitterMs }),
  };
}

function readJitter(duration: string, report: Reporter): number {
  const ms = parseDuration(duration) ?? Infinity;
  if (ms <= MAX_JITTER_MS) return ms;
  const field = "spec.response.retryAfterJitter";
  report.error({ code: "Invalid", field, found: quoted(duration), wanted: "a duration from 0s to 24h" });
  return 0;
}
