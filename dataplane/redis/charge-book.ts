// All charges of this data plane: merged per counter, handed to the queue of their tag, written once per turn of the event
// loop, kept while Redis is away. Knows no admissions.

import type { Charge, Counter } from "../core/counter-store.ts";
import { type CounterState, indexAt, isSpent } from "../core/window.ts";
import type { Lanes } from "./lanes.ts";
import { LastSeen } from "./last-seen.ts";
import { type ChargeItem, CounterAmount, OwedAmounts } from "./owed-amounts.ts";
import type { StoreContext } from "./store-context.ts";
import { TagQueue } from "./tag-queue.ts";

/** Counters that may owe charges at once; beyond it charges are dropped and said to be. */
const OWED_COUNTERS = 200_000;
const RETRY_MS = 250;

interface FlushWaiter {
  readonly targets: Map<TagQueue, number>;
  readonly done: (error?: Error) => void;
}

export interface ChargeBookParts {
  readonly context: StoreContext;
  readonly lanes: Lanes;
  /** Asks for a turn. */
  readonly wake: () => void;
}

export class ChargeBook {
  readonly lastSeen = new LastSeen();
  readonly #owed = new OwedAmounts(OWED_COUNTERS);
  readonly #parts: ChargeBookParts;
  readonly #queues = new Map<number, TagQueue>();
  readonly #kept = { batches: 0 };
  #ready = new Set<TagQueue>();
  #retry: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #trimCursor: Iterator<TagQueue> | undefined;
  #waiters: FlushWaiter[] = [];
  #isFull = false;

  constructor(parts: ChargeBookParts) {
    this.#parts = parts;
  }

  charge(charge: Charge): void {
    const { counter, amount } = charge;
    if (amount > 0) this.chargeItem(this.itemOf(counter, amount));
  }

  /** An amount in the window that is charged now. */
  itemOf(counter: Counter, amount: number): ChargeItem {
    return new CounterAmount(counter, amount, this.#indexOf(counter));
  }

  /** Charges in the window that the item names; false when it is lost, as too much is owed already. */
  chargeItem(item: ChargeItem): boolean {
    const owed = this.#owed.charge(item);
    this.#noteFull(owed === undefined);
    if (owed === undefined) return false;
    const queue = this.#queueOf(item.counter.tag);
    queue.add(owed);
    this.#wake(queue);
    return true;
  }

  /**
   * Takes an amount back from the window it was added in. What waits in the same window is lessened first, and Redis is
   * told of the rest alone: an estimate and the truth that replaces it mostly go out as one amount.
   */
  giveBack({ counter, amount, index }: ChargeItem): void {
    const nowMs = this.#parts.lanes.nowMs(counter.tag);
    if (isSpent({ index, current: amount, previous: 0 }, nowMs, counter.window)) return;
    const rest = this.#owed.withdraw(new CounterAmount(counter, amount, index), nowMs);
    if (rest === 0) return;
    const item = new CounterAmount(counter, rest, index);
    this.lastSeen.takeBack(item, nowMs);
    const queue = this.#queueOf(counter.tag);
    queue.giveBack(new CounterAmount(counter, -rest, index));
    this.#wake(queue);
  }

  /** Counts an amount in own checks until `release`, without sending it. Undefined when too much is owed already. */
  hold(counter: Counter, amount: number): ChargeItem | undefined {
    const item = this.itemOf(counter, amount);
    const isHeld = this.#owed.hold(item);
    this.#noteFull(!isHeld);
    return isHeld ? item : undefined;
  }

  release(item: ChargeItem): void {
    this.#owed.acknowledge(item);
  }

  /** A state that Redis told, with what it is owed. */
  withOwed(counter: Counter, state: CounterState, nowMs: number): CounterState {
    return this.#owed.addTo(counter, state, nowMs);
  }

  /** Usage that a script which runs now cannot know of: what is charged and has not been sent, or not for certain. */
  unsentUsage(counter: Counter, nowMs: number): number {
    const queue = this.#queues.get(counter.tag);
    return queue === undefined || queue.isFlowing ? 0 : this.#owed.usage(counter, nowMs);
  }

  /** Writes what can be written. */
  flush(): void {
    const localMs = this.#parts.context.clock.nowMs();
    const ready = this.#ready;
    this.#ready = new Set();
    for (const queue of ready) {
      queue.trim(localMs);
      if (!queue.flush(localMs)) this.#retryLater(queue);
    }
    this.#trimNext(localMs);
    if (ready.size > 0) this.#watchAnswers();
  }

  /** Connections came back or slots moved: every queue looks where it stands. */
  changed(): void {
    for (const queue of this.#queues.values()) this.#ready.add(queue);
    this.#parts.wake();
  }

  lost(lane: string): void {
    for (const queue of this.#queues.values()) queue.lost(lane);
  }

  whenAcknowledged(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const targets = new Map<TagQueue, number>();
      for (const queue of this.#queues.values())
        if (queue.target > queue.acknowledged) targets.set(queue, queue.target);
      const timer = setTimeout(() => {
        waiter.done(new Error(`charges of ${this.#owed.size} counters were not acknowledged within ${timeoutMs} ms`));
      }, timeoutMs);
      const waiter: FlushWaiter = {
        targets,
        done: (error) => {
          clearTimeout(timer);
          this.#waiters = this.#waiters.filter((each) => each !== waiter);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#waiters.push(waiter);
      this.#settleWaiters();
      for (const queue of targets.keys()) this.#ready.add(queue);
      this.#parts.wake();
    });
  }

  close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    for (const waiter of [...this.#waiters]) waiter.done(new Error("the store was closed"));
    if (this.#owed.size === 0) return;
    this.#parts.context.observe.lost(this.#owed.size);
    this.#parts.context.log.warn({ counters: this.#owed.size }, "closed with charges that Redis has not acknowledged");
  }

  #settleWaiters(): void {
    for (const waiter of [...this.#waiters]) {
      for (const [queue, target] of waiter.targets) if (queue.acknowledged >= target) waiter.targets.delete(queue);
      if (waiter.targets.size === 0) waiter.done();
    }
  }

  /** The window that is charged now. FixedFromFirst: the one known to be open, else one that opens now. */
  #indexOf(counter: Counter): number {
    const nowMs = this.#parts.lanes.nowMs(counter.tag);
    if (counter.window.algorithm !== "FixedFromFirst") return indexAt(counter.window, nowMs);
    return this.#owed.addTo(counter, this.lastSeen.get(counter), nowMs).index;
  }

  #queueOf(tag: number): TagQueue {
    const known = this.#queues.get(tag);
    if (known !== undefined) return known;
    const queue = new TagQueue(tag, {
      context: this.#parts.context,
      lanes: this.#parts.lanes,
      owed: this.#owed,
      lastSeen: this.lastSeen,
      kept: this.#kept,
      wake: (woken) => {
        this.#wake(woken);
      },
      progressed: () => {
        if (this.#waiters.length > 0) this.#settleWaiters();
      },
    });
    this.#queues.set(tag, queue);
    return queue;
  }

  #wake(queue: TagQueue): void {
    this.#ready.add(queue);
    this.#parts.wake();
  }

  #retryLater(queue: TagQueue): void {
    this.#ready.add(queue);
    if (this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#parts.wake();
    }, RETRY_MS);
    this.#retry.unref();
  }

  /** Idle queues are trimmed too, one a turn. */
  #trimNext(localMs: number): void {
    this.#trimCursor ??= this.#queues.values();
    const next = this.#trimCursor.next();
    if (next.done === true) this.#trimCursor = undefined;
    else next.value.trim(localMs);
  }

  /** While something is unanswered, looks now and then whether it is overdue, and closes a connection that is. */
  #watchAnswers(): void {
    if (this.#watch !== undefined) return;
    const { context } = this.#parts;
    const { chargeMs } = context.timeouts;
    this.#watch = setTimeout(() => {
      this.#watch = undefined;
      const localMs = context.clock.nowMs();
      const unanswered = [...this.#queues.values()].filter((queue) => queue.unansweredSinceMs !== undefined);
      for (const queue of unanswered) {
        if (localMs - (queue.unansweredSinceMs ?? localMs) >= chargeMs) context.link.drop(queue.lane);
      }
      if (unanswered.length > 0) this.#watchAnswers();
    }, chargeMs);
    this.#watch.unref();
  }

  #noteFull(isFull: boolean): void {
    const { observe, log } = this.#parts.context;
    if (isFull) observe.lost(1);
    if (isFull && !this.#isFull)
      log.error({ counters: this.#owed.size }, "charges are lost: too many wait for the store");
    this.#isFull = isFull;
  }
}
