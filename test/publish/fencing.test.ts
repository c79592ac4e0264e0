// Two publishers on one Redis. Only the one that claimed last writes, however their calls fall between each other's.

import fc from "fast-check";
import { expect, test } from "vitest";
import { headKey } from "../../dataplane/contract/published.ts";
import { eventually } from "../helpers/clock.ts";
import { useOwnRedis } from "../helpers/own-redis.ts";
import {
  aConsumer,
  changesOf,
  consumers,
  openPublisher,
  type PublisherUnderTest,
  readVisible,
} from "../helpers/publisher.ts";
import { randomPrefix } from "../helpers/redis-store.ts";

const own = useOwnRedis();

async function pair(): Promise<readonly [PublisherUnderTest, PublisherUnderTest]> {
  const prefix = randomPrefix();
  return [await openPublisher(own.server.url, { prefix }), await openPublisher(own.server.url, { prefix })];
}

const change = (group: string) => new Map([["ai", changesOf({ user1: group, [`only-${group}`]: group })]]);

test("[redis] one that is deposed learns it from its next publish, once, and leaves Redis as it is", async () => {
  const [old, next] = await pair();
  await old.publisher.lead(0);
  await old.publisher.publish(change("a"));
  expect(await next.publisher.lead(0)).toMatchObject({ kind: "leading", epoch: 2 });
  await next.publisher.publish(change("b"));
  const before = await readVisible(own.client, old.prefix);
  expect(await old.publisher.publish(change("c"))).toEqual({ kind: "over" });
  expect(await old.publisher.publish(change("d"))).toEqual({ kind: "over" });
  expect(await readVisible(own.client, old.prefix)).toEqual(before);
  expect([old.deposed, next.deposed]).toEqual([1, 0]);
  expect([old.unpublished, next.unpublished]).toEqual([["fenced"], []]);
  await Promise.all([old.close(), next.close()]);
});

test("[redis] one that is deposed and has nothing to publish learns it from the check", async () => {
  const [old, next] = await pair();
  await old.publisher.lead(0);
  await old.publisher.publish(change("a"));
  await next.publisher.lead(0);
  await eventually("it is told", () => old.deposed === 1);
  await Promise.all([old.close(), next.close()]);
});

test("[redis] the epoch is above what Redis knows and above the lease's transitions", async () => {
  const [one, other] = await pair();
  expect(await one.publisher.lead(41)).toMatchObject({ kind: "leading", epoch: 42 });
  await one.publisher.publish(change("a"));
  await own.client.hset(headKey(one.prefix, "ai"), "epoch", 77);
  await eventually("it is told", () => one.deposed === 1);
  await own.client.hset(`${one.prefix}{cfg}:namespaces`, "ai", "x");
  expect(await other.publisher.lead(3)).toMatchObject({ kind: "leading", epoch: 78 });
  await Promise.all([one.close(), other.close()]);
});

interface Step {
  readonly what: "lead" | "publish" | "all" | "pause";
  readonly objects: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom("lead", "publish", "all", "pause", "pause"),
  objects: fc.integer({ min: 1, max: 450 }),
});
const steps = fc.array(step, { minLength: 2, maxLength: 10 });

test("[redis] whatever two publishers do at once, no epoch writes after a higher one, and the last leader's word holds", async () => {
  const monitor = await own.client.monitor();
  const epochs = new Map<string, number[]>();
  monitor.on("monitor", (_time: string, args: string[]) => {
    const [name = "", key = "", ...rest] = args;
    if (name.toLowerCase() !== "hset" || !key.endsWith(":head")) return;
    const epoch = Number(rest[rest.indexOf("epoch") + 1]);
    epochs.set(key, [...(epochs.get(key) ?? []), epoch]);
  });
  let writes = 0;
  await fc.assert(
    fc.asyncProperty(steps, steps, async (first, second) => {
      const both = await pair();
      await Promise.all([act(both[0], first, "one"), act(both[1], second, "other")]);
      const leader = both[0];
      while ((await leader.publisher.lead(0)).kind === "over");
      const desired = new Map([["ai", new Map([["Consumer/last", aConsumer("last", "z")]])]]);
      expect((await leader.publisher.publishAll(desired)).kind).toBe("published");
      expect((await readVisible(own.client, leader.prefix))?.groups).toEqual({ last: "z" });
      await both[1].publisher.publish(change("late"));
      expect((await readVisible(own.client, leader.prefix))?.groups).toEqual({ last: "z" });
      const seen = epochs.get(headKey(leader.prefix, "ai")) ?? [];
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      writes += seen.length;
      await Promise.all(both.map((each) => each.close()));
    }),
    { numRuns: 40 },
  );
  expect(writes).toBeGreaterThan(100);
  monitor.disconnect();
}, 60_000);

async function act(under: PublisherUnderTest, todo: readonly Step[], name: string): Promise<void> {
  for (const [i, { what, objects }] of todo.entries()) {
    if (what === "lead") await under.publisher.lead(0);
    else if (what === "publish") void under.publisher.publish(new Map([["ai", consumers(objects, `${name}${i}`)]]));
    else if (what === "all") void under.publisher.publishAll(new Map([["ai", consumers(objects, `${name}${i}`)]]));
    // Long enough for some calls of the present leadership, mostly too short for all.
    else await new Promise((resolve) => setTimeout(resolve, objects % 5));
  }
}
