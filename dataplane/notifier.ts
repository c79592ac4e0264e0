// Tells once in a window that a counter has reached a percentage of its limit: asks those who share the counters through a
// sink whether it is told already, counts it and writes a line when it fell to this process to tell it.

import type { Logger } from "pino";
import { amountText } from "./core/amount-text.ts";
import type { Crossing, CrossingDone, CrossingSink } from "./core/crossing.ts";
import { subjectOf, windowEndMs, withAdded } from "./core/threshold.ts";
import { ToldCounters } from "./core/told-counters.ts";
import type { Cell } from "./metrics/series.ts";
import type { ThresholdReached } from "./proxy/thresholds.ts";

export interface NotifierMetrics {
  notified(policy: string, limit: string, percent: string): Cell;
  notificationsDropped(reason: "full" | "late"): Cell;
}

export interface Notifier {
  readonly reached: ThresholdReached;
  /** Without one each process tells for itself. */
  readonly useSink: (sink: CrossingSink) => void;
}

/** What could not be taken is tried again with a request after this time. */
const FULL_MS = 1_000;
const LINES_PER_SECOND = 10;

export function createNotifier(metrics: NotifierMetrics, log: Logger): Notifier {
  const told = new ToldCounters();
  const say = createLines(log);
  let sink: CrossingSink | undefined;

  function hand(crossing: Crossing, nowMs: number): void {
    const { limit, counter, percents, state } = crossing;
    const endMs = windowEndMs(limit.window, state, nowMs);
    const done: CrossingDone = (outcomes) => {
      for (const { percent, isWon, untilMs } of outcomes) {
        told.note(counter, percent, untilMs);
        if (!isWon) continue;
        metrics.notified(`${limit.policy.namespace}/${limit.policy.name}`, limit.name, String(percent)).value++;
        say(crossing, percent);
      }
    };
    for (const percent of percents) told.note(counter, percent, endMs);
    if (sink === undefined) done(percents.map((percent) => ({ percent, isWon: true, untilMs: endMs })));
    else if (!sink(crossing, done)) {
      metrics.notificationsDropped("full").value++;
      for (const percent of percents) told.note(counter, percent, nowMs + FULL_MS);
    }
  }

  return {
    useSink(wanted) {
      sink = wanted;
    },
    reached({ matched, decision, counted, countedAt }, at, added) {
      const entry = matched[at];
      const status = decision?.statuses[at];
      if (entry === undefined || status === undefined || counted === undefined) return;
      const { thresholds, limit } = entry.record;
      const nowMs = status.nowMs + Math.floor(performance.now() - countedAt);
      if (told.knows(entry.counter, { thresholds, usage: status.usage + added, nowMs })) return;
      const { state, usage } = withAdded(limit.window, status.state, { nowMs, amount: added });
      const percents = told.missing(entry.counter, { thresholds, usage, nowMs });
      if (percents.length === 0) return;
      const used = Math.floor(usage);
      hand({ limit, counter: entry.counter, percents, state, used, subject: subjectOf(limit, counted) }, nowMs);
    },
  };
}

/** At most so many lines a second; the next line says how many were left out. */
function createLines(log: Logger): (crossing: Crossing, percent: number) => void {
  let second = 0;
  let lines = 0;
  let leftOut = 0;
  return (crossing, percent) => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) {
      second = now;
      lines = 0;
    }
    lines += 1;
    if (lines > LINES_PER_SECOND) {
      leftOut += 1;
      return;
    }
    log.info({ ...lineOf(crossing, percent), ...(leftOut > 0 && { leftOut }) }, "limit threshold");
    leftOut = 0;
  };
}

function lineOf({ limit, used, subject }: Crossing, percent: number): object {
  const { policy, name, mode, unit } = limit;
  return {
    limit: `${policy.namespace}/${policy.name}/${name}`,
    mode,
    percent,
    unit,
    used: amountText(unit, used),
    max: amountText(unit, limit.limit),
    per: subject.map(({ type, value }) => (value === undefined ? type : `${type} ${value}`)).join(", "),
  };
}
