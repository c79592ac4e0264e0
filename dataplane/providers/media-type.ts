// What kind of body a Content-Type announces.

const JSON_TYPE = /^(?:application|text)\/(?:[^;\s]+\+)?json$/;

export type MediaKind = "json" | "events" | "other";

/** `contentType` in lower case, as headers give it; parameters do not matter. */
export function mediaKind(contentType: string): MediaKind {
  // Most say just this, and nothing has to be taken apart.
  if (contentType === "application/json") return "json";
  const semicolon = contentType.indexOf(";");
  const mediaType = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim();
  if (mediaType === "text/event-stream") return "events";
  return JSON_TYPE.test(mediaType) ? "json" : "other";
}
