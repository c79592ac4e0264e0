// Windows of a calendar in Redis: which of them the scripts take, how long keys live, and what a data plane does whose
// clock names another window than Redis's.

import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import type { Calendar } from "../../dataplane/core/calendar.ts";
import { ADMIT, CHARGE, NOTIFY, type ScriptEntry, scriptText } from "../../dataplane/redis/scripts.ts";
import { aCalendar, aGridCalendar } from "../helpers/calendars.ts";
import { useOwnRedis } from "../helpers/own-redis.ts";
import { startRedis } from "../helpers/redis-server.ts";
import { aCheck, aCounter, admit, charge, HOUR_MS, openStore, randomPrefix, total } from "../helpers/redis-store.ts";

const DAY_MS = 24 * HOUR_MS;
const APPLIED = 0;
const EARLY = 4;

const own = useOwnRedis();
let sequence: string;
let hash: string;

beforeEach(() => {
  const prefix = randomPrefix();
  sequence = `${prefix}s:{7f}:dp`;
  hash = `${prefix}c:{7f}:ai:user1`;
});

async function run(entry: ScriptEntry, keys: string[], args: (string | number)[]): Promise<unknown[]> {
  const reply: unknown = await own.client.eval(scriptText(entry), keys.length, ...keys, ...args);
  if (!Array.isArray(reply)) throw new Error("no list");
  return reply.map((value: unknown) => value);
}

const stored = (field = "f"): Promise<string | null> => own.client.hget(hash, field);

/** A window of ten days that this moment is so many days into; negative: it begins in so many days. */
function windowBy(daysInto: number): { readonly startMs: number; readonly text: string } {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - daysInto * DAY_MS;
  return { startMs, text: `${String(startMs)} ${String(startMs + 10 * DAY_MS)}` };
}

const chargeOne = (batch: number, window: string, amount: number, index: number | "" = ""): Promise<unknown[]> =>
  run(CHARGE, [sequence, hash], [batch, 0, DAY_MS, 1, "f", "C", window, amount, index]);

const askOne = (window: string, amount: number, refuseAt: number | "" = ""): Promise<unknown[]> =>
  run(ADMIT, [hash], [1, "f", "C", window, amount, refuseAt]);

describe("charge.lua", () => {
  test("[redis] an amount counts in its window, beside what is there", async () => {
    const { startMs, text } = windowBy(3);
    await chargeOne(1, text, 5);
    await chargeOne(2, text, 6);
    expect(await stored()).toBe(`${String(startMs)} 11 0`);
  });

  test("[redis] what a window before holds is forgotten with the first amount of the next", async () => {
    const { startMs, text } = windowBy(3);
    await own.client.hset(hash, "f", `${String(startMs - 10 * DAY_MS)} 50 0`);
    await chargeOne(1, text, 5);
    expect(await stored()).toBe(`${String(startMs)} 5 0`);
  });

  test.for([
    { name: "whose window is over has no effect", daysInto: 10, status: APPLIED },
    { name: "whose window has not begun is told so, and the batch is not applied", daysInto: -1, status: EARLY },
  ])("[redis] an amount $name", async ({ daysInto, status }) => {
    const { startMs } = windowBy(3);
    await own.client.hset(hash, "f", `${String(startMs)} 50 0`);
    expect((await chargeOne(1, windowBy(daysInto).text, 5))[0]).toBe(status);
    expect(await stored()).toBe(`${String(startMs)} 50 0`);
    expect(await own.client.get(sequence)).toBe(status === APPLIED ? "1" : null);
  });

  test("[redis] of a batch with one window that has not begun nothing is applied", async () => {
    const items = [1, "g", "S", DAY_MS, 5, "", 1, "f", "C", windowBy(-1).text, 5, ""];
    expect((await run(CHARGE, [sequence, hash], [1, 0, DAY_MS, ...items]))[0]).toBe(EARLY);
    expect(await own.client.exists(sequence, hash)).toBe(0);
  });

  test("[redis] an amount is taken back from the window that it names, from no other and never below nothing", async () => {
    const { startMs, text } = windowBy(3);
    await own.client.hset(hash, "f", `${String(startMs)} 50 0`);
    await chargeOne(1, text, -5, startMs - 10 * DAY_MS);
    expect(await stored()).toBe(`${String(startMs)} 50 0`);
    await chargeOne(2, text, -5, startMs);
    expect(await stored()).toBe(`${String(startMs)} 45 0`);
    await chargeOne(3, text, -500, startMs);
    expect(await stored()).toBe(`${String(startMs)} 0 0`);
  });

  test("[redis] taking back from a counter that is gone creates none", async () => {
    const { startMs, text } = windowBy(3);
    await chargeOne(1, text, -5, startMs);
    expect(await own.client.exists(hash)).toBe(0);
  });

  test("[redis] the key lives until the window ends, however long that is, and a shorter one does not cut it", async () => {
    await chargeOne(1, windowBy(3).text, 5);
    const leftMs = await own.client.pttl(hash);
    expect(leftMs).toBeGreaterThan(7 * DAY_MS - 10_000);
    expect(leftMs).toBeLessThanOrEqual(7 * DAY_MS);
    await run(CHARGE, [sequence, hash], [2, 0, DAY_MS, 1, "minute", "S", 60_000, 1, ""]);
    expect(await own.client.pttl(hash)).toBeGreaterThan(7 * DAY_MS - 10_000);
  });
});

describe("admit.lua", () => {
  test("[redis] it tells the state of the window, adds what is asked and refuses at the limit", async () => {
    const { startMs, text } = windowBy(3);
    expect((await askOne(text, 2, 3)).slice(1)).toEqual([1, `${String(startMs)} 0 0`]);
    expect((await askOne(text, 2, 3)).slice(1)).toEqual([1, `${String(startMs)} 2 0`]);
    expect((await askOne(text, 2, 3)).slice(1)).toEqual([0, `${String(startMs)} 4 0`]);
    expect(await stored()).toBe(`${String(startMs)} 4 0`);
    expect(await own.client.pttl(hash)).toBeGreaterThan(7 * DAY_MS - 10_000);
    expect(await own.client.pttl(hash)).toBeLessThanOrEqual(7 * DAY_MS);
  });

  test("[redis] what the window before held does not refuse", async () => {
    const { startMs, text } = windowBy(3);
    await own.client.hset(hash, "f", `${String(startMs - 10 * DAY_MS)} 50 0`);
    expect((await askOne(text, 1, 10)).slice(1)).toEqual([1, `${String(startMs)} 0 0`]);
  });

  test.for([
    { name: "is over", daysInto: 10 },
    { name: "has not begun", daysInto: -1 },
  ])("[redis] a window that $name is refused with the time, and nothing is written", async ({ daysInto }) => {
    const checks = [1, "g", "O", 60_000, 1, "", 1, "f", "C", windowBy(daysInto).text, 1, ""];
    const [nowMs, ...rest] = await run(ADMIT, [hash], checks);
    expect(Math.abs(Number(nowMs) - Date.now())).toBeLessThan(5000);
    expect(rest).toEqual([2]);
    expect(await own.client.exists(hash)).toBe(0);
  });
});

test("[redis] notify.lua tells of a calendar's window once until it ends", async () => {
  const { startMs } = windowBy(3);
  const keys = [`${hash}:told`, `${hash}:stream`, `${hash}:count`];
  const args = ["C", 10 * DAY_MS, startMs, 100, DAY_MS, "80", "{}"];
  const endMs = startMs + 10 * DAY_MS;
  expect((await run(NOTIFY, keys, args)).slice(1)).toEqual([1, endMs]);
  expect((await run(NOTIFY, keys, args)).slice(1)).toEqual([0, endMs]);
  expect(await own.client.pttl(`${hash}:told`)).toBeGreaterThan(7 * DAY_MS - 10_000);
});

describe("a data plane whose clock names another window than Redis's", () => {
  /** What the calendar says of a moment is that of another, so many windows away, for the first so many questions. */
  function mistaken(windows: number, questions: number): Calendar & { asked: number } {
    const right = aGridCalendar(100 * DAY_MS);
    return {
      ...right,
      asked: 0,
      spanAt(nowMs) {
        this.asked += 1;
        const isWrong = this.asked <= questions;
        return right.spanAt(isWrong ? nowMs + windows * 100 * DAY_MS : nowMs);
      },
    };
  }
  const counterOf = (prefix: string, calendar: Calendar) => aCounter({ prefix, values: randomUUID(), calendar });

  test("[redis] a check is asked again in the window that Redis's time is in, and counts there once", async () => {
    const { store, prefix } = await openStore(own.server.url);
    for (const windows of [-1, 1]) {
      const counter = counterOf(prefix, mistaken(windows, 1));
      const { taken, source, states, nowMs } = await admit(store, [aCheck(counter, { ask: 3, refuseAt: 10 })]);
      expect([taken, source]).toEqual([true, "store"]);
      expect(states[0]?.index).toBe(aGridCalendar(100 * DAY_MS).spanAt(nowMs).startMs);
      expect(await total(store, counter)).toBe(3);
    }
    await store.close();
  });

  test("[redis] a window that never fits is given up after a few questions, and the check is answered", async () => {
    const { store, prefix } = await openStore(own.server.url);
    const calendar = mistaken(-1, Infinity);
    const { source } = await admit(store, [aCheck(counterOf(prefix, calendar), { ask: 3, refuseAt: 10 })]);
    expect(source).toBe("local");
    expect(calendar.asked).toBeLessThan(20);
    await store.close();
  });

  test("[redis] a charge ahead of Redis's clock is kept until it fits, and counts once", async () => {
    const { store, prefix } = await openStore(own.server.url);
    const counter = counterOf(prefix, mistaken(1, 6));
    await charge(store, { counter, amount: 5 });
    await store.flush(10_000);
    expect(await total(store, counter)).toBe(5);
    await store.close();
  });

  test("[redis] a charge in a window that is over is done with, and counts nowhere", async () => {
    const { store, prefix } = await openStore(own.server.url);
    let isPast = true;
    const right = aGridCalendar(100 * DAY_MS);
    const calendar: Calendar = { ...right, spanAt: (nowMs) => right.spanAt(isPast ? nowMs - 100 * DAY_MS : nowMs) };
    const counter = counterOf(prefix, calendar);
    await charge(store, { counter, amount: 5 });
    await store.flush(5000);
    isPast = false;
    expect(await total(store, counter)).toBe(0);
    await store.close();
  });

  test("[redis] keys of a year's window expire with the year", async () => {
    const { store, prefix } = await openStore(own.server.url);
    const calendar = aCalendar({ unit: "Year", timeZone: "Europe/Berlin" });
    const counter = counterOf(prefix, calendar);
    await charge(store, { counter, amount: 5 });
    await store.flush(5000);
    const endMs = calendar.spanAt(Date.now()).endMs;
    const leftMs = endMs - Date.now();
    expect(Math.abs((await own.client.pttl(counter.key)) - leftMs)).toBeLessThan(10_000);
    await store.close();
  });
});

test("[redis] while Redis is away a window ends as well, and what is charged in it is not owed to the next", async () => {
  const server = await startRedis();
  const { store, prefix } = await openStore(server.url);
  const grid = aGridCalendar(100 * DAY_MS);
  let passedMs = 0;
  const calendar: Calendar = { ...grid, spanAt: (nowMs) => grid.spanAt(nowMs + passedMs) };
  const counter = aCounter({ prefix, values: "user1", calendar });
  const ask = () => admit(store, [aCheck(counter, { refuseAt: 10 })]);
  await charge(store, { counter, amount: 10 });
  await store.flush(5000);
  expect(await ask()).toMatchObject({ taken: false, source: "store" });
  await server.stop();
  expect(await ask()).toMatchObject({ taken: false, source: "local" });
  passedMs = 100 * DAY_MS;
  expect(await ask()).toMatchObject({ taken: true, source: "local" });
  await charge(store, { counter, amount: 3 });
  expect((await ask()).states[0]?.current).toBe(3);
  passedMs = 200 * DAY_MS;
  expect((await ask()).states[0]?.current).toBe(0);
  await store.close();
});
