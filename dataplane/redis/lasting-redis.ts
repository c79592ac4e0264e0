// A client of one server that gives up only when its owner does.

import { Redis, type RedisOptions } from "ioredis";

/** Before a connection that ioredis has given up is begun anew. */
const AGAIN_MS = 100;

/**
 * When Sentinel tells of a fail-over while a connection is being made, ioredis gives it up and tries no more, whatever its
 * retry strategy says. Here it is begun anew, unless `disconnect` or `quit` was called.
 */
export class LastingRedis extends Redis {
  #isLeft = false;

  constructor(options: RedisOptions & { replyMapping?: "legacy" }) {
    super(options);
    this.on("end", () => {
      if (!this.#isLeft) setTimeout(() => this.#begin(), AGAIN_MS).unref();
    });
  }

  override connect(callback?: Parameters<Redis["connect"]>[0]): Promise<void> {
    this.#isLeft = false;
    return super.connect(callback);
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) this.#isLeft = true;
    super.disconnect(reconnect);
  }

  override quit(callback?: Parameters<Redis["quit"]>[0]): Promise<"OK"> {
    this.#isLeft = true;
    return super.quit(callback);
  }

  #begin(): void {
    // A failure is told as an error and tried again by ioredis itself.
    if (!this.#isLeft && this.status === "end") this.connect().catch(() => undefined);
  }
}
