// Fills limits in to counters and keeps those: making a key costs more than the rest of matching.

import { type CounterKey, counterKey, type KeyValues } from "../contract/keys.ts";
import type { Counter } from "../core/counter-store.ts";
import { createGenerationCache } from "../core/generation-cache.ts";
import type { Limit } from "../core/limit.ts";
import { keyValues } from "../core/match.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import type { Window } from "../core/window.ts";
import type { KeyCensus } from "./key-census.ts";
import type { LimitRecord } from "./snapshot.ts";

/** Counters kept with their hashed keys; twice this many at the most. */
const COUNTER_CACHE = 50_000;
/** Longer key values, which only clients make up, are hashed anew each time: the cache stays small in bytes too. */
const LONGEST_CACHED = 512;

export type CounterSource = (record: LimitRecord, facts: RequestFacts) => Counter;

/** A class: objects that are spread together each get a shape of their own, and whatever reads them is slower for it. */
class FilledCounter implements Counter {
  readonly key: string;
  readonly tag: number;
  readonly field: string;
  readonly window: Window;

  constructor({ key, tag }: CounterKey, { counterId, window }: Limit) {
    this.key = key;
    this.tag = tag;
    this.field = counterId;
    this.window = window;
  }
}

export function createCounterSource(prefix: string, census: KeyCensus): CounterSource {
  const counters = createGenerationCache<string, Counter>(COUNTER_CACHE);
  // Counters of the same key values share one string for their key: maps by key then compare no text.
  const keys = createGenerationCache<string, CounterKey>(COUNTER_CACHE);

  function counterOf(record: LimitRecord, values: KeyValues): Counter {
    const { limit } = record;
    const { namespace, part = namespace } = limit.policy;
    const cacheKey = JSON.stringify([part, limit.counterId, values]);
    const cached = cacheKey.length <= LONGEST_CACHED;
    const known = cached ? counters.get(cacheKey) : undefined;
    const made = known ?? counterKey(prefix, part, values);
    // What clients make up beyond the bound is not kept either: it would drive out the others.
    if (record.maxKeys !== undefined && !census.admits(limit, record.maxKeys, made.key)) {
      return new FilledCounter(counterKey(prefix, part, [["Overflow", limit.counterId]]), limit);
    }
    if (known !== undefined) return known;
    const key = keys.get(made.key) ?? made;
    const counter = new FilledCounter(key, limit);
    if (cached) {
      keys.set(made.key, key);
      counters.set(cacheKey, counter);
    }
    return counter;
  }

  return (record, facts) => counterOf(record, keyValues(record.limit, facts));
}
