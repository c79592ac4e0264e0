// The model: random policies, requests and clocks through the whole gateway with counters in memory, against a reference
// that knows nothing but the rules.

import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { createMemoryStore } from "../../dataplane/store/memory-store.ts";
import { createFakeClock } from "../helpers/clock.ts";
import { expectAnswer } from "./compare.ts";
import { type ModelGateway, startModelGateway } from "./model-gateway.ts";
import { anyCalendar, MEMORY_WINDOWS, policies, startMs, steps } from "./plan-arbitrary.ts";
import { isRefused, Reference } from "./reference.ts";
import type { PolicyPlan, StepPlan } from "./world-plan.ts";

const RUNS = 250;

const clock = createFakeClock();
let gateway: ModelGateway;

beforeAll(async () => {
  gateway = await startModelGateway({
    store: createMemoryStore({ nowMs: () => clock.nowMs() }),
    whileAnswering: (tookMs) => clock.advance(tookMs),
  });
});
afterAll(() => gateway.stop());

async function play(plans: readonly PolicyPlan[], run: readonly StepPlan[], beginMs: number): Promise<void> {
  clock.set(beginMs);
  gateway.use(plans);
  const reference = new Reference(plans);
  for (const step of run) {
    if (step.kind === "pass") {
      clock.advance(step.ms);
      continue;
    }
    const nowMs = clock.nowMs();
    const standings = reference.standings(step, nowMs);
    const answer = await gateway.ask(step);
    expectAnswer(answer, standings, step);
    reference.checked(standings, nowMs);
    if (!isRefused(standings)) reference.completed(step, standings, { checkedMs: nowMs, nowMs: clock.nowMs() });
  }
}

test("[proxy] whatever the policies, requests and clock, every answer is the reference's", { timeout: 120_000 }, () =>
  fc.assert(fc.asyncProperty(policies(MEMORY_WINDOWS, anyCalendar), steps, startMs, play), { numRuns: RUNS }),
);
