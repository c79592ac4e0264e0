// The ordered batches of one slot tag: sent in flight, kept until Redis cannot lose them any more, sent again after a break.
// (data plane, tag, number) names a batch for ever, and the script applies each number once and in order, so whatever is
// sent twice counts once.

import { sequenceKey } from "../contract/keys.ts";
import { isOpen, windowIndex } from "../core/window.ts";
import { type CommandReply, createCommand, createScriptCommand, isNoScript } from "./command.ts";
import type { Lanes } from "./lanes.ts";
import type { LastSeen } from "./last-seen.ts";
import type { ChargeItem, Owed, OwedAmounts } from "./owed-amounts.ts";
import { algorithmArg, type ChargeReply, KeyList, readChargeReply, windowArg } from "./scripts.ts";
import type { StoreContext } from "./store-context.ts";

/** How long an acknowledged batch is kept: a fail-over that lost less than this loses no charge. */
const KEPT_MS = 10_000;
/** A bound for memory: beyond this many in all tags (20,000 a second), acknowledged batches go before their time. */
const KEPT_BATCHES = 200_000;
const TRIM_EVERY_MS = 250;
const ITEMS_PER_BATCH = 200;
/** Batches on their way at once; while Redis is slow, further charges merge. */
const IN_FLIGHT = 32;
/** The sequence key outlives any pause between batches that matters; see `base`. */
const SEQUENCE_EXPIRY_MS = 24 * 60 * 60 * 1000;
/** After an answer that is an error (full memory, no quorum), a tag is tried again this much later. */
const RETRY_MS = 500;

interface Batch {
  readonly number: number;
  readonly items: readonly ChargeItem[];
  sentMs: number;
  acknowledgedMs: number | undefined;
}

export interface TagQueueParts {
  readonly context: StoreContext;
  readonly lanes: Lanes;
  readonly owed: OwedAmounts;
  readonly lastSeen: LastSeen;
  /** Batches kept by all queues together. */
  readonly kept: { batches: number };
  /** This queue has something to send. */
  readonly wake: (queue: TagQueue) => void;
  /** `acknowledged` has risen. */
  readonly progressed: () => void;
}

/**
 * flowing: batches go out as they are made. doubtful: the connection broke or an answer was an error; nothing goes out
 * until Redis has said which batch it applied last. asking: that question is on its way.
 */
type Phase = "flowing" | "doubtful" | "asking";

export class TagQueue {
  readonly tag: number;
  readonly #parts: TagQueueParts;
  readonly #sequence: string;
  #phase: Phase = "flowing";
  #lane = "";
  /** Answers to what was sent before the last break say nothing about order any more. */
  #epoch = 0;
  #number = 0;
  #acknowledged = 0;
  /** Ascending numbers without a hole. */
  #kept: Batch[] = [];
  #inFlight = 0;
  #retryMs = 0;
  #trimMs = 0;
  #askedMs = 0;
  #isRefused = false;
  // Lists that are emptied and filled again: what a long-lived list lets go of dies young, what a dead one holds does not.
  readonly #waiting: Owed[] = [];
  readonly #givenBack: ChargeItem[] = [];
  readonly #sealed: ChargeItem[] = [];

  constructor(tag: number, parts: TagQueueParts) {
    const { prefix, dataPlaneId } = parts.context;
    this.tag = tag;
    this.#parts = parts;
    this.#sequence = sequenceKey(prefix, tag, dataPlaneId);
    this.#lane = parts.context.link.laneOf(tag);
  }

  /** Everything charged so far has this number or a lower one; makes batches of what waits. */
  get target(): number {
    this.#seal();
    return this.#number;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get isFlowing(): boolean {
    return this.#phase === "flowing";
  }

  get lane(): string {
    return this.#lane;
  }

  /** When the oldest command that has no answer was sent; undefined when none is on its way. */
  get unansweredSinceMs(): number | undefined {
    if (this.#phase === "doubtful") return undefined;
    if (this.#phase === "asking") return this.#askedMs;
    return this.#kept.find((batch) => batch.acknowledgedMs === undefined && batch.sentMs > 0)?.sentMs;
  }

  add(owed: Owed): void {
    if (!owed.isQueued) this.#waiting.push(owed);
    owed.isQueued = true;
  }

  giveBack(item: ChargeItem): void {
    this.#givenBack.push(item);
  }

  /** The connection of this lane is gone. */
  lost(lane: string): void {
    if (lane === this.#lane) this.#doubt(0);
  }

  /** Writes what can go; false when it must be called again later, at the latest after RETRY_MS. */
  flush(localMs: number): boolean {
    const { lanes, context } = this.#parts;
    const lane = context.link.laneOf(this.tag);
    if (lane !== this.#lane) {
      this.#lane = lane;
      this.#doubt(0);
    }
    if (!lanes.isAvailable(this.tag)) return true; // its return wakes every queue
    if (this.#phase === "doubtful") {
      if (localMs < this.#retryMs) return false;
      this.#ask();
    }
    if (this.#phase === "flowing") this.#sendNew();
    return true;
  }

  /** Lets go of acknowledged batches that Redis cannot lose any more. */
  trim(localMs: number): void {
    if (localMs < this.#trimMs) return;
    this.#trimMs = localMs + TRIM_EVERY_MS;
    const { kept } = this.#parts;
    let drop = 0;
    for (const { acknowledgedMs } of this.#kept) {
      if (acknowledgedMs === undefined) break;
      if (localMs - acknowledgedMs < KEPT_MS && kept.batches - drop <= KEPT_BATCHES) break;
      drop += 1;
    }
    if (drop > 0) this.#kept.splice(0, drop);
    kept.batches -= drop;
  }

  #doubt(retryMs: number): void {
    this.#epoch += 1;
    this.#inFlight = 0;
    this.#retryMs = retryMs;
    // With nothing kept there is nothing to send again, and the next batch starts anew on its own (see `base`).
    this.#phase = this.#kept.length > 0 ? "doubtful" : "flowing";
    if (this.#phase === "doubtful") this.#parts.wake(this);
  }

  #seal(): void {
    const { owed, lanes } = this.#parts;
    const nowMs = lanes.nowMs(this.tag);
    const items = this.#sealed;
    for (const each of this.#waiting) {
      each.isQueued = false;
      owed.seal(each, nowMs, items);
    }
    this.#waiting.length = 0;
    // Behind what is added: a counter stops at 0, and must not do so before it has what is taken back from it.
    for (const each of this.#givenBack) items.push(each);
    this.#givenBack.length = 0;
    for (let from = 0; from < items.length; from += ITEMS_PER_BATCH) {
      this.#number += 1;
      // A copy, as it is kept for long and is no longer than it must be.
      const part = items.slice(from, from + ITEMS_PER_BATCH);
      this.#kept.push({ number: this.#number, items: part, sentMs: 0, acknowledgedMs: undefined });
      this.#parts.kept.batches += 1;
    }
    items.length = 0;
  }

  #sendNew(): void {
    if (this.#inFlight >= IN_FLIGHT) return; // an acknowledgement wakes it
    this.#seal();
    const first = this.#kept.findLastIndex((batch) => batch.sentMs > 0) + 1;
    for (let i = first; i < this.#kept.length && this.#phase === "flowing"; i += 1) {
      const batch = this.#kept[i];
      // Nothing older is kept, so nothing older can come: this batch may stand on its own, whatever Redis has forgotten.
      if (batch !== undefined) this.#send(batch, { base: i === 0 });
    }
  }

  #send(batch: Batch, { base }: { base: boolean }): void {
    const { context, lanes } = this.#parts;
    const nowMs = lanes.nowMs(this.tag);
    const epoch = this.#epoch;
    const keys = new KeyList([this.#sequence]);
    const args = [String(batch.number), base ? "1" : "0", String(SEQUENCE_EXPIRY_MS)];
    for (const item of batch.items) {
      const { counter, amount, index } = item;
      const { window } = counter;
      // In the window that it was charged in, by Redis's own clock, the amount need not name the window.
      const named = this.#isPresent(item, nowMs) ? "" : String(index);
      // Charged by a clock that was ahead, it belongs to the window that is open now.
      const windowText = windowArg(window, Math.min(index, nowMs));
      args.push(keys.position(counter.key), counter.field, algorithmArg(window), windowText, String(amount), named);
    }
    batch.sentMs = context.clock.nowMs();
    this.#inFlight += 1;
    const call = { script: context.scripts.charge, keys: keys.keys, args };
    const answered = (reply: CommandReply): void => {
      this.#answered(batch, reply, epoch);
    };
    context.link.send(createScriptCommand(call, answered));
  }

  /** FixedFromFirst: of windows that Redis has told, so that one which opened while it was away keeps its beginning. */
  #isPresent({ counter, amount, index }: ChargeItem, nowMs: number): boolean {
    const { window } = counter;
    if (amount <= 0) return false;
    if (window.algorithm === "Calendar") return true; // it is named beside it
    if (window.algorithm !== "FixedFromFirst") return windowIndex(nowMs, window.durationMs) === index;
    return isOpen({ index }, nowMs, window) && this.#parts.lastSeen.get(counter).index === index;
  }

  #answered(batch: Batch, reply: CommandReply, epoch: number): void {
    const isPresent = epoch === this.#epoch;
    if (isPresent) this.#inFlight -= 1;
    const charged = reply.kind === "value" ? readChargeReply(reply.value) : undefined;
    const isApplied = charged?.status === "applied" || charged?.status === "duplicate";
    if (isApplied) this.#applied(batch, charged);
    else if (isPresent) this.#failed(reply, charged);
    if (this.isFlowing && this.#hasMore()) this.#parts.wake(this);
  }

  #applied(batch: Batch, { nowMs, skipped, last }: ChargeReply): void {
    this.#isRefused = false;
    this.#parts.lanes.learn(this.tag, nowMs);
    this.#acknowledge(batch, nowMs);
    if (skipped > 0) this.#skipped(skipped);
    if (last > this.#number) this.#foreign(last);
  }

  #hasMore(): boolean {
    return this.#waiting.length > 0 || this.#givenBack.length > 0 || this.#kept.at(-1)?.sentMs === 0;
  }

  /** No answer, an error, a gap, a Redis that knows no batch: the order is in doubt. */
  #failed(reply: CommandReply, charged?: ChargeReply): void {
    const { context, lanes } = this.#parts;
    if (charged?.status === "early") {
      this.#early(charged);
    } else if (reply.kind === "value" || isNoScript(reply)) {
      this.#doubt(0);
    } else if (reply.cause === "lost") {
      this.#doubt(0);
      lanes.fail(lanes.of(this.tag), reply.error.message);
    } else {
      this.#refused(reply.error);
      this.#doubt(context.clock.nowMs() + RETRY_MS);
    }
  }

  /** Redis's clock is behind what it was held to be; it is believed within two seconds. */
  #early({ nowMs }: ChargeReply): void {
    const { context, lanes } = this.#parts;
    lanes.learn(this.tag, nowMs);
    this.#doubt(context.clock.nowMs() + RETRY_MS);
  }

  /** Said once until it is over. */
  #refused({ message }: Error): void {
    const { log } = this.#parts.context;
    if (!this.#isRefused)
      log.warn({ tag: this.tag, error: message }, "Redis refuses charges; they are kept and sent again");
    this.#isRefused = true;
  }

  #ask(): void {
    const epoch = this.#epoch;
    this.#phase = "asking";
    this.#askedMs = this.#parts.context.clock.nowMs();
    const answered = (reply: CommandReply): void => {
      if (epoch !== this.#epoch) return;
      if (reply.kind === "failure") this.#failed(reply);
      else this.#resume(readLast(reply.value));
    };
    this.#parts.context.link.send(createCommand("get", [this.#sequence], answered));
  }

  /** Redis has applied all up to `last` (nothing when undefined): what it has is settled, what it has not goes again. */
  #resume(last: number | undefined): void {
    const { owed, lanes } = this.#parts;
    const applied = last ?? 0;
    if (applied > this.#number) this.#foreign(applied);
    this.#phase = "flowing";
    this.#acknowledged = Math.min(this.#acknowledged, applied);
    const nowMs = lanes.nowMs(this.tag);
    let sent = 0;
    for (const batch of [...this.#kept]) {
      if (batch.number <= applied) {
        this.#acknowledge(batch, nowMs);
        continue;
      }
      if (batch.acknowledgedMs !== undefined) {
        batch.acknowledgedMs = undefined;
        for (const item of batch.items) owed.reopen(item);
      }
      const isFirst = sent === 0;
      sent += 1;
      if (this.isFlowing) this.#send(batch, { base: isFirst && (last === undefined || batch.number > last + 1) });
    }
    this.#parts.wake(this);
  }

  #acknowledge(batch: Batch, nowMs: number): void {
    if (batch.acknowledgedMs !== undefined) return;
    const { context, owed, lastSeen } = this.#parts;
    batch.acknowledgedMs = context.clock.nowMs();
    this.#acknowledged = Math.max(this.#acknowledged, batch.number);
    for (const item of batch.items) {
      owed.acknowledge(item);
      if (item.amount > 0) lastSeen.add(item, nowMs);
    }
    this.#parts.progressed();
  }

  #skipped(charges: number): void {
    const { context } = this.#parts;
    context.observe.lost(charges);
    context.log.error({ tag: this.tag, charges }, "charges lost: their counter's key holds another type in Redis");
  }

  /** Two processes under one id would count each other's batches as their own. */
  #foreign(last: number): void {
    const { context } = this.#parts;
    context.log.error(
      { tag: this.tag, dataPlaneId: context.dataPlaneId },
      "another process charges under this data plane's id",
    );
    this.#number = last;
  }
}

/** The number of the last batch; undefined when there is none, or something that is no number, as the script sees it too. */
function readLast(value: unknown): number | undefined {
  const text = typeof value === "string" ? value : "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
