// The head of an answer: framing, Connection, Date, and nothing that could end a line.

import { describe, expect, test } from "vitest";
import { type AnsweredRequest, composeHead, createHeadTails } from "../../dataplane/downstream/response-head.ts";

const POST: AnsweredRequest = { method: "POST", httpVersion: "1.1", keepsAlive: true };
const tails = createHeadTails(() => Date.UTC(2026, 0, 2, 3, 4, 5, 999), 75_000);
const DATE = "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n";
const KEEP = "Connection: keep-alive\r\nKeep-Alive: timeout=75\r\n\r\n";
const LAST = "Connection: close\r\n\r\n";

function compose(status: number, headers: readonly string[], request: Partial<AnsweredRequest> = {}, closes = false) {
  return composeHead({ status, headers, known: undefined, closes }, { ...POST, ...request }, tails);
}

describe("framing", () => {
  test.for([
    { name: "Content-Length", headers: ["content-length", "2"], request: {}, status: 200, framing: "length" },
    { name: "no length", headers: [], request: {}, status: 200, framing: "chunked" },
    { name: "no length, HTTP/1.0", headers: [], request: { httpVersion: "1.0" }, status: 200, framing: "close" },
    { name: "HEAD", headers: ["Content-Length", "2"], request: { method: "HEAD" }, status: 200, framing: "none" },
    { name: "204", headers: [], request: {}, status: 204, framing: "none" },
    { name: "304", headers: [], request: {}, status: 304, framing: "none" },
  ])("[unit] of $name is $framing", ({ headers, request, status, framing }) => {
    const head = compose(status, headers, request);
    expect(head.framing).toBe(framing);
    expect(head.text.includes("Transfer-Encoding: chunked\r\n")).toBe(framing === "chunked");
    expect(head.closes).toBe(framing === "close");
  });
});

test("[unit] the whole of a head", () => {
  expect(compose(200, ["X-A", "1", "Content-Length", "2"]).text).toBe(
    `HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n${DATE}${KEEP}`,
  );
  expect(compose(599, []).text).toBe(`HTTP/1.1 599 \r\nTransfer-Encoding: chunked\r\n${DATE}${KEEP}`);
});

test.for([
  { name: "the headers say so", headers: ["Connection", "close"], request: {}, closes: false },
  { name: "the client does", headers: [], request: { keepsAlive: false }, closes: false },
  { name: "the server does", headers: [], request: {}, closes: true },
])("[unit] the connection closes when $name, said once", ({ headers, request, closes }) => {
  const head = compose(200, [...headers, "Content-Length", "0"], request, closes);
  expect(head.closes).toBe(true);
  expect(head.text.endsWith(`${DATE}${LAST}`)).toBe(true);
  expect(head.text.match(/connection:/gi)).toHaveLength(1);
});

test("[unit] a Date that came from upstream is kept, and no other added", () => {
  expect(compose(200, ["date", "x", "Content-Length", "0"]).text).toBe(
    `HTTP/1.1 200 OK\r\ndate: x\r\nContent-Length: 0\r\n${KEEP}`,
  );
});

describe("headers that their writer knows", () => {
  const known = { checked: 2, hasLength: true, hasDate: true };

  test("[unit] are written as they are, and not looked for again", () => {
    const headers = ["content-length", "2", "date", "x", "X-A", "1"];
    expect(composeHead({ status: 200, headers, known, closes: false }, POST, tails)).toEqual({
      text: `HTTP/1.1 200 OK\r\ncontent-length: 2\r\ndate: x\r\nX-A: 1\r\n${KEEP}`,
      framing: "length",
      closes: false,
    });
  });

  test.for(["1\r\nX-B: 2", "1\r\n\r\nbody", "1\n", "\u010a"])(
    "[unit] %j among those not checked is never written",
    (value) => {
      const headers = ["content-length", "2", "date", "x", "X-A", value, "X-C", "3"];
      expect(() => composeHead({ status: 200, headers, known, closes: false }, POST, tails)).toThrow(
        "X-A holds a control",
      );
    },
  );
});

test("[unit] Date changes with the second", () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const { date } = createHeadTails(() => nowMs, 1_000);
  expect(date()).toBe("Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n");
  nowMs += 1_000;
  expect(date()).toBe("Date: Thu, 01 Jan 2026 00:00:01 GMT\r\n");
});

test.for([
  { name: "a line break in a value", headers: ["X-A", "1\r\nX-B: 2"] },
  { name: "a line feed in a value", headers: ["X-A", "1\nX-B: 2"] },
  { name: "a NUL in a value", headers: ["X-A", "\0"] },
  { name: "a character above U+00FF in a value", headers: ["X-A", "\u010d\u010a"] },
  { name: "a line break in a name", headers: ["X-A: 1\r\nX-B", "2"] },
  { name: "a blank in a name", headers: ["X A", "2"] },
  { name: "no name", headers: ["", "2"] },
])("[unit] $name is never written", ({ headers }) => {
  expect(() => compose(200, headers)).toThrow(RangeError);
});

test.for([0, 100, 199, 1000, 200.5, NaN])("[unit] %s is no status to answer with", (status) => {
  expect(() => compose(status, [])).toThrow(RangeError);
});
