// What the proxy asks of a wire format. One file per dialect implements it; nothing here knows HTTP servers or limits.

import type { TokenUsage, UsageSource } from "../core/usage.ts";

/** What one request body says, read by a scan and never by parsing the whole body. */
export interface RequestInfo {
  readonly model: string | undefined;
  readonly stream: boolean;
  /** UTF-8 bytes of the text that becomes prompt (message contents, tool text), without JSON syntax, data URLs and base64. */
  readonly promptTextBytes: number;
  /** Prompt tokens that the client sent as ids: each is one token, exactly. Absent counts as 0. */
  readonly promptTokenIds?: number | undefined;
  /** Messages or input items; 1 for a plain prompt. Absent counts as 0. */
  readonly messageCount?: number | undefined;
  /** The largest cap that the request sets to the length of its answer. Absent counts as 0. */
  readonly maxTokens?: number | undefined;
  /**
   * Completion tokens to assume when the answer goes on being made though nobody reads it (background responses); absent
   * for calls that end with their connection.
   */
  readonly detachedCompletion?: number | undefined;
  /** Why the body cannot be understood (found, wanted, where); then the other fields are as far as they were read. */
  readonly malformed: string | undefined;
}

/** Fed the body piece by piece as it arrives; any split gives the same result. */
export interface RequestReader {
  push(chunk: Buffer): void;
  end(): RequestInfo;
}

export interface MeterOptions {
  /** True when the proxy asked for usage on the client's behalf: what that adds to the stream is removed again. */
  readonly stripInjectedUsage: boolean;
}

/** Reads usage from a response while it is relayed. Any split of the bytes gives the same usage and the same output bytes. */
export interface ResponseMeter {
  /** Takes the next bytes and returns those that may be passed on now: the same Buffer when nothing is edited, undefined when all are held back. */
  push(chunk: Buffer): Buffer | undefined;
  /** No more bytes will come; returns what was held back. Also called when the stream breaks off. */
  end(): Buffer | undefined;
  /** What the response has reported so far; undefined when nothing usable. */
  usage(): ReportedUsage | undefined;
  /** True once the dialect's own end mark has been seen (`data: [DONE]`): no further usage will come. */
  complete(): boolean;
  /** UTF-8 bytes of generated text seen so far (contents, reasoning, tool arguments), without JSON syntax. */
  textBytes(): number;
}

export interface ReportedUsage {
  readonly usage: TokenUsage;
  /** "partial" when only a part was reported (the prompt of a stream that broke off). */
  readonly source: Exclude<UsageSource, "estimated">;
  /** The part that was not reported and is 0 in `usage`: to be estimated from text. Only when `source` is "partial". */
  readonly missing?: "prompt" | "completion" | undefined;
  /** The provider's own usage object as last reported, every field's last value; expressions read it. */
  readonly raw?: Readonly<Record<string, unknown>> | undefined;
}

/** Wire formats: of a request, of the backends that understand it, of the gateway's own answers to it. */
export type DialectName = "OpenAI" | "Anthropic";

/** One kind of call of an API. */
export interface Operation {
  readonly dialect: DialectName;
  /** Short stable name for logs and metrics: "chat", "models". */
  readonly name: string;
  /** Path on the provider, from the root: "/v1/chat/completions". */
  readonly upstreamPath: string;
  /** False for calls that cost no tokens: they pass when token limits are exhausted. */
  readonly charged: boolean;
  readRequest(): RequestReader;
  /**
   * The body to send when usage must be asked for on the client's behalf (stream without include_usage), as pieces that
   * share memory with the given ones; undefined when the body already asks for it or the call does not stream.
   */
  injectUsage(body: readonly Buffer[], info: RequestInfo): readonly Buffer[] | undefined;
  /** `contentType` is the response's header, lower case. */
  meterResponse(contentType: string, options: MeterOptions): ResponseMeter;
}

export interface Dialect {
  readonly name: DialectName;
  /** The operation whose API path the request path ends with (after the route's matched prefix), if any. */
  operationFor(method: string, path: string): Operation | undefined;
  /** The operation of a body with `messages` posted to a path that says nothing. */
  readonly defaultOperation: Operation;
}
