// A TCP proxy that can go wrong on purpose: swallow what the server answers, refuse, or cut its connections.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface FaultProxy {
  readonly port: number;
  readonly url: string;
  /** Nothing that the server sends on present connections reaches the client any more; what the client sends arrives. */
  swallowReplies(): void;
  /** Bytes swallowed in all. */
  swallowed(): number;
  /** Resets every connection; new ones work as usual. */
  cut(): void;
  /** Accepted connections are reset at once as long as this is true. */
  refuse(isRefusing: boolean): void;
  stop(): Promise<void>;
}

export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  const muted = new WeakSet<Socket>();
  let isRefusing = false;
  let swallowed = 0;
  const server = createServer((client) => {
    if (isRefusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(targetPort, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}); // the close that follows ends both sides
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (bytes: Buffer) => {
      if (muted.has(upstream)) swallowed += bytes.length;
      else client.write(bytes);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server.address());
  return {
    port,
    url: `redis://127.0.0.1:${String(port)}`,
    swallowReplies() {
      for (const socket of sockets) muted.add(socket);
    },
    swallowed: () => swallowed,
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    refuse(refusing) {
      isRefusing = refusing;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the proxy listens on no port");
  return address.port;
}
