// Arguments of commands as they stand on the connection, kept for those that come again and again: keys and fields.

/** What is shorter is mostly an amount: quick to encode, and seldom the same. */
const SHORTEST_KEPT = 9;
const LONGEST_KEPT = 512;
/** All are dropped at this many, and those in use come back. */
const LIMIT = 50_000;

export class BulkCache {
  readonly #kept = new Map<string, string>();

  of(text: string): string {
    if (text.length < SHORTEST_KEPT || text.length > LONGEST_KEPT) return bulk(text);
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    // By way of bytes, so that it is one string and not a tree of its parts.
    const encoded = Buffer.from(bulk(text)).toString();
    if (this.#kept.size >= LIMIT) this.#kept.clear();
    this.#kept.set(text, encoded);
    return encoded;
  }
}

const HEADS = Array.from({ length: 256 }, (_, length) => `$${String(length)}\r\n`);

/** A RESP bulk string. Lone surrogates travel as U+FFFD, as they do wherever text becomes UTF-8. */
export function bulk(text: string): string {
  const length = Buffer.byteLength(text);
  return `${HEADS[length] ?? `$${String(length)}\r\n`}${text}\r\n`;
}
