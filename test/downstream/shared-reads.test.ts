// Reads of accepted sockets through one buffer: every byte arrives, in order, on each of many sockets at once.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createSharedReads } from "../../dataplane/downstream/shared-reads.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that says what came on each socket in full; `as`: what the reads are given as the socket. */
async function serve(as: (socket: Socket) => Socket = (socket) => socket) {
  const reads = createSharedReads();
  const areShared: boolean[] = [];
  const received: Promise<Buffer>[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const pieces: Buffer[] = [];
    received.push(once(socket, "end").then(() => Buffer.concat(pieces)));
    areShared.push(reads.of(as(socket), (bytes) => pieces.push(Buffer.from(bytes))));
    socket.on("end", () => socket.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { port } = address;
  return { port, areShared, received };
}

async function send(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, "127.0.0.1").resume();
  const ended = once(socket, "end");
  for (let at = 0; at < bytes.length; at += 70_001) {
    if (!socket.write(bytes.subarray(at, at + 70_001))) await once(socket, "drain");
  }
  socket.end();
  await ended;
}

function pattern(seed: number): Buffer {
  return Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + seed) % 251));
}

test("[e2e] this release of node has what sharing needs", async () => {
  const { port, areShared } = await serve();
  await send(port, Buffer.from("x"));
  expect(areShared).toEqual([true]);
});

/** As a release of node would be that keeps its fields elsewhere. */
function withoutFields(socket: Socket): Socket {
  return new Proxy(socket, {
    ownKeys: () => [],
    get: (target, key): unknown => {
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value;
    },
  });
}

test.for([
  { name: "through one buffer", as: undefined, areShared: true },
  { name: "by node's own way where it has no other", as: withoutFields, areShared: false },
])("[e2e] many sockets at once get their own bytes, $name", async ({ as, areShared: expected }) => {
  const { port, received, areShared } = await serve(as);
  const sent = Array.from({ length: 12 }, (_, seed) => pattern(seed));
  await Promise.all(sent.map((bytes) => send(port, bytes)));
  const came = await Promise.all(received);
  expect(new Set(areShared)).toEqual(new Set([expected]));
  expect(came.map((bytes) => bytes.toString("latin1")).sort()).toEqual(
    sent.map((bytes) => bytes.toString("latin1")).sort(),
  );
});
