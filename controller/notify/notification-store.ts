// Reads what data planes tell, and keeps where each reader stands: a leader goes on where the one before it stopped.

import {
  NOTIFICATION_FIELDS,
  NOTIFICATIONS_LIFE_MS,
  type NotificationEntry,
  notificationEntry,
  notificationReadKey,
  notificationsKey,
} from "../../dataplane/contract/notifications.ts";
import { CLUSTER_PART } from "../../dataplane/contract/published.ts";
import { createRedisCaller, type RedisCaller, type RedisClient } from "../publish/redis-caller.ts";
import type { Timers } from "../publish/timers.ts";

export interface Notification {
  /** Where it was told: a namespace, or CLUSTER_PART. */
  readonly namespace: string;
  /** Of the policy. */
  readonly policyNamespace: string;
  /** Of the stream: "<epoch ms>-<sequence>". With the namespace it names the notification for ever. */
  readonly id: string;
  /** Numbers the notifications of a namespace; what is missing between two was dropped. */
  readonly number: number;
  /** Of the window, epoch ms. */
  readonly endMs: number;
  readonly entry: NotificationEntry;
}

/** The last notification that a reader has done with. */
export interface ReadPosition {
  readonly id: string;
  readonly number: number;
}

export type ReaderName = "events" | "webhook";

export interface NotificationPage {
  readonly notifications: readonly Notification[];
  /** Of the last entry, readable or not; undefined when there was none. */
  readonly last: ReadPosition | undefined;
  /** There may be more. */
  readonly isFull: boolean;
}

/** All reject when Redis refuses, is away or is silent. */
export interface NotificationStore {
  position(namespace: string, reader: ReaderName): Promise<ReadPosition>;
  save(namespace: string, reader: ReaderName, position: ReadPosition): Promise<void>;
  /** Those after the position, the oldest first. What does not meet the contract is left out. */
  readAfter(namespace: string, position: ReadPosition, count: number): Promise<NotificationPage>;
}

export interface NotificationStoreOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  /** Where the policies of CLUSTER_PART are. */
  readonly systemNamespace: string;
  readonly timers: Timers;
  /** How long an answer of Redis is waited for. Default 5000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
export const BEGINNING: ReadPosition = { id: "0-0", number: 0 };
const POSITION = /^(\d{1,16}-\d{1,16}) (\d{1,16})$/;

export function createNotificationStore(options: NotificationStoreOptions): NotificationStore {
  const { redis, prefix, systemNamespace, timers, timeoutMs = TIMEOUT_MS } = options;
  const caller = createRedisCaller({ redis, timers, timeoutMs });
  return {
    async position(namespace, reader) {
      const [text] = readList(await caller.command("hmget", notificationReadKey(prefix, namespace), reader));
      const [, id, number] = POSITION.exec(typeof text === "string" ? text : "") ?? [];
      return id === undefined ? BEGINNING : { id, number: Number(number) };
    },
    async save(namespace, reader, { id, number }) {
      const key = notificationReadKey(prefix, namespace);
      await caller.command("hset", key, reader, `${id} ${String(number)}`);
      // Longer than the stream: what has been read is not read again.
      await caller.command("pexpire", key, String(2 * NOTIFICATIONS_LIFE_MS));
    },
    readAfter: (namespace, position, count) => {
      const policyNamespace = namespace === CLUSTER_PART ? systemNamespace : namespace;
      return readAfter(caller, { prefix, namespace, policyNamespace, position, count });
    },
  };
}

interface PageAsked {
  readonly prefix: string;
  readonly namespace: string;
  readonly policyNamespace: string;
  readonly position: ReadPosition;
  readonly count: number;
}

async function readAfter(
  caller: RedisCaller,
  { prefix, namespace, policyNamespace, position, count }: PageAsked,
): Promise<NotificationPage> {
  const key = notificationsKey(prefix, namespace);
  const rows = readList(await caller.command("xrange", key, `(${position.id}`, "+", "COUNT", String(count)));
  const notifications: Notification[] = [];
  let last: ReadPosition | undefined;
  for (const row of rows) {
    const [id, fields] = readList(row);
    if (typeof id !== "string") continue;
    const values = readFields(fields);
    const number = Number(values.get(NOTIFICATION_FIELDS.number) ?? 0);
    last = { id, number };
    const entry = readEntry(values.get(NOTIFICATION_FIELDS.entry) ?? "");
    const endMs = Number(values.get(NOTIFICATION_FIELDS.end) ?? 0);
    if (entry === undefined || !Number.isSafeInteger(endMs)) continue;
    notifications.push({ namespace, policyNamespace, id, number, endMs, entry });
  }
  return { notifications, last, isFull: rows.length >= count };
}

function readFields(fields: unknown): ReadonlyMap<string, string> {
  const list = readList(fields).map(String);
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < list.length; i += 2) values.set(list[i] ?? "", list[i + 1] ?? "");
  return values;
}

function readEntry(text: string): NotificationEntry | undefined {
  try {
    return notificationEntry.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // not JSON: written by something else
  }
}

function readList(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}
