// One HTTP/1.1 call to the API server: sends, waits no longer than it should, and turns every failure into a KubeError. Knows
// no resource. Called by kube-client.ts.

import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import type { Clock } from "./clock.ts";
import type { AuthorizedOptions, ClusterAccess } from "./cluster-access.ts";
import { errorFromStatus, KubeError, REASONS, toKubeError } from "./kube-error.ts";

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
  readonly signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  /** For the answer's head, and then between two pieces of a body that is read whole. */
  readonly timeoutMs: number;
  readonly userAgent: string;
}

export interface Transport {
  /** The parsed body of a 2xx answer. */
  json(call: Call): Promise<unknown>;
  /** Feeds a 2xx answer's body as it comes; resolves at its proper end. No time-out once the head is there. */
  stream(call: Call, onBytes: (bytes: Buffer) => void): Promise<void>;
  close(): void;
}

/** A page of 500 large objects stays below; text beyond 512 MiB would not fit a string. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

export function createTransport(options: TransportOptions): Transport {
  const { access, clock, timeoutMs } = options;
  const nameOf = ({ method, path }: Call): string => `${method} ${path}`;

  async function open(call: Call): Promise<IncomingMessage> {
    const answer = await send(call, await access.authorize(nameOf(call)), options);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const text = await read(answer, { clock, timeoutMs, maxBytes: MAX_ERROR_BYTES }).catch(() => "");
    throw withRetryAfter(errorFromStatus(parsed(text), nameOf(call), status), answer, nameOf(call));
  }

  return {
    async json(call) {
      const name = nameOf(call);
      try {
        const answer = await open(call);
        const text = await read(answer, { clock, timeoutMs, maxBytes: MAX_BODY_BYTES });
        const body = parsed(text);
        if (body === undefined) throw new KubeError({ status: 0, reason: REASONS.malformed, call: name });
        return body;
      } catch (thrown) {
        throw named(thrown, name, call.signal);
      }
    },
    async stream(call, onBytes) {
      const name = nameOf(call);
      try {
        const answer = await open(call);

        for await (const bytes of answer) if (Buffer.isBuffer(bytes)) onBytes(bytes);
        if (!answer.complete) throw new KubeError({ status: 0, reason: REASONS.connection, call: name });
      } catch (thrown) {
        throw named(thrown, name, call.signal);
      }
    },
    close: () => access.close(),
  };
}

function send(call: Call, authorized: AuthorizedOptions, options: TransportOptions): Promise<IncomingMessage> {
  const { access, clock, timeoutMs, userAgent } = options;
  const { method, path, query, body, signal } = call;
  const base = access.server.pathname.replace(/\/+$/, "");
  const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
  const url = new URL(`${base}${path}${search}`, access.server);
  const headers = {
    ...authorized.headers,
    accept: "application/json",
    "user-agent": userAgent,
    ...(body === undefined
      ? {}
      : { "content-type": body.type, "content-length": String(Buffer.byteLength(body.text)) }),
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? tlsRequest : plainRequest;
    const sent = request(url, { ...authorized, method, headers, ...(signal === undefined ? {} : { signal }) });
    const cancel = clock.after(timeoutMs, () => {
      sent.destroy(new KubeError({ status: 0, reason: REASONS.timeout, call: `${method} ${path}` }));
    });
    sent.on("response", (answer) => {
      cancel();
      resolve(answer);
    });
    sent.on("error", (error) => {
      cancel();
      reject(error);
    });
    sent.end(body?.text);
  });
}

interface ReadLimits {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** The whole body. A server that stops sending is given up after `timeoutMs`. */
async function read(answer: IncomingMessage, { clock, timeoutMs, maxBytes }: ReadLimits): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  let cancel = (): void => {};
  const arm = (): void => {
    cancel();
    cancel = clock.after(timeoutMs, () =>
      answer.destroy(new KubeError({ status: 0, reason: REASONS.timeout, call: "" })),
    );
  };
  arm();
  try {
    for await (const piece of answer) {
      if (!Buffer.isBuffer(piece)) continue;
      arm();
      size += piece.length;
      if (size > maxBytes) throw new KubeError({ status: 0, reason: REASONS.tooLarge, call: "" });
      pieces.push(piece);
    }
  } finally {
    cancel();
  }
  return Buffer.concat(pieces).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/** The header, in whole seconds, where the body names no wait. */
function withRetryAfter(error: KubeError, answer: IncomingMessage, call: string): KubeError {
  const header = answer.headers["retry-after"];
  if (error.retryAfterMs !== undefined || header === undefined || !/^\d{1,4}$/.test(header)) return error;
  const { status, reason } = error;
  return new KubeError({ status, reason, call, retryAfterMs: Number(header) * 1000 });
}

/** An abort by the caller is told from a broken connection; the failures of this file learn the call's name. */
function named(thrown: unknown, call: string, signal: AbortSignal | undefined): KubeError {
  if (signal?.aborted === true) return new KubeError({ status: 0, reason: REASONS.aborted, call });
  if (thrown instanceof KubeError && thrown.status === 0) {
    return new KubeError({ status: 0, reason: thrown.reason, call });
  }
  return toKubeError(thrown, call);
}
