// A bound on the work that one object can cause. Callers of the webhook are not authenticated, and looking at each of half
// a million wrong fields would keep everybody else waiting.

/** More members and entries, at any depth, than this. Looks no further than that, and does not recurse. */
export function hasMoreValues(root: unknown, most: number): boolean {
  const left = [root];
  let count = 0;
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null) continue;
    for (const child of Object.values(value)) {
      count += 1;
      if (count > most) return true;
      left.push(child);
    }
  }
  return false;
}
