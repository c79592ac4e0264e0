// The numbers in a provider's usage object, by their paths.

/** 0 for what is absent or no number. Own members only: no name leads to a prototype. */
export function numberAt(usage: unknown, path: readonly string[]): number {
  let value = usage;
  for (const step of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return 0;
    if (!Object.hasOwn(value, step)) return 0;
    value = Reflect.get(value, step);
  }
  return typeof value === "number" ? value : 0;
}
