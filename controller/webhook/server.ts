// The admission webhook as a TLS server. Certificate and key are files that others replace at any time; a new pair is used
// for new connections as soon as it is seen, without a restart. A pair that does not fit together is not taken.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { createWebhookApp, type WebhookDeps } from "./app.ts";

export interface WebhookServerOptions extends WebhookDeps {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** PEM: the certificate with its chain, and its key. */
  readonly certFile: string;
  readonly keyFile: string;
  /** How often the files are looked at, in milliseconds. */
  readonly rereadMs: number;
  readonly certificateChanged: () => void;
  /** The old pair stays in use. Called once for each pair of files that cannot be used. */
  readonly certificateRefused: (error: unknown) => void;
}

export interface WebhookServer {
  readonly port: number;
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

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Rejects when the files cannot be read or used, or the port is taken. */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const first = await readPair(options);
  const limits = { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS };
  const server = createServer(
    { ...tlsOptions(first), ...limits, handshakeTimeout: HEADERS_MS },
    createWebhookApp(options),
  );
  server.maxConnections = MAX_CONNECTIONS;
  const { port } = await listen(server, options);
  const follower = followFiles(server, first, options);
  return {
    port,
    async close() {
      follower.stop();
      await closeServer(server);
    },
  };
}

/** Throws when the two do not belong together; TLS itself would take an empty file, and then fail every client. */
function tlsOptions({ cert, key }: Pair): Pair & { readonly minVersion: "TLSv1.2" } {
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error("the certificate is not one of this key");
  }
  return { cert, key, minVersion: "TLSv1.2" };
}

async function readPair({ certFile, keyFile }: WebhookServerOptions): Promise<Pair> {
  const [cert, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
  return { cert, key };
}

/** Looked at by content: a mounted Secret is swapped by a symbolic link, of which file watchers tell unreliably. */
function followFiles(server: Server, first: Pair, options: WebhookServerOptions): { stop(): void } {
  let seen: Pair | undefined = first;
  let problem = "";
  const look = async (): Promise<void> => {
    const pair = await readPair(options);
    if (pair.cert === seen?.cert && pair.key === seen.key) return;
    seen = pair;
    server.setSecureContext(tlsOptions(pair));
    problem = "";
    options.certificateChanged();
  };
  const refuse = (error: unknown): void => {
    const text = error instanceof Error ? error.message : "unknown";
    if (text !== problem) options.certificateRefused(error);
    problem = text;
  };
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch(refuse)
      .finally(() => {
        isLooking = false;
      });
  }, options.rereadMs);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
    },
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
