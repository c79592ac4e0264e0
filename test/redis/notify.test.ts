// Notifications through a real Redis: several data planes tell a crossing once, none is lost while Redis is away for a
// moment, and nothing that a client sends gets there.

import { readFile } from "node:fs/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type NotificationEntry, notificationEntry, notificationsKey } from "../../dataplane/contract/notifications.ts";
import type { Crossing, CrossingOutcome } from "../../dataplane/core/crossing.ts";
import { createRedisClient, type RedisSettings } from "../../dataplane/redis/connection.ts";
import { createNotificationSender, type NotificationSender } from "../../dataplane/redis/notification-sender.ts";
import { NOTIFY, scriptText } from "../../dataplane/redis/scripts.ts";
import { aCalendar } from "../helpers/calendars.ts";
import { eventually } from "../helpers/clock.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { openStore } from "../helpers/redis-store.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const PREFIX = "airl:";
const DAY_MS = 86_400_000;

let redis: RedisServer;
let admin: Redis;
let upstream: ScriptedUpstream;
let closing: (() => unknown)[];

beforeAll(async () => {
  redis = await startRedis({ aof: true });
  admin = new Redis(redis.url);
  admin.on("error", () => {});
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  closing = [];
  await admin.flushall();
  upstream = await startScriptedUpstream(answersChat());
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await upstream.close();
});

interface Plane {
  readonly gateway: GatewayUnderTest;
  readonly sender: NotificationSender;
  readonly messages: string[];
  late: number;
}

async function startPlane(limits: string): Promise<Plane> {
  const { store } = await openStore(redis.url, { prefix: PREFIX });
  const gateway = await startGateway(basics({ endpoint: upstream.origin, limits }), { store });
  const client = createRedisClient({ url: redis.url, cluster: false }, () => {});
  client.connect().catch(() => undefined);
  const messages: string[] = [];
  const note = (_: object, message: string): void => void messages.push(message);
  const plane: Omit<Plane, "sender"> = { gateway, messages, late: 0 };
  const sender = createNotificationSender({
    client,
    prefix: PREFIX,
    late: (percents) => {
      plane.late += percents;
    },
    log: { info: note, warn: note, error: note },
  });
  gateway.gateway.notifyThrough(sender.take);
  closing.push(() => client.disconnect());
  closing.push(() => sender.close(1_000));
  closing.push(() => gateway.stop());
  return Object.assign(plane, { sender });
}

async function chat({ gateway }: Plane, headers: Record<string, string> = {}): Promise<void> {
  await call(gateway.origin, {
    path: "/v1/chat/completions",
    headers: { apikey: "key-alice", ...headers },
    body: CHAT_BODY,
  });
}

async function told(): Promise<readonly NotificationEntry[]> {
  const rows = await admin.xrange(notificationsKey(PREFIX, "default"), "-", "+");
  return rows.map(([, fields]) => notificationEntry.parse(JSON.parse(fields[fields.indexOf("entry") + 1] ?? "")));
}

async function won(planes: readonly Plane[]): Promise<number> {
  const all = await Promise.all(planes.map((plane) => plane.gateway.metric("airl_limit_notifications_total")));
  return all.reduce((sum, each) => sum + each, 0);
}

describe("data planes together", () => {
  test.for(["Fixed", "Sliding", "FixedFromFirst"])(
    "[redis] %s: three cross together, and each percentage is told once",
    async (algorithm) => {
      const limits = `  - {name: day, limit: 20, window: {duration: 24h, algorithm: ${algorithm}}}`;
      const planes = await Promise.all([startPlane(limits), startPlane(limits), startPlane(limits)]);
      await Promise.all(planes.flatMap((plane) => [chat(plane), chat(plane)]));
      for (const plane of planes) await chat(plane);
      await eventually("both are told", async () => (await told()).length >= 2);
      for (const plane of planes) await chat(plane);
      expect((await told()).map(({ percent }) => percent).sort((a, b) => a - b)).toEqual([80, 100]);
      expect(await won(planes)).toBe(2);
      expect((await told())[0]).toMatchObject({
        policy: "team",
        limit: "day",
        mode: "Enforce",
        unit: "TotalTokens",
        max: 20,
        algorithm,
        windowMs: DAY_MS,
        per: [{ type: "Consumer", value: "default/alice" }],
      });
      for (const key of await admin.keys("airl:{ntf:*")) expect(await admin.pttl(key), key).toBeGreaterThan(0);
    },
  );

  test("[redis] in a window of the calendar: told with its time zone, once until it ends", async () => {
    const limits = "  - {name: year, limit: 20, window: {calendar: Year, timeZone: Asia/Kathmandu}}";
    const { startMs, endMs } = aCalendar({ unit: "Year", timeZone: "Asia/Kathmandu" }).spanAt(Date.now());
    const planes = await Promise.all([startPlane(limits), startPlane(limits)]);
    for (const plane of [...planes, ...planes]) await chat(plane);
    await eventually("both are told", async () => (await told()).length >= 2);
    for (const plane of planes) await chat(plane);
    const entries = await told();
    expect(entries.map(({ percent }) => percent).sort((a, b) => a - b)).toEqual([80, 100]);
    const window = { algorithm: "Calendar", calendar: "Year", timeZone: "Asia/Kathmandu", windowMs: endMs - startMs };
    expect(entries[0]).toMatchObject(window);
    const [first] = await admin.xrange(notificationsKey(PREFIX, "default"), "-", "+", "COUNT", 1);
    const fields = first?.[1] ?? [];
    expect(Number(fields[fields.indexOf("end") + 1])).toBe(endMs);
  });

  test("[redis] once known, a counter above its thresholds costs no command", async () => {
    const plane = await startPlane(
      "  - {name: day, limit: 12, mode: Shadow, window: {duration: 24h, algorithm: Fixed}}",
    );
    await chat(plane);
    await eventually("both are told", async () => (await told()).length === 2);
    const calls = async (): Promise<string | undefined> =>
      /cmdstat_xadd:calls=(\d+)/.exec(await admin.info("commandstats"))?.[1];
    const gets = async (): Promise<number> =>
      Number(/cmdstat_get:calls=(\d+)/.exec(await admin.info("commandstats"))?.[1]);
    const [before, getsBefore] = [await calls(), await gets()];
    for (let i = 0; i < 10; i += 1) await chat(plane);
    expect(await calls()).toBe(before);
    // One GET for each batch of charges, none for what is told.
    expect((await gets()) - getsBefore).toBeLessThanOrEqual(10);
  });

  test("[redis] the next window tells again", async () => {
    const plane = await startPlane(
      "  - {name: short, limit: 12, mode: Shadow, window: {duration: 1s, algorithm: Fixed}}",
    );
    await eventually("two windows have told", async () => {
      await chat(plane);
      return (await told()).filter(({ percent }) => percent === 100).length >= 2;
    });
  });

  test("[redis] nothing that a client sent is in Redis", async () => {
    const plane =
      await startPlane(`  - {name: header, limit: 12, per: [{type: Header, name: X-Team}], window: {duration: 24h}}
  - {name: ip, limit: 12, per: [{type: IP}], window: {duration: 24h}}`);
    await chat(plane, { "x-team": "planted-secret" });
    await eventually("all are told", async () => (await told()).length === 4);
    const keys = await admin.keys("airl:{ntf:*");
    const values = await Promise.all(keys.map((key) => admin.call("dump", key)));
    expect(JSON.stringify(await told()) + keys.join() + values.map(String).join()).not.toMatch(
      /planted-secret|key-alice|127\.0\.0\.1/,
    );
    expect((await told()).map(({ per }) => per[0]?.type)).toEqual(["Header:x-team", "Header:x-team", "IP", "IP"]);
  });
});

/** By hand, as the notifier gives it. */
function aCrossing(namespace = "default"): Crossing {
  const window = { algorithm: "Fixed", durationMs: DAY_MS } as const;
  const policy = { namespace, name: "team" };
  const label = { kind: "fixed", text: "day" } as const;
  const limit = {
    name: "day",
    counterId: "f",
    policy,
    mode: "Enforce",
    when: [],
    per: [],
    unit: "TotalTokens",
    limit: 12,
    window,
    label,
  } as const;
  const counter = { key: `${PREFIX}c:{7f}:${namespace}:abc`, tag: 127, field: "f", window };
  const state = { index: Math.floor(Date.now() / DAY_MS), current: 12, previous: 0 };
  return { limit, counter, percents: [80, 100], state, used: 12, subject: [{ type: "Shared" }] };
}

function aSender(settings: Partial<RedisSettings> = {}): {
  readonly sender: NotificationSender;
  readonly messages: string[];
  late: number;
} {
  const client = createRedisClient({ url: redis.url, cluster: false, ...settings }, () => {});
  client.connect().catch(() => undefined);
  const messages: string[] = [];
  const note = (details: object, message: string): void => void messages.push(`${message} ${JSON.stringify(details)}`);
  const under = {
    messages,
    late: 0,
    sender: createNotificationSender({
      client,
      prefix: PREFIX,
      late: (percents) => {
        under.late += percents;
      },
      log: { info: note, warn: note, error: note },
    }),
  };
  closing.push(() => client.disconnect());
  closing.push(() => under.sender.close(1_000));
  return under;
}

describe("Redis away", () => {
  test("[redis] what is reached then waits, bounded, and is told when Redis is back; what is over by then is counted", async () => {
    const under = aSender();
    const done: CrossingOutcome[] = [];
    expect(under.sender.take(aCrossing(), (outcomes) => void done.push(...outcomes))).toBe(true);
    await eventually("the first is told", () => done.length === 2);
    expect(done.map(({ isWon }) => isWon)).toEqual([true, true]);
    await redis.kill();
    const other = aCrossing("other");
    expect(under.sender.take(other, (outcomes) => void done.push(...outcomes))).toBe(true);
    const ended = { ...aCrossing("third"), state: { ...other.state, index: other.state.index - 1 } };
    let taken = 0;
    while (under.sender.take(ended, () => {})) taken += 1;
    await redis.restart();
    // Some may have been under way when the connection broke.
    expect(taken).toBeGreaterThanOrEqual(9_999);
    expect(taken).toBeLessThan(10_050);
    await eventually("it is told", () => done.length === 4);
    expect(done[2]).toMatchObject({ percent: 80, isWon: true, untilMs: (other.state.index + 1) * DAY_MS });
    await eventually("all are settled", () => under.late === 2 * taken);
    expect(await admin.xlen(notificationsKey(PREFIX, "third"))).toBe(0);
  });

  test("[redis] what waits at the end is said to be lost", async () => {
    const under = aSender();
    await redis.kill();
    under.sender.take(aCrossing(), () => {});
    await under.sender.close(50);
    await redis.restart();
    expect(under.messages.join()).toMatch(/closed with notifications that Redis has not taken \{"counters":1\}/);
    expect(under.sender.take(aCrossing(), () => {})).toBe(false);
  });
});

test("[redis] the data planes' user of docs/redis-dataplane.md may tell", async () => {
  const page = await readFile("docs/redis-dataplane.md", "utf8");
  const rules = /ACL SETUSER dataplane on >PASSWORD([^`]*)```/.exec(page)?.[1] ?? "";
  await admin.call("ACL", "SETUSER", "dataplane", "on", ">p4ss", ...rules.trim().split(/\s+/));
  const { sender, messages } = aSender({ username: "dataplane", password: "p4ss" });
  const done: CrossingOutcome[] = [];
  sender.take(aCrossing(), (outcomes) => void done.push(...outcomes));
  await eventually("it is told", () => done.length === 2);
  expect(messages).toEqual([]);
});

describe("the script", () => {
  const keys = ["{t}told", "{t}stream", "{t}count"] as const;
  async function run(args: readonly (string | number)[]): Promise<readonly number[]> {
    const reply = await admin.eval(scriptText(NOTIFY), 3, ...keys, ...args);
    return Array.isArray(reply) ? reply.map(Number) : [];
  }

  test("[redis] a window that is over tells nothing and writes nothing", async () => {
    const index = Math.floor(Date.now() / DAY_MS) - 1;
    expect((await run(["F", DAY_MS, index, 10, 1000, 80, "{}"])).slice(1)).toEqual([0, 0]);
    expect((await run(["O", 1000, Date.now() - 5000, 10, 1000, 80, "{}"])).slice(1)).toEqual([0, 0]);
    expect(await admin.exists(...keys)).toBe(0);
  });

  test("[redis] percentages are claimed one by one, and the claim lives as long as the longest", async () => {
    const index = Math.floor(Date.now() / DAY_MS);
    const endMs = (index + 1) * DAY_MS;
    expect((await run(["F", DAY_MS, index, 10, 60_000, 80, "a"])).slice(1)).toEqual([1, endMs]);
    expect((await run(["F", DAY_MS, index, 10, 60_000, 80, "b", 100, "c"])).slice(1)).toEqual([0, endMs, 1, endMs]);
    const rows = await admin.xrange(keys[1], "-", "+");
    expect(rows.map(([, fields]) => fields)).toEqual([
      ["n", "1", "end", String(endMs), "entry", "a"],
      ["n", "2", "end", String(endMs), "entry", "c"],
    ]);
    expect(await admin.pttl(keys[0])).toBeGreaterThan(endMs - Date.now() - 5_000);
    expect(await admin.pttl(keys[1])).toBeLessThanOrEqual(60_000);
  });

  test("[redis] the stream is bounded, whatever is added", async () => {
    const index = Math.floor(Date.now() / DAY_MS);
    for (let i = 0; i < 400; i += 1) {
      await admin.eval(
        scriptText(NOTIFY),
        3,
        `{t}told${String(i)}`,
        keys[1],
        keys[2],
        "F",
        DAY_MS,
        index,
        50,
        60_000,
        80,
        "x",
      );
    }
    expect(await admin.xlen(keys[1])).toBeLessThan(250);
    expect(await admin.get(keys[2])).toBe("400");
  });
});
