// A notification as a CloudEvent: what it says of the window.

import { expect, test } from "vitest";
import { z } from "zod";
import { cloudEvent } from "../../../controller/notify/cloud-event.ts";
import type { NotificationEntry } from "../../../dataplane/contract/notifications.ts";

const END = Date.UTC(2026, 2, 29, 22);
const TOLD = Date.UTC(2026, 2, 29, 12);
const event = z.looseObject({ data: z.looseObject({ window: z.unknown() }) });

function windowOf(window: Pick<NotificationEntry, "algorithm" | "windowMs" | "calendar" | "timeZone">): unknown {
  const entry: NotificationEntry = {
    policy: "team",
    limit: "l",
    mode: "Enforce",
    percent: 80,
    unit: "TotalTokens",
    used: 412,
    max: 500,
    per: [],
    ...window,
  };
  const notification = {
    namespace: "ai",
    policyNamespace: "ai",
    id: `${String(TOLD)}-0`,
    number: 1,
    endMs: END,
    entry,
  };
  return event.parse(JSON.parse(cloudEvent(notification))).data.window;
}

const [end, told] = [END, TOLD].map((ms) => new Date(ms).toISOString());

test.for([
  {
    name: "fixed",
    window: { algorithm: "Fixed", windowMs: 60_000 },
    said: { algorithm: "Fixed", seconds: 60, start: "2026-03-29T21:59:00.000Z", end },
  },
  {
    name: "sliding",
    window: { algorithm: "Sliding", windowMs: 60_000 },
    said: { algorithm: "Sliding", seconds: 60, end: told },
  },
  {
    name: "a day of 23 hours",
    window: { algorithm: "Calendar", calendar: "Day", timeZone: "Europe/Berlin", windowMs: 23 * 3_600_000 },
    said: {
      algorithm: "Calendar",
      calendar: "Day",
      timeZone: "Europe/Berlin",
      seconds: 82_800,
      start: "2026-03-28T23:00:00.000Z",
      end,
    },
  },
] as const)("[unit] $name", ({ window, said }) => {
  expect(windowOf(window)).toEqual(said);
});
