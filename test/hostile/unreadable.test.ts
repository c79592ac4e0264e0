// What never became a request is counted and has one line in the log, without a byte of what the client sent.

import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../helpers/clock.ts";
import { exchangeRaw, openRawClient, responsesIn } from "../helpers/raw-client.ts";
import { ANSWER, answers, answerWith, headOf, post, startTestBed, type TestBed } from "./test-bed.ts";

const SECRET = "sk-very-secret";
let bed: TestBed;

afterEach(async () => {
  await bed.quiet();
  await bed.stop();
});

const unreadableLines = (): Record<string, unknown>[] =>
  bed.gateway.logLines.filter((line) => line["msg"] === "unreadable request");
const counted = (reason?: string): Promise<number> =>
  bed.gateway.metric("airl_unreadable_requests_total", reason === undefined ? {} : { reason });

describe("a connection that brings no request", () => {
  test.for([
    {
      name: "of bytes that are no HTTP",
      bytes: `\x16\x03\x01${SECRET}`,
      reason: "request_malformed",
      parser: "HPE_INVALID_METHOD",
      status: 400,
    },
    {
      name: "of the preface of HTTP/2",
      bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      reason: "request_malformed",
      parser: "HPE_PAUSED_H2_UPGRADE",
      status: 400,
    },
    {
      name: "of a header that is none",
      bytes: `${headOf(["Host: a", `apikey ${SECRET}`])}\r\n`,
      reason: "request_malformed",
      parser: "HPE_INVALID_HEADER_TOKEN",
      status: 400,
    },
    {
      name: "of a head that is too large",
      bytes: headOf(["Host: a", `X-A: ${SECRET.repeat(4_000)}`]),
      reason: "head_too_large",
      parser: "HPE_HEADER_OVERFLOW",
      status: 431,
    },
    {
      name: "of CONNECT",
      bytes: `CONNECT ${SECRET}:80 HTTP/1.1\r\nHost: a\r\n\r\n`,
      reason: "method_not_allowed",
      parser: undefined,
      status: 405,
    },
  ])("[proxy] $name counts as $reason, and its line has the answer's request id", async (row) => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    const [answer] = responsesIn(await exchangeRaw(bed.gateway.origin, row.bytes));
    const requestId = answer?.headers.get("x-airl-request-id");
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(unreadableLines()).toMatchObject([{ requestId, status: row.status, error: row.reason }]);
    expect(unreadableLines()[0]?.["parser"]).toBe(row.parser);
    expect(JSON.stringify(bed.gateway.logLines)).not.toContain(SECRET);
    expect(await counted(row.reason)).toBe(1);
    expect(await counted()).toBe(1);
    expect(await bed.gateway.metric("airl_requests_total")).toBe(0);
  });

  test("[proxy] a head that comes too slowly counts as request_timeout", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)), { timeouts: { headersMs: 100, checkMs: 20 } });
    await exchangeRaw(bed.gateway.origin, `POST /${SECRET}`);
    expect(unreadableLines()).toMatchObject([{ status: 408, error: "request_timeout" }]);
    expect(await counted("request_timeout")).toBe(1);
  });

  test("[proxy] however much rubbish comes on it, has one line of bounded length", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    const client = await openRawClient(bed.gateway.origin);
    for (let i = 0; i < 50; i++) client.write(`${"RUBBISH".repeat(500)}\r\n\r\n`);
    await client.closed;
    expect(unreadableLines()).toHaveLength(1);
    expect(JSON.stringify(unreadableLines()).length).toBeLessThan(400);
  });

  test("[proxy] a client that ends in its head counts, one that sends nothing does not", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    for (const bytes of ["", "POST /v1/ch"]) {
      const client = await openRawClient(bed.gateway.origin);
      client.write(bytes);
      client.socket.end();
      await client.closed;
    }
    expect(unreadableLines()).toMatchObject([{ error: "request_malformed", parser: "HPE_INVALID_EOF_STATE" }]);
    expect(await counted()).toBe(1);
  });
});

describe("a connection that brought requests", () => {
  test("[proxy] rubbish behind an open request is counted beside it", async () => {
    let answer: (() => Promise<void>) | undefined;
    bed = await startTestBed(async (connection) => {
      await connection.readRequest();
      answer = () => connection.write(answerWith(ANSWER));
    });
    const client = await openRawClient(bed.gateway.origin);
    client.write(`${post()}${SECRET}`);
    await eventually("the upstream is called", () => answer !== undefined);
    await eventually("the rubbish is seen", () => unreadableLines().length === 1);
    await answer?.();
    await client.closed;
    expect(unreadableLines()[0]).not.toHaveProperty("requestId");
    expect(await counted("request_malformed")).toBe(1);
    expect(await bed.gateway.metric("airl_requests_total", { status: "200" })).toBe(1);
  });

  test("[proxy] a request whose own body breaks off is recorded as that request alone", async () => {
    bed = await startTestBed(answers(answerWith(ANSWER)));
    const head = headOf(["Host: a", "apikey: key-alice", "Transfer-Encoding: chunked"]);
    await exchangeRaw(bed.gateway.origin, `${head}\r\nzz\r\n`);
    expect(await bed.gateway.metric("airl_requests_total", { status: "400", decision: "rejected" })).toBe(1);
    expect(await counted()).toBe(0);
  });

  test("[proxy] more requests than may be unanswered count once", async () => {
    bed = await startTestBed(async (connection) => {
      await connection.readRequest();
    });
    const client = await openRawClient(bed.gateway.origin);
    client.write(post().repeat(200));
    await client.closed;
    await bed.quiet();
    expect(await counted("pipelined_too_many")).toBe(1);
  });
});
