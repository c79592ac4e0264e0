// Counters in Redis, shared by all data planes: the port of core/counter-store.ts over one connection per server. Once per
// turn of the event loop it writes everything that the turn asked for: charges first, so that the checks behind them on the
// same connection see them. While Redis is away it answers from what it last saw and keeps what is charged.

import type { Cluster, Redis } from "ioredis";
import type { Admission, Charge, Check, CounterStore } from "../core/counter-store.ts";
import { AdmissionRound } from "./admission-round.ts";
import { ChargeBook } from "./charge-book.ts";
import { Lanes } from "./lanes.ts";
import { openLink } from "./open-link.ts";
import { type AdmissionParts, PendingAdmission } from "./pending-admission.ts";
import { loadScripts } from "./scripts.ts";
import type { LocalClock, StoreContext, StoreLog, StoreObserver, StoreTimeouts } from "./store-context.ts";

export interface RedisStoreOptions {
  /** From connection.ts; the store owns it and closes it. Not used for anything else: time-outs here close connections. */
  readonly client: Redis | Cluster;
  /** Names this process's charges: random, new at every start. Two processes with one id lose charges. */
  readonly dataPlaneId: string;
  readonly prefix: string;
  readonly clock: LocalClock;
  /** Default 50 ms to admit, 1000 ms to acknowledge a charge. */
  readonly timeouts?: Partial<StoreTimeouts>;
  readonly observe: StoreObserver;
  readonly log: StoreLog;
}

const TIMEOUTS: StoreTimeouts = { admitMs: 50, chargeMs: 1000 };

export interface SharedCounterStore extends CounterStore {
  /** How many share the counters, this one included: while Redis is away each may use its share of what was left. */
  setDataPlanes(count: number): void;
}

export function createRedisStore(options: RedisStoreOptions): SharedCounterStore {
  const { client, dataPlaneId, prefix, clock, timeouts, observe, log } = options;
  return new RedisStore({
    link: openLink(client),
    scripts: loadScripts(),
    prefix,
    dataPlaneId,
    clock,
    timeouts: { ...TIMEOUTS, ...timeouts },
    observe,
    log,
  });
}

interface Waiting {
  readonly admissions: readonly PendingAdmission[];
  readonly untilMs: number;
}

class RedisStore implements SharedCounterStore {
  readonly #context: StoreContext;
  readonly #lanes: Lanes;
  readonly #book: ChargeBook;
  readonly #parts: AdmissionParts;
  #isTurnDue = false;
  #isClosed = false;
  #dataPlanes = 1;
  /** To be sent in this turn. */
  #next: PendingAdmission[] = [];
  #sent: (() => void)[] = [];
  /** Sent, by deadline: all wait equally long, so the first is the next to run out. */
  #waiting: Waiting[] = [];
  #deadline: NodeJS.Timeout | undefined;
  readonly #takeTurn = (): void => {
    this.#turn();
  };

  constructor(context: StoreContext) {
    this.#context = context;
    const wake = (): void => {
      this.#wake();
    };
    this.#lanes = new Lanes(context, () => {
      this.#book.changed();
    });
    this.#book = new ChargeBook({ context, lanes: this.#lanes, wake });
    const answered = (startedMs: number): void => {
      context.observe.admitMs(context.clock.nowMs() - startedMs);
    };
    this.#parts = { book: this.#book, lanes: this.#lanes, answered, dataPlanes: () => this.#dataPlanes };
    context.link.listen({
      lost: (lane) => {
        this.#book.lost(lane);
      },
      changed: () => {
        this.#lanes.changed();
        this.#book.changed();
      },
    });
  }

  admit(checks: readonly Check[], done: (admission: Admission) => void): void {
    const startedMs = this.#context.clock.nowMs();
    const admission = new PendingAdmission(this.#parts, { checks, done, startedMs });
    if (this.#isClosed || checks.length === 0 || !this.#areAvailable(checks)) {
      admission.giveUp();
      return;
    }
    this.#next.push(admission);
    this.#wake();
  }

  charge(charges: readonly Charge[], sent: () => void): void {
    if (this.#isClosed) {
      this.#context.observe.lost(charges.length);
      sent();
      return;
    }
    for (const charge of charges) {
      this.#book.charge(charge);
      charge.replaces?.release();
    }
    if (charges.some(({ counter }) => this.#lanes.isAvailable(counter.tag))) {
      this.#sent.push(sent);
      this.#wake();
    } else {
      sent();
    }
  }

  setDataPlanes(count: number): void {
    this.#dataPlanes = Math.max(1, count);
  }

  flush(timeoutMs: number): Promise<void> {
    return this.#book.whenAcknowledged(timeoutMs);
  }

  /** Answers what waits, without Redis, and lets go of charges that are not acknowledged: flush first. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#deadline);
    const waiting = [...this.#waiting.flatMap(({ admissions }) => admissions), ...this.#next];
    const sent = this.#sent;
    this.#waiting = [];
    this.#next = [];
    this.#sent = [];
    for (const admission of waiting) admission.giveUp();
    for (const each of sent) each();
    this.#lanes.close();
    this.#book.close();
    this.#context.link.close();
  }

  #areAvailable(checks: readonly Check[]): boolean {
    let last: number | undefined;
    for (const { counter } of checks) {
      if (counter.tag !== last && !this.#lanes.isAvailable(counter.tag)) return false;
      last = counter.tag;
    }
    return true;
  }

  #wake(): void {
    if (this.#isTurnDue || this.#isClosed) return;
    this.#isTurnDue = true;
    setImmediate(this.#takeTurn);
  }

  #turn(): void {
    this.#isTurnDue = false;
    if (this.#isClosed) return;
    const { link } = this.#context;
    const sent = this.#sent;
    this.#sent = [];
    link.cork();
    try {
      this.#book.flush();
      this.#ask();
    } finally {
      link.uncork();
    }
    for (const each of sent) each();
  }

  #ask(): void {
    if (this.#next.length === 0) return;
    const admissions = this.#next;
    this.#next = [];
    const round = new AdmissionRound({ context: this.#context, lanes: this.#lanes, book: this.#book });
    for (const admission of admissions) admission.expect(round.add(admission));
    round.send();
    const { clock, timeouts } = this.#context;
    // What is answered is let go of at once and not at its deadline, while it is still cheap to collect.
    while (this.#waiting[0]?.admissions.every(isDone) === true) this.#waiting.shift();
    this.#waiting.push({ admissions, untilMs: clock.nowMs() + timeouts.admitMs });
    if (this.#deadline === undefined) this.#awaitDeadline(timeouts.admitMs);
  }

  #awaitDeadline(ms: number): void {
    // A timer that fires late, after the process was busy, comes before replies that have long arrived: read those first.
    this.#deadline = setTimeout(
      () =>
        setImmediate(() => {
          this.#expire();
        }),
      ms,
    );
  }

  #expire(): void {
    this.#deadline = undefined;
    const nowMs = this.#context.clock.nowMs();
    while (this.#waiting[0] !== undefined) {
      const { admissions, untilMs } = this.#waiting[0];
      const isOpen = admissions.some((admission) => !admission.isDone);
      if (isOpen && untilMs > nowMs) break;
      this.#waiting.shift();
      for (const admission of admissions) admission.timeOut();
    }
    const [first] = this.#waiting;
    if (first !== undefined && !this.#isClosed) this.#awaitDeadline(Math.max(1, first.untilMs - nowMs));
  }
}

function isDone(admission: PendingAdmission): boolean {
  return admission.isDone;
}
