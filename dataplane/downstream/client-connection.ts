// One connection of a client: the requests that come on it, their answers in order, and its end. Knows HTTP and the
// gateway's words for what is none; not what a request means.

import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { GatewayError } from "../respond/gateway-errors.ts";
import { ClientRequest } from "./client-request.ts";
import { type AnswerCarrier, ClientResponse } from "./client-response.ts";
import type { ParserSource } from "./llhttp.ts";
import { type RequestHead, RequestReader, type RequestTaker } from "./request-reader.ts";
import type { HeadTails } from "./response-head.ts";
import type { SharedReads } from "./shared-reads.ts";
import { endWith, faultProblem, TIMED_OUT } from "./unreadable.ts";

/** Unanswered requests of one connection. Common clients send no second request before the first is answered. */
const MAX_PIPELINED = 32;
const EXPECT = "expect";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** What came on a connection and never became a request that could be handled. */
export interface Unreadable {
  /** Of the answer; undefined when the client gets none of its own. */
  readonly requestId?: string;
  readonly reason: GatewayError["code"] | "pipelined_too_many";
  /** The HTTP parser's own name for it; "" when it was not the parser that refused. */
  readonly parser: string;
}

/** Where connections belong. */
export interface ConnectionHome {
  readonly parsers: ParserSource;
  readonly reads: SharedReads;
  readonly tails: HeadTails;
  readonly maxHeadBytes: number;
  /** From now on an answer ends its connection: its client comes back on a new one, to another data plane. */
  readonly isWithdrawn: boolean;
  handle(req: ClientRequest, res: ClientResponse): void;
  unreadable(what: Unreadable): void;
  /** A request is open from its head until the last byte of its answer is written, or its client has gone. */
  opened(): void;
  ended(): void;
  /** Called once. */
  gone(connection: ClientConnection): void;
}

interface Open {
  readonly req: ClientRequest;
  readonly res: ClientResponse;
}

export class ClientConnection implements AnswerCarrier, RequestTaker {
  readonly socket: Socket;
  readonly #home: ConnectionHome;
  readonly #reader: RequestReader;
  readonly #remoteAddress: string;
  /** In the order of the requests. */
  readonly #open: Open[] = [];
  /** The newest request, answered or not. */
  #last: Open | undefined;
  /** What comes further on it is not read: it is no HTTP, or nothing may follow. */
  #isClosing = false;
  #isGone = false;
  /** performance.now(): since when a request is awaited or comes in; or, after an answer, since when it is idle. */
  #sinceMs = performance.now();
  /** Its bytes are being read: its parser is in use. */
  #isReading = false;

  constructor(socket: Socket, home: ConnectionHome) {
    this.socket = socket;
    this.#home = home;
    this.#reader = new RequestReader(home.parsers, home.maxHeadBytes, this);
    this.#remoteAddress = socket.remoteAddress ?? "";
    socket.on("end", () => this.#finish());
    socket.on("drain", () => this.#open[0]?.res.drained());
    // What is wrong with a socket is nobody's business here: it closes.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#leave());
    home.reads.of(socket, (bytes) => this.#read(bytes));
  }

  get tails(): HeadTails {
    return this.#home.tails;
  }

  get #isIdle(): boolean {
    return this.#open.length === 0 && !this.#reader.isWithin;
  }

  /** Its last answer, when its head is still to be written, says that the connection ends. */
  withdraw(): void {
    // Not the ones before it: what a client has sent behind them would be thrown away.
    const last = this.#open.at(-1);
    if (last?.res.headersSent === false) last.res.closes = true;
  }

  /** When nothing has come or gone on it since: performance.now(). */
  closeIfIdle(sinceMs: number): void {
    if (this.#isIdle && !this.#isClosing && this.#sinceMs < sinceMs) this.socket.destroySoon();
  }

  /** Ends it when the client has had its time. */
  check(nowMs: number, times: { headersMs: number; requestMs: number; keepAliveMs: number }): void {
    if (this.#isClosing) return;
    const waitedMs = nowMs - this.#sinceMs;
    if (this.#last !== undefined && !this.#last.req.complete) {
      if (waitedMs >= times.requestMs) this.#breakOff(TIMED_OUT, "");
    } else if (this.#reader.isWithin || this.#last === undefined) {
      if (waitedMs >= times.headersMs) this.#breakOff(TIMED_OUT, "");
    } else if (this.#open.length === 0 && waitedMs >= times.keepAliveMs) {
      this.socket.destroySoon();
    }
  }

  head(head: RequestHead): void {
    if (this.#isClosing) return;
    if (head.method === "CONNECT") {
      this.#refuse({ code: "method_not_allowed", message: "CONNECT is no call of this gateway." }, "");
      return;
    }
    if (this.#open.length === MAX_PIPELINED) {
      this.#home.unreadable({ reason: "pipelined_too_many", parser: "" });
      this.destroy();
      return;
    }
    const req = new ClientRequest(head, this.#remoteAddress);
    const res = new ClientResponse(this, req);
    if (this.#home.isWithdrawn) res.closes = true;
    const open = { req, res };
    this.#last = open;
    this.#open.push(open);
    this.#home.opened();
    if (this.#open.length === 1) res.takeTurn();
    if (awaitsContinue(head)) req.onWanted(() => this.#continue(res));
    this.#home.handle(req, res);
  }

  body(piece: Buffer): void {
    // What it was read into is read into again.
    if (!this.#isClosing) this.#last?.req.data(Buffer.from(piece));
  }

  ended(): void {
    if (!this.#isClosing) this.#last?.req.ended();
  }

  write(bytes: string | Buffer): boolean {
    return typeof bytes === "string" ? this.socket.write(bytes, "latin1") : this.socket.write(bytes);
  }

  writeAround(before: string, body: Buffer, after: string): boolean {
    const { socket } = this;
    socket.cork();
    if (before !== "") socket.write(before, "latin1");
    let isFlowing = socket.write(body);
    if (after !== "") isFlowing = socket.write(after, "latin1");
    socket.uncork();
    return isFlowing;
  }

  finished(response: ClientResponse): void {
    this.#open.shift();
    if (this.socket.writableLength === 0) this.#home.ended();
    else this.socket.write("", () => this.#home.ended());
    if (response.closes) {
      this.#isClosing = true;
      this.socket.destroySoon();
      return;
    }
    const next = this.#open[0];
    if (next !== undefined) next.res.takeTurn();
    else if (!this.#reader.isWithin) this.#sinceMs = performance.now();
  }

  destroy(): void {
    this.#isClosing = true;
    this.socket.destroy();
    this.#leave();
  }

  /** Not behind an answer that is still to come: the client then sends its body unasked, a little later. */
  #continue(res: ClientResponse): void {
    if (this.#open[0]?.res === res && !res.headersSent) this.socket.write(CONTINUE, "latin1");
  }

  #read(bytes: Buffer): void {
    if (this.#isClosing) return;
    if (!this.#reader.isWithin) this.#sinceMs = performance.now();
    this.#isReading = true;
    const fault = this.#reader.push(bytes);
    this.#isReading = false;
    if (this.#isGone) this.#reader.free();
    else if (fault !== undefined) this.#breakOff(faultProblem(fault, this.#home.maxHeadBytes), fault.code);
  }

  /** The client sends no more. One that has also closed its other side cannot be told from one that has not: it has gone. */
  #finish(): void {
    const fault = this.#isClosing ? undefined : this.#reader.finish();
    if (fault === undefined) this.socket.destroySoon();
    else this.#breakOff(faultProblem(fault, this.#home.maxHeadBytes), fault.code);
  }

  /** What came is no request, or not in time. Whoever can still be answered is; then the connection ends. */
  #breakOff(problem: GatewayError, parser: string): void {
    // Bytes behind the first that were wrong are wrong as well.
    if (this.#isClosing) return;
    const last = this.#last;
    if (last !== undefined && this.#open.includes(last)) {
      this.#isClosing = true;
      this.#endAfter(last, problem, parser);
    } else if (last?.req.complete === false) {
      this.#isClosing = true;
      this.socket.destroySoon(); // the rest of a body whose answer has been given
    } else {
      this.#refuse(problem, parser);
    }
  }

  /** The last request of a connection is answered first; when it is its own body that cannot be read, with that. */
  #endAfter({ req, res }: Open, problem: GatewayError, parser: string): void {
    res.closes = true;
    if (req.complete) {
      this.#home.unreadable({ reason: problem.code, parser });
      this.socket.pause();
    } else if (!req.broken(problem) && !res.headersSent) {
      this.destroy();
    }
  }

  /** Answers what is no call of the gateway on the bare socket, and closes it. */
  #refuse(problem: GatewayError, parser: string): void {
    this.#isClosing = true;
    const last = this.#open.at(-1);
    if (last !== undefined) {
      // Answers come in order: there is no place for this one before the others have been given.
      last.res.closes = true;
      this.#home.unreadable({ reason: problem.code, parser });
      return;
    }
    const requestId = randomUUID();
    this.#home.unreadable({ requestId, reason: problem.code, parser });
    endWith(this.socket, problem, requestId);
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#isClosing = true;
    if (!this.#isReading) this.#reader.free();
    this.#home.gone(this);
    for (const { req, res } of this.#open.splice(0)) {
      req.gone();
      res.gone();
      this.#home.ended();
    }
  }
}

/** The one expectation there is (RFC 9110 section 10.1.1); others are refused by whoever handles the request. */
function awaitsContinue({ version, rawHeaders }: RequestHead): boolean {
  if (version !== "1.1") return false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === EXPECT.length && name.toLowerCase() === EXPECT) {
      return rawHeaders[i + 1]?.toLowerCase() === "100-continue";
    }
  }
  return false;
}
