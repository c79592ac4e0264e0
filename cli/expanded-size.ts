// How many values a walk through a parsed document meets, aliases counted as often as they are used.

export const MAX_EXPANDED_NODES = 5_000_000;

/** Infinity for a value that contains itself. Costs one visit per distinct value, however much aliases multiply them. */
export function expandedSize(root: unknown): number {
  const sizes = new Map<object, number>();

  function sizeOf(value: unknown): number {
    if (typeof value !== "object" || value === null) return 1;
    const known = sizes.get(value);
    if (known !== undefined) return known;
    sizes.set(value, Infinity); // met again before it is finished: it contains itself
    let size = 1;
    for (const child of Object.values(value)) size += sizeOf(child);
    sizes.set(value, size);
    return size;
  }

  return sizeOf(root);
}
