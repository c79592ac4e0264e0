// How data planes tell through Redis that a counter has reached a percentage of its limit, and how the controller reads it.
// docs/notifications.md shows it as a whole.

import { z } from "zod";
import { amountText } from "../core/amount-text.ts";

/** All keys of a namespace share one slot: one script claims and tells. */
function tagOf(namespace: string): string {
  return `{ntf:${namespace}}`;
}

/** Stream: fields n (numbers the entries of this stream), end (of the window, epoch ms), entry. Example "airl:{ntf:ai}:stream". */
export function notificationsKey(prefix: string, namespace: string): string {
  return `${prefix}${tagOf(namespace)}:stream`;
}

/** The n of the last entry. Example "airl:{ntf:ai}:count". */
export function notificationCountKey(prefix: string, namespace: string): string {
  return `${prefix}${tagOf(namespace)}:count`;
}

/** Hash: reader -> "<id> <n>" of the last entry that it has done with. Example "airl:{ntf:ai}:read". */
export function notificationReadKey(prefix: string, namespace: string): string {
  return `${prefix}${tagOf(namespace)}:read`;
}

/**
 * What has been told of a counter: "<percent>=<until, epoch ms> ..."; goes with the last of them. Counter keys end in a
 * hash of their values. Example "airl:{ntf:ai}:told:Gm0wX4kT5yq2b8s1ZrVd3A:q0T3kX9vB1s".
 */
export function toldKey(
  prefix: string,
  namespace: string,
  counter: { readonly key: string; readonly field: string },
): string {
  const values = counter.key.slice(counter.key.lastIndexOf(":") + 1);
  return `${prefix}${tagOf(namespace)}:told:${values}:${counter.field}`;
}

/** Of each namespace; the oldest go. */
export const NOTIFICATIONS_KEPT = 10_000;
/** A stream that nothing is added to for so long goes; entries of it have been read, or nobody reads. */
export const NOTIFICATIONS_LIFE_MS = 7 * 86_400_000;

const count = z.number().int().min(0);
const texts = { type: z.string().max(300), value: z.string().max(512).optional() };

/** Members of one entry of the stream. */
export const NOTIFICATION_FIELDS = { number: "n", end: "end", entry: "entry" } as const;

/** What one counter has reached. Names and numbers of configuration only: nothing that a client sends. */
export const notificationEntry = z.strictObject({
  policy: z.string().min(1).max(253),
  limit: z.string().min(1).max(63),
  mode: z.enum(["Enforce", "Shadow"]),
  percent: count.min(1).max(100),
  unit: z.string().max(32),
  /** As limits count it: nano units of a currency with unit Cost. */
  used: count,
  max: count,
  algorithm: z.enum(["Sliding", "Fixed", "FixedFromFirst", "Calendar"]),
  /** Of a calendar's window the length of that very one. */
  windowMs: count,
  /** With Calendar only. */
  calendar: z.enum(["Hour", "Day", "Week", "Month", "Year"]).optional(),
  timeZone: z.string().max(64).optional(),
  /** What the counter is kept for; values only of what configuration names. */
  per: z.array(z.strictObject(texts)).max(8),
});

export type NotificationEntry = z.infer<typeof notificationEntry>;

/** An amount of the entry as limits are written in a policy: an integer, and money as a decimal. */
export function entryAmount({ unit }: Pick<NotificationEntry, "unit">, amount: number): string {
  return unit === "Cost" ? amountText(unit, amount) : String(amount);
}
