// Clients that are slow, greedy, silent or gone: each gets a clear error or nothing, and leaves nothing behind.

import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { CounterStore } from "../../dataplane/core/counter-store.ts";
import { createMemoryStore } from "../../dataplane/store/memory-store.ts";
import { eventually } from "../helpers/clock.ts";
import { exchangeRaw, openRawClient, responsesIn } from "../helpers/raw-client.ts";
import { sseChunk, sseUsage } from "../helpers/scripted-upstream.ts";
import {
  ANSWER,
  ANSWER_TOKENS,
  answers,
  answerWith,
  BODY,
  chunk,
  EVENTS,
  headOf,
  PROMPT_ESTIMATE,
  post,
  STREAM,
  startTestBed,
  type TestBed,
} from "./test-bed.ts";

const KEY = ["Host: a", "apikey: key-alice"];
let bed: TestBed;

afterEach(async () => {
  await bed.quiet();
  await bed.stop();
});

function codeOf(body: string): string {
  return z.object({ error: z.object({ code: z.string() }) }).parse(JSON.parse(body)).error.code;
}

describe("bad requests", () => {
  test.for([
    { name: "JSON that breaks off", bytes: post('{"model":"m"'), status: 400, code: "body_malformed" },
    { name: "a list", bytes: post("[]"), status: 400, code: "body_malformed" },
    { name: "no body", bytes: post(""), status: 400, code: "body_malformed" },
    { name: "a body of NULs", bytes: post("\0".repeat(100)), status: 400, code: "body_malformed" },
    { name: "a model twice", bytes: post('{"model":"a","model":"b"}'), status: 400, code: "body_malformed" },
    {
      name: "brackets nested 100,000 deep",
      bytes: post(`{"messages":${"[".repeat(100_000)}`),
      status: 400,
      code: "body_malformed",
    },
    { name: "no key", bytes: post(BODY, ["Host: a"]), status: 401, code: "credential_missing" },
    {
      name: "a wrong key",
      bytes: post(BODY, ["Host: a", "apikey: nobody's"]),
      status: 401,
      code: "credential_unknown",
    },
    { name: "an empty key", bytes: post(BODY, ["Host: a", "apikey:"]), status: 401, code: "credential_missing" },
    {
      name: "a key of 20,000 bytes",
      bytes: post(BODY, ["Host: a", `apikey: ${"k".repeat(20_000)}`]),
      status: 401,
      code: "credential_unknown",
    },
    {
      name: "the same key twice",
      bytes: post(BODY, [...KEY, "ApiKey: key-alice"]),
      status: 401,
      code: "credential_duplicated",
    },
    {
      name: "two keys in one header",
      bytes: post(BODY, ["Host: a", "apikey: key-alice, key-bob"]),
      status: 401,
      code: "credential_unknown",
    },
    {
      name: "a compressed body",
      bytes: post(BODY, [...KEY, "Content-Encoding: br"]),
      status: 415,
      code: "body_encoded",
    },
    {
      name: "a method that is no call",
      bytes: `${headOf(KEY, "DELETE /v1/models/x HTTP/1.1")}\r\n`,
      status: 405,
      code: "method_not_allowed",
    },
    {
      name: "a GET of an unknown path",
      bytes: `${headOf(KEY, "GET /etc/passwd HTTP/1.1")}\r\n`,
      status: 405,
      code: "method_not_allowed",
    },
  ])("[proxy] $name is $status $code, and nothing goes upstream", async ({ bytes, status, code }) => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    const client = await openRawClient(bed.gateway.origin);
    client.write(bytes);
    await client.seen(`"code":"${code}"`);
    const [answer] = responsesIn(client.received());
    expect(answer?.status).toBe(status);
    expect(codeOf(answer?.body ?? "")).toBe(code);
    client.reset();
    expect(bed.requests).toEqual([]);
    expect(await bed.tokens()).toBe(0);
  });
});

test("[proxy] the refusal of a compressed body names the coding that is accepted", async () => {
  bed = await startTestBed(answers(answerWith(ANSWER)));
  const received = await exchangeRaw(bed.gateway.origin, post(BODY, [...KEY, "Content-Encoding: gzip"]));
  const [answer] = responsesIn(received);
  expect(answer?.headers.get("accept-encoding")).toBe("identity");
  expect(answer?.body).toContain('Content-Encoding \\"gzip\\" is not accepted; wanted identity');
});

describe("bodies that are too large", () => {
  const TOO_MUCH = 12 * 1024 * 1024;

  test.for([
    { name: "announced", fields: [`Content-Length: ${String(TOO_MUCH)}`], start: "" },
    { name: "in chunks", fields: ["Transfer-Encoding: chunked"], start: `${TOO_MUCH.toString(16)}\r\n` },
  ])("[proxy] $name: 413 with both sizes arrives although the client goes on sending", async ({ fields, start }) => {
    bed = await startTestBed(answers(answerWith(ANSWER)), { maxBodyBytes: 100_000 });
    const client = await openRawClient(bed.gateway.origin);
    client.write(`${headOf([...KEY, ...fields])}\r\n${start}`);
    // It reads only when all is sent: had the gateway closed with bytes unread, the answer would be lost by a reset.
    client.socket.pause();
    await new Promise<void>((sent) => client.socket.write(Buffer.alloc(TOO_MUCH, "x"), () => sent()));
    client.socket.resume();
    await client.seen("100000");
    client.socket.end();
    const [answer] = responsesIn(await client.closed);
    expect(answer?.status).toBe(413);
    expect(answer?.body).toMatch(/has \d{6,} bytes or more; at most 100000 are accepted/);
    expect(bed.requests).toEqual([]);
  });

  test("[proxy] an upload that nobody asked for is not read to its end: the connection is closed", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    const client = await openRawClient(bed.gateway.origin);
    client.write(`${headOf(["Host: a", "Content-Length: 9999999999"])}\r\n`);
    await client.seen("credential_missing");
    expect(responsesIn(await client.closed)[0]?.headers.get("connection")).toBe("close");
  });
});

describe("slow clients", () => {
  const timeouts = { headersMs: 150, requestMs: 300, checkMs: 20, keepAliveMs: 100 };

  test.for([
    { name: "never sends a byte", bytes: "" },
    { name: "stops in the request line", bytes: "POST /v1/ch" },
    { name: "stops in the head", bytes: headOf(KEY) },
    { name: "stops in the body", bytes: `${headOf([...KEY, "Content-Length: 100"])}\r\n{"model":` },
    { name: "stops in a chunk", bytes: `${headOf([...KEY, "Transfer-Encoding: chunked"])}\r\n64\r\n{"model":` },
  ])("[proxy] a client that $name gets 408 and its connection is closed", async ({ bytes }) => {
    bed = await startTestBed(answers(answerWith(ANSWER)), { timeouts });
    const [answer, ...more] = responsesIn(await exchangeRaw(bed.gateway.origin, bytes));
    expect(answer?.status).toBe(408);
    expect(codeOf(answer?.body ?? "")).toBe("request_timeout");
    expect(more).toEqual([]);
    expect(bed.requests).toEqual([]);
  });

  test("[proxy] a body that came too slowly is recorded as rejected with 408", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)), { timeouts });
    await exchangeRaw(bed.gateway.origin, `${headOf([...KEY, "Content-Length: 100"])}\r\n{`);
    expect(await bed.gateway.nextRequestLine()).toMatchObject({
      outcome: "rejected",
      status: 408,
      error: "request_timeout",
    });
  });

  test("[proxy] a body broken in its framing is recorded as rejected with 400", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    await exchangeRaw(bed.gateway.origin, `${headOf([...KEY, "Transfer-Encoding: chunked"])}\r\nzz\r\n`);
    expect(await bed.gateway.nextRequestLine()).toMatchObject({
      outcome: "rejected",
      status: 400,
      error: "request_malformed",
    });
  });

  test("[proxy] a client that sends byte by byte within its time is served", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    const client = await openRawClient(bed.gateway.origin);
    for (const byte of post(BODY, [...KEY, "Connection: close"])) {
      client.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(responsesIn(await client.closed)[0]?.body).toBe(ANSWER);
    expect(await bed.tokens()).toBe(ANSWER_TOKENS);
  });

  test("[proxy] an idle connection is closed without a word", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)), { timeouts });
    expect(responsesIn(await exchangeRaw(bed.gateway.origin, post())).map((answer) => answer.status)).toEqual([200]);
  });

  test("[proxy] a client that reads nothing more is cut, its upstream call ended and what was relayed charged", async () => {
    bed = await startTestBed(
      async (connection) => {
        await connection.readRequest();
        await connection.write(EVENTS.head);
        const event = chunk(sseChunk({ content: "b".repeat(4_000) }));
        while (!connection.socket.destroyed) await connection.write(event);
      },
      { timeouts: { stalledClientMs: 200, checkMs: 20 } },
    );
    const client = await openRawClient(bed.gateway.origin);
    client.socket.pause();
    client.write(post(STREAM));
    expect(await bed.gateway.nextRequestLine()).toMatchObject({ outcome: "client_gone", usageSource: "estimated" });
    await bed.upstream.connections[0]?.closed;
    expect(await bed.tokens("estimated")).toBeGreaterThan(1_000);
    client.reset();
  });
});

/** A store that keeps the answers to checks back until it is told to give them. */
function slowStore(): { readonly store: CounterStore; readonly asked: () => number; readonly release: () => void } {
  const store: CounterStore = createMemoryStore({ nowMs: () => Date.now() });
  const waiting: (() => void)[] = [];
  let asked = 0;
  return {
    store: {
      charge: (charges, sent) => store.charge(charges, sent),
      flush: (timeoutMs) => store.flush(timeoutMs),
      close: () => store.close(),
      admit(checks, done) {
        asked++;
        store.admit(checks, (admission) => waiting.push(() => done(admission)));
      },
    },
    asked: () => asked,
    release: () => {
      for (const give of waiting.splice(0)) give();
    },
  };
}

describe("clients that leave", () => {
  test.for([
    { name: "before the first byte", bytes: "" },
    { name: "in the head", bytes: "POST /v1/chat/completions HTTP/1.1\r\nHos" },
    { name: "in the body", bytes: `${headOf([...KEY, "Content-Length: 100"])}\r\n{"model":` },
    { name: "in a chunk", bytes: `${headOf([...KEY, "Transfer-Encoding: chunked"])}\r\n64\r\n{"model":` },
  ])("[proxy] $name: nothing goes upstream and nothing is charged", async ({ bytes }) => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    for (const leave of ["reset", "end"] as const) {
      const client = await openRawClient(bed.gateway.origin);
      client.write(bytes);
      if (leave === "reset") client.reset();
      else client.socket.end();
      await client.closed;
    }
    await bed.quiet();
    expect(bed.requests).toEqual([]);
    expect(await bed.tokens()).toBe(0);
  });

  test("[proxy] while the store is asked: nothing goes upstream and nothing is charged", async () => {
    const { store, asked, release } = slowStore();
    bed = await startTestBed(answers(answerWith(ANSWER)), { store });
    const client = await openRawClient(bed.gateway.origin);
    client.write(post());
    await eventually("the store is asked", () => asked() === 1);
    client.reset();
    expect(await bed.gateway.nextRequestLine()).toMatchObject({ outcome: "client_gone" });
    release();
    await bed.quiet();
    expect(bed.requests).toEqual([]);
    expect(await bed.tokens()).toBe(0);
  });

  test("[proxy] before the upstream has answered: its call is ended and the prompt is charged by estimate", async () => {
    bed = await startTestBed(async (connection) => {
      await connection.readRequest();
    });
    const client = await openRawClient(bed.gateway.origin);
    client.write(post());
    await eventually("the upstream is called", () => bed.requests.length === 1);
    client.reset();
    expect(await bed.gateway.nextRequestLine()).toMatchObject({ outcome: "client_gone" });
    await bed.upstream.connections[0]?.closed;
    expect(await bed.tokens("estimated")).toBe(PROMPT_ESTIMATE);
  });

  test("[proxy] in the middle of a stream: the call is ended, what was reported so far is charged", async () => {
    bed = await startTestBed(async (connection) => {
      await connection.readRequest();
      await connection.write(
        EVENTS.head + chunk(sseUsage({ prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 })),
      );
    });
    const client = await openRawClient(bed.gateway.origin);
    client.write(post(STREAM));
    await client.seen("total_tokens");
    client.reset();
    await bed.upstream.connections[0]?.closed;
    expect(await bed.gateway.nextRequestLine()).toMatchObject({ outcome: "client_gone", usageSource: "partial" });
    expect(await bed.tokens("partial")).toBe(6);
  });

  test("[proxy] right at the end: all of the usage is charged, once", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    for (let i = 0; i < 20; i++) {
      const client = await openRawClient(bed.gateway.origin);
      client.write(post());
      await client.seen("HTTP/1.1 200");
      client.reset();
      await bed.gateway.nextRequestLine();
    }
    expect(await bed.tokens()).toBe(20 * ANSWER_TOKENS);
  });

  test("[proxy] with several requests under way on one connection: every upstream call is ended and charged", async () => {
    bed = await startTestBed(async (connection) => {
      await connection.readRequest();
      await connection.write(
        EVENTS.head + chunk(sseUsage({ prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 })),
      );
    });
    const client = await openRawClient(bed.gateway.origin);
    client.write(post(STREAM).repeat(3));
    await eventually("all are under way", () => bed.requests.length === 3);
    await client.seen("total_tokens");
    client.reset();
    for (let i = 0; i < 3; i++) {
      expect(await bed.gateway.nextRequestLine()).toMatchObject({ outcome: "client_gone" });
    }
    await Promise.all(bed.upstream.connections.map((connection) => connection.closed));
    expect(await bed.tokens("partial")).toBeGreaterThanOrEqual(6);
  });

  test("[proxy] rubbish behind a request does not cost its answer", async () => {
    let answer: (() => Promise<void>) | undefined;
    bed = await startTestBed(async (connection) => {
      await connection.readRequest();
      answer = () => connection.write(answerWith(ANSWER));
    });
    const client = await openRawClient(bed.gateway.origin);
    client.write(`${post()}RUBBISH`);
    await eventually("the upstream is called", () => answer !== undefined);
    client.write("more of it\r\n\r\n");
    await answer?.();
    expect(responsesIn(await client.closed).map((one) => [one.status, one.body])).toEqual([[200, ANSWER]]);
    expect(await bed.tokens()).toBe(ANSWER_TOKENS);
  });

  test("[proxy] a thousand connections that leave at any byte leave no request open", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    const bytes = post();
    for (let i = 0; i < 1_000; i += 50) {
      const clients = await Promise.all(Array.from({ length: 50 }, () => openRawClient(bed.gateway.origin)));
      clients.forEach((client, j) => {
        client.write(bytes.slice(0, (i + j) % (bytes.length + 1)));
        if (j % 2 === 0) client.socket.end();
        else client.reset();
      });
      await Promise.all(clients.map((client) => client.closed));
    }
    await bed.quiet();
  });
});
