// What this data plane has charged and Redis has not acknowledged, per counter and window. Own checks add it to what Redis
// says. Knows no batches and no connection.

import { CounterMap } from "../core/counter-map.ts";
import type { Counter } from "../core/counter-store.ts";
import { type CounterState, MAX_AMOUNT, stateAt, usageAt, windowIndex } from "../core/window.ts";

/** Amounts of a window and of the one before it, moving on with time like a counter. */
interface Amounts {
  index: number;
  current: number;
  previous: number;
}

export interface Owed {
  readonly counter: Counter;
  /** Not in a batch yet; charges merge here. */
  readonly waiting: Amounts;
  /** In a batch that is not acknowledged, or held. */
  readonly sent: Amounts;
  /** Items that make up `sent`. */
  items: number;
}

/** An amount on its way, and the window it was charged in. Negative: given back. */
export interface ChargeItem {
  readonly counter: Counter;
  readonly amount: number;
  readonly index: number;
}

/**
 * An amount whose window is two windows back is worth nothing any more and drops out, so that an outage of many windows
 * ends with what still counts and not with one heap in the window of the return.
 */
export class OwedAmounts {
  readonly #owed = new CounterMap<Owed>();
  readonly #limit: number;

  /** `limit`: counters that may owe at once. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#owed.size;
  }

  /** Adds an amount that waits to be sent; undefined when there are too many counters already. */
  charge({ counter, amount, index }: ChargeItem): Owed | undefined {
    const owed = this.#at(counter, index);
    if (owed !== undefined) put(owed.waiting, index, amount);
    return owed;
  }

  /** Moves what waits into items, one per window that still counts. */
  seal(owed: Owed, nowIndex: number, into: ChargeItem[]): void {
    const { counter, waiting } = owed;
    roll(waiting, nowIndex);
    const { index, current, previous } = waiting;
    waiting.current = 0;
    waiting.previous = 0;
    if (previous > 0) into.push(this.#send(owed, { counter, amount: previous, index: index - 1 }));
    if (current > 0) into.push(this.#send(owed, { counter, amount: current, index }));
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
    if (owed === undefined) return;
    owed.items -= 1;
    put(owed.sent, index, -amount);
    this.#forgetIfSettled(owed);
  }

  /** Redis has lost this item, which it had acknowledged: it is owed again. */
  reopen(item: ChargeItem): void {
    if (item.amount < 0) return;
    const owed = this.#owed.get(item.counter) ?? this.#add(item.counter, item.index);
    this.#send(owed, item);
  }

  /** The state that Redis tells, as of nowMs, with what it is owed. */
  addTo(counter: Counter, state: CounterState, nowMs: number): CounterState {
    const { durationMs } = counter.window;
    const { index, current, previous } = stateAt(state, nowMs, durationMs);
    const owed = this.#owed.size === 0 ? undefined : this.#owed.get(counter);
    if (owed === undefined) return { index, current, previous };
    roll(owed.waiting, index);
    roll(owed.sent, index);
    return {
      index,
      current: Math.min(MAX_AMOUNT, current + owed.waiting.current + owed.sent.current),
      previous: Math.min(MAX_AMOUNT, previous + owed.waiting.previous + owed.sent.previous),
    };
  }

  /** Usage that Redis does not know of. */
  usage(counter: Counter, nowMs: number): number {
    const index = windowIndex(nowMs, counter.window.durationMs);
    return usageAt(counter.window, this.addTo(counter, { index, current: 0, previous: 0 }, nowMs), nowMs);
  }

  #at(counter: Counter, index: number): Owed | undefined {
    const known = this.#owed.get(counter);
    if (known !== undefined) return known;
    return this.#owed.size >= this.#limit ? undefined : this.#add(counter, index);
  }

  #add(counter: Counter, index: number): Owed {
    const none = { index, current: 0, previous: 0 };
    const owed: Owed = { counter, waiting: none, sent: { ...none }, items: 0 };
    this.#owed.set(counter, owed);
    return owed;
  }

  #send(owed: Owed, item: ChargeItem): ChargeItem {
    put(owed.sent, item.index, item.amount);
    owed.items += 1;
    return item;
  }

  #forgetIfSettled(owed: Owed): void {
    const { waiting, items, counter } = owed;
    if (items === 0 && waiting.current === 0 && waiting.previous === 0) this.#owed.delete(counter);
  }
}

function roll(amounts: Amounts, index: number): void {
  if (index <= amounts.index) return;
  amounts.previous = index === amounts.index + 1 ? amounts.current : 0;
  amounts.current = 0;
  amounts.index = index;
}

/** Adds to the window with this index; to none when it is older than the previous one. */
function put(amounts: Amounts, index: number, amount: number): void {
  roll(amounts, index);
  if (index === amounts.index) amounts.current = Math.max(0, amounts.current + amount);
  else if (index === amounts.index - 1) amounts.previous = Math.max(0, amounts.previous + amount);
}
