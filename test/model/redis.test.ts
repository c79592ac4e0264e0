// The model once more with counters in Redis, whose clock cannot be moved: days pass by moving its counters back, and what
// depends on the moment of a check may be that of any moment in which the check was under way.

import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, test } from "vitest";
import type { CallResult } from "../helpers/http-call.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { openStore, type StoreUnderTest } from "../helpers/redis-store.ts";
import { expectAnswer } from "./compare.ts";
import { type ModelGateway, startModelGateway } from "./model-gateway.ts";
import { policies, steps, utcDays } from "./plan-arbitrary.ts";
import { isRefused, Reference, type Standing } from "./reference.ts";
import type { AskPlan, PolicyPlan, StepPlan } from "./world-plan.ts";

const DAY_MS = 86_400_000;
/** All divide what passes at a time, and none ends by itself within a run but at midnight. */
const WINDOWS = [86_400, 2 * 86_400] as const;
const PASSING_MS = 2 * DAY_MS;
const RUNS = 60;
const SLACK_MS = 100;

let server: RedisServer;
let under: StoreUnderTest;
let raw: Redis;
let gateway: ModelGateway;

beforeAll(async () => {
  server = await startRedis();
  under = await openStore(server.url);
  raw = new Redis(server.url);
  gateway = await startModelGateway({ store: under.store, whileAnswering: () => {} });
});
afterAll(async () => {
  await gateway.stop();
  await under.store.close();
  raw.disconnect();
  await server.stop();
});

/** Every window becomes that of two days ago. */
async function twoDaysPass(): Promise<void> {
  await under.store.flush(5000);
  for (const key of await raw.keys("*:c:*")) {
    for (const [field, value] of Object.entries(await raw.hgetall(key))) {
      const [index = "0", ...amounts] = value.split(" ");
      await raw.hset(key, field, [String(agedIndex(Number(index))), ...amounts].join(" "));
    }
  }
}

/** By the index alone one sees what it is: a moment (also that on which a day began), or the number of a window. */
function agedIndex(index: number): number {
  if (index > 1e12) return index - PASSING_MS;
  const isTwoDays = index < Date.now() / DAY_MS - 1000;
  return index - (isTwoDays ? 1 : 2);
}

/** The moment that passed for the reference, beside the machine's clock. */
interface Time {
  passedMs: number;
}

async function play(plans: readonly PolicyPlan[], run: readonly StepPlan[]): Promise<void> {
  gateway.use(plans);
  const reference = new Reference(plans);
  const time: Time = { passedMs: 0 };
  const startedOn = Math.floor(Date.now() / DAY_MS);
  for (const step of run) {
    if (step.kind === "pass") {
      await twoDaysPass();
      time.passedMs += PASSING_MS;
      continue;
    }
    await ask(step, reference, time);
    fc.pre(Math.floor(Date.now() / DAY_MS) === startedOn);
  }
}

async function ask(step: AskPlan, reference: Reference, { passedMs }: Time): Promise<void> {
  const beforeMs = Date.now() + passedMs;
  const answer = await gateway.ask(step);
  const afterMs = Date.now() + passedMs;
  const first = reference.standings(step, beforeMs);
  let told = first;
  // Redis opens windows by its own clock, so moments just outside can be meant too.
  for (let nowMs = beforeMs - SLACK_MS; nowMs <= afterMs + SLACK_MS && !agrees(answer, told, step); nowMs += 1) {
    told = reference.standings(step, nowMs);
  }
  expectAnswer(answer, agrees(answer, told, step) ? told : first, step);
  reference.checked(told, beforeMs);
  if (!isRefused(told)) reference.completed(step, told, { checkedMs: beforeMs, nowMs: beforeMs });
}

function agrees(answer: CallResult, standings: readonly Standing[], step: AskPlan): boolean {
  try {
    expectAnswer(answer, standings, step);
    return true;
  } catch {
    return false;
  }
}

test("[redis] with counters in Redis every answer is the reference's too", { timeout: 120_000 }, () =>
  fc.assert(fc.asyncProperty(policies(WINDOWS, utcDays), steps, play), { numRuns: RUNS }),
);
