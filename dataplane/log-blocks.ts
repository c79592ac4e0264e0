// Gathers log lines and hands them on in blocks: a write for each line costs more than making it, and a destination that
// gathers lines itself goes through all that it has gathered with every further line.

export interface LogDestination {
  write(text: string): unknown;
  flushSync(): void;
}

/** Characters from which on a block leaves. Handing one on wakes another thread, which costs as much as hundreds of lines. */
const BLOCK_LENGTH = 65_536;
/** A line waits for no longer than this. */
const FLUSH_MS = 100;

export class LogBlocks implements LogDestination {
  readonly #destination: LogDestination;
  #block = "";

  /** Runs a timer that does not keep the process alive: `flushSync` before its end. */
  constructor(destination: LogDestination) {
    this.#destination = destination;
    setInterval(() => {
      this.#pass();
    }, FLUSH_MS).unref();
  }

  write(line: string): void {
    this.#block += line;
    if (this.#block.length >= BLOCK_LENGTH) this.#pass();
  }

  flushSync(): void {
    this.#pass();
    this.#destination.flushSync();
  }

  #pass(): void {
    if (this.#block === "") return;
    const block = this.#block;
    this.#block = "";
    this.#destination.write(block);
  }
}
