// One request that waits to be admitted: gathers the states of its checks, decides whether what was taken is kept, and calls
// back exactly once. Answered without Redis, it still sees to it that its asks count once, whatever replies come late.

import type { Admission, Check } from "../core/counter-store.ts";
import { withOthersShare } from "../core/local-share.ts";
import { type CounterState, usageAt } from "../core/window.ts";
import { type Asker, checksOf, type Take } from "./admission-round.ts";
import type { ChargeBook } from "./charge-book.ts";
import type { CommandReply } from "./command.ts";
import type { Lanes } from "./lanes.ts";
import type { ChargeItem } from "./owed-amounts.ts";

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
  /** Asks counted here because the request was decided before the outcome was known; one per check that asks. */
  held: ChargeItem[] | undefined;
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
    if (takes.length > 0) this.#takes = takes.map((take) => ({ take, outcome: "open", held: undefined }));
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
    if (isRefused) for (const record of this.#takes) this.#giveBack(record);
    this.#parts.answered(this.#request.startedMs);
    this.#request.done({ nowMs, states, taken: !isRefused, source: "store" });
  }

  #decideLocally(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const { lanes } = this.#parts;
    const nowMs = Math.min(this.#nowMs, ...this.checks.map(({ counter }) => lanes.nowMs(counter.tag)));
    const states = this.checks.map((check, at) => this.#states[at] ?? this.#localState(check, nowMs));
    const isRefused = this.#refuses(states, nowMs);
    if (isRefused) for (const record of this.#takes) this.#giveBack(record);
    else this.#countAsks();
    this.#request.done({
      nowMs: nowMs === Infinity ? lanes.nowMs(0) : nowMs,
      states,
      taken: !isRefused,
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
    return this.checks.some(({ counter, refuseAt }, at) => {
      const state = states[at];
      return state !== undefined && usageAt(counter.window, state, nowMs) >= refuseAt;
    });
  }

  /** The request passes without Redis: its asks count once, by the take that is still open or by a charge. */
  #countAsks(): void {
    const { book } = this.#parts;
    this.checks.forEach(({ counter, ask }) => {
      if (ask === 0) return;
      const record = this.#takes.find(({ take }) => take.tag === counter.tag);
      if (record?.outcome === "taken") return;
      if (record?.outcome !== "open") {
        book.charge({ counter, amount: ask });
        return;
      }
      const item = book.hold(counter, ask);
      record.held ??= [];
      if (item !== undefined) record.held.push(item);
    });
  }

  /** The outcome of a take comes after the request was decided without it. */
  #settleLate(record: TakeRecord): void {
    const { book } = this.#parts;
    const { held, outcome } = record;
    record.held = undefined;
    if (held === undefined) {
      this.#giveBack(record);
      return;
    }
    for (const item of held) {
      book.release(item);
      if (outcome !== "taken") book.chargeItem(item);
    }
  }

  #giveBack({ take, outcome }: TakeRecord): void {
    if (outcome !== "taken") return;
    checksOf(take).forEach(({ counter, ask }, i) => {
      const index = take.indexes[i];
      if (ask > 0 && index !== undefined) this.#parts.book.giveBack({ counter, amount: ask, index });
    });
  }

  #recordOf(take: Take): TakeRecord | undefined {
    return this.#takes.find((record) => record.take === take);
  }
}
