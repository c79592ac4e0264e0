// Each script by itself on a real Redis, called as ioredis calls any script.

import { beforeEach, describe, expect, test } from "vitest";
import { ADMIT, CHARGE, type ScriptEntry, scriptText } from "../../dataplane/redis/scripts.ts";
import { useOwnRedis } from "../helpers/own-redis.ts";
import { HOUR_MS, randomPrefix } from "../helpers/redis-store.ts";

const MAX = Number.MAX_SAFE_INTEGER;
const DAY_MS = 24 * HOUR_MS;
/** A window so long that a test does not see it end, and still begun long after 1970. */
const WINDOW_MS = 100 * DAY_MS;
const APPLIED = 0;
const DUPLICATE = 1;
const GAP = 2;
const UNKNOWN = 3;

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

interface Item {
  readonly amount: number;
  readonly field?: string;
  readonly windowMs?: number;
  readonly index?: number | string;
  readonly algorithm?: "S" | "O";
}

function chargeBatch(batch: number, items: readonly Item[], base = 0): Promise<unknown[]> {
  const perItem = items.flatMap(({ field = "f", algorithm = "S", windowMs = WINDOW_MS, amount, index = "" }) => [
    1,
    field,
    algorithm,
    windowMs,
    amount,
    index,
  ]);
  return run(CHARGE, [sequence, hash], [batch, base, DAY_MS, ...perItem]);
}

const indexNow = (windowMs = WINDOW_MS): number => Math.floor(Date.now() / windowMs);
const stored = (field = "f"): Promise<string | null> => own.client.hget(hash, field);

describe("charge.lua", () => {
  test("[redis] batches in order are applied and remembered", async () => {
    expect(await chargeBatch(1, [{ amount: 5 }])).toEqual([APPLIED, 1, expect.any(Number), 0]);
    expect(await chargeBatch(2, [{ amount: 6 }])).toEqual([APPLIED, 2, expect.any(Number), 0]);
    expect(await stored()).toBe(`${String(indexNow())} 11 0`);
    expect(await own.client.get(sequence)).toBe("2");
  });

  test("[redis] a batch that comes again changes nothing", async () => {
    await chargeBatch(1, [{ amount: 5 }]);
    await chargeBatch(2, [{ amount: 6 }]);
    expect((await chargeBatch(1, [{ amount: 5 }])).slice(0, 2)).toEqual([DUPLICATE, 2]);
    expect((await chargeBatch(2, [{ amount: 6 }], 1)).slice(0, 2)).toEqual([DUPLICATE, 2]);
    expect(await stored()).toBe(`${String(indexNow())} 11 0`);
  });

  test("[redis] a batch after a missing one is told the gap and writes nothing", async () => {
    await chargeBatch(1, [{ amount: 5 }]);
    expect((await chargeBatch(3, [{ amount: 6 }])).slice(0, 2)).toEqual([GAP, 1]);
    expect(await stored()).toBe(`${String(indexNow())} 5 0`);
    expect(await own.client.get(sequence)).toBe("1");
  });

  test("[redis] a Redis that knows no batch says so and writes nothing", async () => {
    expect((await chargeBatch(7, [{ amount: 6 }])).slice(0, 2)).toEqual([UNKNOWN, 0]);
    expect(await own.client.exists(sequence, hash)).toBe(0);
  });

  test.for([
    { name: "a Redis that knows no batch", before: 0 },
    { name: "a Redis that knows an older one", before: 1 },
  ])("[redis] a base batch is applied by $name", async ({ before }) => {
    if (before > 0) await chargeBatch(before, [{ amount: 1 }]);
    expect((await chargeBatch(7, [{ amount: 6 }], 1)).slice(0, 2)).toEqual([APPLIED, 7]);
    expect((await chargeBatch(8, [{ amount: 1 }])).slice(0, 2)).toEqual([APPLIED, 8]);
    expect(await stored()).toBe(`${String(indexNow())} ${String(7 + before)} 0`);
  });

  test("[redis] amounts are exact up to 2^53 - 1 and stop there", async () => {
    await chargeBatch(1, [{ amount: MAX - 1 }]);
    expect(await stored()).toBe(`${String(indexNow())} 9007199254740990 0`);
    await chargeBatch(2, [{ amount: 1 }]);
    expect(await stored()).toBe(`${String(indexNow())} 9007199254740991 0`);
    await chargeBatch(3, [{ amount: MAX }]);
    expect(await stored()).toBe(`${String(indexNow())} 9007199254740991 0`);
  });

  test.for([
    { name: "the same window adds up", was: 0, value: "50 7", then: "53 7" },
    { name: "the next window moves the amounts back", was: -1, value: "50 7", then: "3 50" },
    { name: "two windows on they are gone", was: -2, value: "50 7", then: "3 0" },
    { name: "a window ahead of this clock is kept", was: 1, value: "50 7", then: "53 7" },
    { name: "a value that is none counts as empty", was: undefined, value: "rubbish", then: "3 0" },
  ])("[redis] roll-over: $name", async ({ was, value, then }) => {
    await own.client.hset(hash, "f", was === undefined ? value : `${String(indexNow() + was)} ${value}`);
    await chargeBatch(1, [{ amount: 3 }]);
    expect(await stored()).toBe(`${String(indexNow() + Math.max(0, was ?? 0))} ${then}`);
  });

  test.for([
    { name: "from this window", target: 0, was: 0, value: "50 7", then: [0, "40 7"] },
    { name: "from the last window after a roll-over", target: -1, was: -1, value: "50 7", then: [0, "0 40"] },
    { name: "never below nothing", target: 0, was: 0, value: "5 7", then: [0, "0 7"] },
    { name: "not at all when its window has gone", target: -2, was: 0, value: "50 7", then: [0, "50 7"] },
    { name: "not from a window that has not begun here", target: 1, was: 0, value: "50 7", then: [0, "50 7"] },
  ] as const)("[redis] giving back takes $name", async ({ target, was, value, then: [index, rest] }) => {
    await own.client.hset(hash, "f", `${String(indexNow() + was)} ${value}`);
    expect((await chargeBatch(1, [{ amount: -10, index: indexNow() + target }]))[0]).toBe(APPLIED);
    expect(await stored()).toBe(`${String(indexNow() + index)} ${rest}`);
  });

  test.for([
    { name: "to the open window that it names", wasAgo: 1000, targetAgo: 1000, amount: 5, then: [1000, "55 0"] },
    { name: "to the open window, though it names none", wasAgo: 1000, targetAgo: "", amount: 5, then: [1000, "55 0"] },
    {
      name: "to the open window, though it names an older that is open too",
      wasAgo: 1000,
      targetAgo: 2000,
      amount: 5,
      then: [1000, "55 0"],
    },
    {
      name: "to the open window, though it names a younger",
      wasAgo: 1000,
      targetAgo: 10,
      amount: 5,
      then: [1000, "55 0"],
    },
    { name: "nowhere when its window has ended", wasAgo: 1000, targetAgo: WINDOW_MS, amount: 5, then: [1000, "50 0"] },
    { name: "to a new window when none is open", wasAgo: WINDOW_MS, targetAgo: "", amount: 5, then: [0, "5 0"] },
    {
      name: "to its own window when that one is lost here",
      wasAgo: undefined,
      targetAgo: 9000,
      amount: 5,
      then: [9000, "5 0"],
    },
    {
      name: "to a window that opens now when the sender's clock is ahead",
      wasAgo: undefined,
      targetAgo: -9000,
      amount: 5,
      then: [0, "5 0"],
    },
    { name: "back from the window that it names", wasAgo: 1000, targetAgo: 1000, amount: -5, then: [1000, "45 0"] },
    { name: "back from no other window", wasAgo: 1000, targetAgo: 1001, amount: -5, then: [1000, "50 0"] },
    {
      name: "back from no window that has ended",
      wasAgo: WINDOW_MS,
      targetAgo: WINDOW_MS,
      amount: -5,
      then: [WINDOW_MS, "50 0"],
    },
  ] as const)("[redis] from first: an amount goes $name", async ({ wasAgo, targetAgo, amount, then: [ago, rest] }) => {
    const nowMs = Date.now();
    if (wasAgo !== undefined) await own.client.hset(hash, "f", `${String(nowMs - wasAgo)} 50 0`);
    const index = targetAgo === "" ? "" : nowMs - targetAgo;
    expect((await chargeBatch(1, [{ algorithm: "O", amount, index }]))[0]).toBe(APPLIED);
    const [opened = "", ...amounts] = (await stored())?.split(" ") ?? [];
    expect(amounts.join(" ")).toBe(rest);
    // Exact where the opening was named, else the moment of the call.
    if (ago > 0) expect(Number(opened)).toBe(nowMs - ago);
    else expect(Math.abs(Number(opened) - nowMs)).toBeLessThan(5000);
  });

  test("[redis] from first: giving back creates nothing, and an opened window expires", async () => {
    await chargeBatch(1, [{ algorithm: "O", amount: -5, index: Date.now(), windowMs: 60_000 }]);
    expect(await own.client.exists(hash)).toBe(0);
    await chargeBatch(2, [{ algorithm: "O", amount: 5, windowMs: 60_000 }]);
    expect(await own.client.pttl(hash)).toBeGreaterThan(60_000);
  });

  test("[redis] giving back to a counter that is gone creates none", async () => {
    expect((await chargeBatch(1, [{ amount: -10, index: indexNow() }]))[0]).toBe(APPLIED);
    expect(await own.client.exists(hash)).toBe(0);
  });

  test.for([
    { name: "this window", target: 0, then: "7 0" },
    { name: "the last window", target: -1, then: "0 7" },
    { name: "this window when the sender's clock is ahead", target: 1, then: "7 0" },
  ])("[redis] a late charge counts in $name", async ({ target, then }) => {
    await chargeBatch(1, [{ amount: 7, index: indexNow() + target }]);
    expect(await stored()).toBe(`${String(indexNow())} ${then}`);
  });

  test("[redis] a late charge whose window is out of view has no effect", async () => {
    expect((await chargeBatch(1, [{ amount: 7, index: indexNow() - 2 }]))[0]).toBe(APPLIED);
    expect(await own.client.exists(hash)).toBe(0);
  });

  test("[redis] every key expires: the sequence as told, a counter after two windows at least", async () => {
    await chargeBatch(1, [{ amount: 1, windowMs: 60_000 }]);
    expect(await own.client.pttl(sequence)).toBeGreaterThan(DAY_MS - 5000);
    expect(await own.client.pttl(hash)).toBeGreaterThan(115_000);
    expect(await own.client.pttl(hash)).toBeLessThanOrEqual(120_000);
    await chargeBatch(2, [{ amount: 1, field: "hour", windowMs: HOUR_MS }]);
    expect(await own.client.pttl(hash)).toBeGreaterThan(2 * HOUR_MS - 5000);
    await chargeBatch(3, [{ amount: 1, field: "second", windowMs: 1000 }]);
    expect(await own.client.pttl(hash)).toBeGreaterThan(2 * HOUR_MS - 5000);
  });

  test("[redis] a counter that enters a new window lives for two windows more", async () => {
    await own.client.hset(hash, "f", `${String(indexNow(60_000) - 1)} 5 0`);
    await own.client.pexpire(hash, 30_000);
    await chargeBatch(1, [{ amount: 1, windowMs: 60_000 }]);
    expect(await own.client.pttl(hash)).toBeGreaterThan(115_000);
  });

  test("[redis] a key of another type costs its own charges only", async () => {
    await own.client.set(hash, "text", "PX", 60_000);
    const other = `${hash}2`;
    const items = [1, "f", "S", WINDOW_MS, 5, "", 2, "f", "S", WINDOW_MS, 6, ""];
    expect(await run(CHARGE, [sequence, hash, other], [1, 0, DAY_MS, ...items])).toEqual([
      APPLIED,
      1,
      expect.any(Number),
      1,
    ]);
    expect(await own.client.hget(other, "f")).toBe(`${String(indexNow())} 6 0`);
  });

  test("[redis] a full Redis refuses the whole batch", async () => {
    await own.client.config("SET", "maxmemory", "1");
    await expect(chargeBatch(1, [{ amount: 5 }])).rejects.toThrow(/OOM/);
    await own.client.config("SET", "maxmemory", "0");
    expect(await own.client.exists(sequence, hash)).toBe(0);
  });
});

describe("admit.lua", () => {
  interface AskItem {
    readonly field?: string;
    readonly algorithm?: "S" | "F" | "O";
    readonly windowMs?: number;
    readonly ask?: number;
    readonly refuseAt?: number | "";
  }

  function ask(items: readonly AskItem[]): Promise<unknown[]> {
    const args = items.flatMap(
      ({ field = "f", algorithm = "S", windowMs = WINDOW_MS, ask: amount = 1, refuseAt = "" }) => [
        ...[1, field, algorithm, windowMs, amount, refuseAt],
      ],
    );
    return run(ADMIT, [hash], args);
  }

  test("[redis] without checks it tells the time and writes nothing", async () => {
    const [nowMs, taken, ...rest] = await run(ADMIT, [hash], []);
    expect(Math.abs(Number(nowMs) - Date.now())).toBeLessThan(1000);
    expect([taken, ...rest]).toEqual([1]);
    expect(await own.client.exists(hash)).toBe(0);
  });

  test("[redis] it tells the state before the ask and adds the ask", async () => {
    await own.client.hset(hash, "f", `${String(indexNow())} 4 9`);
    expect((await ask([{ ask: 3 }])).slice(1)).toEqual([1, `${String(indexNow())} 4 9`]);
    expect(await stored()).toBe(`${String(indexNow())} 7 9`);
  });

  test("[redis] it refuses at the limit, not below, and a refusal writes nothing", async () => {
    await own.client.hset(hash, "f", `${String(indexNow())} 4 0`, "g", `${String(indexNow())} 1 0`);
    expect((await ask([{ field: "g" }, { refuseAt: 4, algorithm: "F" }]))[1]).toBe(0);
    expect(await stored("g")).toBe(`${String(indexNow())} 1 0`);
    expect((await ask([{ field: "g" }, { refuseAt: 5, algorithm: "F" }]))[1]).toBe(1);
    expect(await stored("g")).toBe(`${String(indexNow())} 2 0`);
  });

  test("[redis] the last window counts by its share when sliding and not at all when fixed", async () => {
    await own.client.hset(hash, "f", `${String(indexNow() - 1)} 1000 0`);
    const share = 1 - (Date.now() % WINDOW_MS) / WINDOW_MS;
    expect((await ask([{ ask: 0, refuseAt: Math.floor(1000 * share) - 1 }]))[1]).toBe(0);
    expect((await ask([{ ask: 0, refuseAt: Math.ceil(1000 * share) + 1 }]))[1]).toBe(1);
    expect((await ask([{ ask: 0, refuseAt: 1, algorithm: "F" }]))[1]).toBe(1);
  });

  test("[redis] from first: a check opens a window that expires, and the next leaves it as it is", async () => {
    const [nowMs, taken, state] = await ask([{ algorithm: "O", ask: 0, refuseAt: 1, windowMs: 60_000 }]);
    expect([taken, state]).toEqual([1, `${String(nowMs)} 0 0`]);
    expect(await stored()).toBe(state);
    expect(await own.client.pttl(hash)).toBeGreaterThan(60_000);
    expect((await ask([{ algorithm: "O", ask: 2, refuseAt: 1, windowMs: 60_000 }])).slice(1)).toEqual([1, state]);
    expect(await stored()).toBe(`${String(nowMs)} 2 0`);
  });

  test("[redis] from first: of a window that has ended nothing is left", async () => {
    await own.client.hset(hash, "f", `${String(Date.now() - WINDOW_MS)} 9 0`);
    const [nowMs, ...rest] = await ask([{ algorithm: "O", ask: 3, refuseAt: 1 }]);
    expect(rest).toEqual([1, `${String(nowMs)} 0 0`]);
    expect(await stored()).toBe(`${String(nowMs)} 3 0`);
  });

  test("[redis] from first: a refusal opens the windows of the checks that do not refuse, and adds nothing", async () => {
    await own.client.hset(hash, "g", `${String(indexNow())} 4 0`);
    const refusing = { algorithm: "O", field: "h", refuseAt: 0 } as const;
    const [nowMs, taken] = await ask([{ algorithm: "O" }, { field: "g", refuseAt: 4, algorithm: "F" }, refusing]);
    expect(taken).toBe(0);
    expect(await stored()).toBe(`${String(nowMs)} 0 0`);
    expect(await stored("g")).toBe(`${String(indexNow())} 4 0`);
    expect(await stored("h")).toBeNull();
  });

  test("[redis] two checks on one counter are told the same and both add", async () => {
    const empty = `${String(indexNow())} 0 0`;
    expect((await ask([{ ask: 1 }, { ask: 2 }])).slice(2)).toEqual([empty, empty]);
    expect(await stored()).toBe(`${String(indexNow())} 3 0`);
  });

  test("[redis] a counter that is created or rolls over expires after two windows at least", async () => {
    await ask([{ windowMs: 60_000 }]);
    expect(await own.client.pttl(hash)).toBeGreaterThan(115_000);
    await ask([{ field: "g", windowMs: HOUR_MS }]);
    expect(await own.client.pttl(hash)).toBeGreaterThan(2 * HOUR_MS - 5000);
  });

  test("[redis] a counter stops at 2^53 - 1", async () => {
    await own.client.hset(hash, "f", `${String(indexNow())} ${String(MAX)} 0`);
    expect((await ask([{ ask: 5 }])).slice(1)).toEqual([1, `${String(indexNow())} 9007199254740991 0`]);
    expect(await stored()).toBe(`${String(indexNow())} 9007199254740991 0`);
  });
});

test("[redis] a counter is gone once its two windows are over", async () => {
  await chargeBatch(1, [{ amount: 1, windowMs: 50 }]);
  expect(await own.client.exists(hash)).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(await own.client.exists(hash)).toBe(0);
});
