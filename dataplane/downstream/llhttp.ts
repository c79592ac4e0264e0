// llhttp, the parser of node itself, as undici ships it: compiled to WebAssembly. One instance for the process; parsers are
// numbers in its memory. Knows bytes and positions, nothing of connections.

import program from "undici/lib/llhttp/llhttp_simd-wasm.js";
import { z } from "zod";

/** What a parser says while it reads. Positions are of the bytes given to `execute`. */
export interface Events {
  begun(): void;
  /** A part of the target, which may come in several. */
  target(start: number, end: number): void;
  /** Parts of a field's name and value, each of which may come in several; of trailers too. */
  name(start: number, end: number): void;
  value(start: number, end: number): void;
  headEnded(): void;
  body(start: number, end: number): void;
  ended(): void;
}

export interface Fault {
  /** llhttp's own name: "HPE_INVALID_METHOD". */
  readonly code: string;
  /** A rule of HTTP in a few words; never a byte of what came. */
  readonly reason: string;
}

export interface HeadLine {
  readonly method: string;
  /** "1.1". */
  readonly version: string;
  /** The client may send another request on the connection. */
  readonly keepsAlive: boolean;
}

/** One connection's requests, read one after another. Free it, and it must not be used again. */
export interface RawParser {
  /** Reads at most MOST_BYTES. Undefined when all were read. */
  execute(bytes: Uint8Array): Fault | undefined;
  /** No more bytes will come. */
  finish(): Fault | undefined;
  /** Of the head that has just ended. */
  line(): HeadLine;
  free(): void;
}

/** Bytes that one `execute` takes. */
export const MOST_BYTES = 65_536;

const REQUEST = 1;
const OK = 0;
const PAUSED_UPGRADE = 22;

// What the module exports is checked once, when it is loaded: a release of undici with another one must not start.
const callable = <Arguments extends readonly number[]>() =>
  z.custom<(...args: Arguments) => number>((value) => typeof value === "function");
const exportsSchema = z.object({
  memory: z.custom<{ readonly buffer: ArrayBuffer }>((value) => value instanceof WebAssembly.Memory),
  malloc: callable<[bytes: number]>(),
  llhttp_alloc: callable<[type: number]>(),
  llhttp_free: callable<[parser: number]>(),
  llhttp_execute: callable<[parser: number, at: number, bytes: number]>(),
  llhttp_finish: callable<[parser: number]>(),
  llhttp_resume_after_upgrade: callable<[parser: number]>(),
  llhttp_get_error_pos: callable<[parser: number]>(),
  llhttp_get_error_reason: callable<[parser: number]>(),
  llhttp_errno_name: callable<[errno: number]>(),
  llhttp_get_method: callable<[parser: number]>(),
  llhttp_method_name: callable<[method: number]>(),
  llhttp_get_http_major: callable<[parser: number]>(),
  llhttp_get_http_minor: callable<[parser: number]>(),
  llhttp_should_keep_alive: callable<[parser: number]>(),
});
type Exports = z.infer<typeof exportsSchema>;

/** Makes parsers of one instance. */
export class ParserSource {
  readonly #exports: Exports;
  /** Where in the instance's memory bytes are put for it to read. */
  readonly #at: number;
  #memory: Uint8Array;
  readonly #methods = new Map<number, string>();
  readonly #versions = new Map<number, string>();
  /** Who reads now: a parser calls back only from within `execute` or `finish`. */
  #events: Events | undefined;

  constructor() {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(program), { env: this.#callbacks() });
    this.#exports = exportsSchema.parse({ ...instance.exports });
    this.#at = this.#exports.malloc(MOST_BYTES);
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
  }

  create(events: Events): RawParser {
    const { llhttp_alloc, llhttp_execute, llhttp_finish, llhttp_free } = this.#exports;
    const parser = llhttp_alloc(REQUEST);
    return {
      execute: (bytes) => {
        this.#put(bytes);
        this.#events = events;
        const errno = llhttp_execute(parser, this.#at, bytes.length);
        return errno === OK ? undefined : this.#goOn(parser, errno, bytes.length);
      },
      finish: () => {
        this.#events = events;
        const errno = llhttp_finish(parser);
        return errno === OK ? undefined : this.#fault(parser, errno);
      },
      line: () => this.#line(parser),
      free: () => {
        llhttp_free(parser);
      },
    };
  }

  /** Nobody is asked to change protocols: what follows such a request is the next one. */
  #goOn(parser: number, first: number, length: number): Fault | undefined {
    const { llhttp_execute, llhttp_get_error_pos, llhttp_resume_after_upgrade } = this.#exports;
    let errno = first;
    while (errno === PAUSED_UPGRADE) {
      const at = llhttp_get_error_pos(parser);
      llhttp_resume_after_upgrade(parser);
      errno = llhttp_execute(parser, at, this.#at + length - at);
    }
    return errno === OK ? undefined : this.#fault(parser, errno);
  }

  #put(bytes: Uint8Array): void {
    // Memory that has grown is another buffer.
    if (this.#memory.buffer !== this.#exports.memory.buffer) this.#memory = new Uint8Array(this.#exports.memory.buffer);
    this.#memory.set(bytes, this.#at);
  }

  #fault(parser: number, errno: number): Fault {
    const { llhttp_errno_name, llhttp_get_error_reason } = this.#exports;
    return { code: this.#text(llhttp_errno_name(errno)), reason: this.#text(llhttp_get_error_reason(parser)) };
  }

  #line(parser: number): HeadLine {
    const { llhttp_get_http_major, llhttp_get_http_minor, llhttp_should_keep_alive } = this.#exports;
    const { llhttp_get_method, llhttp_method_name } = this.#exports;
    const number = llhttp_get_method(parser);
    let method = this.#methods.get(number);
    if (method === undefined) {
      method = this.#text(llhttp_method_name(number));
      this.#methods.set(number, method);
    }
    const major = llhttp_get_http_major(parser);
    const minor = llhttp_get_http_minor(parser);
    const key = major * 256 + minor;
    let version = this.#versions.get(key);
    if (version === undefined) {
      version = `${String(major)}.${String(minor)}`;
      this.#versions.set(key, version);
    }
    return { method, version, keepsAlive: llhttp_should_keep_alive(parser) === 1 };
  }

  /** A text in the instance's memory, up to its NUL. */
  #text(at: number): string {
    if (at === 0) return "";
    const memory = Buffer.from(this.#exports.memory.buffer);
    return memory.toString("latin1", at, memory.indexOf(0, at));
  }

  #callbacks(): Record<string, (...args: number[]) => number> {
    // Each written out by itself: a function that all shared would be slower for it.
    return {
      wasm_on_message_begin: () => {
        this.#events?.begun();
        return 0;
      },
      wasm_on_url: (_parser = 0, at = 0, length = 0) => {
        this.#events?.target(at - this.#at, at - this.#at + length);
        return 0;
      },
      wasm_on_status: () => 0,
      wasm_on_header_field: (_parser = 0, at = 0, length = 0) => {
        this.#events?.name(at - this.#at, at - this.#at + length);
        return 0;
      },
      wasm_on_header_value: (_parser = 0, at = 0, length = 0) => {
        this.#events?.value(at - this.#at, at - this.#at + length);
        return 0;
      },
      wasm_on_headers_complete: () => {
        this.#events?.headEnded();
        return 0;
      },
      wasm_on_body: (_parser = 0, at = 0, length = 0) => {
        this.#events?.body(at - this.#at, at - this.#at + length);
        return 0;
      },
      wasm_on_message_complete: () => {
        this.#events?.ended();
        return 0;
      },
    };
  }
}
