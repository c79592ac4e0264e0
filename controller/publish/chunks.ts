// How much one script call carries: so little that Redis, which does nothing else meanwhile, is busy for about a millisecond.

/** One object in a call. */
export interface Change {
  readonly field: string;
  /** "" = removed. */
  readonly entry: string;
}

const MAX_CHANGES = 200;
const MAX_BYTES = 1024 * 1024;

export class Chunk {
  readonly changes: Change[] = [];
  #bytes = 0;

  /** False when it has no room left; then `change` is not in it. One that is too big by itself goes alone. */
  add(change: Change): boolean {
    const bytes = this.#bytes + Buffer.byteLength(change.field) + Buffer.byteLength(change.entry);
    if (this.changes.length >= MAX_CHANGES) return false;
    if (this.changes.length > 0 && bytes > MAX_BYTES) return false;
    this.#bytes = bytes;
    this.changes.push(change);
    return true;
  }
}

/** Of field -> entry. */
export function* chunksOf(entries: Iterable<readonly [string, string]>): Generator<readonly Change[]> {
  let chunk = new Chunk();
  for (const [field, entry] of entries) {
    const change = { field, entry };
    if (chunk.add(change)) continue;
    yield chunk.changes;
    chunk = new Chunk();
    chunk.add(change);
  }
  if (chunk.changes.length > 0) yield chunk.changes;
}
