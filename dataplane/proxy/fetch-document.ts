// Fetches one JSON document over the upstream client, so that what holds for calls to providers holds here: the egress
// rule, TLS, time-outs. Bounded in time and size; no redirect is followed, no coding is undone.

import type { FetchDocument, FetchedDocument } from "../identify/issuer-keys.ts";
import type { Upstream, UpstreamCall, UpstreamHandler, UpstreamRequest } from "../upstream/upstream.ts";

const CONNECT_MS = 3_000;
const SILENCE_MS = 5_000;
/** For all of it: a server that sends one byte a second is not waited for. */
const DEADLINE_MS = 10_000;
const MAX_BYTES = 512 * 1024;

const HEADERS = ["Accept", "application/json", "Accept-Encoding", "identity", "User-Agent", "ai-rate-limit"];

export function createDocumentFetch(upstream: Upstream): FetchDocument {
  return (address, done) => {
    const url = new URL(address);
    const request: UpstreamRequest = {
      method: "GET",
      path: url.pathname + url.search,
      headers: HEADERS,
      body: [],
      bodyBytes: 0,
    };
    const target = { origin: url.origin, connectMs: CONNECT_MS, firstByteMs: SILENCE_MS, streamIdleMs: SILENCE_MS };
    const reader = new DocumentReader(done);
    reader.call = upstream.request(target, request, reader);
  };
}

class DocumentReader implements UpstreamHandler {
  call: UpstreamCall | undefined;
  readonly #done: (result: FetchedDocument) => void;
  readonly #deadline: NodeJS.Timeout;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #isOver = false;

  constructor(done: (result: FetchedDocument) => void) {
    this.#done = done;
    this.#deadline = setTimeout(() => {
      this.#giveUp(`no whole answer within ${String(DEADLINE_MS)} ms`);
    }, DEADLINE_MS).unref();
  }

  onHead(status: number): void {
    if (status !== 200) this.#giveUp(`found status ${String(status)}, wanted 200`);
  }

  onData(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_BYTES) this.#giveUp(`found more than ${String(MAX_BYTES)} bytes`);
  }

  onEnd(last: Buffer | undefined): void {
    if (last !== undefined) this.onData(last);
    if (!this.#isOver) this.#finish(parsed(Buffer.concat(this.#pieces)));
  }

  onError({ message }: Error): void {
    if (!this.#isOver) this.#finish({ problem: message });
  }

  #giveUp(problem: string): void {
    if (this.#isOver) return;
    this.call?.abort();
    this.#finish({ problem });
  }

  #finish(result: FetchedDocument): void {
    this.#isOver = true;
    clearTimeout(this.#deadline);
    this.#done(result);
  }
}

function parsed(body: Buffer): FetchedDocument {
  try {
    const document: unknown = JSON.parse(body.toString("utf8"));
    return { document };
  } catch {
    return { problem: "found no JSON" };
  }
}
