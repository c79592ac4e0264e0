// One request and the answers it gets, in time, late or never: decided once, and its ask counted once.

import { expect, test } from "vitest";
import type { Admission, Check } from "../../../dataplane/core/counter-store.ts";
import { AdmissionRound } from "../../../dataplane/redis/admission-round.ts";
import { PendingAdmission } from "../../../dataplane/redis/pending-admission.ts";
import { RespError, type RespValue } from "../../../dataplane/redis/resp-parser.ts";
import { aCheck, aCounter, HOUR_MS } from "../../helpers/redis-store.ts";
import { createScriptedRedis, type PlayedCommand, type ScriptedRedis } from "../../helpers/scripted-redis.ts";

/** Counters of two different tags. */
const REQUESTS = { ...aCounter({ prefix: "t:", values: "requests" }), tag: 1 };
const TOKENS = { ...aCounter({ prefix: "t:", values: "tokens" }), tag: 2 };

interface Asked {
  readonly redis: ScriptedRedis;
  readonly admission: PendingAdmission;
  readonly answers: Admission[];
  /** The command of the tag with asks, and the one that reads. */
  readonly take: PlayedCommand;
  readonly read: PlayedCommand;
  readonly index: number;
}

/** A request that asks one request of 10 and reads tokens; its commands wait for the test to answer them. */
function ask(
  checks: readonly Check[] = [aCheck(REQUESTS, { ask: 1, refuseAt: 10 }), aCheck(TOKENS, { refuseAt: 500 })],
): Asked {
  const redis = createScriptedRedis();
  redis.lanes.learn(1, redis.clock.nowMs());
  const answers: Admission[] = [];
  const parts = { book: redis.book, lanes: redis.lanes, answered: () => {}, dataPlanes: () => 1 };
  const request = { checks, done: (answer: Admission) => void answers.push(answer), startedMs: 0 };
  const admission = new PendingAdmission(parts, request);
  const round = new AdmissionRound({ context: redis.context, lanes: redis.lanes, book: redis.book });
  admission.expect(round.add(admission));
  round.send();
  const [take, read] = redis.written();
  if (take === undefined || read === undefined) throw new Error("two commands were expected");
  return { redis, admission, answers, take, read, index: Math.floor(redis.clock.nowMs() / HOUR_MS) };
}

function state(index: number, current: number): string {
  return `${String(index)} ${String(current)} 0`;
}

function takeReply({ redis, index }: Asked, taken: number, nowMs = redis.clock.nowMs()): RespValue {
  return [nowMs, taken, state(index, taken === 1 ? 3 : 10)];
}

/** Amounts that the next turn charges, as "<amount>@<window>" with the window relative to the present one. */
function charged({ redis, index }: Asked): string[] {
  redis.book.flush();
  return redis.written().flatMap((command) => {
    const args = command.args.map(String);
    const items = args.slice(2 + Number(args[1]) + 3);
    return Array.from({ length: items.length / 6 }, (_, i) => {
      const named = items[6 * i + 5] ?? "";
      return `${items[6 * i + 4] ?? ""}@${named === "" ? "" : String(Number(named) - index)}`;
    });
  });
}

const LOST = new Error("Connection is closed.");
const REFUSED = new RespError("OOM");

test("[unit] it answers once all checks are told, with the states before the ask", () => {
  const asked = ask();
  asked.take.resolve(takeReply(asked, 1));
  expect(asked.answers).toEqual([]);
  asked.read.resolve([state(asked.index, 40)]);
  expect(asked.answers).toMatchObject([{ taken: true, source: "store", states: [{ current: 3 }, { current: 40 }] }]);
  expect(charged(asked)).toEqual([]);
});

test("[unit] it tells the earliest time of all answers, at which everything that refused still refuses", () => {
  const asked = ask();
  const nowMs = asked.redis.clock.nowMs();
  asked.read.resolve([state(asked.index, 40)]);
  asked.take.resolve(takeReply(asked, 1, nowMs + 30));
  expect(asked.answers[0]?.nowMs).toBe(nowMs);
});

test("[unit] a check that only reads refuses, and what was taken goes back to the window it was taken in", () => {
  const asked = ask();
  asked.take.resolve(takeReply(asked, 1));
  asked.redis.clock.advance(HOUR_MS);
  asked.read.resolve([state(asked.index + 1, 500)]);
  expect(asked.answers).toMatchObject([{ taken: false, source: "store" }]);
  expect(charged(asked)).toEqual(["-1@0"]);
});

test.for([
  { name: "taken late counts once", late: (asked: Asked) => asked.take.resolve(takeReply(asked, 1)), then: [] },
  {
    name: "refused late counts as it passed",
    late: (asked: Asked) => asked.take.resolve(takeReply(asked, 0)),
    then: ["1@"],
  },
  {
    name: "lost with the connection counts as it passed",
    late: (asked: Asked) => asked.take.reject(LOST),
    then: ["1@"],
  },
  {
    name: "answered by an error counts as it passed",
    late: (asked: Asked) => asked.take.reject(REFUSED),
    then: ["1@"],
  },
])("[unit] an ask that ran out of time and was $name", ({ late, then }) => {
  const asked = ask();
  asked.admission.timeOut();
  expect(asked.answers).toMatchObject([{ taken: true, source: "local" }]);
  expect(
    asked.redis.book.withOwed(REQUESTS, { index: asked.index, current: 0, previous: 0 }, asked.redis.clock.nowMs())
      .current,
  ).toBe(1);
  expect(charged(asked)).toEqual([]);
  late(asked);
  asked.read.resolve([state(asked.index, 500)]);
  asked.redis.lane = "b"; // another server: the breaker of the first one is open
  expect(charged(asked)).toEqual(then);
  expect(asked.answers).toHaveLength(1);
});

test.for([
  { name: "an error", error: REFUSED, breaker: [] },
  { name: "a broken connection", error: LOST, breaker: [true] },
])(
  "[unit] $name is no time-out: it decides at once without Redis, and what is not taken is charged",
  ({ error, breaker }) => {
    const asked = ask();
    asked.take.reject(error);
    expect(asked.answers).toMatchObject([{ taken: true, source: "local" }]);
    expect(asked.redis.breaker).toEqual(breaker);
    asked.redis.lane = "b";
    expect(charged(asked)).toEqual(["1@"]);
  },
);

test("[unit] a request that is refused without Redis charges nothing and gives back what was taken before", () => {
  const asked = ask();
  asked.redis.book.charge({ counter: TOKENS, amount: 500 });
  asked.take.resolve(takeReply(asked, 1));
  asked.read.reject(LOST);
  expect(asked.answers).toMatchObject([{ taken: false, source: "local" }]);
  asked.redis.lane = "b";
  expect(charged(asked).sort()).toEqual(["-1@0", "500@"]);
});

test("[unit] a reply that is none of the script's is a failure, not a state", () => {
  const asked = ask();
  asked.take.resolve("OK");
  expect(asked.answers).toMatchObject([{ source: "local" }]);
});

test("[unit] a script that the server has forgotten is sent again, once", () => {
  const asked = ask();
  asked.take.reject(new RespError("NOSCRIPT No matching script."));
  const [again] = asked.redis.written();
  expect(again).toMatchObject({ name: "evalsha", args: asked.take.args });
  again?.resolve(takeReply(asked, 1));
  asked.read.resolve([null]);
  expect(asked.answers).toMatchObject([{ source: "store", taken: true }]);
});

const ESTIMATE = aCheck(REQUESTS, { ask: 100, refuseAt: 1000, mustFit: true, isProvisional: true });
const LATE = {
  taken: (asked: Asked): void => asked.take.resolve([asked.redis.clock.nowMs(), 1, state(asked.index, 0)]),
  refused: (asked: Asked): void => asked.take.resolve([asked.redis.clock.nowMs(), 0, state(asked.index, 950)]),
  lost: (asked: Asked): void => asked.take.reject(LOST),
};

/** What counts of a counter here, besides what Redis holds. */
function owedOf({ redis, index }: Asked): number {
  return redis.book.withOwed(REQUESTS, { index, current: 0, previous: 0 }, redis.clock.nowMs()).current;
}

test("[unit] kong trap 35: the truth in place of an estimate goes out as one amount, into the window of the estimate", () => {
  for (const { amount, out } of [
    { amount: 150, out: ["50@"] },
    { amount: 100, out: [] },
    { amount: 30, out: ["-70@0"] },
    { amount: 0, out: ["-100@0"] },
  ]) {
    const asked = ask([ESTIMATE, aCheck(TOKENS)]);
    LATE.taken(asked);
    asked.read.resolve([null]);
    asked.redis.book.charge({ counter: REQUESTS, amount });
    asked.answers[0]?.holds[0]?.release();
    expect(charged(asked)).toEqual(out);
  }
});

test("[unit] kong trap 35: the truth of a later window leaves that window's alone, and the estimate goes out of its own", () => {
  const asked = ask([ESTIMATE, aCheck(TOKENS)]);
  LATE.taken(asked);
  asked.read.resolve([null]);
  asked.redis.clock.advance(HOUR_MS);
  asked.redis.book.charge({ counter: REQUESTS, amount: 150 });
  asked.answers[0]?.holds[0]?.release();
  expect(charged(asked)).toEqual(["150@", "-100@0"]);
});

test("[unit] an estimate whose window counts no more is not taken back", () => {
  const asked = ask([ESTIMATE, aCheck(TOKENS)]);
  LATE.taken(asked);
  asked.read.resolve([null]);
  asked.redis.clock.advance(2 * HOUR_MS);
  asked.answers[0]?.holds[0]?.release();
  expect(charged(asked)).toEqual([]);
});

test.for([
  { name: "taken late", late: LATE.taken, released: ["-100@0"], kept: [] },
  { name: "refused late", late: LATE.refused, released: [], kept: ["100@"] },
  { name: "lost", late: LATE.lost, released: [], kept: ["100@"] },
])("[unit] an estimate that ran out of time and is $name counts once, and not at all once it is released", (row) => {
  for (const order of ["released first", "answered first", "kept"]) {
    const asked = ask([ESTIMATE, aCheck(TOKENS)]);
    asked.admission.timeOut();
    const hold = asked.answers[0]?.holds[0];
    expect(owedOf(asked)).toBe(100);
    if (order === "released first") hold?.release();
    if (order === "released first") expect(owedOf(asked)).toBe(0);
    row.late(asked);
    if (order === "answered first") hold?.release();
    asked.redis.lane = "b";
    expect([order, charged(asked)]).toEqual([order, order === "kept" ? row.kept : row.released]);
  }
});

const PENALTY = aCheck(REQUESTS, { ask: 100, refuseAt: 1000, mustFit: true, countsRefused: true });

test.for([
  { name: "the script refuses it", answer: [0, 950], read: 0, out: ["100@"] },
  { name: "another check refuses it", answer: [1, 0], read: 500, out: [] },
])(
  "[unit] an ask that counts when refused counts once when $name",
  ({ answer: [taken = 0, current = 0], read, out }) => {
    const asked = ask([PENALTY, aCheck(TOKENS, { refuseAt: 500 })]);
    asked.take.resolve([asked.redis.clock.nowMs(), taken, state(asked.index, current)]);
    asked.read.resolve([state(asked.index, read)]);
    expect(asked.answers).toMatchObject([{ taken: false, source: "store", holds: [] }]);
    expect(charged(asked)).toEqual(out);
  },
);

test.for([
  { name: "taken late", late: LATE.taken, out: [] },
  { name: "refused late", late: LATE.refused, out: ["100@"] },
  { name: "lost", late: LATE.lost, out: ["100@"] },
])("[unit] an ask that counts when refused and is $name after a refusal without Redis counts once", ({ late, out }) => {
  const asked = ask([PENALTY, aCheck(TOKENS, { refuseAt: 500 })]);
  asked.redis.book.charge({ counter: TOKENS, amount: 500 });
  asked.admission.timeOut();
  expect(asked.answers).toMatchObject([{ taken: false, source: "local" }]);
  late(asked);
  asked.redis.lane = "b";
  expect(charged(asked).sort()).toEqual([...out, "500@"].sort());
});

test("[unit] the script compares with what an ask has to fit in, less what it cannot know of", () => {
  const asked = ask([aCheck(REQUESTS, { ask: 30, refuseAt: 100, mustFit: true }), aCheck(TOKENS)]);
  expect(asked.take.args.map(String).at(-1)).toBe("70.00000000000001");
});
