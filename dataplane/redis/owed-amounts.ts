// What this data plane has charged and Redis has not acknowledged, per counter and window. Own checks add it to what Redis
// says. Knows no batches and no connection.

import { CounterMap } from "../core/counter-map.ts";
import type { Counter } from "../core/counter-store.ts";
import { type CounterState, EMPTY_STATE, isOpen, MAX_AMOUNT, stateAt, usageAt, type Window } from "../core/window.ts";

/** Amounts of a window and of the one before it, moving on with time like a counter. */
interface Amounts {
  index: number;
  current: number;
  previous: number;
}

export interface Owed {
  counter: Counter;
  /** Not in a batch yet; charges merge here. */
  readonly waiting: Amounts;
  /** In a batch that is not acknowledged, or held. */
  readonly sent: Amounts;
  /** Items that make up `sent`. */
  items: number;
  /** In the list of a queue that will seal it. */
  isQueued: boolean;
  /** Nothing is owed; only kept for the next charge. */
  isSettled: boolean;
}

/** Settled counters that are kept: those in use owe again and again, and are not made anew each time. */
const SETTLED_KEPT = 10_000;

/** An amount on its way, and the window it was charged in (its index as in a counter's state). Negative: given back. */
export interface ChargeItem {
  readonly counter: Counter;
  readonly amount: number;
  readonly index: number;
}

/** A class, so that items have one shape wherever they are made and whatever their numbers: they are read a lot. */
export class CounterAmount implements ChargeItem {
  readonly counter: Counter;
  readonly amount: number;
  readonly index: number;

  constructor(counter: Counter, amount: number, index: number) {
    this.counter = counter;
    this.amount = amount;
    this.index = index;
  }
}

/**
 * An amount whose window is two windows back is worth nothing any more and drops out, so that an outage of many windows
 * ends with what still counts and not with one heap in the window of the return.
 */
export class OwedAmounts {
  readonly #owed = new CounterMap<Owed>();
  readonly #limit: number;
  #size = 0;

  /** `limit`: counters that may owe at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counters that owe. */
  get size(): number {
    return this.#size;
  }

  /** Adds an amount that waits to be sent; undefined when there are too many counters already. */
  charge(item: ChargeItem): Owed | undefined {
    const owed = this.#at(item.counter, item.index);
    if (owed !== undefined) put(owed.waiting, item);
    return owed;
  }

  /** Takes from what waits in the item's window; returns how much of it is not there. */
  withdraw({ counter, amount, index }: ChargeItem, nowMs: number): number {
    const owed = this.#owed.get(counter);
    if (owed === undefined || owed.isSettled) return amount;
    const { waiting } = owed;
    rollTo(waiting, nowMs, counter.window);
    const place = placeOf(waiting, index, counter.window);
    if (place === undefined) return amount;
    const withdrawn = Math.min(amount, waiting[place]);
    waiting[place] -= withdrawn;
    return amount - withdrawn;
  }

  /** Moves what waits into items, one per window that still counts. */
  seal(owed: Owed, nowMs: number, into: ChargeItem[]): void {
    const { counter, waiting } = owed;
    rollTo(waiting, nowMs, counter.window);
    const { index, current, previous } = waiting;
    waiting.current = 0;
    waiting.previous = 0;
    if (previous > 0) into.push(this.#send(owed, new CounterAmount(counter, previous, index - 1)));
    if (current > 0) into.push(this.#send(owed, new CounterAmount(counter, current, index)));
    this.#forgetIfSettled(owed);
  }

  /** Counts an amount without sending it, until `acknowledge` with the same item. */
  hold(item: ChargeItem): boolean {
    const owed = this.#at(item.counter, item.index);
    if (owed === undefined) return false;
    this.#send(owed, item);
    return true;
  }

  /** Redis counts this item now. */
  acknowledge({ counter, amount, index }: ChargeItem): void {
    if (amount < 0) return;
    const owed = this.#owed.get(counter);
    if (owed === undefined || owed.isSettled) return;
    owed.items -= 1;
    put(owed.sent, new CounterAmount(counter, -amount, index));
    this.#forgetIfSettled(owed);
  }

  /** Redis has lost this item, which it had acknowledged: it is owed again. */
  reopen(item: ChargeItem): void {
    if (item.amount < 0) return;
    this.#send(this.#open(item.counter, item.index), item);
  }

  /** The state that Redis tells, as of nowMs, with what it is owed. */
  addTo(counter: Counter, state: CounterState, nowMs: number): CounterState {
    const { window } = counter;
    const present = stateAt(state, nowMs, window);
    const owed = this.#size === 0 ? undefined : this.#owed.get(counter);
    if (owed === undefined || owed.isSettled) return present;
    const { index, current, previous } = present;
    const { waiting, sent } = owed;
    rollTo(waiting, nowMs, window);
    rollTo(sent, nowMs, window);
    const isOwn = window.algorithm === "FixedFromFirst" && !isOpen(state, nowMs, window);
    return {
      index: isOwn ? openedFirst(owed, index) : index,
      current: Math.min(MAX_AMOUNT, current + waiting.current + sent.current),
      previous: Math.min(MAX_AMOUNT, previous + waiting.previous + sent.previous),
    };
  }

  /** Usage that Redis does not know of. */
  usage(counter: Counter, nowMs: number): number {
    return usageAt(counter.window, this.addTo(counter, EMPTY_STATE, nowMs), nowMs);
  }

  #at(counter: Counter, index: number): Owed | undefined {
    const known = this.#owed.get(counter);
    if (known !== undefined && !known.isSettled) return known;
    return this.#size >= this.#limit ? undefined : this.#open(counter, index);
  }

  /** What this counter owes, from nothing on when it owed nothing. */
  #open(counter: Counter, index: number): Owed {
    const known = this.#owed.get(counter);
    if (known?.isSettled === false) return known;
    this.#size += 1;
    if (known !== undefined) {
      known.counter = counter;
      known.isSettled = false;
      restart(known.waiting, index);
      restart(known.sent, index);
      return known;
    }
    const waiting = { index, current: 0, previous: 0 };
    const sent = { index, current: 0, previous: 0 };
    const owed: Owed = { counter, waiting, sent, items: 0, isQueued: false, isSettled: false };
    this.#owed.set(counter, owed);
    return owed;
  }

  #send(owed: Owed, item: ChargeItem): ChargeItem {
    put(owed.sent, item);
    owed.items += 1;
    return item;
  }

  #forgetIfSettled(owed: Owed): void {
    const { waiting, items, counter } = owed;
    if (owed.isSettled || items > 0 || waiting.current > 0 || waiting.previous > 0) return;
    owed.isSettled = true;
    this.#size -= 1;
    if (this.#owed.size > this.#size + SETTLED_KEPT) this.#owed.delete(counter);
  }
}

function restart(amounts: Amounts, index: number): void {
  amounts.index = index;
  amounts.current = 0;
  amounts.previous = 0;
}

function placeOf(
  { index }: Amounts,
  wanted: number,
  { algorithm, durationMs }: Window,
): "current" | "previous" | undefined {
  if (algorithm === "FixedFromFirst") return Math.abs(wanted - index) < durationMs ? "current" : undefined;
  if (wanted === index) return "current";
  return wanted === index - 1 ? "previous" : undefined;
}

/** Brings amounts to the window of nowMs. */
function rollTo(amounts: Amounts, nowMs: number, window: Window): void {
  if (window.algorithm !== "FixedFromFirst") roll(amounts, stateAt(EMPTY_STATE, nowMs, window).index);
  else if (!isOpen(amounts, nowMs, window)) amounts.current = 0;
}

function roll(amounts: Amounts, index: number): void {
  if (index <= amounts.index) return;
  amounts.previous = index === amounts.index + 1 ? amounts.current : 0;
  amounts.current = 0;
  amounts.index = index;
}

/** Adds to the window with this index; to none when it is older than the previous one. */
function put(amounts: Amounts, item: ChargeItem): void {
  const { counter, index, amount } = item;
  if (counter.window.algorithm === "FixedFromFirst") {
    putFromFirst(amounts, item);
    return;
  }
  roll(amounts, index);
  if (index === amounts.index) amounts.current = Math.max(0, amounts.current + amount);
  else if (index === amounts.index - 1) amounts.previous = Math.max(0, amounts.previous + amount);
}

/**
 * While Redis is away its windows are not known for certain: openings less than a duration apart are held to be of one
 * window, the latest of them, so that nothing is forgotten before its time.
 */
function putFromFirst(amounts: Amounts, { counter, index, amount }: ChargeItem): void {
  const { durationMs } = counter.window;
  if (index <= amounts.index - durationMs) return;
  if (index >= amounts.index + durationMs) amounts.current = 0;
  amounts.index = Math.max(amounts.index, index);
  amounts.current = Math.max(0, amounts.current + amount);
}

/** When the window opened that own amounts are in; without any, `otherwise`. */
function openedFirst({ waiting, sent }: Owed, otherwise: number): number {
  return Math.min(waiting.current > 0 ? waiting.index : otherwise, sent.current > 0 ? sent.index : otherwise);
}
