// A notification as a CloudEvent 1.0 in JSON (structured mode, CloudEvents JSON format 1.0.2). Pure.

import { entryAmount } from "../../dataplane/contract/notifications.ts";
import type { Notification } from "./notification-store.ts";
import { toldAtMs } from "./notification-text.ts";

export const CLOUD_EVENT_TYPE = "dev.airatelimit.limit.threshold";

/** The id is the same however often it is sent, so that a receiver can leave out what it has. */
export function cloudEvent(notification: Notification): string {
  const { namespace, policyNamespace, id, endMs, entry } = notification;
  const { policy, limit, mode, percent, unit, used, max, algorithm, windowMs, calendar, timeZone, per } = entry;
  const end = new Date(endMs).toISOString();
  const start = new Date(endMs - windowMs).toISOString();
  const at = new Date(toldAtMs(notification)).toISOString();
  return JSON.stringify({
    specversion: "1.0",
    id: `${namespace}/${id}`,
    source: `/airatelimit.dev/namespaces/${policyNamespace}/airatelimitpolicies/${policy}`,
    type: CLOUD_EVENT_TYPE,
    subject: limit,
    time: at,
    datacontenttype: "application/json",
    data: {
      namespace: policyNamespace,
      policy,
      limit,
      mode,
      percent,
      unit,
      used: entryAmount(entry, used),
      max: entryAmount(entry, max),
      window: {
        algorithm,
        ...(calendar !== undefined && { calendar, timeZone }),
        seconds: windowMs / 1000,
        ...(algorithm === "Sliding" ? { end: at } : { start, end }),
      },
      per,
    },
  });
}
