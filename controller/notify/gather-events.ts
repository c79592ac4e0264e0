// From notifications to Kubernetes Events, few whatever the number of counters: the first of a kind is told at once, what
// follows within a minute together. Pure but for what it remembers.

import { entryAmount } from "../../dataplane/contract/notifications.ts";
import type { Notification, ReadPosition } from "./notification-store.ts";
import { subjectText, windowText } from "./notification-text.ts";

export interface NotificationEvent {
  readonly namespace: string;
  readonly policy: string;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly note: string;
}

/** Between two Events of one limit and percentage. */
const QUIET_MS = 60_000;
const NAMED = 5;
const REMEMBERED = 10_000;

interface Group {
  readonly first: Notification;
  readonly subjects: Set<string>;
  count: number;
  /** Where to read again if this one is never told. */
  readonly before: ReadPosition;
}

export interface DueEvent {
  readonly id: string;
  readonly event: NotificationEvent;
}

export class EventGathering {
  readonly #waiting = new Map<string, Group>();
  /** When each kind was told last, the oldest first. */
  readonly #toldAt = new Map<string, number>();

  /** `before`: the position that this notification follows. */
  add(notification: Notification, before: ReadPosition): void {
    const id = kindOf(notification);
    let group = this.#waiting.get(id);
    if (group === undefined) {
      group = { first: notification, subjects: new Set(), count: 0, before };
      this.#waiting.set(id, group);
    }
    group.count += 1;
    if (group.subjects.size < NAMED) group.subjects.add(subjectText(notification));
  }

  /** Those that may be told now. They wait on until `told`. */
  due(nowMs: number): readonly DueEvent[] {
    return [...this.#waiting]
      .filter(([id]) => nowMs - (this.#toldAt.get(id) ?? -Infinity) >= QUIET_MS)
      .map(([id, group]) => ({ id, event: eventOf(group) }));
  }

  told(id: string, nowMs: number): void {
    this.#waiting.delete(id);
    this.#toldAt.delete(id);
    this.#toldAt.set(id, nowMs);
    for (const oldest of this.#toldAt.keys()) {
      if (this.#toldAt.size <= REMEMBERED) return;
      this.#toldAt.delete(oldest);
    }
  }

  /** Up to where everything of a namespace is told, when it has been read up to `read`. */
  settled(namespace: string, read: ReadPosition): ReadPosition {
    for (const { first, before } of this.#waiting.values()) if (first.namespace === namespace) return before;
    return read;
  }
}

function kindOf({ namespace, entry }: Notification): string {
  return JSON.stringify([namespace, entry.policy, entry.limit, entry.percent, entry.mode]);
}

function eventOf(group: Group): NotificationEvent {
  const { policyNamespace: namespace, entry } = group.first;
  const isFull = entry.percent === 100;
  return {
    namespace,
    policy: entry.policy,
    type: isFull && entry.mode === "Enforce" ? "Warning" : "Normal",
    reason: isFull ? "LimitReached" : "LimitThreshold",
    note: entry.mode === "Shadow" ? `Shadow: ${noteOf(group)}` : noteOf(group),
  };
}

function noteOf({ first, subjects, count }: Group): string {
  const { entry } = first;
  const { limit, percent, unit, used, max } = entry;
  const share = `${String(percent)} % of limit ${limit} (${entryAmount(entry, max)} ${unit})`;
  const named = [...subjects].join("; ");
  if (count === 1) {
    return `${named || "A counter"} has reached ${share}: ${entryAmount(entry, used)} used in ${windowText(first)}.`;
  }
  const more = count > subjects.size ? " and others" : "";
  return `${String(count)} counters have reached ${share}, the first in ${windowText(first)}: ${named}${more}.`;
}
