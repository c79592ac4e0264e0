// A gateway between raw sockets on both sides, and what every hostile exchange must leave behind: nothing.

import { expect } from "vitest";
import type { CounterStore } from "../../dataplane/core/counter-store.ts";
import type { TrafficTimeouts } from "../../dataplane/server.ts";
import { eventually } from "../helpers/clock.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { basics } from "../helpers/manifests.ts";
import { type RawRequest, type RawScript, type RawUpstream, startRawUpstream } from "../helpers/raw-upstream.ts";

export const BODY = '{"model":"m","messages":[{"role":"user","content":"hi there"}]}';
export const STREAM =
  '{"stream_options":{"include_usage":true},"stream":true,"messages":[{"role":"user","content":"hi there"}]}';
/** bytes/4 of "hi there". */
export const PROMPT_ESTIMATE = 2;
export const ANSWER = '{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}';
export const ANSWER_TOKENS = 12;
export const EVENTS = {
  head: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
};

/** Request line and headers up to and without the empty line. */
export function headOf(fields: readonly string[], line = "POST /v1/chat/completions HTTP/1.1"): string {
  return [line, ...fields, ""].join("\r\n");
}

export function post(body = BODY, fields: readonly string[] = ["Host: a", "apikey: key-alice"]): string {
  return `${headOf([...fields, `Content-Length: ${String(Buffer.byteLength(body))}`])}\r\n${body}`;
}

export function answerWith(body: string, type = "application/json"): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`;
}

export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

export interface TestBed {
  readonly gateway: GatewayUnderTest;
  readonly upstream: RawUpstream;
  /** What reached the upstream, when its script reads by `takeRequest`. */
  readonly requests: RawRequest[];
  /** Tokens charged so far, of all sources. */
  tokens(source?: string): Promise<number>;
  /** Waits until no request is open and no call of an upstream goes on; fails when that does not come. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestBedOptions {
  readonly limits?: string;
  readonly backend?: string;
  readonly store?: CounterStore;
  readonly timeouts?: Partial<TrafficTimeouts>;
  readonly maxBodyBytes?: number;
}

/** Answers each request of a connection with the bytes given. */
export function answers(bytes: string | Buffer): RawScript {
  return async (connection) => {
    for (;;) {
      await connection.readRequest();
      await connection.write(bytes);
    }
  };
}

export async function startTestBed(script: RawScript, options: TestBedOptions = {}): Promise<TestBed> {
  const requests: RawRequest[] = [];
  const upstream = await startRawUpstream((connection) =>
    script({
      ...connection,
      async readRequest() {
        const request = await connection.readRequest();
        requests.push(request);
        return request;
      },
    }),
  );
  const { limits = "  - {name: minute, limit: 1000000, window: {duration: 60s}}", backend = "", ...others } = options;
  const gateway = await startGateway(basics({ endpoint: upstream.origin, limits, backend }), others);
  expect(gateway.findings.filter((finding) => finding.severity === "error")).toEqual([]);
  return {
    gateway,
    upstream,
    requests,
    tokens: (source) => gateway.metric("airl_tokens_total", source === undefined ? {} : { source }),
    async quiet() {
      await eventually("open requests are 0", async () => (await gateway.metric("airl_open_requests")) === 0);
      await eventually("open streams are 0", async () => (await gateway.metric("airl_open_streams")) === 0);
    },
    async stop() {
      await gateway.stop();
      await upstream.close();
    },
  };
}
