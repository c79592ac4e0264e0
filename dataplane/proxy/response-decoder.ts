// Stands between the upstream and the relay and decodes compressed responses, which some upstreams send although they are
// asked not to: usage can only be read from plain bytes. Plain responses pass straight through.

import type { Transform } from "node:stream";
import { type UpstreamCall, UpstreamError, type UpstreamHandler } from "../upstream/upstream.ts";
import { createContentDecoder } from "./content-coding.ts";

export class ResponseDecoder implements UpstreamHandler, UpstreamCall {
  call: UpstreamCall | undefined;
  readonly #relay: UpstreamHandler;
  #decoder: Transform | undefined;
  /** Whether a byte of the encoded body has come: an empty body is no broken one, whatever its head says. */
  #begun = false;
  #over = false;

  constructor(relay: UpstreamHandler) {
    this.#relay = relay;
  }

  onHead(status: number, headers: readonly string[]): void {
    const coding = valueOf(headers, "content-encoding");
    this.#decoder = coding === undefined ? undefined : createContentDecoder(coding);
    if (this.#decoder === undefined) {
      this.#relay.onHead(status, headers);
      return;
    }
    // What leaves is plain: its length and its validators are no longer those of the upstream's bytes.
    this.#relay.onHead(status, without(headers, ["content-encoding", "content-length", "content-md5", "etag"]));
    this.#listen(this.#decoder);
  }

  onData(chunk: Buffer): void {
    if (this.#decoder === undefined) {
      this.#relay.onData(chunk);
      return;
    }
    this.#begun = true;
    if (!this.#decoder.write(chunk)) this.call?.pause();
  }

  onEnd(last: Buffer | undefined): void {
    if (this.#decoder !== undefined && (this.#begun || last !== undefined)) {
      this.#decoder.end(last);
      return;
    }
    this.#over = true;
    this.#decoder?.destroy();
    this.#relay.onEnd(last);
  }

  onError(error: UpstreamError): void {
    this.#fail(error);
  }

  pause(): void {
    if (this.#decoder === undefined) this.call?.pause();
    else this.#decoder.pause();
  }

  resume(): void {
    if (this.#decoder === undefined) this.call?.resume();
    else this.#decoder.resume();
  }

  abort(): void {
    this.#over = true;
    this.#decoder?.destroy();
    this.call?.abort();
  }

  #listen(decoder: Transform): void {
    decoder.on("data", (piece: Buffer) => {
      if (!this.#over) this.#relay.onData(piece);
    });
    decoder.on("drain", () => this.call?.resume());
    decoder.on("end", () => {
      if (this.#over) return;
      this.#over = true;
      this.#relay.onEnd(undefined);
    });
    decoder.on("error", (cause: Error) => {
      this.call?.abort();
      this.#fail(new UpstreamError("protocol_error", "the compressed body cannot be decoded", cause));
    });
  }

  #fail(error: UpstreamError): void {
    if (this.#over) return;
    this.#over = true;
    this.#decoder?.destroy();
    this.#relay.onError(error);
  }
}

function valueOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.length === name.length && headers[i]?.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

function without(headers: readonly string[], names: readonly string[]): string[] {
  return headers.filter((_, i) => !names.includes((headers[i - (i % 2)] ?? "").toLowerCase()));
}
