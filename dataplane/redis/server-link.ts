// One server, found directly or by Sentinel. ioredis connects, authenticates, selects the database and comes back after a
// break; from there on commands go over a wire of our own, at a fraction of the cost. Knows nothing of counters.

import type { Redis } from "ioredis";
import { BulkCache } from "./bulk-cache.ts";
import { type Command, lost } from "./command.ts";
import type { Link, LinkListener } from "./link.ts";
import { Wire } from "./wire.ts";

export class ServerLink implements Link {
  readonly #client: Redis;
  readonly #listeners: LinkListener[] = [];
  readonly #bulks = new BulkCache();
  #wire: Wire | undefined;

  constructor(client: Redis) {
    this.#client = client;
    client.on("ready", () => {
      this.#takeOver();
    });
    client.on("close", () => {
      for (const listener of this.#listeners) listener.lost("");
    });
  }

  /** Asked many times per request, so without the client: while it leaves or closes, its socket takes no more bytes. */
  isReady(): boolean {
    return this.#wire?.isWritable === true;
  }

  laneOf(): string {
    return "";
  }

  send(command: Command): void {
    if (this.#wire === undefined) command.reply(lost(new Error("there is no connection to Redis")));
    else this.#wire.send(command);
  }

  cork(): void {
    this.#wire?.cork();
  }

  uncork(): void {
    this.#wire?.uncork();
  }

  drop(): void {
    if (this.isReady()) this.#client.stream.destroy();
  }

  listen(listener: LinkListener): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#client.disconnect();
  }

  /**
   * The answer to a command of ioredis's own, sent last, says that all the others are answered: no byte that comes later
   * is meant for ioredis. Whether that answer is an error does not matter.
   */
  #takeOver(): void {
    const { stream } = this.#client;
    const take = (): void => {
      if (this.#client.stream === stream && this.#client.status === "ready") this.#open(stream);
    };
    this.#client.ping().then(take, take);
  }

  #open(stream: Redis["stream"]): void {
    const { socketTimeout, reconnectOnError } = this.#client.options;
    const wire = new Wire(stream, {
      bulks: this.#bulks,
      silenceMs: socketTimeout,
      isMisplaced: (error) => Boolean(reconnectOnError?.(error)),
      misplaced: () => {
        this.#client.disconnect(true);
      },
    });
    this.#wire = wire;
    stream.once("close", () => {
      if (this.#wire === wire) this.#wire = undefined;
      wire.end();
    });
    for (const listener of this.#listeners) listener.changed();
  }
}
