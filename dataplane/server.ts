// The traffic listener: sockets, their limits, and draining. Knows nothing of what a request means.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Handler } from "./proxy/handler.ts";

/** A slow head or body may not hold a socket for ever. */
const HEADERS_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 300_000;
/** Longer than the idle time of common load balancers (60 s), so that they close first and no request meets a closing socket. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const MAX_HEADER_BYTES = 32 * 1024;
const MAX_HEADERS = 200;

export interface TrafficServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  openRequests(): number;
  /** Stops accepting and lets open requests end, at most this long; then their connections are cut. */
  drain(timeoutMs: number): Promise<void>;
}

export function createTrafficServer(handle: Handler): TrafficServer {
  let open = 0;
  let draining = false;
  let onIdle: (() => void) | undefined;
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: false,
      noDelay: true,
    },
    (req, res) => {
      open++;
      res.on("close", () => {
        open--;
        if (open === 0) onIdle?.();
      });
      // Tells keep-alive clients to come back on a new connection, to another data plane.
      if (draining) res.shouldKeepAlive = false;
      handle(req, res);
    },
  );
  server.maxHeadersCount = MAX_HEADERS;
  return {
    listen: (host, port) => listen(server, host, port),
    openRequests: () => open,
    async drain(timeoutMs) {
      draining = true;
      const closed = new Promise<void>((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
      server.closeIdleConnections();
      if (open > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          onIdle = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      server.closeAllConnections();
      await closed;
    },
  };
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
