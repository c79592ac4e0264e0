// Requests that two readers could understand differently: each is refused, or exactly one well-framed request reaches the
// upstream, with the body that was limited.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchangeRaw, openRawClient, responsesIn } from "../helpers/raw-client.ts";
import {
  ANSWER,
  ANSWER_TOKENS,
  answers,
  answerWith,
  BODY,
  headOf,
  post,
  startTestBed,
  type TestBed,
} from "./test-bed.ts";

const LENGTH = `Content-Length: ${String(BODY.length)}`;
const CHUNKED = "Transfer-Encoding: chunked";
const SIZE = BODY.length.toString(16);
const CHUNKS = `${SIZE}\r\n${BODY}\r\n0\r\n\r\n`;
const FIELDS = ["Host: a", "apikey: key-alice", "Connection: close"];
/** What an attacker would have a second reader take for a request of its own. */
const SECOND = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\napikey: key-bob\r\nContent-Length: 2\r\n\r\n{}";

const withFields = (fields: readonly string[], body: string, line?: string): string =>
  `${headOf([...FIELDS, ...fields], line)}\r\n${body}`;
const withLine = (line: string): string => withFields([LENGTH], BODY, line);

const REFUSED: readonly { readonly name: string; readonly bytes: string; readonly status?: number }[] = [
  { name: "Transfer-Encoding beside Content-Length", bytes: withFields([LENGTH, CHUNKED], CHUNKS) },
  {
    name: "Content-Length beside Transfer-Encoding",
    bytes: withFields([CHUNKED, "Content-Length: 5"], CHUNKS + SECOND),
  },
  { name: "Content-Length 0 beside chunks", bytes: withFields(["Content-Length: 0", CHUNKED], CHUNKS) },
  { name: "two equal Content-Lengths", bytes: withFields([LENGTH, LENGTH], BODY) },
  { name: "two different Content-Lengths", bytes: withFields([LENGTH, "Content-Length: 3"], BODY) },
  { name: "a list of Content-Lengths", bytes: withFields([`${LENGTH}, ${String(BODY.length)}`], BODY) },
  { name: "a Content-Length with a sign", bytes: withFields([`Content-Length: +${String(BODY.length)}`], BODY) },
  { name: "a negative Content-Length", bytes: withFields(["Content-Length: -1"], BODY) },
  { name: "a hexadecimal Content-Length", bytes: withFields(["Content-Length: 0x3f"], BODY) },
  { name: "an empty Content-Length", bytes: withFields(["Content-Length:"], BODY) },
  { name: "a Content-Length with a blank within", bytes: withFields(["Content-Length: 6 3"], BODY) },
  { name: "a Content-Length beyond 64 bits", bytes: withFields([`Content-Length: ${"9".repeat(30)}`], BODY) },
  { name: "Transfer-Encoding: identity", bytes: withFields(["Transfer-Encoding: identity"], BODY + SECOND) },
  { name: "Transfer-Encoding: gzip, chunked", bytes: withFields(["Transfer-Encoding: gzip, chunked"], CHUNKS) },
  { name: "Transfer-Encoding: chunked, gzip", bytes: withFields(["Transfer-Encoding: chunked, gzip"], CHUNKS) },
  { name: "Transfer-Encoding: chunked, chunked", bytes: withFields(["Transfer-Encoding: chunked, chunked"], CHUNKS) },
  { name: "Transfer-Encoding: xchunked", bytes: withFields(["Transfer-Encoding: xchunked"], CHUNKS) },
  { name: "Transfer-Encoding in quotes", bytes: withFields(['Transfer-Encoding: "chunked"'], CHUNKS) },
  { name: "Transfer-Encoding with a parameter", bytes: withFields(["Transfer-Encoding: chunked;q=1"], CHUNKS) },
  { name: "Transfer-Encoding with a vertical tab", bytes: withFields(["Transfer-Encoding: \x0bchunked"], CHUNKS) },
  { name: "Transfer-Encoding twice", bytes: withFields([CHUNKED, CHUNKED], CHUNKS) },
  {
    name: "Transfer-Encoding twice, once identity",
    bytes: withFields([CHUNKED, "Transfer-Encoding: identity"], CHUNKS),
  },
  { name: "a blank before the colon", bytes: withFields(["Transfer-Encoding : chunked"], CHUNKS) },
  { name: "a tab before the colon", bytes: withFields(["Content-Length\t: 5"], BODY) },
  { name: "a folded Transfer-Encoding", bytes: withFields(["Transfer-Encoding:\r\n chunked"], CHUNKS) },
  { name: "a folded header", bytes: withFields(["X-A: 1\r\n\t2", LENGTH], BODY) },
  { name: "a header that begins with a blank", bytes: withFields([` ${CHUNKED}`, LENGTH], BODY) },
  { name: "a header without a colon", bytes: withFields(["X-A", LENGTH], BODY) },
  { name: "a header without a name", bytes: withFields([": chunked", LENGTH], BODY) },
  { name: "a head with bare LFs", bytes: `${headOf([...FIELDS, LENGTH]).replaceAll("\r\n", "\n")}\n${BODY}` },
  { name: "one bare LF in the head", bytes: withFields([`X-A: 1\n${CHUNKED}`, LENGTH], BODY) },
  { name: "a bare CR in the head", bytes: withFields([`X-A: 1\r${CHUNKED}`, LENGTH], BODY) },
  { name: "a NUL in a value", bytes: withFields(["X-A: 1\0", LENGTH], BODY) },
  { name: "a NUL in a name", bytes: withFields(["X\0A: 1", LENGTH], BODY) },
  { name: "a chunk size with 0x", bytes: withFields([CHUNKED], `0x${CHUNKS}`) },
  { name: "a chunk size with a sign", bytes: withFields([CHUNKED], `+${CHUNKS}`) },
  { name: "a negative chunk size", bytes: withFields([CHUNKED], `-1\r\n${BODY}`) },
  { name: "a chunk size beyond 64 bits", bytes: withFields([CHUNKED], `${"f".repeat(17)}\r\n${BODY}`) },
  { name: "a blank behind the chunk size", bytes: withFields([CHUNKED], CHUNKS.replace("\r\n", " \r\n")) },
  { name: "a chunk size with a bare LF", bytes: withFields([CHUNKED], CHUNKS.replace("\r\n", "\n")) },
  {
    name: "a chunk extension with a bare LF",
    bytes: withFields([CHUNKED], CHUNKS.replace("\r\n", `;\n${SECOND}\r\n`)),
  },
  {
    name: "an endless chunk extension",
    bytes: withFields([CHUNKED], CHUNKS.replace("\r\n", `;${"a".repeat(40_000)}\r\n`)),
  },
  { name: "a chunk longer than its size", bytes: withFields([CHUNKED], `${SIZE}\r\n${BODY}xx0\r\n\r\n`) },
  { name: "a last chunk with bare LFs", bytes: withFields([CHUNKED], `${SIZE}\r\n${BODY}\r\n0\n\n`) },
  {
    name: "a trailer that frames",
    bytes: withFields([CHUNKED], `${SIZE}\r\n${BODY}\r\n0\r\nContent-Length: 5\r\n\r\n`),
  },
  ...[
    "http://evil.example/v1/chat/completions",
    "http://a.evil.example/v1/chat/completions",
    "http://a:8080/v1/chat/completions",
    "http://a:443/v1/chat/completions",
    "https://a:80/v1/chat/completions",
    "http://evil@a/v1/chat/completions",
    "http://a:b@a/v1/chat/completions",
    "http://a\\@evil.example/v1/chat/completions",
    "http://a%2eevil/v1/chat/completions",
    "http:///v1/chat/completions",
    "http:/v1/chat/completions",
    "http:a/v1/chat/completions",
    "http://:80/v1/chat/completions",
    "http://[a]/v1/chat/completions",
    "http://a/v1/chat/completions#b",
    "ftp://a/v1/chat/completions",
    "file:///v1/chat/completions",
    "a/v1/chat/completions",
  ].map((target) => ({ name: `the target ${target} beside Host: a`, bytes: withLine(`POST ${target} HTTP/1.1`) })),
  {
    name: "an absolute target without Host",
    bytes: `${headOf(["apikey: key-alice", LENGTH], "POST http://a/v1/chat/completions HTTP/1.1")}\r\n${BODY}`,
  },
  {
    name: "an absolute target beside two Hosts",
    bytes: withFields(["Host: a", LENGTH], BODY, "POST http://a/v1/chat/completions HTTP/1.1"),
  },
  { name: "an authority target", bytes: withLine("POST evil.example:80 HTTP/1.1") },
  { name: "an asterisk target", bytes: withLine("OPTIONS * HTTP/1.1") },
  { name: "a target with a blank", bytes: withLine("POST /v1/chat/completions HTTP/1.1 HTTP/1.1") },
  { name: "a target with a fragment", bytes: withLine("POST /v1/chat/completions?a=1#b HTTP/1.1") },
  { name: "a target with a NUL", bytes: withLine("POST /v1/chat/completions?a=\0 HTTP/1.1") },
  { name: "a target with a byte above 0x7f", bytes: withLine("POST /v1/chat/completions?a=\xe9 HTTP/1.1") },
  { name: "CONNECT", bytes: withFields([], "", "CONNECT evil.example:80 HTTP/1.1"), status: 405 },
  { name: "two Hosts", bytes: withFields(["Host: b", LENGTH], BODY) },
  { name: "no Host", bytes: `${headOf(["apikey: key-alice", LENGTH])}\r\n${BODY}` },
  { name: "a method in lower case", bytes: withLine("post /v1/chat/completions HTTP/1.1") },
  { name: "a method in mixed case", bytes: withLine("Post /v1/chat/completions HTTP/1.1") },
  { name: "a method that is none", bytes: withLine("FOO /v1/chat/completions HTTP/1.1") },
  { name: "HTTP/0.9", bytes: "POST /v1/chat/completions\r\n\r\n" },
  { name: "HTTP/1.0 with chunks", bytes: withFields([CHUNKED], CHUNKS, "POST /v1/chat/completions HTTP/1.0") },
  { name: "HTTP/1.2", bytes: withLine("POST /v1/chat/completions HTTP/1.2") },
  { name: "HTTP/2.0 in a request line", bytes: withLine("POST /v1/chat/completions HTTP/2.0") },
  { name: "the preface of HTTP/2", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" },
  { name: "a TLS hello", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" },
  { name: "an expectation that is none", bytes: withFields(["Expect: 200-ok", LENGTH], BODY), status: 417 },
  { name: "201 headers", bytes: withFields([...Array<string>(197).fill("X-A: 1"), LENGTH], BODY), status: 431 },
  {
    name: "thousands of headers",
    bytes: withFields([...Array<string>(3_000).fill("X-A: 1"), LENGTH], BODY),
    status: 431,
  },
  { name: "one header of 40,000 bytes", bytes: withFields([`X-A: ${"a".repeat(40_000)}`, LENGTH], BODY), status: 431 },
  { name: "a request line of 40,000 bytes", bytes: withLine(`POST /${"a".repeat(40_000)} HTTP/1.1`), status: 431 },
];

const FORWARDED: readonly { readonly name: string; readonly bytes: string }[] = [
  { name: "Content-Length", bytes: withFields([LENGTH], BODY) },
  { name: "chunks", bytes: withFields([CHUNKED], CHUNKS) },
  {
    name: "chunks of one byte",
    bytes: withFields([CHUNKED], `${Array.from(BODY, (c) => `1\r\n${c}\r\n`).join("")}0\r\n\r\n`),
  },
  { name: "Transfer-Encoding in mixed case", bytes: withFields(["TRANSFER-encoding:\tChunKed "], CHUNKS) },
  { name: "a chunk extension", bytes: withFields([CHUNKED], CHUNKS.replace("\r\n", ';a="b"\r\n')) },
  { name: "a chunk size with leading zeros", bytes: withFields([CHUNKED], `0000${CHUNKS}`) },
  {
    name: "trailers that name a key",
    bytes: withFields([CHUNKED], `${SIZE}\r\n${BODY}\r\n0\r\napikey: key-bob\r\nX-B: 1\r\n\r\n`),
  },
  { name: "Content-Length with leading zeros", bytes: withFields([`Content-Length: 000${String(BODY.length)}`], BODY) },
  {
    name: "Connection: that lists what frames",
    bytes: withFields(["Connection: content-length, host, apikey", LENGTH], BODY),
  },
  { name: "empty lines before the request", bytes: `\r\n\r\n${withFields([LENGTH], BODY)}` },
  {
    name: "an upgrade to h2c",
    bytes: withFields(
      ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", LENGTH],
      BODY,
    ),
  },
  {
    name: "an upgrade to websocket",
    bytes: withFields(["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", LENGTH], BODY),
  },
  { name: "Expect: 100-continue", bytes: withFields(["Expect: 100-continue", LENGTH], BODY) },
  { name: "TE and Trailer", bytes: withFields(["TE: trailers, deflate", "Trailer: X-B", LENGTH], BODY) },
  { name: "HTTP/1.0", bytes: withFields([LENGTH], BODY, "POST /v1/chat/completions HTTP/1.0") },
  {
    name: "a path with dots and a query that looks like a request",
    bytes: withFields([LENGTH], BODY, "POST /a/../v1/chat/completions?x=%0d%0aHost:%20b HTTP/1.1"),
  },
  ...[
    "http://a/v1/chat/completions",
    "http://a:80/v1/chat/completions",
    "http://a:/v1/chat/completions",
    "HTTPS://A:443/v1/chat/completions",
    "http://a/v1/chat/completions?x=http://evil.example/",
  ].map((target) => ({ name: `the target ${target}`, bytes: withLine(`POST ${target} HTTP/1.1`) })),
  {
    name: "an absolute target without Host in HTTP/1.0",
    bytes: `${headOf(["apikey: key-alice", LENGTH], "POST http://a/v1/chat/completions HTTP/1.0")}\r\n${BODY}`,
  },
  { name: "a second request behind Connection: close", bytes: withFields([LENGTH], BODY) + SECOND },
  { name: "rubbish behind the request", bytes: withFields([LENGTH], `${BODY}RUBBISH\r\n\r\n`) },
];

let bed: TestBed;

beforeAll(async () => {
  bed = await startTestBed(answers(answerWith(ANSWER)));
});
afterAll(() => bed.stop());

describe("request smuggling", () => {
  test.for(REFUSED)("[proxy] $name is refused and nothing reaches the upstream", async ({ bytes, status = 400 }) => {
    const before = bed.requests.length;
    const [answer, ...more] = responsesIn(await exchangeRaw(bed.gateway.origin, bytes));
    expect(answer?.status).toBe(status);
    expect(answer?.headers.get("x-airl-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer?.headers.get("connection")).toBe("close");
    expect(JSON.parse(answer?.body ?? "")).toHaveProperty("error.code");
    expect(more).toEqual([]);
    expect(bed.requests.length).toBe(before);
    await bed.quiet();
  });

  test.for(FORWARDED)("[proxy] $name: exactly one well-framed request goes upstream", async ({ bytes }) => {
    const before = { requests: bed.requests.length, tokens: await bed.tokens() };
    const answersSeen = responsesIn(await exchangeRaw(bed.gateway.origin, bytes));
    expect(answersSeen.map((answer) => [answer.status, answer.body])).toEqual([[200, ANSWER]]);
    const [request, ...more] = bed.requests.slice(before.requests);
    expect(more).toEqual([]);
    expect(request?.body.toString("latin1")).toBe(BODY);
    const head = request?.head ?? "";
    expect(head).toMatch(/^POST \/v1\/chat\/completions(?:\?\S*)? HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
    expect(head.match(/^content-length:.*$/gim)).toEqual([LENGTH]);
    expect(head).not.toMatch(/^(?:transfer-encoding|te|trailer|upgrade|expect|http2-settings|apikey):/im);
    expect(head).not.toContain("key-");
    await bed.quiet();
    expect(await bed.tokens()).toBe(before.tokens + ANSWER_TOKENS);
  });
});

describe("pipelining", () => {
  test("[proxy] each of several requests is forwarded, answered in order and charged on its own", async () => {
    const before = { requests: bed.requests.length, tokens: await bed.tokens() };
    const others = BODY.replace("hi there", "and me!!");
    const received = await exchangeRaw(bed.gateway.origin, post() + post(others) + withFields([CHUNKED], CHUNKS));
    expect(responsesIn(received).map((answer) => answer.status)).toEqual([200, 200, 200]);
    const bodies = bed.requests.slice(before.requests).map((request) => request.body.toString());
    expect(bodies.sort()).toEqual([BODY, others, BODY].sort());
    expect(await bed.tokens()).toBe(before.tokens + 3 * ANSWER_TOKENS);
    await bed.quiet();
  });

  test("[proxy] a second request is limited by the first", async () => {
    const limited = await startTestBed(answers(answerWith(ANSWER)), {
      limits: "  - {name: calls, limit: 1, unit: Requests, window: {duration: 1h}}",
    });
    const received = await exchangeRaw(limited.gateway.origin, post() + withFields([LENGTH], BODY));
    expect(responsesIn(received).map((answer) => answer.status)).toEqual([200, 429]);
    expect(limited.requests).toHaveLength(1);
    await limited.quiet();
    await limited.stop();
  });

  test("[proxy] a request with another key than the first's is the other consumer's", async () => {
    const client = await openRawClient(bed.gateway.origin);
    client.write(
      post(BODY, ["Host: a", "apikey: key-alice"]) + post(BODY, ["Host: a", "apikey: key-bob", "Connection: close"]),
    );
    expect(responsesIn(await client.closed).map((answer) => answer.status)).toEqual([200, 200]);
    const lines = bed.gateway.logLines.filter((line) => line["msg"] === "request").slice(-2);
    expect(lines.map((line) => line["consumer"]).sort()).toEqual(["default/alice", "default/bob"]);
  });

  test("[proxy] more requests than one connection may leave unanswered end it", async () => {
    const silent = await startTestBed(async (connection) => {
      await connection.readRequest();
    });
    const client = await openRawClient(silent.gateway.origin);
    client.write(post().repeat(200));
    await client.closed;
    await silent.quiet();
    expect(silent.requests.length).toBeLessThanOrEqual(32);
    await silent.stop();
  });
});
