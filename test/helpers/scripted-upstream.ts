// An upstream whose answers a test scripts with node:http; it records what reached it.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface ScriptedUpstream {
  readonly origin: string;
  readonly received: ReceivedRequest[];
  /** Resolves when a response's connection was closed by the gateway before the response was complete. */
  readonly abortedOnce: Promise<void>;
  close(): Promise<void>;
}

export type Script = (request: ReceivedRequest, res: ServerResponse) => void;

export async function startScriptedUpstream(script: Script): Promise<ScriptedUpstream> {
  const received: ReceivedRequest[] = [];
  let onAborted: (() => void) | undefined;
  const abortedOnce = new Promise<void>((resolve) => {
    onAborted = resolve;
  });
  const server = createServer((req, res) => {
    const pieces: Buffer[] = [];
    res.on("close", () => {
      if (!res.writableFinished) onAborted?.();
    });
    req.on("data", (piece: Buffer) => pieces.push(piece));
    req.on("end", () => {
      const request = {
        method: req.method ?? "",
        url: req.url ?? "",
        headers: req.headers,
        rawHeaders: req.rawHeaders,
        body: Buffer.concat(pieces).toString("utf8"),
      };
      received.push(request);
      script(request, res);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = addressOf(server.address());
  return {
    origin: `http://127.0.0.1:${String(port)}`,
    received,
    abortedOnce,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function addressOf(address: string | AddressInfo | null): AddressInfo {
  if (address === null || typeof address === "string") throw new Error("the server has no TCP address");
  return address;
}

/** A chat completion as OpenAI sends it, with the usage given. */
export function chatCompletion(usage: unknown = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }): string {
  return JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_700_000_000,
    model: "gpt-4o",
    choices: [{ index: 0, message: { role: "assistant", content: "Hello there." }, finish_reason: "stop" }],
    ...(usage === undefined ? {} : { usage }),
  });
}

/** Answers every request with a chat completion. */
export function answersChat(usage?: unknown): Script {
  return (_request, res) => {
    const body = chatCompletion(usage);
    res.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    res.end(body);
  };
}

export function sseChunk(delta: object, extra: object = {}): string {
  const chunk = {
    id: "c1",
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason: null }],
    ...extra,
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

export function sseUsage(usage: object): string {
  return `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", choices: [], usage })}\n\n`;
}
