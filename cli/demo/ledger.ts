// What the demo upstream has charged: the truth that a limit's counters can be compared with.

interface Totals {
  requests: number;
  prompt_tokens: number;
  completion_tokens: number;
}

export interface DemoStats extends Readonly<Totals> {
  /** The part of the totals that belongs to streams whose client left: their prompt, and what had been sent. */
  readonly aborted: Readonly<Totals>;
}

export interface Charge {
  add: (completionTokens: number) => void;
  /** The client left before the end. */
  abort: () => void;
}

export interface Ledger {
  readonly open: (promptTokens: number) => Charge;
  readonly stats: () => DemoStats;
}

export function createLedger(): Ledger {
  const all: Totals = { requests: 0, prompt_tokens: 0, completion_tokens: 0 };
  const aborted: Totals = { requests: 0, prompt_tokens: 0, completion_tokens: 0 };
  return {
    open: (promptTokens) => {
      let sent = 0;
      all.requests += 1;
      all.prompt_tokens += promptTokens;
      return {
        add: (completionTokens) => {
          sent += completionTokens;
          all.completion_tokens += completionTokens;
        },
        abort: () => {
          aborted.requests += 1;
          aborted.prompt_tokens += promptTokens;
          aborted.completion_tokens += sent;
        },
      };
    },
    stats: () => ({ ...all, aborted: { ...aborted } }),
  };
}
