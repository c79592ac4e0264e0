// Arguments of commands as they stand on the connection, kept for those that come again and again: keys and fields.

/** What is shorter is mostly an amount: quick to encode, and seldom the same. */
const SHORTEST_KEPT = 9;
const LONGEST_KEPT = 512;
/** All are dropped at this many, and those in use come back. */
const LIMIT = 50_000;

export class BulkCache {
  /** Nothing but ASCII has been asked for so far: of such text latin1 is the same bytes, and quicker to write. */
  isAscii = true;
  readonly #kept = new Map<string, string>();

  of(text: string): string {
    if (text.length < SHORTEST_KEPT || text.length > LONGEST_KEPT) return this.#encode(text);
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    // By way of bytes, so that it is one string and not a tree of its parts.
    const encoded = Buffer.from(this.#encode(text)).toString();
    if (this.#kept.size >= LIMIT) this.#kept.clear();
    this.#kept.set(text, encoded);
    return encoded;
  }

  #encode(text: string): string {
    const bytes = byteLength(text);
    if (bytes !== text.length) this.isAscii = false;
    return bulkOf(text, bytes);
  }
}

const LAST_ASCII = 0x7f;
const HEADS = Array.from({ length: 256 }, (_, length) => `$${String(length)}\r\n`);

/** A RESP bulk string. Lone surrogates travel as U+FFFD, as they do wherever text becomes UTF-8. */
function bulkOf(text: string, bytes: number): string {
  return `${HEADS[bytes] ?? `$${String(bytes)}\r\n`}${text}\r\n`;
}

/** In UTF-8. */
function byteLength(text: string): number {
  if (text.length >= SHORTEST_KEPT) return Buffer.byteLength(text);
  // Short text is mostly a number: a call of native code would cost more than to look at it here.
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > LAST_ASCII) return Buffer.byteLength(text);
  return text.length;
}
