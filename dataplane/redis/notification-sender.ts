// Tells through Redis that counters have reached percentages of their limits: one script call for each, few at a time. While
// Redis is away they wait, bounded, and are told when it is back if their windows have not ended.

import type { Cluster, Redis } from "ioredis";
import { z } from "zod";
import {
  NOTIFICATIONS_KEPT,
  NOTIFICATIONS_LIFE_MS,
  type NotificationEntry,
  notificationCountKey,
  notificationsKey,
  toldKey,
} from "../contract/notifications.ts";
import type { Crossing, CrossingDone, CrossingOutcome, CrossingSink } from "../core/crossing.ts";
import { createLoadedScript } from "./command.ts";
import { algorithmArg, NOTIFY, scriptText } from "./scripts.ts";
import type { StoreLog } from "./store-context.ts";

export interface NotificationSenderOptions {
  /** Any that the rest of the process uses too; its owner connects and closes it. */
  readonly client: Redis | Cluster;
  readonly prefix: string;
  /** So many told too late: their windows were over when Redis answered. */
  readonly late: (percents: number) => void;
  readonly log: StoreLog;
}

export interface NotificationSender {
  readonly take: CrossingSink;
  /** Waits at most so long for what is to be told; what is left then is lost, and said to be. */
  close(timeoutMs: number): Promise<void>;
}

const WAITING = 10_000;
const AT_ONCE = 32;
const RETRY_MS = 1_000;

interface Waiting {
  readonly crossing: Crossing;
  readonly done: CrossingDone;
}

export function createNotificationSender(options: NotificationSenderOptions): NotificationSender {
  return new Sender(options);
}

const numbers = z.array(z.number());

class Sender implements NotificationSender {
  readonly #options: NotificationSenderOptions;
  readonly #script = createLoadedScript(scriptText(NOTIFY));
  #waiting: Waiting[] = [];
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #idle = (): void => {};
  #problem = "";

  constructor(options: NotificationSenderOptions) {
    this.#options = options;
    options.client.on("ready", () => {
      this.#pump();
    });
  }

  readonly take: CrossingSink = (crossing, done) => {
    if (this.#isClosed || this.#waiting.length >= WAITING) return false;
    this.#waiting.push({ crossing, done });
    this.#pump();
    return true;
  };

  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
      this.#idle = resolve;
      this.#tellIdle();
    });
    clearTimeout(timer);
    clearTimeout(this.#timer);
    if (this.#waiting.length > 0) {
      this.#options.log.warn({ counters: this.#waiting.length }, "closed with notifications that Redis has not taken");
    }
    this.#waiting = [];
  }

  #pump(): void {
    if (this.#timer !== undefined || this.#options.client.status !== "ready") return;
    const batch = this.#waiting.splice(0, AT_ONCE - this.#underWay);
    for (const each of batch) {
      this.#underWay += 1;
      void this.#send(each).finally(() => {
        this.#underWay -= 1;
        this.#pump();
        this.#tellIdle();
      });
    }
  }

  #tellIdle(): void {
    if (this.#underWay === 0 && this.#waiting.length === 0) this.#idle();
  }

  async #send(waiting: Waiting): Promise<void> {
    try {
      const reply = numbers.parse(await this.#call(waiting.crossing));
      this.#say("");
      this.#settle(waiting, reply);
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
      this.#waiting.push(waiting);
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#pump();
      }, RETRY_MS).unref();
    }
  }

  async #call(crossing: Crossing): Promise<unknown> {
    const { client, prefix } = this.#options;
    const { limit, counter, percents, state } = crossing;
    const { namespace, part = namespace } = limit.policy;
    const keys = [toldKey(prefix, part, counter), notificationsKey(prefix, part), notificationCountKey(prefix, part)];
    const windowMs = lengthOf(crossing);
    const args = [algorithmArg(limit.window), windowMs, state.index, NOTIFICATIONS_KEPT, NOTIFICATIONS_LIFE_MS];
    const items = percents.flatMap((percent) => [String(percent), JSON.stringify(entryOf(crossing, percent))]);
    const rest = [String(keys.length), ...keys, ...args.map(String), ...items];
    try {
      return await client.call("evalsha", [this.#script.sha, ...rest]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await client.call("eval", [this.#script.text, ...rest]);
    }
  }

  #settle({ crossing, done }: Waiting, [, ...pairs]: readonly number[]): void {
    const outcomes: CrossingOutcome[] = [];
    for (const [i, percent] of crossing.percents.entries()) {
      const untilMs = pairs[2 * i + 1] ?? 0;
      if (untilMs > 0) outcomes.push({ percent, isWon: pairs[2 * i] === 1, untilMs });
    }
    const late = crossing.percents.length - outcomes.length;
    if (late > 0) this.#options.late(late);
    done(outcomes);
  }

  #say(problem: string): void {
    if (problem === this.#problem || this.#isClosed) return;
    this.#problem = problem;
    const { log } = this.#options;
    if (problem === "") log.info({}, "notifications reach Redis again");
    else log.warn({ reason: problem }, "a notification did not reach Redis; it waits");
  }
}

/** Of the window that was seen: days and months are not equally long. */
function lengthOf({ limit, state }: Crossing): number {
  const { durationMs, calendar } = limit.window;
  if (calendar === undefined) return durationMs;
  const { startMs, endMs } = calendar.spanAt(state.index);
  return endMs - startMs;
}

function entryOf(crossing: Crossing, percent: number): NotificationEntry {
  const { limit, used, subject } = crossing;
  const { policy, name, mode, unit, window } = limit;
  return {
    policy: policy.name,
    limit: name,
    mode,
    percent,
    unit,
    used,
    max: limit.limit,
    algorithm: window.algorithm,
    windowMs: lengthOf(crossing),
    ...(window.calendar && { calendar: window.calendar.unit, timeZone: window.calendar.timeZone }),
    per: [...subject],
  };
}
