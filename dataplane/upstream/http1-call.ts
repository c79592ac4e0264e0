// One call of a provider from start to end: finds a connection, retries once when a kept one was stale, keeps the
// time-outs, and tells the handler. Ends exactly once: onEnd, onError or abort.

import type { Carried, Connection } from "./connection.ts";
import type { OriginPool } from "./origin-pool.ts";
import type { ResponseHead } from "./response-head.ts";
import type { Swept } from "./sweeper.ts";
import {
  type UpstreamCall,
  UpstreamError,
  type UpstreamErrorCode,
  type UpstreamHandler,
  type UpstreamRequest,
  type UpstreamTarget,
} from "./upstream.ts";

export interface Http1CallOptions {
  readonly target: UpstreamTarget;
  readonly request: UpstreamRequest;
  /** The request's head as it goes on the wire. */
  readonly head: string;
  readonly handler: UpstreamHandler;
  readonly pool: OriginPool;
}

/**
 * A server that has closed an idle connection answers a request on it with FIN or RST within one round trip. A failure
 * that comes later may be a server that has read the request and died over it.
 */
const STALE_WINDOW_MS = 1000;

export class Http1Call implements UpstreamCall, Carried, Swept {
  sweptAt = -1;
  readonly #target: UpstreamTarget;
  readonly #handler: UpstreamHandler;
  readonly #pool: OriginPool;
  readonly #head: string;
  #phase: "connecting" | "waiting" | "body" | "over" = "connecting";
  /** Kept for a retry; let go when the response begins, for long prompts would live as long as their streams. */
  #request: UpstreamRequest | undefined;
  #connection: Connection | undefined;
  #cancelDial: (() => void) | undefined;
  #paused = false;
  #writtenMs = 0;
  /** Something has happened since the last sweep; the sweep, not the reader, asks what time it is. */
  #touched = true;
  #quietSinceMs = 0;

  constructor({ target, request, head, handler, pool }: Http1CallOptions) {
    this.#target = target;
    this.#handler = handler;
    this.#pool = pool;
    this.#head = head;
    this.#request = request;
  }

  start(): void {
    this.#pool.options.sweeper.add(this);
    const kept = this.#pool.take();
    if (kept === undefined) this.#dial();
    else this.#use(kept);
  }

  pause(): void {
    if (this.#phase === "over") return;
    this.#paused = true;
    this.#connection?.pause();
  }

  resume(): void {
    if (this.#phase === "over") return;
    this.#paused = false;
    this.#touched = true;
    this.#connection?.resume();
  }

  abort(): void {
    if (this.#phase === "over") return;
    this.#finish();
  }

  readHead(head: ResponseHead): void {
    this.#phase = "body";
    this.#touched = true;
    this.#request = undefined;
    this.#handler.onHead(head.status, head.headers);
  }

  readData(data: Buffer): void {
    this.#touched = true;
    this.#handler.onData(data);
  }

  ended(last: Buffer | undefined): void {
    // The connection may carry another exchange from here on.
    this.#connection = undefined;
    this.#finish();
    this.#handler.onEnd(last);
  }

  lost(answered: boolean, cause: Error | undefined): void {
    const stale = !answered && this.#isStale();
    this.#connection = undefined;
    if (stale) return this.#retry();
    const reason = cause === undefined ? "the server closed it" : cause.message;
    const when = this.#phase === "body" ? "within the response body" : "before the response head was complete";
    this.#fail("connection_lost", `lost the connection to ${this.#origin} ${when}: ${reason}`, cause);
  }

  broken(message: string): void {
    this.#connection = undefined;
    this.#fail("protocol_error", `${this.#origin}: ${message}`);
  }

  /** A paused body is not silent: nobody reads it. */
  sweep(nowMs: number): void {
    if (this.#touched || (this.#paused && this.#phase !== "connecting")) {
      this.#touched = false;
      this.#quietSinceMs = nowMs;
      return;
    }
    const target = this.#target;
    const quietMs = nowMs - this.#quietSinceMs;
    if (this.#phase === "connecting" && quietMs >= target.connectMs) {
      this.#fail("connect_timeout", `no connection to ${this.#origin} within ${target.connectMs} ms`);
    } else if (this.#phase === "waiting" && quietMs >= target.firstByteMs) {
      this.#fail("first_byte_timeout", `no response head from ${this.#origin} within ${target.firstByteMs} ms`);
    } else if (this.#phase === "body" && quietMs >= target.streamIdleMs) {
      this.#fail("stream_idle_timeout", `no byte of the body from ${this.#origin} for ${target.streamIdleMs} ms`);
    }
  }

  get #origin(): string {
    return this.#target.origin;
  }

  #dial(): void {
    this.#phase = "connecting";
    this.#touched = true;
    this.#cancelDial = this.#pool.dial({
      connected: (connection) => {
        this.#cancelDial = undefined;
        this.#use(connection);
      },
      failed: (error) => {
        this.#cancelDial = undefined;
        this.#finish();
        this.#handler.onError(error);
      },
    });
  }

  #use(connection: Connection): void {
    if (this.#request === undefined) return connection.destroy();
    this.#phase = "waiting";
    this.#touched = true;
    this.#connection = connection;
    this.#writtenMs = this.#pool.options.clock();
    if (this.#paused) connection.pause();
    connection.carry(this, this.#head, this.#request);
  }

  /**
   * Whether the loss of this connection says that the server had closed it while idle, so that the request was never
   * read. All must hold: the connection had served before, not one byte of a response came, and the loss came within a
   * round trip. Then the request is sent on a new connection (so once more at most), POST included: otherwise clients of a
   * server with short keep-alive would now and then see an error that nobody caused.
   * What remains of the risk (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1): a server that reads a request and dies
   * within that second without answering a byte may have begun to work, and the request would be paid for twice. Losses
   * known before the write never come here: such connections are not taken from the pool.
   */
  #isStale(): boolean {
    const recent = this.#pool.options.clock() - this.#writtenMs < STALE_WINDOW_MS;
    return this.#connection?.used === true && recent;
  }

  #retry(): void {
    this.#pool.options.observe?.requestRetried(this.#origin);
    this.#dial();
  }

  #fail(code: UpstreamErrorCode, message: string, cause?: Error): void {
    this.#finish();
    this.#handler.onError(new UpstreamError(code, message, cause));
  }

  /** Lets go of everything; what is still open is closed. */
  #finish(): void {
    this.#phase = "over";
    this.#request = undefined;
    this.#pool.options.sweeper.delete(this);
    this.#cancelDial?.();
    this.#cancelDial = undefined;
    this.#connection?.destroy();
    this.#connection = undefined;
  }
}
