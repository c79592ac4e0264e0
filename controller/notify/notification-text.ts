// A notification in words and figures, for people and for programs. Pure.

import type { Notification } from "./notification-store.ts";

/** "Consumer default/alice, Backend openai". */
export function subjectText({ entry }: Notification): string {
  const parts = entry.per.map(({ type, value }) => (value === undefined ? type : `${type} ${value}`));
  return parts.join(", ");
}

export function windowText({ entry, endMs }: Notification): string {
  const seconds = `${String(entry.windowMs / 1000)} s`;
  if (entry.algorithm === "Sliding") return `the last ${seconds}`;
  return `the window of ${seconds} that ends at ${new Date(endMs).toISOString()}`;
}

/** When it was told. */
export function toldAtMs({ id }: Notification): number {
  return Number(id.slice(0, id.indexOf("-")));
}
