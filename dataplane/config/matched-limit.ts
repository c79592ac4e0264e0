// A limit that concerns a request, with the counter that it counts in there.

import type { Counter } from "../core/counter-store.ts";
import type { LimitRecord } from "./snapshot.ts";

interface Particulars {
  /** A limit before it counts in the same counter: this one compares with it and adds nothing. */
  readonly repeats: boolean;
  /** Why what the request brings cannot be its limit or window; then it has not been compared with anything. */
  readonly problem: string | undefined;
}

const NONE: Particulars = { repeats: false, problem: undefined };

/** One shape for all: they are read with each request. */
export class MatchedLimit implements Particulars {
  readonly record: LimitRecord;
  readonly counter: Counter;
  readonly repeats: boolean;
  readonly problem: string | undefined;

  constructor(record: LimitRecord, counter: Counter, particulars = NONE) {
    this.record = record;
    this.counter = counter;
    this.repeats = particulars.repeats;
    this.problem = particulars.problem;
  }
}
