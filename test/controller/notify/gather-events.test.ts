// What people read in Events, and how few of them there are.

import { describe, expect, test } from "vitest";
import { EventGathering } from "../../../controller/notify/gather-events.ts";
import { BEGINNING, type Notification } from "../../../controller/notify/notification-store.ts";

const END = Date.UTC(2026, 2, 1, 12, 1);

function aNotification(number: number, entry: Partial<Notification["entry"]> = {}): Notification {
  return {
    namespace: "ai",
    policyNamespace: "ai",
    id: `${String(END - 30_000)}-${String(number)}`,
    number,
    endMs: END,
    entry: {
      policy: "team",
      limit: "minute",
      mode: "Enforce",
      percent: 80,
      unit: "TotalTokens",
      used: 412,
      max: 500,
      algorithm: "Fixed",
      windowMs: 60_000,
      per: [{ type: "Consumer", value: `ai/user${String(number)}` }],
      ...entry,
    },
  };
}

function notesOf(...notifications: readonly Notification[]): readonly (readonly [string, string, string])[] {
  const gathering = new EventGathering();
  for (const each of notifications) gathering.add(each, BEGINNING);
  return gathering.due(0).map(({ event }) => [event.type, event.reason, event.note]);
}

describe("the note", () => {
  test("[unit] one counter: who, which limit, how much, in which window", () => {
    expect(notesOf(aNotification(1))).toEqual([
      [
        "Normal",
        "LimitThreshold",
        "Consumer ai/user1 has reached 80 % of limit minute (500 TotalTokens): 412 used in the window of 60 s that ends at 2026-03-01T12:01:00.000Z.",
      ],
    ]);
  });

  test("[unit] 100 percent is a warning; in Shadow it is not, and is said to be Shadow", () => {
    const cost = {
      percent: 100,
      unit: "Cost",
      used: 12_500_000_000,
      max: 12_000_000_000,
      algorithm: "Sliding",
    } as const;
    expect(
      notesOf(aNotification(1, cost), aNotification(2, { percent: 100, mode: "Shadow", per: [{ type: "Shared" }] })),
    ).toEqual([
      [
        "Warning",
        "LimitReached",
        "Consumer ai/user1 has reached 100 % of limit minute (12 Cost): 12.5 used in the last 60 s.",
      ],
      ["Normal", "LimitReached", expect.stringMatching(/^Shadow: Shared has reached 100 % of limit minute/)],
    ]);
  });

  test("[unit] a window of the calendar is named as such, with its time zone", () => {
    const month = {
      algorithm: "Calendar",
      calendar: "Month",
      timeZone: "Europe/Berlin",
      windowMs: 31 * 86_400_000,
    } as const;
    const [[, , note] = []] = notesOf(aNotification(1, month));
    expect(note).toContain("412 used in the calendar month (Europe/Berlin) that ends at 2026-03-01T12:01:00.000Z.");
  });

  test("[unit] many counters are one event that names some", () => {
    const all = Array.from({ length: 1_000 }, (_, i) => aNotification(i + 1));
    const [[type, , note] = []] = notesOf(...all);
    expect(type).toBe("Normal");
    expect(note).toBe(
      "1000 counters have reached 80 % of limit minute (500 TotalTokens), the first in the window of 60 s that ends at " +
        "2026-03-01T12:01:00.000Z: Consumer ai/user1; Consumer ai/user2; Consumer ai/user3; Consumer ai/user4; " +
        "Consumer ai/user5 and others.",
    );
  });
});

describe("when", () => {
  test("[unit] the first of a kind at once, what follows together a minute later; other kinds do not wait for it", () => {
    const gathering = new EventGathering();
    gathering.add(aNotification(1), BEGINNING);
    const [first] = gathering.due(0);
    gathering.told(first?.id ?? "", 0);
    gathering.add(aNotification(2), aNotification(1));
    gathering.add(aNotification(3), aNotification(2));
    expect(gathering.due(59_999)).toEqual([]);
    gathering.add(aNotification(4, { percent: 100 }), aNotification(3));
    expect(gathering.due(59_999).map(({ event }) => event.reason)).toEqual(["LimitReached"]);
    expect(gathering.due(60_000).map(({ event }) => event.note)).toEqual([
      expect.stringMatching(/^2 counters/),
      expect.stringMatching(/^Consumer ai\/user4 has reached 100 %/),
    ]);
  });

  test("[unit] nothing counts as read before it is told", () => {
    const gathering = new EventGathering();
    const [one, two, three] = [aNotification(1), aNotification(2, { limit: "hour" }), aNotification(3)];
    gathering.add(one, BEGINNING);
    gathering.add(two, one);
    gathering.add(three, two);
    expect(gathering.settled("ai", three)).toBe(BEGINNING);
    const [minute] = gathering.due(0);
    gathering.told(minute?.id ?? "", 0);
    expect(gathering.settled("ai", three)).toBe(one);
    const [hour] = gathering.due(0);
    gathering.told(hour?.id ?? "", 0);
    expect(gathering.settled("ai", three)).toBe(three);
    expect(gathering.settled("other", BEGINNING)).toBe(BEGINNING);
  });
});
