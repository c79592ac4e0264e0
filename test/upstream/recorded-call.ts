// One call of an upstream with everything that its handler was told, in order.

import {
  type Upstream,
  type UpstreamCall,
  type UpstreamError,
  type UpstreamRequest,
  type UpstreamTarget,
} from "../../dataplane/upstream/upstream.ts";

export type Ending = { readonly kind: "end" } | { readonly kind: "error"; readonly error: UpstreamError };

export interface RecordedCall {
  readonly handle: UpstreamCall;
  /** "head 200", "data 5", "end 3", "end", "error connection_lost", ... */
  readonly events: readonly string[];
  readonly status: () => number;
  readonly headers: () => readonly string[];
  readonly body: () => Buffer;
  readonly headed: Promise<undefined>;
  readonly firstData: Promise<undefined>;
  readonly ended: Promise<Ending>;
}

export interface CallOptions {
  readonly target: Partial<UpstreamTarget> & { readonly origin: string };
  readonly request?: Partial<UpstreamRequest>;
  /** Called within the handler's methods, after the event is recorded. */
  readonly on?: (event: string, handle: UpstreamCall) => void;
}

export const GENEROUS: Omit<UpstreamTarget, "origin"> = {
  connectMs: 10_000,
  firstByteMs: 10_000,
  streamIdleMs: 10_000,
};

export function post(body: string | Buffer): UpstreamRequest {
  const bytes = Buffer.from(body);
  return {
    method: "POST",
    path: "/v1/chat/completions",
    headers: ["content-type", "application/json"],
    body: bytes.length === 0 ? [] : [bytes],
    bodyBytes: bytes.length,
  };
}

export function record(upstream: Upstream, { target, request, on }: CallOptions): RecordedCall {
  const events: string[] = [];
  const pieces: Buffer[] = [];
  const headed = deferred<undefined>();
  const firstData = deferred<undefined>();
  const ended = deferred<Ending>();
  let status = 0;
  let headers: readonly string[] = [];
  const note = (event: string): void => {
    events.push(event);
    on?.(event, handle);
  };
  const handle = upstream.request(
    { ...GENEROUS, ...target },
    { ...post("{}"), ...request },
    {
      onHead(code, fields) {
        status = code;
        headers = fields;
        note(`head ${code}`);
        headed.resolve(undefined);
      },
      onData(chunk) {
        pieces.push(chunk);
        note(`data ${chunk.length}`);
        firstData.resolve(undefined);
      },
      onEnd(last) {
        if (last !== undefined) pieces.push(last);
        note(last === undefined ? "end" : `end ${last.length}`);
        ended.resolve({ kind: "end" });
      },
      onError(error) {
        note(`error ${error.code}`);
        ended.resolve({ kind: "error", error });
      },
    },
  );
  return {
    handle,
    events,
    status: () => status,
    headers: () => headers,
    body: () => Buffer.concat(pieces),
    headed: headed.promise,
    firstData: firstData.promise,
    ended: ended.promise,
  };
}

/** The error of a call that must fail. */
export async function failureOf(call: RecordedCall): Promise<UpstreamError> {
  const ending = await call.ended;
  if (ending.kind === "end") throw new Error(`the call did not fail: ${call.events.join(", ")}`);
  return ending.error;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
