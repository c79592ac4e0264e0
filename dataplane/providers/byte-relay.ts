// Collects the ranges of bytes that a reader lets pass during one step, and gives them as one buffer. A step in which
// all of a chunk passes gives the chunk itself: nothing is copied.

export class ByteRelay {
  private pieces: Buffer[] = [];
  private current: Buffer | undefined;
  private from = 0;
  private to = 0;

  /** Ranges come in the order of the stream. */
  pass(buffer: Buffer, from: number, to: number): void {
    if (buffer === this.current && from === this.to) {
      this.to = to;
      return;
    }
    this.closePiece();
    this.current = buffer;
    this.from = from;
    this.to = to;
  }

  /** What passed since the last call; undefined when nothing did. */
  take(): Buffer | undefined {
    this.closePiece();
    const [first, second] = this.pieces;
    if (second === undefined) {
      this.pieces.length = 0;
      return first;
    }
    const joined = Buffer.concat(this.pieces);
    this.pieces = [];
    return joined;
  }

  private closePiece(): void {
    const { current, from, to } = this;
    this.current = undefined;
    if (current === undefined || from === to) return;
    this.pieces.push(from === 0 && to === current.length ? current : current.subarray(from, to));
  }
}
