// Limits of which requests bring the amount or the length of the window. What a request brings is never the reason to skip a
// limit: whatever cannot be taken is a problem of the request.

import { amountText } from "../core/amount-text.ts";
import type { Limit } from "../core/limit.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import { readAmount, readWindowMs } from "../core/resolved-value.ts";
import { compileTemplate, type TemplateVariable } from "../core/template.ts";
import { LimitWindow } from "../core/window.ts";

/** What a request brings. */
interface Brought {
  readonly limit: number;
  readonly durationMs: number;
}

/** Undefined for a limit of fixed amount and window. A text names what is found and wanted, and shows no value. */
export function createDynamics(limit: Limit): ((facts: RequestFacts) => Brought | string) | undefined {
  const { limitTemplate, windowTemplate, unit, limit: max, window } = limit;
  if (limitTemplate === undefined && windowTemplate === undefined) return undefined;
  const wantedAmount = unit === "Cost" ? "an amount of money above 0, at most" : "an integer from 1 to";
  const amount = createReader(limitTemplate, max, {
    what: "limit",
    wanted: `${wantedAmount} ${amountText(unit, max)}`,
    read: (text) => readAmount(text, { unit, max }),
  });
  const length = createReader(windowTemplate, window.durationMs, {
    what: "window",
    wanted: "seconds or a duration from 1s to 366d",
    read: readWindowMs,
  });
  return (facts) => {
    const brought = amount(facts);
    if (typeof brought === "string") return brought;
    const durationMs = length(facts);
    return typeof durationMs === "string" ? durationMs : { limit: brought, durationMs };
  };
}

interface Wanted {
  readonly what: string;
  readonly wanted: string;
  readonly read: (text: string) => number | undefined;
}

function createReader(
  template: string | undefined,
  fixed: number,
  { what, wanted, read }: Wanted,
): (facts: RequestFacts) => number | string {
  if (template === undefined) return () => fixed;
  const compiled = compileTemplate(template);
  // Admission has refused what does not compile. A text that this version cannot read yields nothing: never a free request.
  if (!compiled.ok) return () => `its ${what} is set by a text that cannot be read`;
  const from = describeSources(compiled.variables);
  return (facts) => {
    const text = compiled.resolve(facts);
    const value = text === undefined ? undefined : read(text);
    if (value !== undefined) return value;
    const found = text === undefined ? "nothing" : "something else";
    return `its ${what} is set by ${from}: found ${found}, wanted ${wanted}`;
  };
}

/** "request header x-count and cookie tier". */
function describeSources(variables: readonly TemplateVariable[]): string {
  return [...new Set(variables.map(({ description }) => description))].join(" and ");
}

/** Windows of another length have counters of their own: fields of their own in the same hash. */
export function withBrought(limit: Limit, { limit: amount, durationMs }: Brought): Limit {
  if (limit.windowTemplate === undefined) return { ...limit, limit: amount };
  const counterId = `${limit.counterId}.${String(durationMs / 1_000)}`;
  return { ...limit, limit: amount, counterId, window: new LimitWindow(limit.window.algorithm, durationMs, undefined) };
}
