// The HTTP/1.1 client when the server fails: at every stage, by closing, by lying, by silence. Each call ends exactly once.

import { afterEach, describe, expect, test } from "vitest";
import type { UpstreamTarget } from "../../dataplane/upstream/upstream.ts";
import type { RawConnection } from "../helpers/raw-upstream.ts";
import { failureOf, post, record } from "./recorded-call.ts";
import { createTestBed, response } from "./test-bed.ts";

const bed = createTestBed();
afterEach(() => bed.close());

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const LENGTH_10 = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

describe("a server that goes away", () => {
  const stages = [
    { name: "before the head", sent: "", events: ["error connection_lost"], body: "" },
    { name: "within the head", sent: "HTTP/1.1 200 OK\r\nContent-", events: ["error connection_lost"], body: "" },
    { name: "right after the head", sent: LENGTH_10, events: ["head 200", "error connection_lost"], body: "" },
    {
      name: "within a body of known length",
      sent: `${LENGTH_10}hello`,
      events: ["head 200", "data 5", "error connection_lost"],
      body: "hello",
    },
    {
      name: "between chunks",
      sent: `${CHUNKED}5\r\nhello\r\n`,
      events: ["head 200", "data 5", "error connection_lost"],
      body: "hello",
    },
    {
      name: "within a chunk",
      sent: `${CHUNKED}a\r\nhello`,
      events: ["head 200", "data 5", "error connection_lost"],
      body: "hello",
    },
    {
      name: "within a chunk size",
      sent: `${CHUNKED}5\r\nhello\r\n1`,
      events: ["head 200", "data 5", "error connection_lost"],
      body: "hello",
    },
    {
      name: "before the last empty line",
      sent: `${CHUNKED}5\r\nhello\r\n0\r\n`,
      events: ["head 200", "data 5", "error connection_lost"],
      body: "hello",
    },
  ];
  const ways = [
    { way: "FIN", leave: (connection: RawConnection) => connection.end() },
    { way: "RST", leave: (connection: RawConnection) => connection.reset() },
  ];

  test.for(stages.flatMap((stage) => ways.map((way) => ({ ...stage, ...way }))))(
    "[proxy] by $way $name is connection_lost, once",
    async ({ sent, leave, events, body }) => {
      const server = await bed.server(async (connection) => {
        await connection.readRequest();
        if (sent !== "") await connection.write(sent);
        // What was sent must be read before a reset, which would drop it.
        if (events.length > 1) await (events.length > 2 ? call.firstData : call.headed);
        leave(connection);
      });
      const call = record(bed.client(), { target: server });
      await call.ended;
      expect(call.events).toEqual(events);
      expect(call.body().toString()).toBe(body);
      expect(server.connections.length).toBe(1);
    },
  );

  test("[proxy] by RST within a body that would end with the connection is connection_lost", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write("HTTP/1.1 200 OK\r\n\r\nhello");
      await call.firstData;
      connection.reset();
    });
    const call = record(bed.client(), { target: server });
    expect((await failureOf(call)).code).toBe("connection_lost");
  });

  test("[proxy] before it listens is connect_failed and names origin and cause", async () => {
    const server = await bed.server(() => {});
    await server.close();
    const error = await failureOf(record(bed.client(), { target: server }));
    expect(error.code).toBe("connect_failed");
    expect(error.message).toBe(`cannot connect to ${server.origin}: connect ECONNREFUSED 127.0.0.1:${server.port}`);
  });
});

describe("a kept connection that the server has closed", () => {
  /** Answers once on the first connection, then leaves when the next request comes. */
  const staleOnce =
    (leave: (connection: RawConnection) => void | Promise<void>) => async (connection: RawConnection) => {
      await connection.readRequest();
      await connection.write(response(`from ${connection.index}`));
      await connection.readRequest();
      if (connection.index === 0) await leave(connection);
      else await connection.write(response("again"));
    };

  test.for<{ way: string; leave: (connection: RawConnection) => void }>([
    { way: "FIN", leave: (connection) => connection.end() },
    { way: "RST", leave: (connection) => connection.reset() },
  ])("[proxy] by $way as the request arrives: the request is sent once more on a new one", async ({ leave }) => {
    const retried: string[] = [];
    const server = await bed.server(staleOnce(leave));
    const client = bed.client({
      observe: {
        connectionOpened() {},
        connectionReused() {},
        connectionClosed() {},
        requestRetried: (origin) => retried.push(origin),
      },
    });
    await record(client, { target: server }).ended;
    const call = record(client, { target: server, request: post("x".repeat(100_000)) });
    await call.ended;
    expect(call.events).toEqual(["head 200", "end 6"]);
    expect(call.body().toString()).toBe("from 1");
    expect(retried).toEqual([server.origin]);
  });

  test("[proxy] before the request: it goes to a new one without a retry", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write(response(`from ${connection.index}`));
      connection.end();
    });
    const client = bed.client();
    await record(client, { target: server }).ended;
    await server.connections[0]?.closed;
    const call = record(client, { target: server });
    await call.ended;
    expect(call.body().toString()).toBe("from 1");
  });

  test("[proxy] after one byte of the answer: the request is not sent again", async () => {
    const server = await bed.server(
      staleOnce(async (connection) => {
        await connection.write("H");
        connection.end();
      }),
    );
    const client = bed.client();
    await record(client, { target: server }).ended;
    expect((await failureOf(record(client, { target: server }))).code).toBe("connection_lost");
    expect(server.connections.length).toBe(1);
  });

  test("[proxy] later than a round trip: the request may have been read, so it is not sent again", async () => {
    let nowMs = 0;
    const server = await bed.server(
      staleOnce((connection) => {
        nowMs += 1000;
        connection.end();
      }),
    );
    const client = bed.client({ clock: () => nowMs });
    await record(client, { target: server }).ended;
    expect((await failureOf(record(client, { target: server }))).code).toBe("connection_lost");
    expect(server.connections.length).toBe(1);
  });

  test("[proxy] and a new one that is closed too: the request fails, it is not sent a third time", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      if (connection.index === 0) {
        await connection.write(response("ok"));
        await connection.readRequest();
      }
      connection.end();
    });
    const client = bed.client();
    await record(client, { target: server }).ended;
    expect((await failureOf(record(client, { target: server }))).code).toBe("connection_lost");
    expect(server.connections.length).toBe(2);
  });
});

describe("a server that breaks the protocol", () => {
  test.for<{ name: string; sent: string; events: string[] }>([
    { name: "with a head that is none", sent: "SSH-2.0-x\r\n\r\n", events: ["error protocol_error"] },
    {
      name: "with two framings",
      sent: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      events: ["error protocol_error"],
    },
    {
      name: "with a head over the limit",
      sent: `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}`,
      events: ["error protocol_error"],
    },
    {
      name: "within the chunks, after data",
      sent: `${CHUNKED}5\r\nhello\r\nzz\r\n`,
      events: ["head 200", "data 5", "error protocol_error"],
    },
    {
      name: "by switching protocols",
      sent: "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      events: ["error protocol_error"],
    },
  ])("[proxy] $name ends the call with what came before, and the connection", async ({ sent, events }) => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write(sent);
    });
    const call = record(bed.client(), { target: server });
    await call.ended;
    expect(call.events).toEqual(events);
    await server.connections[0]?.closed;
  });
});

describe("a server that is silent", () => {
  test.for<{ name: string; limits: Partial<UpstreamTarget>; sent: string; events: string[]; message: string }>([
    {
      name: "before the head",
      limits: { firstByteMs: 150 },
      sent: "",
      events: ["error first_byte_timeout"],
      message: "no response head from ORIGIN within 150 ms",
    },
    {
      name: "within the head",
      limits: { firstByteMs: 150 },
      sent: "HTTP/1.1 200 OK\r\n",
      events: ["error first_byte_timeout"],
      message: "no response head from ORIGIN within 150 ms",
    },
    {
      name: "within the body",
      limits: { streamIdleMs: 150 },
      sent: `${LENGTH_10}hello`,
      events: ["head 200", "data 5", "error stream_idle_timeout"],
      message: "no byte of the body from ORIGIN for 150 ms",
    },
  ])("[proxy] $name times out, not early, and closes the connection", async ({ limits, sent, events, message }) => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      if (sent !== "") await connection.write(sent);
    });
    const from = performance.now();
    const call = record(bed.client(), { target: { ...server, ...limits } });
    const error = await failureOf(call);
    expect(performance.now() - from).toBeGreaterThanOrEqual(149);
    expect(performance.now() - from).toBeLessThan(2000);
    expect(call.events).toEqual(events);
    expect(error.message).toBe(message.replace("ORIGIN", server.origin));
    await server.connections[0]?.closed;
  });

  test("[proxy] while TLS is set up times out as connect_timeout", async () => {
    const server = await bed.server(() => {});
    const target = { origin: `https://127.0.0.1:${server.port}`, connectMs: 150 };
    const error = await failureOf(record(bed.client(), { target }));
    expect([error.code, error.message]).toEqual(["connect_timeout", `no connection to ${target.origin} within 150 ms`]);
    await server.connections[0]?.closed;
  });

  test("[proxy] while the name is looked up times out as connect_timeout", async () => {
    const client = bed.client({ resolve: () => {} });
    const error = await failureOf(record(client, { target: { origin: "http://upstream.test", connectMs: 150 } }));
    expect(error.code).toBe("connect_timeout");
  });

  test("[proxy] no longer than the limit between pieces does not time out, however long the whole takes", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write(CHUNKED);
      for (let i = 0; i < 6; i += 1) {
        // 100 ms each, measured by a call that times out: longer in all than the limit of the call under test.
        await record(pace, { target: { origin: silent.origin, firstByteMs: 1 } }).ended;
        await connection.write("1\r\nx\r\n");
      }
      await connection.write("0\r\n\r\n");
    });
    const silent = await bed.server(() => {});
    const pace = bed.client();
    const call = record(bed.client(), { target: { ...server, streamIdleMs: 500 } });
    expect(await call.ended).toEqual({ kind: "end" });
    expect(call.body().toString()).toBe("xxxxxx");
  });
});
