// Globs against a table of which beginnings match which.

import { globMatches } from "../../../dataplane/core/match.ts";
import { same } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

/** For each beginning of the value: whether the pattern so far matches it. */
function matches(pattern: string, value: string): boolean {
  let row = Array.from({ length: value.length + 1 }, (_, i) => i === 0);
  for (const c of pattern) row = c === "*" ? afterStar(row) : afterOne(row, c, value);
  return row.at(-1) === true;
}

function afterStar(row: readonly boolean[]): boolean[] {
  const first = row.indexOf(true);
  return row.map((_, i) => first >= 0 && i >= first);
}

function afterOne(row: readonly boolean[], c: string, value: string): boolean[] {
  return row.map((_, i) => i > 0 && row[i - 1] === true && (c === "?" || c === value[i - 1]));
}

export const target: FuzzTarget = {
  name: "glob",
  shape: "text",
  seeds: ["gpt-4o*\ngpt-4o-mini", "*a*b*c\naabbcc", "?\nx", "*\n", "a?c*d??\nabcxxdyy"],
  tokens: ["*", "?", "**", "*?", "a", "b", "\n", "[", "\\", "aaaa"],
  // Both are of pattern times value; the table much more so.
  maxBytes: 3_000,
  run(input) {
    const [pattern = "", value = ""] = input.toString("latin1").split("\n");
    const found = globMatches(pattern, value);
    same(found, matches(pattern, value), "matches as the table does");
    return `${String(found)} ${String(pattern.includes("*"))} ${String(pattern.includes("?"))}`;
  },
};
