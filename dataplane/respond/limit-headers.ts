// The limit headers of an answer: each limit in the formats that its own policy wants.

import { ietfHeaders, ietfRefusalHeaders } from "./ietf-headers.ts";
import { inFormat, type LabelledStatus } from "./labelled-status.ts";
import { refusalHeaders, windowHeaders } from "./window-headers.ts";

const NONE: readonly string[] = [];

/** Of an answer that is passed on: name, value, name, value, ... */
export function limitHeaders(labelled: readonly LabelledStatus[]): readonly string[] {
  if (labelled.length === 0) return NONE;
  const headers = windowHeaders(inFormat("Window", labelled));
  for (const text of ietfHeaders(inFormat("IETF", labelled))) headers.push(text);
  return headers;
}

/** Of a refusal; `waitMs` until the request would pass. What is reset is said only where a limit in that format refuses. */
export function refusedLimitHeaders(labelled: readonly LabelledStatus[], waitMs: number): string[] {
  const shown = inFormat("Window", labelled);
  const exhausted = shown.filter(({ status }) => status.exhausted);
  return [
    ...windowHeaders(shown),
    ...(exhausted.length > 0 ? refusalHeaders(exhausted, waitMs) : []),
    ...ietfRefusalHeaders(inFormat("IETF", labelled)),
  ];
}
