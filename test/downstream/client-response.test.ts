// An answer's bytes, its turn among others, and when its writer has to wait.

import { describe, expect, test } from "vitest";
import { type AnswerCarrier, ClientResponse } from "../../dataplane/downstream/client-response.ts";
import type { AnsweredRequest } from "../../dataplane/downstream/response-head.ts";

const REQUEST: AnsweredRequest = { method: "POST", httpVersion: "1.1", keepsAlive: true };

class RecordedCarrier implements AnswerCarrier {
  readonly tails = { date: () => "", keepAlive: "\r\n" };
  readonly written: string[] = [];
  readonly done: ClientResponse[] = [];
  isFlowing = true;
  isDestroyed = false;

  write(bytes: string | Buffer): boolean {
    this.written.push(bytes.toString("latin1"));
    return this.isFlowing;
  }

  writeAround(before: string, body: Buffer, after: string): boolean {
    this.written.push(before, body.toString("latin1"), after);
    return this.isFlowing;
  }

  finished(response: ClientResponse): void {
    this.done.push(response);
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

function aResponse(request: Partial<AnsweredRequest> = {}): { carrier: RecordedCarrier; res: ClientResponse } {
  const carrier = new RecordedCarrier();
  return { carrier, res: new ClientResponse(carrier, { ...REQUEST, ...request }) };
}

const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";

describe("bytes", () => {
  test("[unit] head and short body leave as one piece, a long body beside its head", () => {
    const { carrier, res } = aResponse();
    res.takeTurn();
    res.writeHead(200, ["Content-Length", "2"]);
    expect(carrier.written).toEqual([]);
    res.end("é");
    expect(carrier.written).toEqual([`${HEAD}\xc3\xa9`]);
    const long = aResponse();
    long.res.takeTurn();
    long.res.writeHead(200, ["Content-Length", "2"]);
    long.res.end(Buffer.alloc(20_000, "x"));
    expect(long.carrier.written).toEqual([HEAD, "x".repeat(20_000), ""]);
  });

  test("[unit] a long chunk leaves between its size and its end, uncopied", () => {
    const { carrier, res } = aResponse();
    res.takeTurn();
    res.writeHead(200, []);
    res.write("a");
    res.end(Buffer.alloc(20_000, "x"));
    expect(carrier.written).toEqual([
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
      "4e20\r\n",
      "x".repeat(20_000),
      "\r\n0\r\n\r\n",
    ]);
  });

  test("[unit] without a length the body goes in chunks, an empty piece is none", () => {
    const { carrier, res } = aResponse();
    res.takeTurn();
    res.writeHead(200, []);
    res.write("");
    res.write("hello");
    res.write(Buffer.alloc(17, "a"));
    res.end("bye");
    expect(carrier.written.join("")).toBe(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n11\r\n${"a".repeat(17)}\r\n3\r\nbye\r\n0\r\n\r\n`,
    );
    expect(carrier.done).toEqual([res]);
  });

  test("[unit] an end without a piece ends the chunks", () => {
    const { carrier, res } = aResponse();
    res.takeTurn();
    res.writeHead(200, []);
    res.end();
    expect(carrier.written.join("")).toBe("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  });

  test("[unit] a HEAD's answer has no body, whatever is written", () => {
    const { carrier, res } = aResponse({ method: "HEAD" });
    res.takeTurn();
    res.writeHead(200, ["Content-Length", "2"]);
    res.write("no");
    res.end("no");
    expect(carrier.written).toEqual([HEAD]);
  });

  test("[unit] nothing is written after the end", () => {
    const { carrier, res } = aResponse();
    res.takeTurn();
    res.writeHead(200, ["Content-Length", "2"]);
    res.end("ab");
    res.write("cd");
    res.end("ef");
    expect(carrier.written).toEqual([`${HEAD}ab`]);
    expect(carrier.done).toEqual([res]);
  });
});

describe("turns", () => {
  test("[unit] what is written before its turn waits, its writer pauses and is told to go on", () => {
    const { carrier, res } = aResponse();
    let drained = 0;
    res.onDrain = () => {
      drained += 1;
    };
    res.writeHead(200, ["Content-Length", "2"]);
    expect(res.write("a")).toBe(false);
    expect(carrier.written).toEqual([]);
    res.takeTurn();
    expect(carrier.written.join("")).toBe(`${HEAD}a`);
    expect(drained).toBe(1);
    expect(res.write("b")).toBe(true);
  });

  test("[unit] ended before its turn it is finished at its turn", () => {
    const { carrier, res } = aResponse();
    res.writeHead(200, ["Content-Length", "2"]);
    res.end("ab");
    expect(carrier.done).toEqual([]);
    res.takeTurn();
    expect(carrier.written.join("")).toBe(`${HEAD}ab`);
    expect(carrier.done).toEqual([res]);
  });

  test("[unit] a client that takes no more at its turn is waited for", () => {
    const { carrier, res } = aResponse();
    let drained = 0;
    res.onDrain = () => {
      drained += 1;
    };
    carrier.isFlowing = false;
    res.writeHead(200, []);
    res.write("a");
    res.takeTurn();
    expect(drained).toBe(0);
    res.drained();
    expect(drained).toBe(1);
  });
});

test("[unit] a client that goes is told once, and nothing is written any more", () => {
  const { carrier, res } = aResponse();
  let closed = 0;
  res.onClose = () => {
    closed += 1;
  };
  res.takeTurn();
  res.writeHead(200, ["Content-Length", "2"]);
  res.gone();
  res.gone();
  res.write("a");
  res.end("b");
  expect(closed).toBe(1);
  expect(carrier.written).toEqual([]);
});

test("[unit] to destroy an answer is to cut its connection", () => {
  const { carrier, res } = aResponse();
  res.destroy();
  expect(carrier.isDestroyed).toBe(true);
});
