// A publisher under test with all that it says about itself, and what a reader finds in Redis.

import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import type { PublishableObject } from "../../controller/publish/entry-text.ts";
import type { NamespaceChanges } from "../../controller/publish/namespace-state.ts";
import type { PublishedEvent, Unpublished } from "../../controller/publish/publish-namespace.ts";
import { createPublisher, type Publisher, type PublisherOptions } from "../../controller/publish/publisher.ts";
import type { RedisClient } from "../../controller/publish/redis-caller.ts";
import type { Timers } from "../../controller/publish/timers.ts";
import { changesKey, headKey, namespacesKey, objectsKey, publishedEntry } from "../../dataplane/contract/published.ts";
import { createRedisClient, type RedisSettings } from "../../dataplane/redis/connection.ts";
import { randomPrefix } from "./redis-store.ts";

export const machineTimers: Timers = {
  nowMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface PublisherUnderTest {
  readonly publisher: Publisher;
  readonly client: RedisClient;
  readonly prefix: string;
  readonly events: PublishedEvent[];
  readonly unpublished: Unpublished[];
  readonly messages: string[];
  deposed: number;
  close(): Promise<void>;
}

export interface PublisherUnderTestOptions extends Partial<PublisherOptions> {
  readonly settings?: Partial<RedisSettings>;
}

export async function openPublisher(url: string, options: PublisherUnderTestOptions = {}): Promise<PublisherUnderTest> {
  const { settings = {}, prefix = randomPrefix(), ...rest } = options;
  const messages: string[] = [];
  const client = createRedisClient({ url, cluster: false, ...settings }, (error) => messages.push(error.message));
  await client.connect().catch(() => {});
  const note = (_details: unknown, message = ""): void => void messages.push(message);
  const under = {
    client,
    prefix,
    events: new Array<PublishedEvent>(),
    unpublished: new Array<Unpublished>(),
    messages,
    deposed: 0,
  };
  const publisher = createPublisher({
    redis: client,
    prefix,
    manages: () => true,
    timers: machineTimers,
    random: { number: () => Math.random(), generation: () => randomBytes(8).toString("hex") },
    log: { info: note, warn: note, error: note },
    observe: {
      published: (event) => void under.events.push(event),
      unpublished: (result) => void under.unpublished.push(result),
    },
    onDeposed: () => {
      under.deposed += 1;
    },
    checkEveryMs: 100,
    ...rest,
  });
  return Object.assign(under, {
    publisher,
    async close() {
      await publisher.stop();
      client.disconnect();
    },
  });
}

/** A consumer in groups that tell one version of it from another. */
export function aConsumer(name: string, group = "gold", namespace = "ai"): PublishableObject {
  const object = { kind: "Consumer", namespace, name, username: name, groups: [group], credentials: [] } as const;
  return { generation: 1, uid: `uid-${name}`, object: { ...object, groups: [group], credentials: [] } };
}

/** Field -> object; a group of undefined removes. */
export function changesOf(groups: Readonly<Record<string, string | undefined>>): NamespaceChanges {
  return new Map(
    Object.entries(groups).map(([name, group]) => [
      `Consumer/${name}`,
      group === undefined ? undefined : aConsumer(name, group),
    ]),
  );
}

export function consumers(count: number, group = "gold"): Map<string, PublishableObject> {
  return new Map(Array.from({ length: count }, (_, i) => [`Consumer/user${i}`, aConsumer(`user${i}`, group)]));
}

export interface Visible {
  readonly generation: string;
  readonly revision: number;
  /** Consumer -> its group. */
  readonly groups: Record<string, string | undefined>;
}

/** What a data plane reads at this moment; undefined when there is nothing. */
export async function readVisible(redis: Redis, prefix: string, namespace = "ai"): Promise<Visible | undefined> {
  const { generation, revision } = await redis.hgetall(headKey(prefix, namespace));
  if (generation === undefined) return undefined;
  const groups: Record<string, string | undefined> = {};
  for (const [field, text] of Object.entries(await redis.hgetall(objectsKey(prefix, namespace, generation)))) {
    const { object } = publishedEntry.parse(JSON.parse(text));
    if (object.kind === "Consumer") groups[field.replace("Consumer/", "")] = object.groups[0];
  }
  return { generation, revision: Number(revision), groups };
}

export function readIndex(redis: Redis, prefix: string): Promise<Record<string, string>> {
  return redis.hgetall(namespacesKey(prefix));
}

/** Revision -> consumer -> group; a group of undefined: removed. */
export async function readChanges(redis: Redis, prefix: string, generation: string): Promise<Map<string, unknown>> {
  const changes = new Map<string, unknown>();
  for (const [id, values] of await redis.xrange(changesKey(prefix, "ai", generation), "-", "+")) {
    const groups: Record<string, string | undefined> = {};
    for (let i = 0; i < values.length; i += 2) {
      const text = values[i + 1] ?? "";
      const entry = text === "" ? undefined : publishedEntry.parse(JSON.parse(text)).object;
      groups[(values[i] ?? "").replace("Consumer/", "")] = entry?.kind === "Consumer" ? entry.groups[0] : undefined;
    }
    changes.set(id, groups);
  }
  return changes;
}
