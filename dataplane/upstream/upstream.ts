// The port through which the proxy calls a provider, so that the client behind it can be replaced. http1-client.ts implements it.

export interface UpstreamTarget {
  /** Scheme, host and port: "https://api.openai.com" or "http://127.0.0.1:9000". One pool of connections per origin. */
  readonly origin: string;
  readonly connectMs: number;
  /** From the moment the request is handed to the socket (sending its body counts) to the response's head. */
  readonly firstByteMs: number;
  /** Longest silence between two reads of a response body. */
  readonly streamIdleMs: number;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, as they go on the request line. */
  readonly path: string;
  /** Name, value, name, value, ... without Host, Content-Length, Transfer-Encoding and Connection: the client writes those. */
  readonly headers: readonly string[];
  readonly body: readonly Buffer[];
  readonly bodyBytes: number;
}

export type UpstreamErrorCode =
  | "connect_failed"
  | "connect_timeout"
  | "egress_denied"
  | "first_byte_timeout"
  | "stream_idle_timeout"
  | "connection_lost"
  | "protocol_error"
  | "aborted";

export class UpstreamError extends Error {
  readonly code: UpstreamErrorCode;

  constructor(code: UpstreamErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "UpstreamError";
    this.code = code;
  }
}

/**
 * Called in this order: onHead once, onData any number of times, then exactly one of onEnd and onError (which may also
 * come first). Never called before `request` has returned.
 */
export interface UpstreamHandler {
  /** `headers` as received: name, value, name, value, ...; informational responses (1xx) are not reported. */
  onHead(status: number, headers: readonly string[]): void;
  /** Body bytes without transfer framing; what one read of the socket brought comes as one piece. */
  onData(chunk: Buffer): void;
  /** The response is complete. `last` is the final piece when it arrived together with the end. */
  onEnd(last: Buffer | undefined): void;
  onError(error: UpstreamError): void;
}

export interface UpstreamCall {
  /** Stops reading from the upstream until resume; for back-pressure. What was read already may still be delivered. */
  pause(): void;
  resume(): void;
  /** Ends the call and its connection; no callback follows. */
  abort(): void;
}

export interface Upstream {
  request(target: UpstreamTarget, request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall;
  /** Closes idle connections now and others when their call ends. */
  close(): void;
}
