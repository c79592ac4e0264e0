// Each script by itself: what it refuses, and that a refusal writes nothing.

import { beforeEach, describe, expect, test } from "vitest";
import { type ConfigStore, createConfigStore, type Head } from "../../controller/publish/config-store.ts";
import { createRedisCaller } from "../../controller/publish/redis-caller.ts";
import { changesKey, epochKey, headKey, namespacesKey, objectsKey } from "../../dataplane/contract/published.ts";
import { useOwnRedis } from "../helpers/own-redis.ts";
import { machineTimers } from "../helpers/publisher.ts";
import { randomPrefix } from "../helpers/redis-store.ts";

const POSITION = { namespace: "ai", generation: "g1", revision: 7 };
const BEGUN = { namespace: "ai", generation: "g2", revision: 8 };
const HEAD: Head = { schema: "1", epoch: "5", generation: "g1", revision: "7", next: "g2" };
const CHANGES = [{ field: "Consumer/a", entry: "{}" }];

const own = useOwnRedis();
let prefix: string;
let store: ConfigStore;

beforeEach(async () => {
  prefix = randomPrefix();
  store = createConfigStore(createRedisCaller({ redis: own.client, timers: machineTimers, timeoutMs: 5000 }), prefix);
  await own.client.hset(headKey(prefix, "ai"), { ...HEAD });
  await own.client.hset(objectsKey(prefix, "ai", "g2"), "Consumer/b", "{}");
  await own.client.xadd(changesKey(prefix, "ai", "g1"), "7-0", "Consumer/b", "");
  await own.client.set(epochKey(prefix), "5");
  await own.client.hset(namespacesKey(prefix), { ai: "g1", other: "g9" });
});

interface Row {
  readonly name: string;
  readonly call: (epoch: number) => Promise<{ readonly kind: string }>;
  /** A field of the head that this one compares, and another value of it. */
  readonly behind: Readonly<Record<string, string>>[];
  /** In the head, after a call with epoch 6. */
  readonly epochAfter: string;
}

const rows: readonly Row[] = [
  {
    name: "publish",
    call: (epoch) => store.publish(epoch, POSITION, CHANGES),
    behind: [{ generation: "g0" }, { revision: "6" }, { revision: "8" }, { schema: "2" }],
    epochAfter: "6",
  },
  {
    name: "begin",
    call: (epoch) => store.begin(epoch, { ...BEGUN, generation: "g3" }, HEAD),
    behind: [{ generation: "g0" }, { revision: "8" }, { next: "g9" }],
    epochAfter: "6",
  },
  { name: "fill", call: (epoch) => store.fill(epoch, BEGUN, CHANGES), behind: [{ next: "g9" }], epochAfter: "5" },
  {
    name: "flip",
    call: (epoch) => store.flip(epoch, { to: BEGUN, from: HEAD, size: 1 }),
    behind: [{ generation: "g0" }, { revision: "8" }, { next: "g9" }],
    epochAfter: "6",
  },
  {
    name: "forget",
    call: (epoch) => store.forget(epoch, POSITION),
    behind: [{ generation: "g0" }, { revision: "8" }],
    epochAfter: "6",
  },
];

/** All that is under the prefix. */
async function everything(): Promise<ReadonlyMap<string, unknown>> {
  const keys = (await own.client.keys(`${prefix}*`)).sort();
  return new Map(
    await Promise.all(keys.map(async (key): Promise<[string, unknown]> => [key, await own.client.dump(key)])),
  );
}

describe.for(rows)("$name", ({ call, behind, epochAfter }) => {
  test("[redis] a lower epoch is refused and writes nothing", async () => {
    const before = await everything();
    expect((await call(4)).kind).toBe("fenced");
    expect(await everything()).toEqual(before);
  });

  test.for(behind)("[redis] a head with %o is refused and nothing is written", async (other) => {
    await own.client.hset(headKey(prefix, "ai"), other);
    const before = await everything();
    expect((await call(5)).kind).toBe("behind");
    expect(await everything()).toEqual(before);
  });

  test("[redis] else it is done, under this epoch or a higher one", async () => {
    const before = await everything();
    expect((await call(6)).kind).toBe("done");
    expect(await everything()).not.toEqual(before);
    expect(await own.client.hget(headKey(prefix, "ai"), "epoch")).toBe(epochAfter);
  });
});

test("[redis] an incomplete generation does not become visible", async () => {
  expect((await store.flip(5, { to: BEGUN, from: HEAD, size: 2 })).kind).toBe("behind");
  expect(await own.client.hget(headKey(prefix, "ai"), "generation")).toBe("g1");
});

test("[redis] a namespace with objects is not forgotten", async () => {
  await own.client.hset(objectsKey(prefix, "ai", "g1"), "Consumer/b", "{}");
  expect((await store.forget(5, POSITION)).kind).toBe("behind");
  expect(await own.client.exists(changesKey(prefix, "ai", "g1"))).toBe(1);
});

test("[redis] a stream of another kind of key is an error that has written nothing", async () => {
  await own.client.set(changesKey(prefix, "ai", "g1"), "text");
  const before = await everything();
  await expect(store.publish(5, POSITION, CHANGES)).rejects.toThrow(/WRONGTYPE/);
  expect(await everything()).toEqual(before);
});

test("[redis] of an epoch one claim succeeds; the index takes no lower one", async () => {
  expect(await store.claimIndex(6)).toEqual({ kind: "done", found: 5 });
  expect(await store.claimIndex(6)).toEqual({ kind: "fenced", found: 6 });
  expect(await store.changeIndex(5, new Map([["ai", "x"]]))).toEqual({ kind: "fenced", found: 6 });
  expect(await store.readIndex()).toEqual(
    new Map([
      ["ai", "g1"],
      ["other", "g9"],
    ]),
  );
});

test("[redis] the last entry of the index stays", async () => {
  await store.changeIndex(
    5,
    new Map([
      ["ai", ""],
      ["ghost", ""],
      ["other", ""],
    ]),
  );
  expect(await store.readIndex()).toEqual(new Map([["other", "g9"]]));
});

test("[redis] claiming a head tells what was there, and makes none where there is none", async () => {
  expect(await store.claimHead(6, "ai")).toEqual({ kind: "done", head: HEAD });
  expect((await store.claimHead(5, "ai")).kind).toBe("fenced");
  expect((await store.claimHead(6, "nowhere")).head.generation).toBe("");
  expect(await own.client.exists(headKey(prefix, "nowhere"))).toBe(0);
});

test("[redis] a server that has forgotten the scripts is given them again", async () => {
  await store.claimIndex(6);
  await own.client.script("FLUSH");
  expect((await store.claimIndex(7)).kind).toBe("done");
});
