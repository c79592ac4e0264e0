// Headers of the upstream that have the names of our own limit headers: a provider tells of its limits, or another gateway
// stands behind this one. No two of one name go out.

import { FORMAT, LABELLED_FORMATS } from "./header-rules.ts";

/** The formats whose headers may have this name (lower case); 0 for most. */
export function formatsNamed(lower: string): number {
  switch (lower.charCodeAt(0)) {
    case 0x61: // a
      return lower.startsWith("anthropic-ratelimit-") ? FORMAT.Anthropic : 0;
    case 0x72: // r
      return lower.startsWith("ratelimit") ? FORMAT.IETF | FORMAT.IETFDraft03 : 0;
    case 0x78: // x
      if (lower.startsWith("x-ai-")) return LABELLED_FORMATS;
      return lower.startsWith("x-ratelimit-") ? FORMAT.OpenAI : 0;
    default:
      return 0;
  }
}

const UPSTREAM_PREFIX = "X-AIRL-Upstream-";
/** From here on the upstream itself refuses. */
const FIRST_ERROR = 400;

export interface Composed {
  readonly status: number;
  /** So many of the first names and values are the upstream's. */
  readonly upstreamTexts: number;
}

/**
 * Below status 400 our own stay, and the upstream's of the same name are told as X-AIRL-Upstream-<name>. From 400 on the
 * upstream's stay, since they explain its answer, and ours of the same name are left out.
 */
export function settleClashes(headers: string[], { status, upstreamTexts }: Composed): void {
  if (status < FIRST_ERROR) renameUpstream(headers, upstreamTexts);
  else dropOwn(headers, upstreamTexts);
}

function renameUpstream(headers: string[], upstreamTexts: number): void {
  const own = lowerNames(headers, upstreamTexts, headers.length);
  for (let i = 0; i < upstreamTexts; i += 2) {
    const name = headers[i] ?? "";
    if (own.has(name.toLowerCase())) headers[i] = UPSTREAM_PREFIX + name;
  }
}

function dropOwn(headers: string[], upstreamTexts: number): void {
  const theirs = lowerNames(headers, 0, upstreamTexts);
  let kept = upstreamTexts;
  for (let i = upstreamTexts; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (formatsNamed(name.toLowerCase()) !== 0 && theirs.has(name.toLowerCase())) continue;
    headers[kept] = name;
    headers[kept + 1] = headers[i + 1] ?? "";
    kept += 2;
  }
  headers.length = kept;
}

/** Of limit headers. */
function lowerNames(headers: readonly string[], from: number, to: number): Set<string> {
  const names = new Set<string>();
  for (let i = from; i < to; i += 2) {
    const lower = headers[i]?.toLowerCase() ?? "";
    if (formatsNamed(lower) !== 0) names.add(lower);
  }
  return names;
}
