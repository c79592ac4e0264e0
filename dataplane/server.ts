// The traffic listener: connections, how long they may take, and draining. Knows nothing of what a request means.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { ClientConnection, type ConnectionHome, type Unreadable } from "./downstream/client-connection.ts";
import { ParserSource } from "./downstream/llhttp.ts";
import { createHeadTails } from "./downstream/response-head.ts";
import { createSharedReads } from "./downstream/shared-reads.ts";
import { createStallWatch } from "./downstream/stalled-clients.ts";
import type { Handler } from "./proxy/handler.ts";

export interface TrafficTimeouts {
  /** From the first byte of a connection or request to the end of its head. */
  readonly headersMs: number;
  /** To the end of its body. */
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** A client that takes none of the bytes that wait for it may hold its upstream call this long. */
  readonly stalledClientMs: number;
  /** How often all of them are looked at: they run out late by up to this. */
  readonly checkMs: number;
}

const TIMEOUTS: TrafficTimeouts = {
  headersMs: 30_000,
  requestMs: 300_000,
  // Longer than the idle time of common load balancers (60 s), so that they close first and no request meets a closing socket.
  keepAliveMs: 75_000,
  stalledClientMs: 300_000,
  checkMs: 5_000,
};
const MAX_HEAD_BYTES = 32 * 1024;
/**
 * A client that was told to keep its connection sends the next request when it has read the answer. A connection that was
 * closed in that moment would fail the request, so one that has become idle while data planes change is left open so long.
 */
const LINGER_MS = 1_000;
const LINGER_CHECK_MS = 50;

export interface TrafficServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  openRequests(): number;
  /** Serves as before, but keeps no connection: clients come back on another one. */
  withdraw(): void;
  /** Stops accepting and lets open requests end, at most this long; then their connections are cut. */
  drain(timeoutMs: number): Promise<void>;
}

export interface TrafficServerOptions {
  /** Those not given are the server's own. */
  readonly timeouts: Partial<TrafficTimeouts> | undefined;
  /** Told of what never became a request. */
  readonly unreadable: (what: Unreadable) => void;
  /** Wall clock, epoch milliseconds, for the Date of answers. */
  readonly nowMs: () => number;
}

export function createTrafficServer(handle: Handler, options: TrafficServerOptions): TrafficServer {
  return new ConnectionServer(handle, options);
}

class ConnectionServer implements TrafficServer, ConnectionHome {
  readonly parsers = new ParserSource();
  readonly reads = createSharedReads();
  readonly maxHeadBytes = MAX_HEAD_BYTES;
  readonly tails: ConnectionHome["tails"];
  readonly handle: Handler;
  readonly unreadable: (what: Unreadable) => void;
  /** performance.now(). */
  #withdrawnMs: number | undefined;
  readonly #server: Server;
  readonly #connections = new Set<ClientConnection>();
  #open = 0;
  /** Called when the last connection is gone. */
  #onNone: (() => void) | undefined;

  constructor(handle: Handler, { timeouts, unreadable, nowMs }: TrafficServerOptions) {
    const times = { ...TIMEOUTS, ...timeouts };
    this.handle = handle;
    this.unreadable = unreadable;
    this.tails = createHeadTails(nowMs, times.keepAliveMs);
    // Half open, so that a client whose request breaks off by its own end can still be told.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
      this.#connections.add(new ClientConnection(socket, this));
    });
    const isStalled = createStallWatch(times.stalledClientMs);
    const sweep = setInterval(() => {
      const now = performance.now();
      for (const connection of this.#connections) {
        if (isStalled(connection.socket, now)) connection.destroy();
        else connection.check(now, times);
      }
    }, times.checkMs).unref();
    this.#server.on("close", () => clearInterval(sweep));
  }

  listen(host: string, port: number): Promise<AddressInfo> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host, backlog: 4096 }, () => {
        server.off("error", reject);
        const address = server.address();
        if (address === null || typeof address === "string") reject(new Error("the listener has no TCP address"));
        else resolve(address);
      });
    });
  }

  openRequests(): number {
    return this.#open;
  }

  get isWithdrawn(): boolean {
    return this.#withdrawnMs !== undefined;
  }

  withdraw(): void {
    this.#withdrawnMs ??= performance.now();
    for (const connection of this.#connections) connection.withdraw();
  }

  async drain(timeoutMs: number): Promise<void> {
    this.withdraw();
    const closed = once(this.#server, "close");
    this.#server.close();
    await this.#endIdle(timeoutMs);
    for (const connection of [...this.#connections]) connection.destroy();
    await closed;
  }

  opened(): void {
    this.#open += 1;
  }

  ended(): void {
    this.#open -= 1;
  }

  gone(connection: ClientConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onNone?.();
  }

  /** Closes connections as they fall idle. Resolves when none is left, or after `timeoutMs` with some left. */
  async #endIdle(timeoutMs: number): Promise<void> {
    if (this.#connections.size === 0) return;
    const end = (): void => {
      const sinceMs = Math.max(performance.now() - LINGER_MS, this.#withdrawnMs ?? 0);
      for (const connection of [...this.#connections]) connection.closeIfIdle(sinceMs);
    };
    let timers: readonly NodeJS.Timeout[] = [];
    await new Promise<void>((resolve) => {
      this.#onNone = resolve;
      timers = [setTimeout(resolve, timeoutMs), setInterval(end, LINGER_CHECK_MS)];
      end();
    });
    timers.forEach(clearTimeout);
  }
}
