import { describe, expect, test } from "vitest";
import { createWorkQueue, type WorkQueue } from "../../../controller/kube/work-queue.ts";
import { eventually } from "../../helpers/clock.ts";
import { createHandClock } from "../../helpers/hand-clock.ts";

interface Bench {
  readonly queue: WorkQueue;
  readonly clock: ReturnType<typeof createHandClock>;
  /** Keys in the order in which work on them began. */
  readonly begun: string[];
  readonly waits: number[];
  /** Ends the oldest work under way. */
  finish(error?: Error): void;
  readonly underWay: () => number;
}

function bench(concurrency = 2, atLeastMs = 0): Bench {
  const clock = createHandClock();
  const begun: string[] = [];
  const waits: number[] = [];
  const open: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const queue = createWorkQueue({
    clock,
    concurrency,
    random: () => 1,
    backOff: { minMs: 100, maxMs: 1_000 },
    work(key) {
      begun.push(key);
      return new Promise((resolve, reject) => open.push({ resolve, reject }));
    },
    failed(_key, _error, failures) {
      waits.push(failures);
      return atLeastMs;
    },
  });
  const finish = (error?: Error): void => {
    const work = open.shift();
    if (error === undefined) work?.resolve();
    else work?.reject(error);
  };
  return { queue, clock, begun, waits, finish, underWay: () => open.length };
}

const begins = (b: Bench, count: number): Promise<void> => eventually(`${count} begun`, () => b.begun.length === count);
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe("the work queue", () => {
  test("[unit] does a key once however often it was added before its turn", async () => {
    const b = bench(1);
    b.queue.add("first");
    await begins(b, 1);
    for (let times = 0; times < 5; times += 1) b.queue.add("a");
    expect(b.queue.size).toBe(1);
    b.finish();
    await begins(b, 2);
    b.finish();
    await turns();
    expect(b.begun).toEqual(["first", "a"]);
  });

  test("[unit] a key added during its own work is done once more, never by two workers at a time", async () => {
    const b = bench(2);
    b.queue.add("a");
    await begins(b, 1);
    b.queue.add("a");
    b.queue.add("a");
    await turns();
    expect(b.underWay()).toBe(1);
    b.finish();
    await begins(b, 2);
    b.finish();
    await turns();
    expect(b.begun).toEqual(["a", "a"]);
  });

  test("[unit] works on no more keys at a time than agreed, in the order in which they came", async () => {
    const b = bench(2);
    for (const key of ["a", "b", "c", "d"]) b.queue.add(key);
    await begins(b, 2);
    await turns();
    expect(b.begun).toEqual(["a", "b"]);
    b.finish();
    await begins(b, 3);
    expect(b.begun).toEqual(["a", "b", "c"]);
  });

  test("[unit] what failed comes back later and later, and from the start once it has succeeded", async () => {
    const b = bench();
    b.queue.add("a");
    const delays: number[] = [];
    for (let failures = 1; failures <= 5; failures += 1) {
      await begins(b, failures);
      b.finish(new Error("planted"));
      await eventually("a timer", () => b.clock.delays().length === 1);
      delays.push(...b.clock.delays());
      b.clock.advance(1_000);
    }
    await begins(b, 6);
    b.finish();
    await turns();
    b.queue.add("a");
    await begins(b, 7);
    b.finish(new Error("planted"));
    await eventually("a timer", () => b.clock.delays().length === 1);
    expect(delays).toEqual([100, 200, 400, 800, 1_000]);
    expect(b.waits).toEqual([1, 2, 3, 4, 5, 1]);
  });

  test("[unit] waits at least as long as the failure demands", async () => {
    const b = bench(1, 5_000);
    b.queue.add("a");
    await begins(b, 1);
    b.finish(new Error("planted"));
    await eventually("a timer", () => b.clock.delays().length === 1);
    expect(b.clock.delays()).toEqual([5_000]);
  });

  test("[unit] of several delays for a key the earliest counts", async () => {
    const b = bench();
    b.queue.addAfter("a", 500);
    b.queue.addAfter("a", 200);
    b.queue.addAfter("a", 900);
    b.clock.advance(199);
    await turns();
    expect(b.begun).toEqual([]);
    b.clock.advance(1);
    await begins(b, 1);
    b.finish();
    b.clock.advance(10_000);
    await turns();
    expect(b.begun).toEqual(["a"]);
  });

  test("[unit] 100,000 delayed keys cost one timer and fall due in order", async () => {
    const b = bench(100_000);
    const delays = Array.from({ length: 100_000 }, (_, index) => 1 + ((index * 7_919) % 100_003));
    for (const [index, delayMs] of delays.entries()) b.queue.addAfter(`${index}`, delayMs);
    expect(b.clock.delays()).toHaveLength(1);
    for (let step = 0; step < 11; step += 1) b.clock.advance(10_000);
    await begins(b, 100_000);
    const order = b.begun.map((key) => delays[Number(key)] ?? 0);
    expect(order).toEqual(delays.toSorted((x, y) => x - y));
  });

  test("[unit] a removed key is not done, neither now nor later", async () => {
    const b = bench(1);
    b.queue.add("busy");
    await begins(b, 1);
    b.queue.add("a");
    b.queue.addAfter("b", 100);
    b.queue.remove("a");
    b.queue.remove("b");
    b.finish();
    b.clock.advance(1_000);
    await turns();
    expect(b.begun).toEqual(["busy"]);
    expect(b.queue.size).toBe(0);
  });

  test("[unit] stop waits for the work under way and begins no other", async () => {
    const b = bench(1);
    b.queue.add("a");
    b.queue.add("b");
    await begins(b, 1);
    let stopped = false;
    const stopping = b.queue.stop().then(() => (stopped = true));
    b.queue.add("c");
    await turns();
    expect(stopped).toBe(false);
    b.finish();
    await stopping;
    expect(b.begun).toEqual(["a"]);
    expect(b.clock.delays()).toEqual([]);
  });
});
