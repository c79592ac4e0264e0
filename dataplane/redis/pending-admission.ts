// One request that waits to be admitted: gathers the states of its checks, decides whether what was taken is kept, and calls
// back exactly once. Answered without Redis, it still sees to it that its asks count once, whatever replies come late.

import { type Admission, addedBy, type Check, type Hold, NO_HOLDS, refuses } from "../core/counter-store.ts";
import { withOthersShare } from "../core/local-share.ts";
import { type CounterState, usageAt } from "../core/window.ts";
import type { Asker, Take } from "./admission-round.ts";
import type { ChargeBook } from "./charge-book.ts";
import type { CommandReply } from "./command.ts";
import { type CountedAsk, chargedAsk, heldAsk, takenAsk, unwantedAsk } from "./counted-ask.ts";
import type { Lanes } from "./lanes.ts";

export interface AdmissionParts {
  readonly book: ChargeBook;
  readonly lanes: Lanes;
  /** Answered by the store. */
  readonly answered: (startedMs: number) => void;
  /** Those that share the counters, as last known. */
  readonly dataPlanes: () => number;
}

export interface AdmissionRequest {
  readonly checks: readonly Check[];
  readonly done: (admission: Admission) => void;
  readonly startedMs: number;
}

interface TakeRecord {
  readonly take: Take;
  outcome: "open" | "taken" | "refused" | "failed";
  /** Asks of a request that was decided before the outcome was known, at the places of their checks in the take. */
  late: (CountedAsk | undefined)[] | undefined;
}

const NO_RECORDS: readonly TakeRecord[] = [];

export class PendingAdmission implements Asker {
  readonly checks: readonly Check[];
  readonly #parts: AdmissionParts;
  readonly #request: AdmissionRequest;
  readonly #states: (CounterState | undefined)[];
  /** Most requests take nothing. */
  #takes: readonly TakeRecord[] = NO_RECORDS;
  /** Checks without a state. */
  #open: number;
  /** The earliest time of all answers. Usage only falls with time, so what refused later refuses at this time as well. */
  #nowMs = Infinity;
  #isDone = false;

  constructor(parts: AdmissionParts, request: AdmissionRequest) {
    this.#parts = parts;
    this.#request = request;
    this.checks = request.checks;
    this.#states = new Array<CounterState | undefined>(request.checks.length).fill(undefined);
    this.#open = request.checks.length;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** What the round will send for this request. */
  expect(takes: readonly Take[]): void {
    if (takes.length > 0) this.#takes = takes.map((take) => ({ take, outcome: "open", late: undefined }));
  }

  told(at: number, state: CounterState, nowMs: number): void {
    if (this.#isDone) return;
    this.#states[at] = state;
    this.#nowMs = Math.min(this.#nowMs, nowMs);
    this.#open -= 1;
    if (this.#open === 0) this.#decide();
  }

  took(take: Take, outcome: "taken" | "refused"): void {
    const record = this.#recordOf(take);
    if (record === undefined) return;
    record.outcome = outcome;
    if (this.#isDone) this.#settleLate(record);
  }

  failed(at: number, { error, cause }: CommandReply & { kind: "failure" }): void {
    const { lanes } = this.#parts;
    const tag = this.checks[at]?.counter.tag ?? 0;
    if (cause === "lost") lanes.fail(lanes.of(tag), error.message);
    const record = this.#takes.find(({ take }) => take.tag === tag);
    if (record?.outcome === "open") {
      record.outcome = "failed";
      if (this.#isDone) this.#settleLate(record);
    }
    this.#decideLocally();
  }

  /** Too late: the servers that have not answered are held to be away. */
  timeOut(): void {
    if (this.#isDone) return;
    const { lanes } = this.#parts;
    this.checks.forEach(({ counter }, at) => {
      if (this.#states[at] === undefined) lanes.fail(lanes.of(counter.tag), "no answer in time");
    });
    this.#decideLocally();
  }

  /** Decides without Redis, now. */
  giveUp(): void {
    this.#decideLocally();
  }

  #decide(): void {
    this.#isDone = true;
    const nowMs = this.#nowMs;
    const states: CounterState[] = [];
    for (const state of this.#states) if (state !== undefined) states.push(state);
    const isRefused = this.#takes.some(({ outcome }) => outcome === "refused") || this.#refuses(states, nowMs);
    // What is taken stays as it is, unless it is to be released one day.
    const isSettled = this.#takes.length === 0 || (!isRefused && !this.checks.some(isProvisional));
    const holds = isSettled ? NO_HOLDS : this.#settleAsks(isRefused);
    this.#parts.answered(this.#request.startedMs);
    this.#request.done({ nowMs, states, taken: !isRefused, holds, source: "store" });
  }

  #decideLocally(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const { lanes } = this.#parts;
    const nowMs = Math.min(this.#nowMs, ...this.checks.map(({ counter }) => lanes.nowMs(counter.tag)));
    const states = this.checks.map((check, at) => this.#states[at] ?? this.#localState(check, nowMs));
    const isRefused = this.#refuses(states, nowMs);
    this.#request.done({
      nowMs: nowMs === Infinity ? lanes.nowMs(0) : nowMs,
      states,
      taken: !isRefused,
      holds: this.#settleAsks(isRefused),
      source: "local",
    });
  }

  /** As last seen, own charges since, and what the other data planes are held to use. */
  #localState({ counter, refuseAt }: Check, nowMs: number): CounterState {
    const { book, dataPlanes } = this.#parts;
    const { window } = counter;
    const seen = book.lastSeen.get(counter);
    const own = book.withOwed(counter, seen, nowMs);
    return withOthersShare(own, nowMs, { window, refuseAt, seen, dataPlanes: dataPlanes() });
  }

  #refuses(states: readonly CounterState[], nowMs: number): boolean {
    return this.checks.some((check, at) => {
      const state = states[at];
      return state !== undefined && refuses(check, usageAt(check.counter.window, state, nowMs));
    });
  }

  /** Sees to it that each ask counts once, or not at all, by what is decided; tells the holds of a request that passes. */
  #settleAsks(isRefused: boolean): readonly (Hold | undefined)[] {
    let holds: (Hold | undefined)[] | undefined;
    for (let at = 0; at < this.checks.length; at += 1) {
      const check = this.checks[at];
      if (check === undefined || addedBy(check) === 0) continue;
      const counts = !isRefused || check.countsRefused === true;
      const ask = this.#settleAsk(check, at, counts);
      if (isRefused || check.isProvisional !== true) continue;
      holds ??= this.checks.map(() => undefined);
      holds[at] = ask;
    }
    return holds ?? NO_HOLDS;
  }

  #settleAsk(check: Check, at: number, counts: boolean): CountedAsk | undefined {
    const { book } = this.#parts;
    const record = this.#takes.find(({ take }) => take.tag === check.counter.tag);
    if (record?.outcome === "open") return this.#settleOpen(record, at, { check, counts });
    const index = record?.take.indexes[record.take.at.indexOf(at)];
    if (record?.outcome !== "taken" || index === undefined) return counts ? chargedAsk(book, check, index) : undefined;
    const taken = takenAsk(book, check, index);
    if (!counts) taken.release();
    return taken;
  }

  #settleOpen(record: TakeRecord, at: number, { check, counts }: { check: Check; counts: boolean }): CountedAsk {
    const { book } = this.#parts;
    const { take } = record;
    const ask = counts ? heldAsk(book, check) : unwantedAsk(book, check);
    record.late ??= take.at.map(() => undefined);
    record.late[take.at.indexOf(at)] = ask;
    return ask;
  }

  /** The outcome of a take comes after the request was decided without it. */
  #settleLate({ take, outcome, late }: TakeRecord): void {
    late?.forEach((ask, i) => ask?.answered(outcome === "taken" ? take.indexes[i] : undefined));
  }

  #recordOf(take: Take): TakeRecord | undefined {
    return this.#takes.find((record) => record.take === take);
  }
}

function isProvisional(check: Check): boolean {
  return check.isProvisional === true;
}
