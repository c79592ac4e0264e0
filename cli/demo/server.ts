// The built-in fake LLM upstream: speaks OpenAI's and Anthropic's wire formats, costs nothing, answers the same request
// alike every time, and tells at /demo/stats what it has charged.

import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isRecord } from "../../compiler/is-record.ts";
import type { Address } from "../option-values.ts";
import type { Answer, DemoRequest, Dialect, JsonRecord } from "./answer.ts";
import { type Endpoint, findEndpoint } from "./endpoints.ts";
import { createLedger, type DemoStats, type Ledger } from "./ledger.ts";
import { sendStream } from "./send-stream.ts";

const MAX_BODY_BYTES = 32 * 1_048_576;

export interface DemoUpstreamOptions {
  readonly listen: Address;
  /** Milliseconds between the tokens of a stream; 0 sends them as fast as the client reads. */
  readonly paceMs: number;
  readonly nowMs: () => number;
  /** Without a key in the provider's place a request is refused, as the providers do. */
  readonly requireKey: boolean;
}

export interface DemoUpstream {
  readonly start: () => Promise<Address>;
  readonly stats: () => DemoStats;
  /** Ends open streams too. */
  readonly stop: () => Promise<void>;
}

export function createDemoUpstream(options: DemoUpstreamOptions): DemoUpstream {
  const ledger = createLedger();
  const server = createServer((request, response) => {
    const call: Call = { request, response, ledger, options, requestId: newId() };
    response.on("error", () => {}); // the client left; `close` follows and ends the call
    void handle(call).catch(() => response.destroy()); // reading the body failed: the client is gone
  });
  return {
    start: () => listen(server, options.listen),
    stats: () => ledger.stats(),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, { host, port }: Address): Promise<Address> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => resolve());
  });
  const address = server.address();
  return { host, port: typeof address === "object" && address !== null ? address.port : port };
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ledger: Ledger;
  readonly options: DemoUpstreamOptions;
  readonly requestId: string;
}

async function handle(call: Call): Promise<void> {
  const { request, response, ledger } = call;
  const { endpoint, dialect, path } = findEndpoint(request);
  if (path === "/demo/stats") {
    request.resume();
    sendJson(response, { status: 200, body: `${JSON.stringify(ledger.stats())}\n`, headers: {} });
    return;
  }
  const answer = await answerTo(call, { endpoint, dialect, path });
  const nowSeconds = Math.floor(call.options.nowMs() / 1000);
  const headers = dialect.headers(call.requestId, nowSeconds);
  if (answer.kind === "stream") {
    const charge = ledger.open(answer.promptTokens);
    await sendStream(response, { frames: answer.frames, headers, charge, paceMs: call.options.paceMs });
    return;
  }
  if (answer.kind === "json" && answer.charged !== undefined) {
    ledger.open(answer.charged.promptTokens).add(answer.charged.completionTokens);
  }
  sendJson(response, { status: answer.kind === "json" ? 200 : answer.status, body: answer.body, headers });
}

interface Target {
  readonly endpoint: Endpoint | undefined;
  readonly dialect: Dialect;
  readonly path: string;
}

async function answerTo(call: Call, { endpoint, dialect, path }: Target): Promise<Answer> {
  const { request, options, requestId } = call;
  const bytes = await readBody(request);
  const refused = options.requireKey ? dialect.unauthorized(request.headers, requestId) : undefined;
  if (refused !== undefined) return refused;
  if (endpoint === undefined) return dialect.notFound({ method: request.method ?? "", path }, requestId);
  if (bytes === undefined) return dialect.tooLarge(requestId);
  const body = endpoint.takesBody ? parseBody(bytes) : {};
  if (body === undefined) return dialect.malformed(requestId);
  const nowSeconds = Math.floor(options.nowMs() / 1000);
  const demoRequest: DemoRequest = { body, headers: request.headers, nowSeconds, newId };
  return endpoint.answer(demoRequest);
}

/** The whole body is read even when it is too large: an answer before its end may never be seen by the client. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue; // a stream without an encoding gives buffers only
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks, bytes);
}

function parseBody(bytes: Buffer): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined; // not JSON: the caller answers in the provider's words
  }
}

interface JsonReply {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

function sendJson(response: ServerResponse, { status, body, headers }: JsonReply): void {
  response.writeHead(status, {
    "content-type": "application/json",
    ...headers,
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function newId(): string {
  return randomBytes(12).toString("hex");
}
