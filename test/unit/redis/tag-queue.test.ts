// The order of one tag's batches, answer by answer: Redis is played by the test, which settles each command by hand.

import { expect, test } from "vitest";
import type { Counter } from "../../../dataplane/core/counter-store.ts";
import type { Algorithm } from "../../../dataplane/core/window.ts";
import { RespError } from "../../../dataplane/redis/resp-parser.ts";
import { aCounter, HOUR_MS } from "../../helpers/redis-store.ts";
import { createScriptedRedis, type PlayedCommand } from "../../helpers/scripted-redis.ts";

const APPLIED = 0;
const DUPLICATE = 1;
const GAP = 2;
const UNKNOWN = 3;

/** What a charge command says: its number, whether it stands on its own, and its amounts by window named. */
interface Sent {
  readonly number: number;
  readonly base: boolean;
  readonly items: readonly string[];
}

class Play {
  readonly redis = createScriptedRedis();
  readonly clock = this.redis.clock;
  readonly book = this.redis.book;
  readonly counter: Counter;

  constructor(algorithm: Algorithm = "Sliding") {
    this.counter = aCounter({ prefix: "t:", algorithm });
  }

  /** A turn in which these amounts are charged; returns the commands that it wrote. */
  turn(...amounts: number[]): PlayedCommand[] {
    for (const amount of amounts) this.book.charge({ counter: this.counter, amount });
    this.book.flush();
    return this.redis.written();
  }

  /** The only command of a turn. */
  one(...amounts: number[]): PlayedCommand {
    const [command, ...more] = this.turn(...amounts);
    if (command === undefined || more.length > 0) throw new Error(`${String(more.length + 1)} commands`);
    return command;
  }

  answer(command: PlayedCommand, status: number, last: number): PlayedCommand[] {
    command.resolve([status, last, this.clock.nowMs(), 0]);
    return this.redis.written();
  }

  /** Answers the question which batch was applied last, and returns what is sent then. */
  told(question: PlayedCommand, last: number | undefined): Sent[] {
    expect(question.name).toBe("get");
    question.resolve(last === undefined ? null : String(last));
    return this.redis.written().map(readSent);
  }

  get owed(): number {
    return this.book.withOwed(this.counter, { index: 0, current: 0, previous: 0 }, this.clock.nowMs()).current;
  }
}

function readSent(command: PlayedCommand): Sent {
  const [, keyCount, ...rest] = command.args.map(String);
  const [number, base, , ...items] = rest.slice(Number(keyCount));
  const amounts = Array.from(
    { length: items.length / 6 },
    (_, i) => `${items[6 * i + 4] ?? ""}@${items[6 * i + 5] ?? ""}`,
  );
  return { number: Number(number), base: base === "1", items: amounts };
}

test("[unit] charges of one turn are one batch; batches follow each other without waiting for answers", () => {
  const play = new Play();
  const sent = [play.one(1, 2), play.one(4), play.one(8)].map(readSent);
  expect(sent).toEqual([
    { number: 1, base: true, items: ["3@"] },
    { number: 2, base: false, items: ["4@"] },
    { number: 3, base: false, items: ["8@"] },
  ]);
  expect(play.owed).toBe(15);
});

test("[unit] what is acknowledged is not owed, in whatever order answers come", () => {
  const play = new Play();
  const [first, second] = [play.one(1), play.one(2)];
  play.answer(second, APPLIED, 2);
  expect(play.owed).toBe(1);
  play.answer(first, DUPLICATE, 2);
  expect(play.owed).toBe(0);
});

test.for([
  { name: "a gap", status: GAP },
  { name: "that nothing is known", status: UNKNOWN },
])("[unit] after $name nothing goes out until Redis has said what it applied last", ({ status }) => {
  const play = new Play();
  play.answer(play.one(1), APPLIED, 1);
  const [second, third] = [play.one(2), play.one(4)];
  play.answer(third, status, 1);
  const question = play.one(8);
  play.answer(second, APPLIED, 2); // redirected, it came late after all
  expect(play.turn(16)).toEqual([]);
  const sent = play.told(question, 2);
  expect(sent.map(({ number, base }) => [number, base])).toEqual([[3, false]]);
  expect(readSent(play.one()).items).toEqual(["24@"]);
});

test("[unit] an answer to what was sent before a break neither disturbs the order nor is lost", () => {
  const play = new Play();
  const [first, second] = [play.one(1), play.one(2)];
  play.book.lost("a");
  const question = play.one();
  play.answer(first, APPLIED, 1);
  second.reject(new Error("closed"));
  expect(play.owed).toBe(2);
  expect(play.told(question, 1).map(({ number }) => number)).toEqual([2]);
});

test.for([
  { name: "knows nothing", last: undefined, numbers: [1, 2, 3], bases: [true, false, false] },
  { name: "has lost the last two", last: 1, numbers: [2, 3], bases: [false, false] },
  { name: "has lost nothing", last: 3, numbers: [], bases: [] },
])(
  "[unit] after a fail-over to a Redis that $name, what it lacks is owed again and sent in order",
  ({ last, numbers, bases }) => {
    const play = new Play();
    for (const number of [1, 2, 3]) play.answer(play.one(number), APPLIED, number);
    expect(play.owed).toBe(0);
    play.redis.lane = "b";
    play.book.changed();
    const sent = play.told(play.one(), last);
    expect(sent.map((each) => each.number)).toEqual(numbers);
    expect(sent.map((each) => each.base)).toEqual(bases);
    expect(play.owed).toBe(numbers.reduce((sum, number) => sum + number, 0));
  },
);

test("[unit] what is sent again names the window that it was charged in", () => {
  const play = new Play();
  play.one(5);
  const index = Math.floor(play.clock.nowMs() / HOUR_MS);
  play.book.lost("a");
  play.clock.advance(HOUR_MS);
  expect(play.told(play.one(), undefined)[0]?.items).toEqual([`5@${String(index)}`]);
});

test.for([
  { name: "stays for ten seconds, in case Redis loses it", afterMs: 9_999, base: false },
  { name: "is let go then, and the next stands on its own", afterMs: 10_000, base: true },
])("[unit] an acknowledged batch $name", ({ afterMs, base }) => {
  const play = new Play();
  play.answer(play.one(1), APPLIED, 1);
  play.clock.advance(afterMs);
  expect(readSent(play.one(2)).base).toBe(base);
});

test("[unit] a batch without an answer is kept for as long as it takes", () => {
  const play = new Play();
  play.one(1);
  play.clock.advance(HOUR_MS / 2);
  play.book.lost("a");
  expect(play.told(play.one(), undefined).map(({ number }) => number)).toEqual([1]);
});

test("[unit] while Redis is slow no more than 32 batches are on their way, and later charges merge", () => {
  const play = new Play();
  const sent = Array.from({ length: 40 }, () => play.turn(1)).flat();
  expect(sent).toHaveLength(32);
  const [first] = sent;
  if (first !== undefined) play.answer(first, APPLIED, 1);
  expect(play.turn().map(readSent)).toEqual([{ number: 33, base: false, items: ["8@"] }]);
});

test("[unit] an error in answer is tried again after half a second, not at once", () => {
  const play = new Play();
  const refusal = new RespError("OOM command not allowed");
  play.one(1).reject(refusal);
  expect(play.turn(2)).toEqual([]);
  play.clock.advance(500);
  expect(play.told(play.one(), undefined).map(({ number }) => number)).toEqual([1]);
});

test("[unit] charges that a foreign key swallowed are said to be lost", () => {
  const play = new Play();
  play.one(1).resolve([APPLIED, 1, play.clock.nowMs(), 1]);
  expect(play.redis.lost).toEqual([1]);
});

test("[unit] a large turn goes out in several batches of the same order", () => {
  const play = new Play();
  for (let i = 0; i < 450; i += 1) {
    const { tag } = play.counter;
    play.book.charge({ counter: { ...aCounter({ prefix: "t:", values: `user${String(i)}` }), tag }, amount: 1 });
  }
  expect(play.turn().map((command) => readSent(command).items.length)).toEqual([200, 200, 50]);
});

test("[unit] a sequence that is no number counts as none, as it does in the script", () => {
  const play = new Play();
  play.answer(play.one(1), APPLIED, 1);
  play.book.lost("a");
  const question = play.one();
  question.resolve("rubbish");
  expect(play.redis.written().map(readSent)).toMatchObject([{ number: 1, base: true }]);
});

test("[unit] under an id that another process uses too, charges still go out after that one's", () => {
  const play = new Play();
  play.answer(play.one(1), DUPLICATE, 7);
  expect(readSent(play.one(2))).toMatchObject({ number: 8, items: ["2@"] });
});

test("[unit] from first: in a window that Redis told, a charge goes to whichever is open there", () => {
  const play = new Play("FixedFromFirst");
  play.book.lastSeen.set(play.counter, { index: play.clock.nowMs() - 1000, current: 0, previous: 0 });
  expect(readSent(play.one(5)).items).toEqual(["5@"]);
});

test("[unit] from first: a window that opened while Redis was away keeps its beginning", () => {
  const play = new Play("FixedFromFirst");
  const openedMs = play.clock.nowMs();
  play.book.charge({ counter: play.counter, amount: 5 });
  play.clock.advance(HOUR_MS - 1);
  const sent = play.one(6);
  expect(readSent(sent).items).toEqual([`11@${String(openedMs)}`]);
  play.answer(sent, APPLIED, 1);
  expect(play.book.lastSeen.get(play.counter)).toEqual({ index: openedMs, current: 11, previous: 0 });
});

test("[unit] from first: what was charged in a window that has ended meanwhile is not sent", () => {
  const play = new Play("FixedFromFirst");
  play.book.charge({ counter: play.counter, amount: 5 });
  play.clock.advance(HOUR_MS);
  expect(play.turn()).toEqual([]);
  expect(readSent(play.one(6)).items).toEqual([`6@${String(play.clock.nowMs())}`]);
});
