// The answer of the usage API. Figures are those of the limit headers: what a request would find that came now.

import { amountText } from "../core/amount-text.ts";
import type { Span } from "../core/calendar.ts";
import { decide, refillMs } from "../core/decide.ts";
import type { Condition, KeyPart, Limit } from "../core/limit.ts";
import { type CounterState, EMPTY_STATE, isOpen, spanAt, type Window } from "../core/window.ts";
import { resetSeconds } from "./retry-after.ts";

export interface UsageBodyInput {
  readonly consumer: { readonly namespace: string; readonly name: string };
  /** Of the store's clock. */
  readonly nowMs: number;
  readonly source: "store" | "local";
  readonly isComplete: boolean;
  readonly entries: readonly UsageBodyEntry[];
}

export interface UsageBodyEntry {
  readonly limit: Limit;
  readonly label: string;
  readonly per: readonly (readonly [type: string, value: string | undefined])[];
  readonly routes: readonly string[];
  readonly backends: readonly string[];
  /** Undefined when the counter is not known. */
  readonly state: CounterState | undefined;
}

export function usageBody({ consumer, nowMs, source, isComplete, entries }: UsageBodyInput): string {
  const { namespace, name } = consumer;
  return JSON.stringify({
    consumer: { namespace, name },
    time: new Date(nowMs).toISOString(),
    source,
    complete: isComplete,
    limits: entries.map((entry) => limitOf(entry, nowMs)),
  });
}

function limitOf({ limit, label, per, routes, backends, state }: UsageBodyEntry, nowMs: number): object {
  const { policy, name, unit, mode } = limit;
  return {
    policy: `${policy.namespace}/${policy.name}`,
    name,
    label,
    unit,
    mode,
    limit: limit.limitTemplate === undefined ? amountOf(limit, limit.limit) : null,
    ...(state === undefined ? unknownFigures(limit) : figuresOf(limit, state, nowMs)),
    window: windowOf(limit, state, nowMs),
    per: per.map(([type, value]) => (value === undefined ? { type } : { type, value })),
    when: limit.when.filter(({ type }) => type !== "Consumer" && type !== "ConsumerGroup").map(conditionOf),
    routes,
    backends,
  };
}

function figuresOf(limit: Limit, state: CounterState, nowMs: number): object {
  const [status] = decide([{ limit, state }], nowMs).statuses;
  if (status === undefined) return unknownFigures(limit);
  const ms = refillMs(status);
  return {
    used: amountOf(limit, Math.floor(status.usage)),
    remaining: amountOf(limit, status.remaining),
    exhausted: status.exhausted,
    resetSeconds: ms === undefined ? null : resetSeconds(ms),
  };
}

function unknownFigures(limit: Limit): object {
  return { used: null, remaining: null, exhausted: null, resetSeconds: null, reason: reasonOf(limit) };
}

function reasonOf({ per, limitTemplate, windowTemplate }: Limit): string {
  if (limitTemplate !== undefined) return "a request brings how much it may use";
  if (windowTemplate !== undefined) return "a request brings the length of its window";
  const sent = per.flatMap((part) => SENT_PARTS.get(part.type)?.(part) ?? []);
  return sent.length === 0 ? "counted for each model: ask with ?model=NAME" : `counted for each ${sent.join(" and ")}`;
}

/** What no consumer has before it sends a request. */
const SENT_PARTS = new Map<KeyPart["type"], (part: KeyPart) => string>([
  ["Header", ({ name = "" }) => `value of the request header ${name}`],
  ["Query", ({ name = "" }) => `value of the query parameter ${name}`],
  ["Template", ({ value = "" }) => `value of ${value}`],
  ["Path", () => "path"],
  ["Method", () => "method"],
]);

/** Money is text, as a decimal: what JSON readers make of numbers has fewer digits. */
function amountOf({ unit }: Limit, amount: number): number | string {
  return unit === "Cost" ? amountText(unit, amount) : amount;
}

/** Of a calendar it is known whatever the counter says, and its length is that of the present one. */
function windowOf({ window, windowTemplate }: Limit, state: CounterState | undefined, nowMs: number): object {
  const { algorithm, durationMs, calendar } = window;
  if (calendar !== undefined) {
    const { unit, timeZone } = calendar;
    const span = spanAt(window, state ?? EMPTY_STATE, nowMs);
    return { algorithm, calendar: unit, timeZone, seconds: (span.endMs - span.startMs) / 1000, ...spanTexts(span) };
  }
  const isKnown = state !== undefined && !(algorithm === "FixedFromFirst" && isUnopened(window, state, nowMs));
  const span = isKnown ? spanTexts(spanAt(window, state, nowMs)) : { start: null, end: null };
  return { algorithm, seconds: windowTemplate === undefined ? durationMs / 1000 : null, ...span };
}

function spanTexts({ startMs, endMs }: Span): { readonly start: string; readonly end: string } {
  return { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
}

/** No window is open; a state that begins now with nothing in it says that none is. */
function isUnopened(window: Window, state: CounterState, nowMs: number): boolean {
  return !isOpen(state, nowMs, window) || (state.current === 0 && state.index === nowMs);
}

const MAX_VALUES = 8;

/** What headers and addresses are asked for is not told: it may open a door. */
function conditionOf({ type, name, match, values }: Condition): object {
  if (type === "Header" || type === "Query" || type === "IP") return { type, ...(name !== undefined && { name }) };
  return {
    type,
    match,
    values: values.slice(0, MAX_VALUES),
    ...(values.length > MAX_VALUES && { more: values.length - MAX_VALUES }),
  };
}
