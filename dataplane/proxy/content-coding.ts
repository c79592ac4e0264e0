// Decoders of compressed response bodies (RFC 9110 section 8.4.1; RFC 8878 for zstd). Output is taken with back-pressure, so
// a body that swells is never held whole.

import { Transform, type TransformCallback } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { Decompress } from "fzstd";

/** A decoder for the value of a Content-Encoding header; undefined for none, and for what cannot be decoded here. */
export function createContentDecoder(coding: string): Transform | undefined {
  switch (coding.trim().toLowerCase()) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return new ZstdDecoder();
    default:
      return undefined;
  }
}

/** Node has zstd of its own from 22.15 on; this one serves all releases that are supported. */
class ZstdDecoder extends Transform {
  readonly #decoder = new Decompress((chunk) => {
    // The library reuses its output buffer.
    if (chunk.length > 0) this.push(Buffer.from(chunk));
  });

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#step(chunk, false, done);
  }

  override _flush(done: TransformCallback): void {
    this.#step(new Uint8Array(0), true, done);
  }

  #step(chunk: Uint8Array, last: boolean, done: TransformCallback): void {
    try {
      this.#decoder.push(chunk, last);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
