// The response reader on whole responses: what is accepted, what is refused, where a body ends.

import { describe, expect, test } from "vitest";
import { MAX_HEADERS } from "../../dataplane/upstream/response-head.ts";
import { ResponseReader } from "../../dataplane/upstream/response-reader.ts";
import { type ReadOptions, type ReadOutcome, readText } from "./read-response.ts";

interface Row {
  readonly name: string;
  readonly text: string;
  readonly options?: ReadOptions;
  readonly expected: Partial<ReadOutcome>;
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

describe("a response is accepted", () => {
  test.for<Row>([
    {
      name: "with a length, and ends with its last byte",
      text: `${OK}Content-Length: 5\r\nX-A: b\r\n\r\nhello`,
      expected: {
        state: "complete",
        status: 200,
        headers: ["Content-Length", "5", "X-A", "b"],
        body: "hello",
        surplus: false,
        keepAlive: true,
      },
    },
    {
      name: "with length 0 at once",
      text: `${OK}Content-Length: 0\r\n\r\n`,
      expected: { state: "complete", body: "" },
    },
    {
      name: "and waits while bytes of its length are missing",
      text: `${OK}Content-Length: 6\r\n\r\nhello`,
      expected: { state: "body", body: "hello" },
    },
    { name: "and waits while the head is incomplete", text: `${OK}Content-Length: 6\r\n`, expected: { state: "head" } },
    {
      name: "and waits when nothing but a CR of the empty line came",
      text: `${OK}Content-Length: 6\r\n\r`,
      expected: { state: "head" },
    },
    {
      name: "without a reason phrase",
      text: "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
      expected: { state: "complete", status: 200 },
    },
    {
      name: "without the blank before a missing reason phrase",
      text: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
      expected: { state: "complete" },
    },
    {
      name: "with latin1 in values, unchanged",
      text: `${OK}X: caf\xe9\r\nContent-Length: 0\r\n\r\n`,
      expected: { headers: ["X", "café", "Content-Length", "0"] },
    },
    {
      name: "with blanks around values, which are dropped",
      text: `${OK}X: \t a b \t \r\nContent-Length: 0\r\n\r\n`,
      expected: { headers: ["X", "a b", "Content-Length", "0"] },
    },
    {
      name: "with an empty value",
      text: `${OK}X:\r\nContent-Length:0\r\n\r\n`,
      expected: { headers: ["X", "", "Content-Length", "0"] },
    },
    {
      name: "with repeated fields, each kept",
      text: `${OK}Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n`,
      expected: { headers: ["Set-Cookie", "a", "Set-Cookie", "b", "Content-Length", "0"] },
    },
    {
      name: "with equal Content-Length values, which count once",
      text: `${OK}Content-Length: 5\r\nContent-Length: 5, 05\r\n\r\nhello`,
      expected: { state: "complete", body: "hello" },
    },
    {
      name: "in chunks",
      text: `${CHUNKED}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`,
      expected: { state: "complete", body: "hello!", surplus: false, keepAlive: true },
    },
    {
      name: "in chunks with capital hex digits and leading zeros",
      text: `${CHUNKED}000A\r\n0123456789\r\n00\r\n\r\n`,
      expected: { state: "complete", body: "0123456789" },
    },
    {
      name: "in chunks with extensions, which are skipped",
      text: `${CHUNKED}5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n`,
      expected: { state: "complete", body: "hello" },
    },
    {
      name: "in chunks with blanks after the size",
      text: `${CHUNKED}5  \r\nhello\r\n0\t;x\r\n\r\n`,
      expected: { state: "complete", body: "hello" },
    },
    {
      name: "in chunks with trailers, which are skipped",
      text: `${CHUNKED}5\r\nhello\r\n0\r\nX-T: 1\r\nGrpc: 2\r\n\r\n`,
      expected: { state: "complete", body: "hello", surplus: false },
    },
    {
      name: "in chunks and waits for the end of the trailers",
      text: `${CHUNKED}5\r\nhello\r\n0\r\nX-T: 1\r\n`,
      expected: { state: "body", body: "hello" },
    },
    {
      name: "in chunks of a coding written in capitals",
      text: `${OK}TRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n`,
      expected: { state: "complete" },
    },
    {
      name: "in chunks and waits within a chunk",
      text: `${CHUNKED}6\r\nhello`,
      expected: { state: "body", body: "hello" },
    },
    {
      name: "until the close when it has no length",
      text: `${OK}\r\nhello`,
      options: { eof: true },
      expected: { state: "complete", body: "hello", keepAlive: false },
    },
    {
      name: "until the close and waits for it",
      text: `${OK}\r\nhello`,
      expected: { state: "body", body: "hello", keepAlive: false },
    },
    {
      name: "with status 204 and no body whatever its fields say",
      text: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
      expected: { state: "complete", status: 204, surplus: false },
    },
    {
      name: "with status 204 and chunked, without reading chunks",
      text: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
      expected: { state: "complete" },
    },
    {
      name: "with status 304 and the length of what it does not send",
      text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
      expected: { state: "complete", status: 304 },
    },
    {
      name: "to HEAD without a body",
      text: `${OK}Content-Length: 5\r\n\r\n`,
      options: { method: "HEAD" },
      expected: { state: "complete", body: "" },
    },
    {
      name: "to HEAD without a body and without a length",
      text: `${OK}\r\n`,
      options: { method: "HEAD" },
      expected: { state: "complete", keepAlive: true },
    },
    {
      name: "after informational ones, which are skipped",
      text: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
      expected: { state: "complete", status: 200, headers: ["Content-Length", "2"], body: "ok" },
    },
    {
      name: "with bytes after its end, which are reported as surplus",
      text: `${OK}Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK`,
      expected: { state: "complete", body: "hello", surplus: true },
    },
    {
      name: "with bytes after its last chunk, which are surplus",
      text: `${CHUNKED}0\r\n\r\nX`,
      expected: { state: "complete", body: "", surplus: true },
    },
    {
      name: "with bytes after a response without body, which are surplus",
      text: "HTTP/1.1 204 No Content\r\n\r\nX",
      expected: { state: "complete", surplus: true },
    },
  ])("[unit] $name", (row) => {
    expect(readText(row.text, row.options)).toMatchObject(row.expected);
  });
});

describe("a response is refused", () => {
  test.for<{ name: string; text: string; fault: RegExp; options?: ReadOptions }>([
    { name: "with HTTP/2.0", text: "HTTP/2.0 200 OK\r\n\r\n", fault: /status line/ },
    { name: "with HTTP/1.2", text: "HTTP/1.2 200 OK\r\n\r\n", fault: /status line/ },
    { name: "that is no HTTP, before an empty line comes", text: "SSH-2.0-OpenSSH_9.2\r\n", fault: /not HTTP/ },
    { name: "with an empty line first", text: `\r\n${OK}\r\n`, fault: /not HTTP|status line/ },
    { name: "with a status of two digits", text: "HTTP/1.1 20 OK\r\n\r\n", fault: /status line/ },
    { name: "with a status of four digits", text: "HTTP/1.1 2000 OK\r\n\r\n", fault: /status line/ },
    { name: "with a status below 100", text: "HTTP/1.1 099 OK\r\n\r\n", fault: /status line/ },
    { name: "with a tab in place of the blank", text: "HTTP/1.1\t200 OK\r\n\r\n", fault: /status line/ },
    { name: "that switches protocols", text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", fault: /101/ },
    { name: "after 17 informational ones", text: "HTTP/1.1 100 Continue\r\n\r\n".repeat(17), fault: /informational/ },
    { name: "with a folded header line", text: `${OK}X: a\r\n b\r\n\r\n`, fault: /folded/ },
    { name: "with a folded first line", text: `${OK}\tX: a\r\n\r\n`, fault: /folded/ },
    { name: "with a blank before the colon", text: `${OK}Content-Length : 5\r\n\r\n`, fault: /no header/ },
    { name: "with an empty header name", text: `${OK}: x\r\n\r\n`, fault: /no header/ },
    { name: "with a header line without colon", text: `${OK}hello\r\n\r\n`, fault: /no header/ },
    { name: "with a header name that is no token", text: `${OK}X(a): b\r\n\r\n`, fault: /no header/ },
    { name: "with a latin1 header name", text: `${OK}X\xe9: b\r\n\r\n`, fault: /no header/ },
    { name: "with a NUL in a value", text: `${OK}X: a\0b\r\n\r\n`, fault: /control character/ },
    { name: "with a bare CR in a value", text: `${OK}X: a\rY: b\r\n\r\n`, fault: /control character/ },
    { name: "with a bare LF between fields", text: `${OK}X: a\nY: b\r\n\r\n`, fault: /control character/ },
    { name: "with a bare LF after the status line", text: "HTTP/1.1 200 OK\nX: a\r\n\r\n", fault: /status line/ },
    { name: "with a delete character in a value", text: `${OK}X: a\x7f\r\n\r\n`, fault: /control character/ },
    {
      name: "with more headers than the limit",
      text: `${OK}${"A: b\r\n".repeat(MAX_HEADERS + 1)}\r\n`,
      fault: /more than 256/,
      options: { maxHeadBytes: 1e6 },
    },
    { name: "with a head over the limit", text: `${OK}X: ${"a".repeat(4096)}\r\n\r\n`, fault: /longer than 4096/ },
    { name: "with an unfinished head over the limit", text: `${OK}X: ${"a".repeat(4096)}`, fault: /longer than 4096/ },
    {
      name: "with Transfer-Encoding and Content-Length",
      text: `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`,
      fault: /both/,
    },
    {
      name: "with Content-Length and Transfer-Encoding",
      text: `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      fault: /both/,
    },
    { name: "with another transfer coding", text: `${OK}Transfer-Encoding: gzip\r\n\r\n`, fault: /other than chunked/ },
    {
      name: "with gzip before chunked",
      text: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`,
      fault: /other than chunked/,
    },
    {
      name: "with chunked twice in one field",
      text: `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n`,
      fault: /other than chunked/,
    },
    {
      name: "with chunked twice in two fields",
      text: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
      fault: /other than chunked/,
    },
    { name: "with identity", text: `${OK}Transfer-Encoding: identity\r\n\r\n`, fault: /other than chunked/ },
    { name: "with an empty transfer coding", text: `${OK}Transfer-Encoding:\r\n\r\n`, fault: /other than chunked/ },
    {
      name: "with a transfer coding that only resembles chunked",
      text: `${OK}Transfer-Encoding: xchunked\r\n\r\n`,
      fault: /other than chunked/,
    },
    {
      name: "of HTTP/1.0 with Transfer-Encoding",
      text: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      fault: /HTTP\/1.0 with/,
    },
    {
      name: "with different Content-Length fields",
      text: `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`,
      fault: /several different/,
    },
    {
      name: "with different Content-Length values in one field",
      text: `${OK}Content-Length: 5, 6\r\n\r\n`,
      fault: /several different/,
    },
    ...["", "-1", "+5", "5.0", "0x5", "5 5", "5,", ",5", "1e3", "five", "\xb5", "9".repeat(16)].map((value) => ({
      name: `with Content-Length ${JSON.stringify(value)}`,
      text: `${OK}Content-Length: ${value}\r\n\r\n`,
      fault: /invalid Content-Length/,
    })),
    ...["", "-5", "+5", " 5", "0x5", "g", ";a", "5g", "5\n", "\n"].map((size) => ({
      name: `with chunk size line ${JSON.stringify(size)}`,
      text: `${CHUNKED}${size}\r\nhello\r\n0\r\n\r\n`,
      fault: /chunk size/,
    })),
    { name: "with a chunk size of 14 digits", text: `${CHUNKED}${"0".repeat(13)}5\r\nhello`, fault: /too long/ },
    { name: "with a CR but no LF after a chunk size", text: `${CHUNKED}5\rhello\r\n`, fault: /CR without LF/ },
    { name: "with a bare LF in a chunk extension", text: `${CHUNKED}5;a\nhello\r\n`, fault: /bare LF/ },
    {
      name: "with a chunk extension over the limit",
      text: `${CHUNKED}5;${"a".repeat(1100)}\r\nhello`,
      fault: /too long/,
    },
    {
      name: "with trailers over the limit",
      text: `${CHUNKED}0\r\n${"X: aaaaaaaaaaaaaa\r\n".repeat(1200)}`,
      fault: /too long/,
    },
    { name: "with a bare LF in a trailer", text: `${CHUNKED}0\r\nX: a\nY: b\r\n\r\n`, fault: /bare LF/ },
    { name: "with a chunk longer than its size", text: `${CHUNKED}5\r\nhello!\r\n`, fault: /longer than its size/ },
    {
      name: "with a chunk that ends with a bare LF",
      text: `${CHUNKED}5\r\nhello\n0\r\n\r\n`,
      fault: /longer than its size/,
    },
    { name: "with a bare LF at the very end", text: `${CHUNKED}0\r\n\n`, fault: /bare LF/ },
    { name: "that closes before the head", text: "", fault: /before it was complete/, options: { eof: true } },
    { name: "that closes within the head", text: OK, fault: /before it was complete/, options: { eof: true } },
    {
      name: "that closes within its length",
      text: `${OK}Content-Length: 5\r\n\r\nhell`,
      fault: /before it was complete/,
      options: { eof: true },
    },
    {
      name: "that closes before the last chunk",
      text: `${CHUNKED}5\r\nhello\r\n`,
      fault: /before it was complete/,
      options: { eof: true },
    },
    {
      name: "that closes within the last empty line",
      text: `${CHUNKED}0\r\n\r`,
      fault: /before it was complete/,
      options: { eof: true },
    },
  ])("[unit] $name", (row) => {
    const outcome = readText(row.text, row.options);
    expect(outcome.state).toBe("failed");
    expect(outcome.fault).toMatch(row.fault);
  });
});

describe("a connection is kept", () => {
  test.for<{ name: string; head: string; keepAlive: boolean }>([
    { name: "by HTTP/1.1 without saying", head: OK, keepAlive: true },
    { name: "by HTTP/1.1 with keep-alive", head: `${OK}Connection: keep-alive\r\n`, keepAlive: true },
    { name: "not by HTTP/1.1 with close", head: `${OK}Connection: close\r\n`, keepAlive: false },
    { name: "not with close in capitals within a list", head: `${OK}Connection: Foo , CLOSE\r\n`, keepAlive: false },
    {
      name: "not with close beside keep-alive",
      head: `${OK}Connection: keep-alive\r\nConnection: close\r\n`,
      keepAlive: false,
    },
    { name: "not by HTTP/1.0 without saying", head: "HTTP/1.0 200 OK\r\n", keepAlive: false },
    { name: "by HTTP/1.0 with keep-alive", head: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", keepAlive: true },
    { name: "not by HTTP/1.0 with another option", head: "HTTP/1.0 200 OK\r\nConnection: foo\r\n", keepAlive: false },
  ])("[unit] $name", (row) => {
    expect(readText(`${row.head}Content-Length: 0\r\n\r\n`).keepAlive).toBe(row.keepAlive);
  });

  test.for<[string, number | undefined]>([
    ["timeout=5", 5],
    ["timeout=5, max=100", 5],
    ["max=100, Timeout=7", 7],
    ["max=100", undefined],
    ["timeout=x", undefined],
    ["xtimeout=5", undefined],
  ])("[unit] Keep-Alive: %s says %s seconds", ([value, seconds]) => {
    const reader = new ResponseReader(4096);
    reader.begin("GET");
    reader.push(Buffer.from(`${OK}Keep-Alive: ${value}\r\nContent-Length: 0\r\n\r\n`));
    expect(reader.head?.keepAliveSeconds).toBe(seconds);
  });
});

describe("pieces", () => {
  test("[unit] the data of all chunks of one read are one piece", () => {
    const reader = new ResponseReader(4096);
    reader.begin("POST");
    reader.push(Buffer.from(CHUNKED));
    reader.push(Buffer.from("3\r\nabc\r\n4\r\ndefg\r\n5\r\nhi"));
    expect(reader.data?.toString()).toBe("abcdefghi");
    reader.push(Buffer.from("jkl\r\n0\r\n\r\n"));
    expect([reader.data?.toString(), reader.state]).toEqual(["jkl", "complete"]);
  });

  test("[unit] data before a fault are delivered with it", () => {
    const outcome = readText(`${CHUNKED}3\r\nabc\r\nzz\r\n`);
    expect([outcome.state, outcome.body]).toEqual(["failed", "abc"]);
  });

  test("[unit] a body without framing is the very buffer that was read", () => {
    const reader = new ResponseReader(4096);
    reader.begin("POST");
    reader.push(Buffer.from(`${OK}Content-Length: 6\r\n\r\n`));
    const piece = Buffer.from("abc");
    reader.push(piece);
    expect(reader.data).toBe(piece);
  });

  test("[unit] one reader reads response after response", () => {
    const reader = new ResponseReader(4096);
    for (const body of ["one", "three"]) {
      reader.begin("POST");
      expect(reader.push(Buffer.from(`${OK}Content-Length: ${body.length}\r\n\r\n${body}`))).toBe("complete");
      expect(reader.data?.toString()).toBe(body);
    }
    reader.begin("POST");
    expect(reader.push(Buffer.from(`${CHUNKED}1\r\na\r\n0\r\n\r\n`))).toBe("complete");
  });
});
