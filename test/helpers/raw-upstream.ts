// A server whose answers a test scripts byte by byte on the socket: what node:http would never send, or never so late.

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface RawRequest {
  /** Request line and header lines as received, without the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

export interface RawConnection {
  /** 0 for the first connection that was accepted. */
  readonly index: number;
  readonly socket: Socket;
  /** Resolves when the socket is closed, whoever closed it. */
  readonly closed: Promise<void>;
  /** The next request, framed by Content-Length. Rejects when the connection closes first. */
  readRequest(): Promise<RawRequest>;
  /** Resolves when the kernel has taken the bytes, or the connection is gone. */
  write(data: string | Buffer): Promise<void>;
  /** Closes with FIN after what was written. */
  end(): void;
  /** Closes with RST. */
  reset(): void;
}

export interface RawUpstream {
  readonly origin: string;
  readonly port: number;
  readonly connections: readonly RawConnection[];
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}

export type RawScript = (connection: RawConnection) => Promise<void> | void;

/** Runs the script once for each connection. A script ends quietly when its connection is closed under it. */
export async function startRawUpstream(
  script: RawScript,
  tls?: { readonly key: string; readonly cert: string; readonly ALPNProtocols?: string[] },
): Promise<RawUpstream> {
  const connections: RawConnection[] = [];
  const sockets = new Set<Socket>();
  const accept = (socket: Socket): void => {
    const connection = createConnection(socket, connections.length);
    connections.push(connection);
    void Promise.resolve(script(connection)).catch((error: unknown) => {
      if (!(error instanceof ConnectionGone)) throw error;
    });
  };
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {}); // a client that resets is a normal event here
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = addressOf(server);
  return {
    origin: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}

class ConnectionGone extends Error {}

function createConnection(socket: Socket, index: number): RawConnection {
  let received = Buffer.alloc(0);
  let wake = (): void => {};
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    wake();
  });
  socket.on("error", () => {}); // "close" follows
  socket.on("close", () => wake());
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const more = async (): Promise<void> => {
    if (socket.destroyed) throw new ConnectionGone();
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  return {
    index,
    socket,
    closed,
    async readRequest() {
      let headEnd = received.indexOf("\r\n\r\n");
      for (; headEnd < 0; headEnd = received.indexOf("\r\n\r\n")) await more();
      const head = received.toString("latin1", 0, headEnd);
      const bytes = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
      const end = headEnd + 4 + bytes;
      while (received.length < end) await more();
      const body = received.subarray(headEnd + 4, end);
      received = received.subarray(end);
      return { head, body };
    },
    write: (data) => new Promise((taken) => socket.write(data, "latin1", () => taken())),
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
  };
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address;
}
