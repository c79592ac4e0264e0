// Gathers log lines as bytes and hands them on in blocks: a write for each line costs more than making it, and lines that
// wait as strings keep all the pieces that they were put together from.

export interface LogDestination {
  write(block: string): unknown;
  flushSync(): void;
}

const BLOCK_BYTES = 65_536;
/** A line waits for no longer than this. */
const FLUSH_MS = 100;
/** UTF-8 bytes of a UTF-16 code unit, at most. */
const BYTES_PER_UNIT = 3;

export class LogBlocks {
  readonly #destination: LogDestination;
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #filled = 0;

  /** Runs a timer that does not keep the process alive: `flushSync` before its end. */
  constructor(destination: LogDestination) {
    this.#destination = destination;
    setInterval(() => {
      this.#pass();
    }, FLUSH_MS).unref();
  }

  write(line: string): void {
    const room = line.length * BYTES_PER_UNIT;
    if (room > BLOCK_BYTES - this.#filled) this.#pass();
    if (room > BLOCK_BYTES) this.#destination.write(line);
    else this.#filled += this.#block.write(line, this.#filled);
  }

  flushSync(): void {
    this.#pass();
    this.#destination.flushSync();
  }

  #pass(): void {
    if (this.#filled === 0) return;
    const block = this.#block.toString("utf8", 0, this.#filled);
    this.#filled = 0;
    this.#destination.write(block);
  }
}
