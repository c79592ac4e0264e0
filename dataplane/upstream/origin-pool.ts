// The connections of one origin: idle ones are kept and the one used last is taken first, so that the others can age and
// close. Knows no requests.

import { Connection, type ConnectionHome } from "./connection.ts";
import type { Dialer } from "./dial.ts";
import type { Origin } from "./origin.ts";
import type { Sweeper, Swept } from "./sweeper.ts";
import { UpstreamError } from "./upstream.ts";

/** Told of what the client does, for metrics. */
export interface UpstreamObserver {
  /** `durationMs`: name look-up, TCP and TLS. */
  connectionOpened(origin: string, durationMs: number): void;
  connectionReused(origin: string): void;
  connectionClosed(origin: string): void;
  /** A kept connection turned out to be closed by the server and the request is sent again on a new one. */
  requestRetried(origin: string): void;
}

export interface PoolOptions {
  readonly dialer: Dialer;
  readonly sweeper: Sweeper;
  /** Milliseconds that never decrease. */
  readonly clock: () => number;
  readonly maxHeadBytes: number;
  readonly maxIdlePerOrigin: number;
  readonly maxConnectionsPerOrigin: number;
  readonly idleMs: number;
  readonly observe: UpstreamObserver | undefined;
}

export interface DialOutcome {
  connected(connection: Connection): void;
  failed(error: UpstreamError): void;
}

/** A server closes an idle connection after the time it announces; a request must not be on its way then. */
const KEEP_ALIVE_MARGIN_MS = 1000;

export class OriginPool implements ConnectionHome, Swept {
  sweptAt = -1;
  readonly origin: Origin;
  readonly options: PoolOptions;
  /** The one at the end became idle last. */
  readonly #idle: Connection[] = [];
  /** Connections idle, busy and being opened. */
  #open = 0;
  #closed = false;
  /** Latest TLS session, offered to the next connection to spare it a full handshake. */
  #session: Buffer | undefined;

  constructor(origin: Origin, options: PoolOptions) {
    this.origin = origin;
    this.options = options;
  }

  /** No connection is open or being opened. */
  get unused(): boolean {
    return this.#open === 0;
  }

  /** An idle connection that the server is not known to have closed. */
  take(): Connection | undefined {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (last.isReady() && !this.#isExpired(last)) {
        this.options.observe?.connectionReused(this.origin.text);
        return last;
      }
      last.destroy();
    }
    return undefined;
  }

  /** Opens a connection; calls the outcome once, never before it has returned. The function returned calls it off. */
  dial(outcome: DialOutcome): () => void {
    const { clock, dialer, maxConnectionsPerOrigin } = this.options;
    if (this.#open >= maxConnectionsPerOrigin) return refuseLater(outcome, this.#fullError());
    this.#open += 1;
    const startMs = clock();
    const cancel = dialer.dial(this.origin, this.#session, {
      connected: (socket, reads) => {
        this.options.observe?.connectionOpened(this.origin.text, clock() - startMs);
        outcome.connected(new Connection({ socket, reads, home: this, maxHeadBytes: this.options.maxHeadBytes }));
      },
      failed: (error) => {
        this.#open -= 1;
        // A session that the server no longer likes must not make every later attempt fail.
        this.#session = undefined;
        outcome.failed(error);
      },
      session: (session) => {
        this.#session = session;
      },
    });
    return () => {
      this.#open -= 1;
      cancel();
    };
  }

  free(connection: Connection): void {
    const { clock, idleMs, maxIdlePerOrigin, sweeper } = this.options;
    const seconds = connection.keepAliveSeconds;
    const limitMs = seconds === undefined ? idleMs : Math.min(idleMs, seconds * 1000 - KEEP_ALIVE_MARGIN_MS);
    if (this.#closed || limitMs <= 0 || this.#idle.length >= maxIdlePerOrigin) return connection.destroy();
    connection.idleSinceMs = clock();
    connection.idleLimitMs = limitMs;
    this.#idle.push(connection);
    if (this.#idle.length === 1) sweeper.add(this);
  }

  gone(connection: Connection): void {
    this.#open -= 1;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.options.observe?.connectionClosed(this.origin.text);
  }

  sweep(): void {
    for (const connection of this.#idle.filter((idle) => this.#isExpired(idle))) connection.destroy();
    if (this.#idle.length === 0) this.options.sweeper.delete(this);
  }

  /** Closes idle connections now and every other when its exchange ends. */
  close(): void {
    this.#closed = true;
    for (const connection of [...this.#idle]) connection.destroy();
    this.options.sweeper.delete(this);
  }

  #isExpired(connection: Connection): boolean {
    return this.options.clock() - connection.idleSinceMs >= connection.idleLimitMs;
  }

  #fullError(): UpstreamError {
    return new UpstreamError(
      "connect_failed",
      `all ${this.options.maxConnectionsPerOrigin} connections to ${this.origin.text} are in use (maxConnectionsPerOrigin)`,
    );
  }
}

function refuseLater(outcome: DialOutcome, error: UpstreamError): () => void {
  let cancelled = false;
  process.nextTick(() => {
    if (!cancelled) outcome.failed(error);
  });
  return () => {
    cancelled = true;
  };
}
