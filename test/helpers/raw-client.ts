// A client that writes bytes on a socket as a test wants them, and reads what comes back as responses.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { readResponse } from "../upstream/read-response.ts";

export interface RawResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface RawClient {
  readonly socket: Socket;
  write(bytes: string | Buffer): void;
  /** Everything received so far. */
  received(): string;
  /** Resolves when what was received contains the text; rejects when the connection closes first. */
  seen(text: string): Promise<void>;
  /** Resolves with everything received once the gateway has closed the connection. */
  closed: Promise<string>;
  reset(): void;
}

export async function openRawClient(origin: string): Promise<RawClient> {
  const { hostname, port } = new URL(origin);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: false });
  let received = "";
  socket.setNoDelay(true);
  socket.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1");
  });
  socket.on("error", () => {}); // a reset is a way to close; "close" follows
  const closed = new Promise<string>((resolve) => {
    socket.once("close", () => resolve(received));
  });
  await once(socket, "connect");
  return {
    socket,
    write: (bytes) => void socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes),
    received: () => received,
    async seen(text) {
      while (!received.includes(text)) {
        if (socket.destroyed) throw new Error(`the connection closed before ${text} came; it brought ${received}`);
        await Promise.race([once(socket, "data"), closed]);
      }
    },
    closed,
    reset: () => socket.resetAndDestroy(),
  };
}

/** Sends bytes and gives what came back by the time the gateway closed; adds nothing that would make it close. */
export async function exchangeRaw(origin: string, bytes: string | Buffer): Promise<string> {
  const client = await openRawClient(origin);
  client.write(bytes);
  return client.closed;
}

/** The responses in what was received, one after another; 1xx left out. Throws when one is not well framed. */
export function responsesIn(received: string): RawResponse[] {
  const responses: RawResponse[] = [];
  let rest = received;
  while (rest !== "") {
    const end = endOfFirst(rest);
    const { status, headers, body, state, fault } = readResponse([Buffer.from(rest.slice(0, end), "latin1")], {
      eof: true,
    });
    if (state !== "complete") throw new Error(`not a response (${fault}): ${rest.slice(0, 200)}`);
    const pairs = headers.flatMap((text, i) =>
      i % 2 === 0 ? [[text.toLowerCase(), headers[i + 1] ?? ""] as const] : [],
    );
    responses.push({ status: status ?? 0, headers: new Map(pairs), body });
    rest = rest.slice(end);
  }
  return responses;
}

/** The shortest beginning that is a whole response; all of it when none is. */
function endOfFirst(text: string): number {
  const bytes = Buffer.from(text, "latin1");
  const isWhole = (end: number): boolean => readResponse([bytes.subarray(0, end)]).state === "complete";
  if (!isWhole(bytes.length)) return bytes.length;
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isWhole(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
