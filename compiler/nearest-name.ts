// "Did you mean ...?": the known name that a mistyped one most likely stands for. Pure.

/** Longer names, and longer lists of names, are not searched: a suggestion is not worth the time. */
const MAX_LENGTH = 64;
export const MAX_CANDIDATES = 1000;

/** `wanted`, with the nearest of the known names as a suggestion when there is one. */
export function withSuggestion(wanted: string, name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? wanted : `${wanted}; did you mean \`${nearest}\`?`;
}

/** The nearest candidate by edits, case apart; undefined when none is near: a third of the name may differ, one edit always. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const typed = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  let searched = 0;
  for (const candidate of known) {
    if (++searched > MAX_CANDIDATES) return undefined;
    if (Math.abs(candidate.length - name.length) > bestDistance) continue;
    const distance = editDistance(typed, candidate.toLowerCase());
    if (distance < bestDistance || (distance === bestDistance && best !== undefined && candidate < best)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const edited = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(isSwap ? Math.min(edited, at(beforeLast, j - 2) + 1) : edited);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
