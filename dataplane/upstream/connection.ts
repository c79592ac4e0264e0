// One open socket with its response reader. Carries one exchange at a time; knows nothing of pools and time-outs.

import type { Socket } from "node:net";
import type { ResponseHead } from "./response-head.ts";
import { ResponseReader } from "./response-reader.ts";
import type { SocketReads } from "./socket-reads.ts";
import type { UpstreamRequest } from "./upstream.ts";

/** The exchange that a connection carries. After ended, lost or broken it hears nothing more. */
export interface Carried {
  readHead(head: ResponseHead): void;
  readData(data: Buffer): void;
  ended(last: Buffer | undefined): void;
  /** `answered`: at least one byte of a response had come. */
  lost(answered: boolean, cause: Error | undefined): void;
  /** The server broke the protocol. */
  broken(message: string): void;
}

/** Where a connection belongs. */
export interface ConnectionHome {
  /** The exchange has ended and the connection can take another. */
  free(connection: Connection): void;
  /** The connection is gone; called once. */
  gone(connection: Connection): void;
}

export interface ConnectionParts {
  readonly socket: Socket;
  readonly reads: SocketReads;
  readonly home: ConnectionHome;
  readonly maxHeadBytes: number;
}

/** Up to here copying the body behind the head is cheaper than a write of several pieces. */
const JOIN_BYTES = 32 * 1024;

export class Connection {
  /** True once an exchange has ended on it. */
  used = false;
  /** For the pool: when it became idle, and how long it may stay so. */
  idleSinceMs = 0;
  idleLimitMs = 0;
  readonly #socket: Socket;
  readonly #home: ConnectionHome;
  readonly #reader: ResponseReader;
  #carried: Carried | undefined;
  /** A byte has come since the request was written. */
  #answered = false;
  #paused = false;
  #gone = false;

  constructor({ socket, reads, home, maxHeadBytes }: ConnectionParts) {
    this.#socket = socket;
    this.#home = home;
    this.#reader = new ResponseReader(maxHeadBytes);
    reads.to((chunk) => this.#read(chunk));
    socket.on("end", () => this.#ended());
    socket.on("error", (error) => this.#lose(error));
    socket.on("close", () => this.#lose(undefined));
  }

  /** What the server said about idle connections in its last response. */
  get keepAliveSeconds(): number | undefined {
    return this.#reader.head?.keepAliveSeconds;
  }

  /** False when the server has closed it or has sent bytes that nobody asked for. */
  isReady(): boolean {
    const socket = this.#socket;
    const open = !socket.destroyed && !socket.readableEnded && socket.writable;
    return open && socket.readableLength === 0 && this.#carried === undefined;
  }

  /** Writes the request and reads its response for `carried`. */
  carry(carried: Carried, head: string, request: UpstreamRequest): void {
    this.#carried = carried;
    this.#answered = false;
    this.#reader.begin(request.method);
    this.#write(head, request);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Destroys the socket at once; the exchange it carries hears nothing. */
  destroy(): void {
    this.#carried = undefined;
    this.#socket.destroy();
    this.#leave();
  }

  #write(head: string, { body, bodyBytes }: UpstreamRequest): void {
    const socket = this.#socket;
    if (bodyBytes === 0) {
      socket.write(head, "latin1");
    } else if (head.length + bodyBytes <= JOIN_BYTES) {
      socket.write(joined(head, body, bodyBytes));
    } else {
      // Corked writes leave in one system call and are not copied together.
      socket.cork();
      socket.write(head, "latin1");
      for (const piece of body) socket.write(piece);
      socket.uncork();
    }
  }

  #read(chunk: Buffer): void {
    const carried = this.#carried;
    // Bytes on an idle connection answer no request of ours; they must not be taken for the next one's response.
    if (carried === undefined) return this.destroy();
    this.#answered = true;
    const reader = this.#reader;
    const before = reader.state;
    const state = reader.push(chunk);
    if (before === "head" && reader.head !== undefined) {
      carried.readHead(reader.head);
      // The exchange may have been aborted by what it was told.
      if (this.#carried !== carried) return;
    }
    if (state === "complete") return this.#complete(carried);
    if (reader.data !== undefined) carried.readData(reader.data);
    if (state === "failed" && this.#carried === carried) this.#break(carried);
  }

  #complete(carried: Carried): void {
    const last = this.#reader.data;
    this.#carried = undefined;
    // A request that is still being written when its response is complete leaves a connection in an unknown state.
    const reusable =
      this.#reader.head?.keepAlive === true && !this.#reader.surplus && this.#socket.writableLength === 0;
    if (reusable) this.#release();
    else this.destroy();
    carried.ended(last);
  }

  #release(): void {
    this.used = true;
    if (this.#paused) this.resume();
    this.#home.free(this);
  }

  #break(carried: Carried): void {
    const { fault } = this.#reader;
    this.destroy();
    carried.broken(fault);
  }

  /** The server has closed its side. */
  #ended(): void {
    const carried = this.#carried;
    if (carried === undefined) return this.destroy();
    if (this.#reader.eof() !== "complete") return this.#lose(undefined);
    this.#complete(carried);
  }

  #lose(cause: Error | undefined): void {
    const carried = this.#carried;
    this.destroy();
    carried?.lost(this.#answered, cause);
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#home.gone(this);
  }
}

function joined(head: string, body: readonly Buffer[], bodyBytes: number): Buffer {
  const whole = Buffer.allocUnsafe(head.length + bodyBytes);
  let at = whole.write(head, "latin1");
  for (const piece of body) at += piece.copy(whole, at);
  return whole;
}
