// The limit headers of an answer: each limit in the formats that its own policy wants.

import { ietfHeaders, ietfRefusalHeaders } from "./ietf-headers.ts";
import { inFormat, type LabelledStatus } from "./labelled-status.ts";
import { refusalHeaders, windowHeaders } from "./window-headers.ts";

/** Of an answer that is passed on: name, value, name, value, ... */
export function limitHeaders(labelled: readonly LabelledStatus[]): string[] {
  return [...windowHeaders(inFormat("Window", labelled)), ...ietfHeaders(inFormat("IETF", labelled))];
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
