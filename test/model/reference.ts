// What must come out, from the rules alone and by brute force: a log of everything that was charged, looked through anew for
// every question. Exact in whole numbers and fractions of them; it shares no line with the product.

import { calendarWindow } from "./reference-calendar.ts";
import { levelsOf, limitsFor, policiesInForce, type Subject, subjectOf, valueFor } from "./reference-matching.ts";
import {
  type AskPlan,
  EXPRESSIONS,
  type LimitPlan,
  type PolicyPlan,
  PRICES,
  type Usage,
  type WindowPlan,
} from "./world-plan.ts";

/** A limit that concerns a request, and how its counter stands. */
export interface Standing {
  readonly policy: number;
  /** "p0l1": of the first policy the second limit. */
  readonly label: string;
  readonly plan: LimitPlan;
  readonly counter: string;
  /** Whole part of what remains, at least 0. */
  readonly remaining: bigint;
  readonly isExhausted: boolean;
  /** Milliseconds until it lets this request pass; 0 unless exhausted, Infinity when it never will. */
  readonly waitMs: number;
  /** What counts before the answer. */
  readonly asked: bigint;
}

/** Before its counter is looked at. */
type Meant = Pick<Standing, "policy" | "label" | "plan" | "counter" | "asked">;

interface Entry {
  readonly atMs: number;
  readonly amount: bigint;
}

/** An amount over a denominator. */
interface Fraction {
  readonly top: bigint;
  readonly bottom: bigint;
}

export class Reference {
  readonly #policies: readonly PolicyPlan[];
  readonly #charges = new Map<string, Entry[]>();
  readonly #openings = new Map<string, number[]>();

  constructor(policies: readonly PolicyPlan[]) {
    this.#policies = policies;
  }

  /** All limits that concern the request, of all policies in force, in order. Leaves no trace. */
  standings(ask: AskPlan, nowMs: number): readonly Standing[] {
    const standings = this.#meant(ask).map((meant) => this.#standing(meant, nowMs, 0n));
    if (!isRefused(standings)) return standings.map(withHold);
    // What counts although it is refused is used from now on, for what is told as well.
    return standings.map((each) => {
      if (!each.plan.chargeRefused) return each;
      const { remaining, waitMs } = this.#standing(each, nowMs, each.asked);
      return { ...each, remaining, waitMs: each.isExhausted ? waitMs : 0 };
    });
  }

  #meant(ask: AskPlan): readonly Meant[] {
    const subject = subjectOf(ask);
    return policiesInForce(this.#policies, subject).flatMap((at) => {
      const policy = this.#policies[at];
      if (policy === undefined) return [];
      return limitsFor(policy.limits, subject).flatMap((plan) => {
        const name = `l${String(policy.limits.indexOf(plan))}`;
        const brought = plan.isDynamic && ask.limit > 0 ? { ...plan, limit: ask.limit } : plan;
        const scope = policy.counters === "" ? `p${String(at)}${name}` : `${policy.counters} ${name}`;
        return levelsOf(policy, plan, subject).map((counted) => {
          const above = counted === subject.consumer ? "" : `-${String(counted)}`;
          const values = plan.per.map((part) => valueFor(part, plan, { ...subject, counted }));
          const counter = JSON.stringify([scope, plan.unit, plan.window, ...values]);
          const asked = askedOf(brought, subject);
          return { policy: at, label: `p${String(at)}${name}${above}`, plan: brought, counter, asked };
        });
      });
    });
  }

  /** The request has been checked: windows open, and requests that are let in count. */
  checked(standings: readonly Standing[], nowMs: number): void {
    for (const { plan, counter, isExhausted } of standings) {
      if (!isExhausted || plan.isShadow) this.#open(plan, counter, nowMs);
    }
    const refused = isRefused(standings);
    for (const { plan, counter, asked } of eachOnce(standings)) {
      if (!refused || plan.chargeRefused) this.#charge(plan, counter, [nowMs, asked]);
    }
  }

  /** The answer is complete: the truth takes the place of what was held, each in its own window. */
  completed(
    ask: AskPlan,
    standings: readonly Standing[],
    { checkedMs, nowMs }: { checkedMs: number; nowMs: number },
  ): void {
    for (const { plan, counter, asked } of eachOnce(standings)) {
      if (isHeld(plan, asked)) this.#log(counter, { atMs: checkedMs, amount: -asked });
      if (!ask.fails) this.#charge(plan, counter, [nowMs, amountOf(plan, ask)]);
    }
  }

  /** With an amount as if it had been charged now. */
  #standing({ policy, label, plan, counter, asked }: Meant, nowMs: number, more: bigint): Standing {
    const { top, bottom } = this.#usage(plan, counter, nowMs);
    const limit = BigInt(plan.limit);
    const rest = limit - (top + more * bottom) / bottom;
    // What counts afterwards may cross the limit; what a prompt asks for must fit beside what was used.
    const isExhausted = mustFit(plan, asked) ? top + more * bottom > (limit - asked) * bottom : top >= limit * bottom;
    const waitMs = isExhausted ? this.#wait({ plan, counter, asked }, nowMs, more) : 0;
    return { policy, label, plan, counter, asked, remaining: rest > 0n ? rest : 0n, isExhausted, waitMs };
  }

  #usage({ window }: LimitPlan, counter: string, nowMs: number): Fraction {
    if (window.algorithm === "FixedFromFirst") {
      const opened = this.#opened(counter, window.seconds * 1000, nowMs);
      return { top: opened === undefined ? 0n : this.#sum(counter, opened, nowMs + 1), bottom: 1n };
    }
    const { startMs } = boundsOf(window, nowMs);
    const current = this.#sum(counter, startMs, nowMs + 1);
    if (window.algorithm !== "Sliding") return { top: current, bottom: 1n };
    const widthMs = window.seconds * 1000;
    const previous = this.#sum(counter, startMs - widthMs, startMs);
    const bottom = BigInt(widthMs);
    return { top: current * bottom + previous * BigInt(widthMs - (nowMs - startMs)), bottom };
  }

  /** To the first millisecond in which it lets pass, if nothing more is used. */
  #wait({ plan, counter, asked }: Pick<Meant, "plan" | "counter" | "asked">, nowMs: number, more: bigint): number {
    const { limit, window } = plan;
    const isWithin = mustFit(plan, asked);
    const bound: Bound = { amount: BigInt(limit) - (isWithin ? asked : 0n), isWithin };
    if (!keeps(0n, bound)) return Infinity;
    if (window.algorithm === "FixedFromFirst") {
      const widthMs = window.seconds * 1000;
      return (this.#opened(counter, widthMs, nowMs) ?? nowMs) + widthMs - nowMs;
    }
    const { startMs, endMs } = boundsOf(window, nowMs);
    if (window.algorithm !== "Sliding") return endMs - nowMs;
    const widthMs = endMs - startMs;
    const current = this.#sum(counter, startMs, nowMs + 1) + more;
    const previous = this.#sum(counter, startMs - widthMs, startMs);
    // Within this window the one before has to fade to what the bound leaves beside the present one; else the present one
    // has to fade to the bound within the next.
    if (!keeps(current, bound)) return endMs - nowMs + fadedMs(current, bound, widthMs);
    return fadedMs(previous, { ...bound, amount: bound.amount - current }, widthMs) - (nowMs - startMs);
  }

  #opened(counter: string, widthMs: number, nowMs: number): number | undefined {
    const last = this.#openings.get(counter)?.at(-1);
    return last !== undefined && nowMs < last + widthMs ? last : undefined;
  }

  #open({ window }: LimitPlan, counter: string, nowMs: number): void {
    if (window.algorithm !== "FixedFromFirst") return;
    if (this.#opened(counter, window.seconds * 1000, nowMs) !== undefined) return;
    const openings = this.#openings.get(counter) ?? [];
    this.#openings.set(counter, [...openings, nowMs]);
  }

  #charge(plan: LimitPlan, counter: string, [nowMs, amount]: readonly [number, bigint]): void {
    if (amount === 0n) return;
    this.#open(plan, counter, nowMs);
    this.#log(counter, { atMs: nowMs, amount });
  }

  #log(counter: string, entry: Entry): void {
    this.#charges.set(counter, [...(this.#charges.get(counter) ?? []), entry]);
  }

  /** From the first moment, before the second. */
  #sum(counter: string, fromMs: number, untilMs: number): bigint {
    const within = (this.#charges.get(counter) ?? []).filter(({ atMs }) => fromMs <= atMs && atMs < untilMs);
    return within.reduce((sum, { amount }) => sum + amount, 0n);
  }
}

/** Of windows that lie on a grid or in a calendar; half-open. */
function boundsOf(window: WindowPlan, nowMs: number): { readonly startMs: number; readonly endMs: number } {
  if (window.algorithm === "Calendar") return calendarWindow(window, nowMs);
  const widthMs = window.seconds * 1000;
  const startMs = Math.floor(nowMs / widthMs) * widthMs;
  return { startMs, endMs: startMs + widthMs };
}

/** A request counts once in a counter, however many limits share it. */
function eachOnce(standings: readonly Standing[]): readonly Standing[] {
  return standings.filter(({ counter }, at) => standings.findIndex((other) => other.counter === counter) === at);
}

export function isRefused(standings: readonly Standing[]): boolean {
  return standings.some(({ plan, isExhausted }) => isExhausted && !plan.isShadow);
}

/** Requests count as they are let in, prompts as they come, and estimates until the truth is known. */
function askedOf(plan: LimitPlan, { promptBytes, model }: Subject): bigint {
  const tokens = Math.ceil(promptBytes / 4);
  if (plan.unit === "Requests") return 1n;
  if (plan.unit === "RequestPrompt") return BigInt(tokens);
  if (!plan.estimates) return 0n;
  const limit = BigInt(plan.limit);
  const amount = amountOf(plan, { model, usage: { prompt: tokens, completion: 0, cached: 0, reasoning: 0 } });
  return amount < limit ? amount : limit;
}

/** Units that count at the check are no estimates. */
function isHeld({ estimates, unit }: LimitPlan, asked: bigint): boolean {
  return estimates && asked > 0n && unit !== "Requests" && unit !== "RequestPrompt";
}

function mustFit(plan: LimitPlan, asked: bigint): boolean {
  return plan.unit === "RequestPrompt" || isHeld(plan, asked);
}

function withHold(standing: Standing): Standing {
  const { plan, asked, remaining } = standing;
  if (!isHeld(plan, asked)) return standing;
  return { ...standing, remaining: remaining > asked ? remaining - asked : 0n };
}

/** What usage must be below, or at most. */
interface Bound {
  readonly amount: bigint;
  readonly isWithin: boolean;
}

function keeps(usage: bigint, { amount, isWithin }: Bound): boolean {
  return usage < amount || (isWithin && usage === amount);
}

/** Milliseconds into a window after which what is in view of the amount before it keeps the bound. */
function fadedMs(amount: bigint, bound: Bound, widthMs: number): number {
  if (keeps(amount, bound)) return 0;
  // amount * (width - t) / width, in whole numbers.
  const top = BigInt(widthMs) * (amount - bound.amount);
  const whole = Number(top / amount);
  return bound.isWithin && top % amount === 0n ? whole : whole + 1;
}

function amountOf({ unit, expression }: LimitPlan, { usage, model }: Pick<AskPlan, "usage" | "model">): bigint {
  switch (unit) {
    case "TotalTokens":
      return BigInt(usage.prompt + usage.completion);
    case "PromptTokens":
      return BigInt(usage.prompt);
    case "CompletionTokens":
      return BigInt(usage.completion);
    case "CachedPromptTokens":
      return BigInt(usage.cached);
    case "ReasoningTokens":
      return BigInt(usage.reasoning);
    case "Requests":
    case "RequestPrompt":
      return 0n;
    case "Cost":
      return costOf(model, usage);
    case "Expression":
      return BigInt(EXPRESSIONS[expression](usage));
  }
}

/** Nano units, rounded half up once. */
function costOf(model: string, { prompt, completion, cached }: Usage): bigint {
  const all = Object.values(PRICES);
  const most = (of: (price: (typeof all)[number]) => bigint): bigint => all.map(of).reduce((a, b) => (a > b ? a : b));
  const own = Object.entries(PRICES).find(([name]) => name === model)?.[1];
  const price = own ?? { input: most((p) => p.input), output: most((p) => p.output), cached: most((p) => p.cached) };
  const sum = BigInt(prompt - cached) * price.input + BigInt(cached) * price.cached + BigInt(completion) * price.output;
  return (sum + 500_000n) / 1_000_000n;
}
