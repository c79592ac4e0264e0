// From the stream in Redis to Events and a receiver: real Redis, real HTTP, receivers and leaders that come and go.

import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { machineClock } from "../../controller/kube/clock.ts";
import { followNotifications } from "../../controller/notify/follow-notifications.ts";
import type { NotificationEvent } from "../../controller/notify/gather-events.ts";
import { createNotificationStore } from "../../controller/notify/notification-store.ts";
import { createPoster } from "../../controller/notify/post-notifications.ts";
import { createWebhook } from "../../controller/notify/webhook.ts";
import {
  type NotificationEntry,
  notificationReadKey,
  notificationsKey,
} from "../../dataplane/contract/notifications.ts";
import { eventually } from "../helpers/clock.ts";
import { type NotifyReceiver, startNotifyReceiver } from "../helpers/notify-receiver.ts";
import { machineTimers } from "../helpers/publisher.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";

let server: RedisServer;
let redis: Redis;
let receiver: NotifyReceiver;
let prefix: string;
let number: number;
let ending: (() => Promise<void>)[];

beforeAll(async () => {
  server = await startRedis({ aof: true });
  redis = new Redis(server.url);
  redis.on("error", () => {});
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  prefix = `t${randomBytes(6).toString("hex")}:`;
  number = 0;
  ending = [];
  receiver = await startNotifyReceiver();
});
afterEach(async () => {
  for (const end of ending) await end();
  await receiver.close();
});

const ENTRY: NotificationEntry = {
  policy: "team",
  limit: "minute",
  mode: "Enforce",
  percent: 80,
  unit: "TotalTokens",
  used: 412,
  max: 500,
  algorithm: "Fixed",
  windowMs: 60_000,
  per: [{ type: "Consumer", value: "ai/alice" }],
};
const END = String(Date.UTC(2026, 2, 1, 12, 1));

/** As notify.lua writes it; returns the id. */
async function tell(entry: Partial<NotificationEntry> = {}, namespace = "ai"): Promise<string> {
  number += 1;
  const text = JSON.stringify({ ...ENTRY, ...entry });
  const key = notificationsKey(prefix, namespace);
  return `${namespace}/${String(await redis.xadd(key, "*", "n", number, "end", END, "entry", text))}`;
}

interface Leading {
  readonly events: NotificationEvent[];
  readonly reasons: string[];
  readonly results: string[];
  readonly missed: string[];
  refuseEvents: boolean;
  end(): Promise<void>;
}

function lead({ url = receiver.url, timeoutMs = 5_000 }: { url?: string; timeoutMs?: number } = {}): Leading {
  const over = new AbortController();
  const reasons: string[] = [];
  const results: string[] = [];
  const webhook = createWebhook({
    url,
    timeoutMs,
    header: () => ({ name: "Authorization", value: "Bearer header-secret" }),
  });
  const leading: Leading = {
    events: [],
    reasons,
    results,
    missed: [],
    refuseEvents: false,
    async end() {
      over.abort();
      await followed;
    },
  };
  const followed = followNotifications(
    {
      store: createNotificationStore({ redis, prefix, systemNamespace: "default", timers: machineTimers }),
      clock: machineClock,
      namespaces: () => ["ai", "other", "Cluster"],
      tell: async (event) => {
        if (leading.refuseEvents) throw new Error("the API server is away");
        leading.events.push(event);
      },
      poster: createPoster({
        webhook,
        clock: machineClock,
        random: () => 0,
        done: (result) => void results.push(result),
        failed: (reason) => void reasons.push(reason),
      }),
      missed: (reader, count) => void leading.missed.push(`${reader} ${String(count)}`),
      lost: () => {},
      failed: (reader, error) => void reasons.push(`${reader} ${error instanceof Error ? error.message : ""}`),
    },
    over.signal,
  );
  ending.push(() => leading.end());
  return leading;
}

test("[redis] a notification becomes an Event and a CloudEvent that says all of it", async () => {
  const id = await tell();
  const leading = lead();
  await eventually("both are told", () => receiver.taken.length === 1 && leading.events.length === 1);
  const [post] = receiver.posts;
  expect(post?.headers["content-type"]).toBe("application/cloudevents+json; charset=utf-8");
  expect(post?.headers.authorization).toBe("Bearer header-secret");
  expect(post?.event).toEqual({
    specversion: "1.0",
    id,
    source: "/airatelimit.dev/namespaces/ai/airatelimitpolicies/team",
    type: "dev.airatelimit.limit.threshold",
    subject: "minute",
    time: new Date(Number(id.slice(3, -2))).toISOString(),
    datacontenttype: "application/json",
    data: {
      namespace: "ai",
      policy: "team",
      limit: "minute",
      mode: "Enforce",
      percent: 80,
      unit: "TotalTokens",
      used: "412",
      max: "500",
      window: { algorithm: "Fixed", seconds: 60, start: "2026-03-01T12:00:00.000Z", end: "2026-03-01T12:01:00.000Z" },
      per: [{ type: "Consumer", value: "ai/alice" }],
    },
  });
  expect(leading.events).toMatchObject([{ namespace: "ai", policy: "team", type: "Normal" }]);
});

test("[redis] a receiver that fails and recovers gets everything, in order; what it refuses is not sent again", async () => {
  const answers = [
    { status: 503 },
    "cut",
    { status: 429, headers: { "retry-after": "0" } },
    { status: 204 },
    { status: 400 },
  ] as const;
  receiver.answer = (post) => answers[post - 1] ?? { status: 200 };
  const [one, two, three] = [await tell(), await tell({ percent: 100 }), await tell()];
  const leading = lead();
  await eventually("all are settled", () => leading.results.length === 3);
  expect(receiver.posts.map(({ event }) => event.id)).toEqual([one, one, one, one, two, three]);
  expect(receiver.taken).toEqual([one, three]);
  expect(leading.results).toEqual(["delivered", "refused", "delivered"]);
  expect(leading.reasons).toEqual(["status 503", "UND_ERR_SOCKET", "status 429", "status 400"]);
});

test("[redis] a silent receiver is given up after its time, an absent one is tried again, and no secret is in what is said", async () => {
  receiver.answer = (post) => (post === 1 ? "silent" : { status: 200 });
  await tell();
  const leading = lead({ timeoutMs: 50 });
  await eventually("it is taken", () => receiver.taken.length === 1);
  expect(leading.reasons).toEqual(["TimeoutError"]);
  const away = lead({ url: "http://127.0.0.1:9/?token=url-secret" });
  await tell();
  await eventually("it fails", () => away.reasons.length > 0);
  expect(JSON.stringify([leading.reasons, away.reasons, receiver.posts.map(({ text }) => text)])).not.toMatch(/secret/);
});

test("[redis] redirects are not followed", async () => {
  receiver.answer = () => ({ status: 302, headers: { location: receiver.url } });
  await tell();
  const leading = lead();
  await eventually("it is settled", () => leading.results.length === 1);
  expect(leading.results).toEqual(["refused"]);
  expect(receiver.posts).toHaveLength(1);
});

test("[redis] a new leader goes on where the old one stopped: nothing is lost, and what comes twice has one id", async () => {
  receiver.answer = (post) => (post <= 3 ? { status: 200 } : "silent");
  const ids: string[] = [];
  for (let i = 0; i < 6; i += 1) ids.push(await tell({ percent: i + 1 }));
  const first = lead();
  await eventually("the fourth is under way", () => receiver.posts.length === 4);
  await first.end();
  receiver.answer = () => ({ status: 200 });
  const second = lead();
  ids.push(await tell({ percent: 7 }));
  await eventually("the rest is taken", () => new Set(receiver.taken).size === 7);
  expect(receiver.taken).toEqual(ids);
  await eventually("what came of each is told", () => second.results.length === 4);
  // Each percentage is an Event of its own; a second leader repeats at most what the first had not noted.
  const notes = new Set([...first.events, ...second.events].map(({ note }) => note));
  expect(notes.size).toBe(7);
});

test("[redis] an Event that cannot be written is tried again, also by the next leader", async () => {
  await tell();
  const first = lead();
  first.refuseEvents = true;
  await eventually("it failed", () => first.reasons.includes("events the API server is away"));
  await first.end();
  expect(await redis.hget(notificationReadKey(prefix, "ai"), "events")).toBeNull();
  const second = lead();
  await eventually("it is told", () => second.events.length === 1);
  await eventually("it is noted", async () => (await redis.hget(notificationReadKey(prefix, "ai"), "events")) !== null);
});

test("[redis] ten thousand that cross at once are a few Events", async () => {
  const pipeline = redis.pipeline();
  for (let i = 1; i <= 10_000; i += 1) {
    const text = JSON.stringify({ ...ENTRY, per: [{ type: "Consumer", value: `ai/user${String(i)}` }] });
    pipeline.xadd(notificationsKey(prefix, "ai"), "*", "n", i, "end", END, "entry", text);
  }
  await pipeline.exec();
  receiver.answer = () => ({ status: 200 });
  const leading = lead();
  await eventually("they are told of", () => leading.events.length > 0);
  expect(leading.events).toHaveLength(1);
  expect(leading.events[0]?.note).toMatch(/^10000 counters have reached 80 %/);
});

test("[redis] what was dropped before it was read, or cannot be read, is counted and passed over", async () => {
  const leading = lead();
  await tell();
  await eventually("the first is read", () => receiver.taken.length === 1 && leading.events.length === 1);
  number += 41;
  await redis.xadd(notificationsKey(prefix, "ai"), "*", "n", 43, "end", END, "entry", "{broken");
  number += 1;
  await tell({ percent: 100 });
  await eventually("the last is read by both", () => receiver.taken.length === 2 && leading.missed.length === 2);
  expect(leading.missed.toSorted()).toEqual(["events 42", "webhook 42"]);
});

test("[redis] namespaces stand for themselves, and Redis may be away in between", async () => {
  const leading = lead();
  await tell({}, "other");
  await eventually("the first is taken", () => receiver.taken.length === 1);
  await server.kill();
  await eventually("it is told", () => leading.reasons.some((reason) => reason.startsWith("webhook ")));
  await server.restart();
  await eventually("Redis answers", async () => (await redis.ping().catch(() => "")) === "PONG");
  const id = await tell({}, "ai");
  await eventually("the next is taken", () => receiver.taken.includes(id));
});

test("[redis] what is told of a policy for all namespaces is an Event of the policy, in the system namespace", async () => {
  const id = await tell({}, "Cluster");
  const leading = lead();
  await eventually("both are told", () => receiver.taken.length === 1 && leading.events.length === 1);
  expect(leading.events).toMatchObject([{ namespace: "default", policy: "team" }]);
  expect(receiver.posts[0]?.event).toMatchObject({
    id,
    source: "/airatelimit.dev/namespaces/default/airatelimitpolicies/team",
    data: { namespace: "default", policy: "team" },
  });
});
