// The reader of requests: what it makes of bytes, however they are split, and what it refuses.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_HEAD_BYTES, readRequests } from "./read-requests.ts";

const GET = "GET /v1/models?a=b HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Blank: \t b c \t\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED =
  "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n";
const UPGRADE = "GET /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

describe("a request", () => {
  test("[unit] is its method, target, version, headers as sent without surrounding blanks, and body", () => {
    expect(readRequests([GET + POST])).toEqual({
      requests: [
        {
          method: "GET",
          target: "/v1/models?a=b",
          version: "1.1",
          rawHeaders: ["Host", "a", "X-Empty", "", "X-Blank", "b c"],
          keepsAlive: true,
          body: "",
          complete: true,
        },
        {
          method: "POST",
          target: "/",
          version: "1.1",
          rawHeaders: ["Host", "a", "Content-Length", "5"],
          keepsAlive: true,
          body: "hello",
          complete: true,
        },
      ],
      fault: "",
      reason: "",
      isWithin: false,
    });
  });

  test("[unit] in chunks is its data alone: extensions and trailers are read past", () => {
    const { requests, fault } = readRequests([CHUNKED]);
    expect(fault).toBe("");
    expect(requests).toMatchObject([
      { body: "abcde", complete: true, rawHeaders: ["Host", "a", "Transfer-Encoding", "chunked"] },
    ]);
  });

  test("[unit] that would change protocols is one as any other, and so is what follows it", () => {
    expect(readRequests([UPGRADE + POST]).requests).toMatchObject([
      { target: "/u", complete: true },
      { body: "hello" },
    ]);
  });

  test.for([
    { head: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", keepsAlive: true },
    { head: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", keepsAlive: false },
    { head: "GET / HTTP/1.0\r\n\r\n", keepsAlive: false },
    { head: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", keepsAlive: true },
  ])("[unit] may be followed by another on its connection as $head says", ({ head, keepsAlive }) => {
    expect(readRequests([head]).requests).toMatchObject([{ keepsAlive }]);
  });

  test("[unit] is within until all of it has come", () => {
    for (let i = 1; i < POST.length; i += 1) expect(readRequests([POST.slice(0, i)]).isWithin).toBe(true);
    expect(readRequests([POST]).isWithin).toBe(false);
    expect(readRequests([POST.slice(0, -1)], { eof: true }).fault).toBe("HPE_INVALID_EOF_STATE");
    expect(readRequests([POST], { eof: true }).fault).toBe("");
  });
});

describe("any split of the same bytes", () => {
  const samples = fc.constantFrom(
    GET + POST,
    POST + CHUNKED + GET,
    CHUNKED + UPGRADE + POST,
    `\r\n${GET}`,
    `${GET}RUBBISH\r\n\r\n`,
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "GET / HTTP/1.1\r\nConnection: close\r\n\r\nmore",
    `GET /${"t".repeat(70_000)} HTTP/1.1\r\n\r\n`,
    `POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n${"b".repeat(200_000)}`,
  );
  const cuts = fc.array(fc.nat({ max: 300_000 }), { maxLength: 12 });

  test("[property] gives the same requests and the same fault", () => {
    fc.assert(
      fc.property(samples, cuts, (text, at) => {
        const marks = [...new Set(at.map((n) => n % (text.length + 1)))].sort((a, b) => a - b);
        const pieces = [0, ...marks].map((from, i) => text.slice(from, marks[i] ?? text.length));
        // Where it broke off says how much of a body had come before.
        const seen = ({ requests, fault }: ReturnType<typeof readRequests>) => ({
          fault,
          requests: requests.map((request) => (fault === "" ? request : { ...request, body: "" })),
        });
        expect(seen(readRequests(pieces))).toEqual(seen(readRequests([text])));
      }),
      { numRuns: 300 },
    );
  });

  test("[property] byte by byte is the same as at once", () => {
    for (const text of [GET + POST + CHUNKED, UPGRADE + POST]) {
      expect(readRequests(Array.from(text))).toEqual(readRequests([text]));
    }
  });
});

describe("bounds", () => {
  const pad = (bytes: number): string => "a".repeat(bytes);

  test.for([
    { name: "a target", text: `GET /${pad(MAX_HEAD_BYTES)}` },
    { name: "a header's name", text: `GET / HTTP/1.1\r\n${pad(MAX_HEAD_BYTES)}` },
    { name: "a header's value", text: `GET / HTTP/1.1\r\nX-A: ${pad(MAX_HEAD_BYTES)}` },
    { name: "many headers", text: `GET / HTTP/1.1\r\n${"X-A: 1\r\n".repeat(MAX_HEAD_BYTES / 8)}\r\n` },
  ])("[unit] a head is too long by $name, whole or byte by byte", ({ text }) => {
    expect(readRequests([text])).toMatchObject({ fault: "HPE_HEADER_OVERFLOW", requests: [] });
    expect(readRequests(Array.from(text))).toMatchObject({ fault: "HPE_HEADER_OVERFLOW", requests: [] });
  });

  test("[unit] a head of nearly the most is taken", () => {
    expect(readRequests([`GET /${pad(MAX_HEAD_BYTES - 100)} HTTP/1.1\r\nHost: a\r\n\r\n`]).fault).toBe("");
  });

  const start = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  test.for([
    { name: "an extension", text: `${start}5;${pad(20_000)}` },
    { name: "an extension behind a chunk", text: `${start}1\r\na\r\n5;${pad(20_000)}` },
    { name: "trailers", text: `${start}1\r\na\r\n0\r\n${"X-A: 1\r\n".repeat(2_500)}` },
  ])("[unit] $name without end is refused, whole or in pieces", ({ text }) => {
    expect(readRequests([text]).fault).toBe("HPE_CHUNK_EXTENSIONS_OVERFLOW");
    expect(readRequests(text.match(/[^]{1,700}/g) ?? []).fault).toBe("HPE_CHUNK_EXTENSIONS_OVERFLOW");
  });

  test("[unit] thousands of small chunks are no overflow", () => {
    const text = `${start}${"1\r\na\r\n".repeat(20_000)}0\r\n\r\n`;
    expect(readRequests([text]).requests[0]?.body).toHaveLength(20_000);
  });
});

test("[unit] a parser that is freed leaves room for the next: memory does not grow with connections", () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 20_000; i += 1) readRequests([POST.slice(0, i % POST.length)]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
});
