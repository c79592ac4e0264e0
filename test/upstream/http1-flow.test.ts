// The HTTP/1.1 client under the caller's control: pause and resume, abort at every stage.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { type RecordedCall, record } from "./recorded-call.ts";
import { always, createTestBed, response } from "./test-bed.ts";

const bed = createTestBed();
afterEach(() => bed.close());

const MIB = 1024 * 1024;
const BODY_BYTES = 32 * MIB;

function received(call: RecordedCall): number {
  return call.body().length;
}

describe("pause", () => {
  test("[proxy] stops the upstream with little read, and resume brings the rest intact", async () => {
    const body = Buffer.alloc(BODY_BYTES, "0123456789abcde");
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`);
      await connection.write(body);
    });
    const other = await bed.server(always(response("ok")));
    const client = bed.client();
    const call = record(client, {
      target: server,
      on: (event, handle) => {
        if (event.startsWith("data") && !resumed) handle.pause();
      },
    });
    let resumed = false;
    await call.firstData;
    const atPause = received(call);
    for (let i = 0; i < 200; i += 1) await record(client, { target: other }).ended;
    expect(received(call)).toBe(atPause);
    expect(atPause).toBeLessThan(MIB);
    // The kernel's buffers are full, most of the body is still with the server.
    expect(server.connections[0]?.socket.writableLength).toBeGreaterThan(0);
    resumed = true;
    call.handle.resume();
    expect(await call.ended).toEqual({ kind: "end" });
    expect(call.body().equals(body)).toBe(true);
  });

  test("[proxy] of a stream is not silence of the upstream", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    });
    const silent = await bed.server(() => {});
    const client = bed.client();
    const call = record(client, {
      target: { ...server, streamIdleMs: 100 },
      on: (event, handle) => {
        if (event === "data 2") handle.pause();
      },
    });
    await call.firstData;
    await record(client, { target: { origin: silent.origin, firstByteMs: 500 } }).ended;
    expect(call.events).toEqual(["head 200", "data 2"]);
    call.handle.resume();
    expect(await call.ended).toMatchObject({ kind: "error", error: { code: "stream_idle_timeout" } });
  });

  test("[proxy] at the end of a response does not stop the next one on the same connection", async () => {
    const server = await bed.server(always(response("ok")));
    const client = bed.client();
    const first = record(client, { target: server, on: (event, handle) => event === "head 200" && handle.pause() });
    await first.ended;
    first.handle.pause();
    const second = record(client, { target: server });
    expect(await second.ended).toEqual({ kind: "end" });
    expect(server.connections.length).toBe(1);
  });

  test("[proxy] with surplus bytes read meanwhile does not hand them to the next call", async () => {
    const other = await bed.server(always(response("ok")));
    const client = bed.client();
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 20; i += 1) await record(client, { target: other }).ended;
    };
    let first: RecordedCall;
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      if (connection.index > 0) return connection.write(response("own"));
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
      await first.headed;
      await connection.write("ok");
      await settle();
      await connection.write(response("foreign"));
      await settle();
      first.handle.resume();
    });
    const second = new Promise<RecordedCall>((resolve) => {
      first = record(client, {
        target: server,
        on: (event, handle) => {
          if (event === "head 200") handle.pause();
          if (event.startsWith("end")) resolve(record(client, { target: server }));
        },
      });
    });
    const call = await second;
    await call.ended;
    expect(call.body().toString()).toBe("own");
  });

  test("[proxy] before there is a connection holds for the response", async () => {
    const server = await bed.server(always(response("ok")));
    const other = await bed.server(always(response("ok")));
    const client = bed.client();
    const call = record(client, { target: { ...server, firstByteMs: 100 } });
    call.handle.pause();
    for (let i = 0; i < 50; i += 1) await record(client, { target: other }).ended;
    expect(call.events).toEqual([]);
    call.handle.resume();
    expect(await call.ended).toEqual({ kind: "end" });
  });
});

test("[proxy] the body of a request is let go when its response begins", async () => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("this Node cannot collect garbage on demand");
  const server = await bed.server(async (connection) => {
    await connection.readRequest();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  });
  const kept: WeakRef<Buffer>[] = [];
  const start = (): RecordedCall => {
    const body = Buffer.alloc(1024 * 1024);
    kept.push(new WeakRef(body));
    return record(bed.client(), { target: server, request: { body: [body], bodyBytes: body.length } });
  };
  const call = start();
  await call.headed;
  await expect.poll(() => (Reflect.apply(collect, undefined, []), kept[0]?.deref())).toBeUndefined();
  call.handle.abort();
});

describe("abort", () => {
  test.for<{ name: string; sent: string; reached: (call: RecordedCall) => Promise<void>; events: string[] }>([
    { name: "before the head", sent: "", reached: async () => {}, events: [] },
    {
      name: "after the head",
      sent: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
      reached: (call) => call.headed,
      events: ["head 200"],
    },
    {
      name: "within the body",
      sent: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
      reached: (call) => call.firstData,
      events: ["head 200", "data 3"],
    },
  ])("[proxy] $name closes the upstream's connection, and nothing more is told", async ({ sent, reached, events }) => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      if (sent !== "") await connection.write(sent);
      await reached(call);
      call.handle.abort();
      await connection.write("more");
    });
    const call = record(bed.client(), { target: server });
    await expect.poll(() => server.connections.length).toBe(1);
    await server.connections[0]?.closed;
    call.handle.abort();
    call.handle.resume();
    expect(call.events).toEqual(events);
  });

  test("[proxy] within onHead keeps back the data that came with it", async () => {
    const server = await bed.server(always(response("hello")));
    const call = record(bed.client(), { target: server, on: (_event, handle) => handle.abort() });
    await call.headed;
    await server.connections[0]?.closed;
    expect(call.events).toEqual(["head 200"]);
  });

  test("[proxy] within onData keeps back the fault that came with it", async () => {
    const server = await bed.server(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n"));
    const call = record(bed.client(), {
      target: server,
      on: (event, handle) => event === "data 1" && handle.abort(),
    });
    await call.firstData;
    await server.connections[0]?.closed;
    expect(call.events).toEqual(["head 200", "data 1"]);
  });

  test("[proxy] while the connection is being opened calls it off", async () => {
    let answer = (): void => {};
    const server = await bed.server(always(response("ok")));
    const client = bed.client({
      resolve: (_name, _options, done) => {
        answer = () => done(null, [{ address: "127.0.0.1", family: 4 }]);
      },
      maxConnectionsPerOrigin: 1,
    });
    const target = { origin: `http://upstream.test:${server.port}` };
    const call = record(client, { target });
    call.handle.abort();
    answer();
    const next = record(client, { target });
    answer();
    expect(await next.ended).toEqual({ kind: "end" });
    expect(call.events).toEqual([]);
    expect(server.connections.length).toBe(1);
  });

  test("[proxy] after the end touches nothing: the connection may serve another call", async () => {
    const server = await bed.server(async (connection) => {
      await connection.readRequest();
      await connection.write(response("one"));
      await connection.readRequest();
      first.handle.abort();
      await connection.write(response("two"));
    });
    const client = bed.client();
    const first = record(client, { target: server });
    await first.ended;
    const second = record(client, { target: server });
    await second.ended;
    expect(second.body().toString()).toBe("two");
  });
});
