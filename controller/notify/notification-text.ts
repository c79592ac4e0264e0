// A notification in words and figures, for people and for programs. Pure.

import type { Notification } from "./notification-store.ts";

/** "Consumer default/alice, Backend openai". */
export function subjectText({ entry }: Notification): string {
  const parts = entry.per.map(({ type, value }) => (value === undefined ? type : `${type} ${value}`));
  return parts.join(", ");
}

export function windowText({ entry, endMs }: Notification): string {
  const { algorithm, windowMs, calendar, timeZone = "UTC" } = entry;
  const end = new Date(endMs).toISOString();
  if (calendar !== undefined) return `the calendar ${calendar.toLowerCase()} (${timeZone}) that ends at ${end}`;
  const seconds = `${String(windowMs / 1000)} s`;
  if (algorithm === "Sliding") return `the last ${seconds}`;
  return `the window of ${seconds} that ends at ${end}`;
}

/** When it was told. */
export function toldAtMs({ id }: Notification): number {
  return Number(id.slice(0, id.indexOf("-")));
}
