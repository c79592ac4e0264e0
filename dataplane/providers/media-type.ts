// What kind of body a Content-Type announces.

const JSON_TYPE = /^(?:application|text)\/(?:[^;\s]+\+)?json$/;

export type MediaKind = "json" | "events" | "other";

/** `contentType` in lower case, as headers give it; parameters do not matter. */
export function mediaKind(contentType: string): MediaKind {
  const mediaType = (contentType.split(";", 1)[0] ?? "").trim();
  if (mediaType === "text/event-stream") return "events";
  return JSON_TYPE.test(mediaType) ? "json" : "other";
}
