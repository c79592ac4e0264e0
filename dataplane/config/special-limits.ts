// Limits that are more than conditions and a fixed amount: those that give way to others or to what is missing, those that
// requests bring a part of, and those that share a counter. Others never come here.

import { isSkipped } from "../core/match.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import type { CounterSource } from "./counter-source.ts";
import { type KeyCensus, MAX_WINDOWS } from "./key-census.ts";
import { MatchedLimit } from "./matched-limit.ts";
import type { LimitRecord } from "./snapshot.ts";

export interface SpecialSources {
  readonly counterFor: CounterSource;
  readonly census: KeyCensus;
}

/** A limit whose conditions hold -> how it concerns the request; undefined when it does not. `before`: limits found so far. */
export function specialLimit(
  record: LimitRecord,
  { facts, before }: { readonly facts: RequestFacts; readonly before: readonly MatchedLimit[] },
  { counterFor, census }: SpecialSources,
): MatchedLimit | undefined {
  if (record.limit.fallback === true && isDisplaced(record, before)) return undefined;
  const unresolved = (problem: string): MatchedLimit =>
    new MatchedLimit(record, counterFor(record, facts), { repeats: false, problem });
  if (record.maySkip && isSkipped(record.limit, facts)) return undefined;
  const resolved = record.resolve === undefined ? record : record.resolve(record, facts);
  if (typeof resolved === "string") return unresolved(resolved);
  const { limit } = record;
  if (limit.windowTemplate !== undefined && !census.admitsWindow(limit, resolved.limit.window.durationMs)) {
    return unresolved(
      `its window may have ${String(MAX_WINDOWS)} lengths at a time: found another, wanted one that is in use`,
    );
  }
  const counter = counterFor(resolved, facts);
  const repeats = before.some((other) => other.counter.field === counter.field && other.counter.key === counter.key);
  return new MatchedLimit(resolved, counter, { repeats, problem: undefined });
}

/** Fallback limits stand behind the others of their policy. What is in Shadow displaces nothing that enforces. */
function isDisplaced({ policy, limit }: LimitRecord, before: readonly MatchedLimit[]): boolean {
  return before.some(({ record }) => record.policy === policy && displaces(record.limit, limit));
}

export function displaces(other: LimitRecord["limit"], fallback: LimitRecord["limit"]): boolean {
  return other.fallback !== true && (other.mode === "Enforce" || fallback.mode === "Shadow");
}
