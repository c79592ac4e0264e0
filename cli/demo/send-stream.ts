// Sends the frames of a stream one by one, as a model would make them, and counts what the client got.

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { Frame } from "./answer.ts";
import type { Charge } from "./ledger.ts";

export interface StreamReply {
  readonly frames: Iterable<Frame>;
  readonly headers: Readonly<Record<string, string>>;
  readonly charge: Charge;
  readonly paceMs: number;
}

/** Resolves when the stream has ended or its client is gone. A frame is charged when it is handed to the socket. */
export async function sendStream(response: ServerResponse, reply: StreamReply): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    ...reply.headers,
  });
  for (const { text, completionTokens } of reply.frames) {
    if (completionTokens > 0) await pause(reply.paceMs, gone.signal);
    if (gone.signal.aborted) {
      reply.charge.abort();
      return;
    }
    reply.charge.add(completionTokens);
    if (!response.write(text)) await drained(response, gone.signal);
  }
  response.end();
}

/** With no pace, only lets the close of the connection be noticed. */
async function pause(paceMs: number, signal: AbortSignal): Promise<void> {
  if (paceMs === 0) await nextTurn();
  else await delay(paceMs, undefined, { signal }).catch(() => undefined); // aborted: the caller sees it on the signal
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  await once(response, "drain", { signal }).catch(() => undefined); // aborted: the caller sees it on the signal
}
