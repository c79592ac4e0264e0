// What a Shadow limit tells in place of refusing.

import type { Limit } from "../core/limit.ts";

/** Longer lists end with "...": the header has a bound of its own beside that of the limit headers. */
const MAX_CHARACTERS = 1_024;

/** "<namespace>/<policy>/<limit>" of each, joined by ", "; "" without any. */
export function wouldRefuse(limits: readonly Limit[]): string {
  let text = "";
  for (const { policy, name } of limits) {
    const next = `${text === "" ? "" : ", "}${policy.namespace}/${policy.name}/${name}`;
    if (text.length + next.length > MAX_CHARACTERS) return `${text}, ...`;
    text += next;
  }
  return text;
}
