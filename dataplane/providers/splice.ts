// Replaces a range in bytes that come in several pieces, sharing memory with all that is kept.

export interface Splice {
  /** Offsets in the joined pieces; `start` equal to `end` inserts. */
  readonly start: number;
  readonly end: number;
  readonly replacement: Buffer;
}

/** The pieces with the range replaced. Nothing is copied; empty pieces are left out. The range must lie in the pieces. */
export function splice(pieces: readonly Buffer[], edit: Splice): Buffer[] {
  const before: Buffer[] = [];
  const after: Buffer[] = [];
  let offset = 0;
  for (const piece of pieces) {
    if (offset < edit.start) before.push(piece.subarray(0, edit.start - offset));
    if (offset + piece.length > edit.end) after.push(piece.subarray(Math.max(0, edit.end - offset)));
    offset += piece.length;
  }
  return [...before, edit.replacement, ...after].filter((piece) => piece.length > 0);
}
