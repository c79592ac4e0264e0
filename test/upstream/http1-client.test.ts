// The HTTP/1.1 client against a real server on a socket: requests, responses, reuse of connections, flow control.

import { afterEach, describe, expect, test } from "vitest";
import type { UpstreamObserver } from "../../dataplane/upstream/origin-pool.ts";
import { failureOf, post, record } from "./recorded-call.ts";
import { always, createTestBed, response } from "./test-bed.ts";

const bed = createTestBed();
afterEach(() => bed.close());

const CHUNKED = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("a request", () => {
  test("[proxy] goes out as one head and body, and a JSON answer comes back as one end", async () => {
    const heads: string[] = [];
    const server = await bed.server(async (connection) => {
      const { head, body } = await connection.readRequest();
      heads.push(head, body.toString());
      await connection.write(response('{"a":1}', "Content-Type: application/json\r\n"));
    });
    const call = record(bed.client(), { target: server, request: post('{"q":1}') });
    expect(await call.ended).toEqual({ kind: "end" });
    expect(call.events).toEqual(["head 200", "end 7"]);
    expect(call.headers()).toEqual(["Content-Type", "application/json", "Content-Length", "7"]);
    expect(call.body().toString()).toBe('{"a":1}');
    expect(heads).toEqual([
      `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\ncontent-type: application/json\r\n` +
        "Content-Length: 7\r\nConnection: keep-alive",
      '{"q":1}',
    ]);
  });

  test.for([31, 33, 1024])("[proxy] of %i KiB in many pieces arrives intact", async (kib) => {
    const pieces = Array.from({ length: 64 }, (_, i) => Buffer.alloc(kib * 16, i));
    let received: Buffer = Buffer.alloc(0);
    const server = await bed.server(async (connection) => {
      received = (await connection.readRequest()).body;
      await connection.write(response("ok"));
    });
    const request = { ...post(""), body: pieces, bodyBytes: kib * 1024 };
    const call = record(bed.client(), { target: server, request });
    expect(await call.ended).toEqual({ kind: "end" });
    expect(received.equals(Buffer.concat(pieces))).toBe(true);
  });

  test("[proxy] with a forged line is refused, and nothing is dialled", async () => {
    const server = await bed.server(always(response("")));
    const request = { headers: ["x-id", "1\r\nHost: other"] };
    const call = record(bed.client(), { target: server, request });
    expect(call.events).toEqual([]);
    expect((await failureOf(call)).code).toBe("protocol_error");
    expect(server.connections).toEqual([]);
  });

  test("[proxy] to text that is no origin is refused", async () => {
    const error = await failureOf(record(bed.client(), { target: { origin: "http://127.0.0.1:1/v1" } }));
    expect([error.code, error.message]).toEqual([
      "connect_failed",
      '"http://127.0.0.1:1/v1" is not an origin; write http(s)://host:port',
    ]);
  });

  test("[proxy] that is refused and aborted at once hears nothing", async () => {
    const client = bed.client();
    const call = record(client, { target: { origin: "nonsense" } });
    call.handle.abort();
    await failureOf(record(client, { target: { origin: "nonsense" } }));
    expect(call.events).toEqual([]);
  });

  test("[proxy] is one of 100 at the same time, each with its own answer", async () => {
    const server = await bed.server(async (connection) => {
      for (;;) {
        const { body } = await connection.readRequest();
        await connection.write(response(`echo ${body.toString()}`));
      }
    });
    const client = bed.client();
    for (const round of [1, 2]) {
      const calls = Array.from({ length: 100 }, (_, i) =>
        record(client, { target: server, request: post(`${round}/${i}`) }),
      );
      await Promise.all(calls.map((call) => call.ended));
      expect(calls.map((call) => call.body().toString())).toEqual(calls.map((_, i) => `echo ${round}/${i}`));
    }
    expect(server.connections.length).toBe(100);
  });
});

describe("a response", () => {
  test("[proxy] of many chunks in one write comes as one piece", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write(CHUNKED);
      await call.headed;
      await connection.write("9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n");
      await call.firstData;
      await connection.write("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    });
    const call = record(bed.client(), { target: server });
    await call.ended;
    expect(call.events).toEqual(["head 200", "data 18", "end 14"]);
    expect(call.body().toString()).toBe("data: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
  });

  test("[proxy] without a length ends with the connection", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write("HTTP/1.1 200 OK\r\n\r\nuntil");
      await call.firstData;
      await connection.write(" close");
      connection.end();
    });
    const call = record(bed.client(), { target: server });
    expect(await call.ended).toEqual({ kind: "end" });
    expect(call.body().toString()).toBe("until close");
  });

  test("[proxy] to HEAD has no body", async () => {
    const server = await bed.server(always("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"));
    const call = record(bed.client(), { target: server, request: { ...post(""), method: "HEAD" } });
    await call.ended;
    expect(call.events).toEqual(["head 200", "end"]);
  });

  test("[proxy] after informational ones is the one that is reported", async () => {
    const server = await bed.server(always(`HTTP/1.1 103 Early Hints\r\n\r\n${response("ok")}`));
    const call = record(bed.client(), { target: server });
    await call.ended;
    expect(call.events).toEqual(["head 200", "end 2"]);
  });
});

interface Observed extends UpstreamObserver {
  readonly events: string[];
}

function observed(): Observed {
  const events: string[] = [];
  return {
    events,
    connectionOpened: () => events.push("opened"),
    connectionReused: () => events.push("reused"),
    connectionClosed: () => events.push("closed"),
    requestRetried: () => events.push("retried"),
  };
}

describe("a connection", () => {
  test("[proxy] is used again, also by a request made within onEnd", async () => {
    const server = await bed.server(always(response("ok")));
    const observe = observed();
    const client = bed.client({ observe });
    const second = new Promise((resolve) => {
      record(client, {
        target: server,
        on: (event) => {
          if (event.startsWith("end")) resolve(record(client, { target: server }).ended);
        },
      });
    });
    expect(await second).toEqual({ kind: "end" });
    expect(server.connections.length).toBe(1);
    expect(observe.events).toEqual(["opened", "reused"]);
  });

  test.for<{ name: string; text: string }>([
    { name: "with Connection: close", text: response("ok", "Connection: close\r\n") },
    { name: "of HTTP/1.0", text: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok" },
    { name: "with bytes after its end", text: `${response("ok")}HTTP/1.1 200 OK\r\n` },
    { name: "with more body than its length", text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay" },
    { name: "that leaves no time to reuse it", text: response("ok", "Keep-Alive: timeout=1\r\n") },
  ])("[proxy] is not used again after a response $name", async ({ text }) => {
    const server = await bed.server(always(text));
    const client = bed.client();
    for (const index of [0, 1]) {
      const call = record(client, { target: server });
      await call.ended;
      expect(call.body().toString()).toBe("ok");
      await server.connections[index]?.closed;
    }
    expect(server.connections.length).toBe(2);
  });

  test("[proxy] that gets bytes while it is idle is closed, and they answer nothing", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write(response(`ok ${connection.index}`));
      if (connection.index > 0) return;
      await call.ended;
      await connection.write(response("unasked"));
    });
    const client = bed.client();
    const call = record(client, { target: server });
    await call.ended;
    await server.connections[0]?.closed;
    const next = record(client, { target: server });
    await next.ended;
    expect(next.body().toString()).toBe("ok 1");
  });

  test.for<{ idleMs: number; newAfterMs: number }>([
    { idleMs: 15_000, newAfterMs: 4000 },
    { idleMs: 3000, newAfterMs: 3000 },
  ])("[proxy] idle for $newAfterMs ms of Keep-Alive: timeout=5 and idleMs $idleMs is not used again", async (row) => {
    const server = await bed.server(always(response("ok", "Keep-Alive: timeout=5\r\n")));
    let nowMs = 0;
    const client = bed.client({ idleMs: row.idleMs, clock: () => nowMs });
    await record(client, { target: server }).ended;
    nowMs += row.newAfterMs - 1;
    await record(client, { target: server }).ended;
    expect(server.connections.length).toBe(1);
    nowMs += row.newAfterMs;
    await record(client, { target: server }).ended;
    expect(server.connections.length).toBe(2);
  });

  test("[proxy] is not used again when the response came before the request was written", async () => {
    const server = await bed.server(async (connection) => {
      if (connection.index === 0) connection.socket.pause();
      else await connection.readRequest();
      await connection.write(response("early"));
    });
    const client = bed.client();
    const body = Buffer.alloc(32 * 1024 * 1024);
    const call = record(client, { target: server, request: { body: [body], bodyBytes: body.length } });
    expect(await call.ended).toEqual({ kind: "end" });
    const next = record(client, { target: server });
    expect(await next.ended).toEqual({ kind: "end" });
    expect(server.connections.length).toBe(2);
  });

  test("[proxy] is closed when it was idle too long, and only then", async () => {
    const server = await bed.server(always(response("ok")));
    const client = bed.client({ idleMs: 150 });
    await record(client, { target: server }).ended;
    const idleFrom = performance.now();
    await server.connections[0]?.closed;
    expect(performance.now() - idleFrom).toBeGreaterThan(145);
  });

  test("[proxy] beyond maxIdlePerOrigin is closed after its response", async () => {
    const server = await bed.server(always(response("ok")));
    const client = bed.client({ maxIdlePerOrigin: 1 });
    await Promise.all([1, 2, 3].map(() => record(client, { target: server }).ended));
    await Promise.race(server.connections.map((connection) => connection.closed));
    await Promise.all([1, 2].map(() => record(client, { target: server }).ended));
    expect(server.connections.length).toBe(4);
  });

  test("[proxy] beyond maxConnectionsPerOrigin is not opened: the call fails and says why", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      if (connection.index === 0) await connection.write(CHUNKED);
      else await connection.write(response("ok"));
    });
    const client = bed.client({ maxConnectionsPerOrigin: 1 });
    const first = record(client, { target: server });
    await first.headed;
    const error = await failureOf(record(client, { target: server }));
    expect([error.code, error.message]).toEqual([
      "connect_failed",
      `all 1 connections to ${server.origin} are in use (maxConnectionsPerOrigin)`,
    ]);
    const closed = server.connections[0]?.closed;
    first.handle.abort();
    await closed;
    const third = record(client, { target: server });
    await third.ended;
    expect(third.events).toEqual(["head 200", "end 2"]);
  });
});

describe("close", () => {
  test("[proxy] ends idle connections at once and a busy one when its call has ended", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      if (connection.index === 0) return connection.write(response("idle"));
      await connection.write(CHUNKED);
      await server.connections[0]?.closed;
      await connection.write("2\r\nok\r\n0\r\n\r\n");
    });
    const client = bed.client();
    const idle = record(client, { target: server });
    const busy = record(client, { target: server });
    await Promise.all([idle.ended, busy.headed]);
    client.close();
    expect(await busy.ended).toEqual({ kind: "end" });
    expect(busy.body().toString()).toBe("ok");
    await Promise.all(server.connections.map((connection) => connection.closed));
  });

  test("[proxy] refuses requests from then on", async () => {
    const client = bed.client();
    client.close();
    expect((await failureOf(record(client, { target: { origin: "http://127.0.0.1:1" } }))).code).toBe("aborted");
  });
});
