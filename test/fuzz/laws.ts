// Words for laws: each throws with what was found when the law is broken.

import { deepStrictEqual } from "node:assert";
import { costOf } from "../../dataplane/core/usage.ts";
import type { ReportedUsage } from "../../dataplane/providers/provider.ts";

export class BrokenLaw extends Error {}

export function law(holds: boolean, says: string, found?: unknown): asserts holds {
  if (holds) return;
  throw new BrokenLaw(found === undefined ? says : `${says}: ${show(found)}`);
}

export function same(found: unknown, wanted: unknown, says: string): void {
  try {
    deepStrictEqual(found, wanted);
  } catch {
    throw new BrokenLaw(`${says}: found ${show(found)}, wanted ${show(wanted)}`);
  }
}

/** All ways to read the same input give the same; returns it. */
export function sameForAll<In, Out>(inputs: readonly In[], read: (input: In) => Out, says: string): Out {
  const [first, ...others] = inputs;
  if (first === undefined) throw new BrokenLaw("nothing to read");
  const wanted = read(first);
  for (const other of others) same(read(other), wanted, says);
  return wanted;
}

function show(value: unknown): string {
  const text = value === undefined ? "undefined" : JSON.stringify(value);
  return text.length > 600 ? `${text.slice(0, 600)}...` : text;
}

/** Whatever a provider reports, a store can add it up, and it is not nothing. */
export function checkAmounts(reported: ReportedUsage | undefined): void {
  if (reported === undefined) return;
  for (const unit of ["TotalTokens", "PromptTokens", "CompletionTokens", "Requests"] as const) {
    const amount = costOf(unit, { usage: reported.usage, costNano: 0 });
    law(Number.isSafeInteger(amount) && amount >= 0, `an amount that a store takes for ${unit}`, amount);
  }
  law(costOf("TotalTokens", { usage: reported.usage, costNano: 0 }) > 0, "what is reported is not nothing");
}

/** JSON.parse as a value: `undefined` for what is no JSON (which no JSON text stands for). */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The outcome in words, without the numbers that make every one of them new. */
export function kindOf(text: string | undefined): string {
  return (text ?? "")
    .replace(/\d+/g, "#")
    .replace(/`[^`]*`/g, "`")
    .slice(0, 80);
}
