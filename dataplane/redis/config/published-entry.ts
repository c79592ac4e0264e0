// One published object as it lies in Redis -> what it says, if it says what its place says.

import type { CompiledObject } from "../../contract/compiled.ts";
import { objectField, partOf, publishedEntry } from "../../contract/published.ts";

/** Undefined when it does not meet the contract, or is another object than its namespace and field name. */
export function readPublished(text: string, place: { namespace: string; field: string }): CompiledObject | undefined {
  const parsed = publishedEntry.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { object } = parsed.data;
  return partOf(object) === place.namespace && objectField(object) === place.field ? object : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which meets no contract
  }
}
