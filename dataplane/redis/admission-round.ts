// The commands of one turn of the event loop for the requests that wait in it: one HMGET per hash for what is only read,
// one script call per request and tag for what takes or may open a window. Knows how replies reach a request, not how a request is decided.

import { addedBy, type Check, type Counter, refusedFrom } from "../core/counter-store.ts";
import type { CounterState } from "../core/window.ts";
import type { ChargeBook } from "./charge-book.ts";
import { type CommandReply, createCommand, createScriptCommand, isNoScript } from "./command.ts";
import type { Lanes } from "./lanes.ts";
import {
  type AdmitReply,
  algorithmArg,
  KeyList,
  readAdmitReply,
  readState,
  refuseAtArg,
  windowArg,
} from "./scripts.ts";
import type { StoreContext } from "./store-context.ts";

/** What a request hears about its checks. */
export interface Asker {
  readonly checks: readonly Check[];
  /** The state of a check, own unacknowledged charges included, as of nowMs by Redis's clock. */
  told(at: number, state: CounterState, nowMs: number): void;
  /** The script of a tag has taken or refused; the states follow, through `told`. */
  took(take: Take, outcome: "taken" | "refused"): void;
  /** No state will come for the check. */
  failed(at: number, reply: CommandReply & { kind: "failure" }): void;
}

/** The checks of one request in one tag of which at least one asks or may open a window. */
export interface Take {
  readonly asker: Asker;
  readonly tag: number;
  /** Positions of the checks. */
  readonly at: readonly number[];
  /** For each of them, the window that its ask is added in. */
  indexes: readonly number[];
}

/** One hash that is read in this turn, whoever asked. */
interface HashRead {
  readonly key: string;
  readonly counters: Counter[];
  readonly readers: { readonly asker: Asker; readonly at: number; readonly field: number }[];
}

export interface RoundParts {
  readonly context: StoreContext;
  readonly lanes: Lanes;
  readonly book: ChargeBook;
}

export class AdmissionRound {
  readonly #parts: RoundParts;
  readonly #reads = new Map<string, HashRead>();
  readonly #takes: Take[] = [];

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  /** Returns the takes of this request. */
  add(asker: Asker): readonly Take[] {
    const { checks } = asker;
    if (!checks.some(writes)) return this.#readAll(asker);
    const takes: Take[] = [];
    for (let at = 0; at < checks.length; at += 1) {
      const check = checks[at];
      if (check === undefined) continue;
      const { tag } = check.counter;
      if (!checks.some((other) => other.counter.tag === tag && writes(other))) {
        this.#read(asker, at, check.counter);
      } else if (!takes.some((take) => take.tag === tag)) {
        const positions = checks.flatMap((other, i) => (other.counter.tag === tag ? [i] : []));
        takes.push({ asker, tag, at: positions, indexes: [] });
      }
    }
    this.#takes.push(...takes);
    return takes;
  }

  #readAll(asker: Asker): readonly Take[] {
    for (let at = 0; at < asker.checks.length; at += 1) {
      const check = asker.checks[at];
      if (check !== undefined) this.#read(asker, at, check.counter);
    }
    return NO_TAKES;
  }

  /** Takes go first, so that a read of the same turn already tells what they added. */
  send(): void {
    const { lanes } = this.#parts;
    for (const { counters } of this.#reads.values()) if (counters[0] !== undefined) lanes.refreshClock(counters[0].tag);
    for (const take of this.#takes) this.#sendTake(take, lanes.nowMs(take.tag), 0);
    for (const read of this.#reads.values()) this.#sendRead(read);
  }

  #read(asker: Asker, at: number, counter: Counter): void {
    let read = this.#reads.get(counter.key);
    if (read === undefined) {
      read = { key: counter.key, counters: [], readers: [] };
      this.#reads.set(counter.key, read);
    }
    let field = 0;
    while (field < read.counters.length && read.counters[field]?.field !== counter.field) field += 1;
    if (field === read.counters.length) read.counters.push(counter);
    read.readers.push({ asker, at, field });
  }

  #sendRead(read: HashRead): void {
    const args = [read.key];
    for (const { field } of read.counters) args.push(field);
    const answered = (reply: CommandReply): void => {
      if (reply.kind === "failure") for (const { asker, at } of read.readers) asker.failed(at, reply);
      else this.#deliver(read, Array.isArray(reply.value) ? reply.value : []);
    };
    this.#parts.context.link.send(createCommand("hmget", args, answered));
  }

  #deliver(read: HashRead, values: readonly unknown[]): void {
    const { lanes, book } = this.#parts;
    const nowMs = lanes.nowMs(read.counters[0]?.tag ?? 0);
    const states = read.counters.map((counter, i) => {
      const state = readState(values[i]);
      book.lastSeen.set(counter, state);
      return book.withOwed(counter, state, nowMs);
    });
    for (const { asker, at, field } of read.readers) {
      const state = states[field];
      if (state !== undefined) asker.told(at, state, nowMs);
    }
  }

  /** nowMs: of Redis's clock, as it names windows of calendars. */
  #sendTake(take: Take, nowMs: number, attempt: number): void {
    const { context, book } = this.#parts;
    const keys = new KeyList();
    const args: string[] = [];
    for (const check of checksOf(take)) {
      const { counter } = check;
      const threshold = refuseAtArg(refusedFrom(check) - book.unsentUsage(counter, nowMs));
      args.push(
        keys.position(counter.key),
        counter.field,
        algorithmArg(counter.window),
        windowArg(counter.window, nowMs),
        String(addedBy(check)),
        threshold,
      );
    }
    const answered = (reply: CommandReply): void => {
      if (isNoScript(reply) && attempt === 0) this.#sendTake(take, nowMs, 1);
      else this.#heard(take, reply, attempt);
    };
    context.link.send(createScriptCommand({ script: context.scripts.admit, keys: keys.keys, args }, answered));
  }

  #heard(take: Take, reply: CommandReply, attempt: number): void {
    if (reply.kind === "failure") {
      for (const at of take.at) take.asker.failed(at, reply);
      return;
    }
    const answer = readAdmitReply(reply.value, take.at.length);
    if (answer !== undefined) this.#parts.lanes.learn(take.tag, answer.nowMs);
    if (answer?.outcome === "otherWindow" && attempt < MOST_ATTEMPTS) {
      this.#sendTake(take, answer.nowMs, attempt + 1);
    } else if (answer === undefined || answer.outcome === "otherWindow") {
      const error = new Error("the reply is not one of admit.lua");
      for (const at of take.at) take.asker.failed(at, { kind: "failure", error, cause: "answered" });
    } else {
      this.#took(take, answer.outcome, answer);
    }
  }

  #took(take: Take, outcome: "taken" | "refused", { nowMs, states }: AdmitReply): void {
    const { book } = this.#parts;
    const taken = outcome === "taken";
    take.indexes = states.map((state) => state.index);
    take.asker.took(take, outcome);
    checksOf(take).forEach((check, i) => {
      const { counter } = check;
      const state = states[i];
      const at = take.at[i];
      if (state === undefined || at === undefined) return;
      const withAsk = taken ? { ...state, current: state.current + addedBy(check) } : state;
      book.lastSeen.set(counter, withAsk);
      take.asker.told(at, book.withOwed(counter, state, nowMs), nowMs);
    });
  }
}

const NO_TAKES: readonly Take[] = [];

/** A window that has ended on the way is named anew by the time in the reply; nobody meets two ends in a row. */
const MOST_ATTEMPTS = 3;

function writes(check: Check): boolean {
  const { counter, peek } = check;
  return addedBy(check) > 0 || (counter.window.algorithm === "FixedFromFirst" && peek !== true);
}

function checksOf({ asker, at }: Take): readonly Check[] {
  return at.flatMap((i) => asker.checks[i] ?? []);
}
