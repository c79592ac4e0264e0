// Reads the fields of usage objects. Numbers are the provider's word: they may be missing, null, fractional or absurd,
// and never make a request free in silence.

type Fields = Readonly<Record<string, unknown>>;

/** More fields than any provider has; what a strange one sends beyond them is not kept. */
const MAX_RAW_FIELDS = 64;

/** Undefined for bytes that are no object, or that some string of it spoils: nothing was reported then. */
export function parseFields(raw: Buffer | undefined): Fields | undefined {
  if (raw === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(raw.toString());
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined unless it is a number; then a whole one from 0 to 2^53-1, rounded up. */
export function readTokens(fields: Fields | undefined, field: string): number | undefined {
  const value = fields?.[field];
  if (typeof value !== "number") return undefined;
  return Math.min(Math.max(0, Math.ceil(value)), Number.MAX_SAFE_INTEGER);
}

/** What is known after `told` has followed: the last number, but a 0 does not take back what was above it. */
export function laterTokens(known: number | undefined, told: number | undefined): number | undefined {
  return told === undefined || (told === 0 && known !== undefined) ? known : told;
}

/** The member when it is an object. */
export function readFields(fields: Fields, field: string): Fields | undefined {
  const value = fields[field];
  return isFields(value) ? value : undefined;
}

/** A sum of token counts, which stays an amount that a store takes. */
export function sumTokens(...counts: readonly number[]): number {
  return Math.min(
    Number.MAX_SAFE_INTEGER,
    counts.reduce((sum, count) => sum + count, 0),
  );
}

/** The provider's own usage object, every field with the last value that it had; null says nothing, nor 0 after more. */
export class RawUsage {
  private fields: Fields | undefined;

  /** The caller must not change the fields any more. */
  take(fields: Fields): void {
    this.fields = this.fields === undefined && isWhole(fields) ? fields : merged(this.fields ?? {}, fields);
  }

  get value(): Fields {
    return this.fields ?? {};
  }
}

/** It can stand as it is, which spares most answers a copy. */
function isWhole(fields: Fields): boolean {
  let count = 0;
  for (const name in fields) {
    count += 1;
    if (fields[name] === null) return false;
  }
  return count <= MAX_RAW_FIELDS;
}

function merged(known: Fields, fields: Fields): Fields {
  const all = new Map(Object.entries(known));
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || takesBack(all.get(name), value)) continue;
    if (all.has(name) || all.size < MAX_RAW_FIELDS) all.set(name, value);
  }
  return Object.fromEntries(all);
}

function takesBack(known: unknown, told: unknown): boolean {
  return told === 0 && typeof known === "number";
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
