// The connections of clients and the requests on each that are not answered yet. Ends a connection on which something came
// that is no request, and tells every request of a connection that its client has gone.

import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { clientProblem, endWith, parserCode } from "./client-errors.ts";
import { UnreadableBody } from "./proxy/read-body.ts";
import type { GatewayError } from "./respond/gateway-errors.ts";

/** Unanswered requests of one connection. Common clients send no second request before the first is answered. */
const MAX_PIPELINED = 32;

interface Connection {
  readonly socket: Socket;
  /** In the order of the requests. A list: a set that is added to and taken from for each request is rebuilt again and again. */
  readonly open: ServerResponse[];
  /** Of the newest request, answered or not. */
  last: ServerResponse | undefined;
  /** What comes further on it is not read: it is no HTTP. */
  closing: boolean;
}

/** What came on a connection and never became a request that could be handled. */
export interface Unreadable {
  /** Of the answer; undefined when the client gets none of its own. */
  readonly requestId?: string;
  readonly reason: GatewayError["code"] | "pipelined_too_many";
  /** The HTTP parser's own name for it; "" when it was not the parser that refused. */
  readonly parser: string;
}

export class ClientConnections {
  /** Called whenever the last open request has ended. */
  onIdle: (() => void) | undefined;
  readonly #connections = new Map<Duplex, Connection>();
  readonly #maxHeadBytes: number;
  readonly #unreadable: (what: Unreadable) => void;
  #open = 0;

  constructor(maxHeadBytes: number, unreadable: (what: Unreadable) => void) {
    this.#maxHeadBytes = maxHeadBytes;
    this.#unreadable = unreadable;
  }

  get openRequests(): number {
    return this.#open;
  }

  sockets(): Socket[] {
    return Array.from(this.#connections.values(), ({ socket }) => socket);
  }

  track(socket: Socket): void {
    const connection: Connection = { socket, open: [], last: undefined, closing: false };
    this.#connections.set(socket, connection);
    socket.on("close", () => {
      this.#connections.delete(socket);
      // Of several requests on one connection node tells only the first one's response that the client has gone.
      process.nextTick(() => {
        for (const res of [...connection.open]) res.emit("close");
      });
    });
  }

  /** Counts a request until its response is closed. False when it must not be handled: its connection is gone or cut. */
  begin(res: ServerResponse): boolean {
    const { socket } = res.req;
    const connection = this.#connections.get(socket);
    if (connection === undefined || socket.destroyed) return false;
    const { open } = connection;
    if (open.length === MAX_PIPELINED) {
      this.#unreadable({ reason: "pipelined_too_many", parser: "" });
      socket.destroy();
      return false;
    }
    this.#open++;
    open.push(res);
    connection.last = res;
    res.on("close", () => {
      if (!remove(open, res)) return;
      this.#open--;
      if (this.#open === 0) this.onIdle?.();
    });
    return true;
  }

  /** Answers what is no call of the gateway on the bare socket, and closes it. */
  refuse(socket: Duplex, problem: GatewayError, parser = ""): void {
    const requestId = randomUUID();
    this.#unreadable({ requestId, reason: problem.code, parser });
    endWith(socket, problem, requestId);
  }

  /** What came on a connection is no request, or not in time. Whoever can still be answered is; then the connection ends. */
  breakOff(duplex: Duplex, error: Error): void {
    const connection = this.#connections.get(duplex);
    const problem = clientProblem(error, this.#maxHeadBytes);
    if (connection === undefined || problem === undefined) {
      duplex.destroy();
      return;
    }
    const { socket, open, last, closing } = connection;
    // Bytes behind the first that were wrong are wrong as well.
    if (closing) return;
    connection.closing = true;
    if (last !== undefined && open.includes(last)) {
      // Its own body that breaks off is recorded with the request.
      if (last.req.complete) this.#unreadable({ reason: problem.code, parser: parserCode(error) });
      endAfter(socket, last, new UnreadableBody(problem));
    } else if (last?.req.complete === false) {
      socket.destroySoon(); // the rest of a body whose answer has been given
    } else {
      this.refuse(socket, problem, parserCode(error));
    }
  }
}

/** False when it was not in the list. */
function remove(list: ServerResponse[], res: ServerResponse): boolean {
  const at = list.indexOf(res);
  if (at < 0) return false;
  list.splice(at, 1);
  return true;
}

/** The last request of a connection is answered first; when it is its own body that cannot be read, with that. */
function endAfter(socket: Socket, last: ServerResponse, problem: UnreadableBody): void {
  const { req } = last;
  if (req.complete) socket.pause();
  else if (req.listenerCount("error") > 0) req.emit("error", problem);
  else if (!last.headersSent) socket.destroy();
  if (last.writableFinished) socket.destroySoon();
  else last.once("finish", () => socket.destroySoon());
}
