// The admission webhook as a TLS server. A new certificate is used for new connections from the moment it is given, without
// a restart; connections under way go on.

import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { createWebhookApp, type WebhookDeps } from "./app.ts";
import { expiryOf, type TlsPair } from "./tls-pair.ts";

export interface WebhookServerOptions extends WebhookDeps {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface WebhookServer {
  readonly port: number;
  /** Before the first, every handshake fails. Throws when the two do not belong together; then the last one stays in use. */
  use(pair: TlsPair): void;
  /** Takes no further connections, and resolves when those under way have ended, or after 5 s. */
  close(): Promise<void>;
}

/** The API server asks to be answered within 30 s at most; whoever is slower is no API server. */
const REQUEST_MS = 10_000;
const HEADERS_MS = 5_000;
/** API servers are few and keep their connections. */
const MAX_CONNECTIONS = 256;

/** For what is under way when the server closes. */
const CLOSE_MS = 5_000;

const TLS = { minVersion: "TLSv1.2" } as const;

/** Rejects when the port is taken. */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const limits = { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS };
  const server = createServer({ ...TLS, ...limits, handshakeTimeout: HEADERS_MS }, createWebhookApp(options));
  server.maxConnections = MAX_CONNECTIONS;
  const { port } = await listen(server, options);
  return {
    port,
    use({ cert, key }) {
      expiryOf({ cert, key });
      server.setSecureContext({ ...TLS, cert, key });
    },
    close: () => closeServer(server),
  };
}

function listen(server: Server, { host, port }: WebhookServerOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      if (address === null || typeof address === "string") reject(new TypeError("wanted a TCP port to listen on"));
      else resolve(address);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error) reject(error);
      else resolve();
    });
    server.closeIdleConnections();
    setTimeout(() => {
      server.closeAllConnections();
    }, CLOSE_MS).unref();
  });
}
