// The traffic listener: sockets, their limits, and draining. Knows nothing of what a request means.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ClientConnections, type Unreadable } from "./client-connections.ts";
import type { Handler } from "./proxy/handler.ts";
import { MAX_HEADERS } from "./proxy/request-form.ts";
import { RequestMessage } from "./request-message.ts";
import { sweepStalled } from "./stalled-clients.ts";

export interface TrafficTimeouts {
  /** From the first byte of a connection or request to the end of its head. */
  readonly headersMs: number;
  /** To the end of its body. */
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** A client that takes none of the bytes that wait for it may hold its upstream call this long. */
  readonly stalledClientMs: number;
  /** How often the others are looked at: they run out late by up to this. */
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

export interface TrafficServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  openRequests(): number;
  /** Stops accepting and lets open requests end, at most this long; then their connections are cut. */
  drain(timeoutMs: number): Promise<void>;
}

export interface TrafficServerOptions {
  /** Those not given are the server's own. */
  readonly timeouts: Partial<TrafficTimeouts> | undefined;
  /** Told of what never became a request. */
  readonly unreadable: (what: Unreadable) => void;
}

export function createTrafficServer(handle: Handler, { timeouts, unreadable }: TrafficServerOptions): TrafficServer {
  const times = { ...TIMEOUTS, ...timeouts };
  const connections = new ClientConnections(MAX_HEAD_BYTES, unreadable);
  let draining = false;
  const server = createServer(serverOptions(times), (req, res) => {
    take(req, res);
  });
  const take = (req: IncomingMessage, res: ServerResponse): void => {
    if (!connections.begin(res)) return;
    // Tells keep-alive clients to come back on a new connection, to another data plane.
    if (draining) res.shouldKeepAlive = false;
    handle(req, res);
  };
  // One more than are allowed: node drops what is beyond without a word.
  server.maxHeadersCount = MAX_HEADERS + 1;
  server.on("connection", (socket) => {
    connections.track(socket);
  });
  server.on("clientError", (error, socket) => {
    connections.breakOff(socket, error);
  });
  server.on("checkExpectation", take);
  server.on("connect", (_req, socket) => {
    connections.refuse(socket, { code: "method_not_allowed", message: "CONNECT is no call of this gateway." });
  });
  const sweep = sweepStalled(() => connections.sockets(), times);
  server.on("close", () => {
    clearInterval(sweep);
  });
  return {
    listen: (host, port) => listen(server, host, port),
    openRequests: () => connections.openRequests,
    async drain(timeoutMs) {
      draining = true;
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      await idle(connections, timeoutMs);
      server.closeAllConnections();
      await closed;
    },
  };
}

function serverOptions(times: TrafficTimeouts): ServerOptions<typeof RequestMessage> {
  return {
    keepAliveTimeout: times.keepAliveMs,
    headersTimeout: times.headersMs,
    requestTimeout: times.requestMs,
    connectionsCheckingInterval: times.checkMs,
    maxHeaderSize: MAX_HEAD_BYTES,
    // Asked for by request-form.ts, which answers in the gateway's own words.
    requireHostHeader: false,
    insecureHTTPParser: false,
    IncomingMessage: RequestMessage,
    noDelay: true,
  };
}

async function idle(connections: ClientConnections, timeoutMs: number): Promise<void> {
  if (connections.openRequests === 0) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    connections.onIdle = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, 4096, () => {
      server.off("error", reject);
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("the listener has no TCP address"));
      else resolve(address);
    });
  });
}
