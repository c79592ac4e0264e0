// The head that goes on the wire, and everything that is refused because it would change how the head is read.

import { expect, test } from "vitest";
import { encodeRequestHead } from "../../dataplane/upstream/request-head.ts";
import type { UpstreamRequest } from "../../dataplane/upstream/upstream.ts";

function encode(request: Partial<UpstreamRequest>): ReturnType<typeof encodeRequestHead> {
  return encodeRequestHead("api.example", {
    method: "POST",
    path: "/v1",
    headers: [],
    body: [],
    bodyBytes: 0,
    ...request,
  });
}

test("[unit] writes request line, Host, the given fields, length and persistence", () => {
  const body = [Buffer.from("ab"), Buffer.from("c")];
  const headers = ["Content-Type", "application/json", "X-Empty", "", "X", "tab\there é"];
  expect(encode({ path: "/v1/chat?x=1", headers, body, bodyBytes: 3 })).toEqual({
    kind: "head",
    text:
      "POST /v1/chat?x=1 HTTP/1.1\r\nHost: api.example\r\nContent-Type: application/json\r\nX-Empty: \r\nX: tab\there é\r\n" +
      "Content-Length: 3\r\nConnection: keep-alive\r\n\r\n",
  });
});

test.for<{ method: string; body: string; length: string | undefined }>([
  { method: "GET", body: "", length: undefined },
  { method: "HEAD", body: "", length: undefined },
  { method: "GET", body: "x", length: "1" },
  { method: "POST", body: "", length: "0" },
  { method: "DELETE", body: "", length: "0" },
])("[unit] $method with body '$body' has Content-Length $length", ({ method, body, length }) => {
  const encoded = encode({ method, body: [Buffer.from(body)], bodyBytes: body.length });
  const text = encoded.kind === "head" ? encoded.text : encoded.message;
  expect(/\r\nContent-Length: (\d+)\r\n/.exec(text)?.[1]).toBe(length);
});

test.for<{ name: string; request: Partial<UpstreamRequest>; message: RegExp }>([
  { name: "a CR LF in a value", request: { headers: ["X", "a\r\nY: b"] }, message: /value of the request header X/ },
  { name: "a bare CR in a value", request: { headers: ["X", "a\rb"] }, message: /value/ },
  { name: "a bare LF in a value", request: { headers: ["X", "a\nb"] }, message: /value/ },
  { name: "a NUL in a value", request: { headers: ["X", "a\0b"] }, message: /value/ },
  { name: "a character whose low byte is LF in a value", request: { headers: ["X", "a\u010ab"] }, message: /value/ },
  { name: "an empty name", request: { headers: ["", "a"] }, message: /name is not a token/ },
  { name: "a line break in a name", request: { headers: ["X\r\nY", "a"] }, message: /name is not a token/ },
  { name: "a colon in a name", request: { headers: ["X:", "a"] }, message: /name is not a token/ },
  { name: "a blank in a name", request: { headers: ["X ", "a"] }, message: /name is not a token/ },
  { name: "a name without value", request: { headers: ["X"] }, message: /has no value/ },
  { name: "a second Host", request: { headers: ["HOST", "other"] }, message: /written by the client/ },
  { name: "a second Content-Length", request: { headers: ["content-length", "5"] }, message: /written by the client/ },
  {
    name: "a Transfer-Encoding",
    request: { headers: ["Transfer-Encoding", "chunked"] },
    message: /written by the client/,
  },
  { name: "a Connection", request: { headers: ["connection", "close"] }, message: /written by the client/ },
  { name: "a blank in the path", request: { path: "/v1 HTTP/1.1" }, message: /path/ },
  { name: "a line break in the path", request: { path: "/v1\r\nX: y" }, message: /path/ },
  { name: "a NUL in the path", request: { path: "/v1\0" }, message: /path/ },
  { name: "a delete character in the path", request: { path: "/v1\x7f" }, message: /path/ },
  { name: "a character whose low byte is LF in the path", request: { path: "/v1\u010a" }, message: /path/ },
  { name: "an empty path", request: { path: "" }, message: /path/ },
  { name: "an absolute target", request: { path: "http://other/" }, message: /path/ },
  { name: "a method that is no token", request: { method: "POST /x" }, message: /method/ },
  { name: "an empty method", request: { method: "" }, message: /method/ },
  { name: "CONNECT", request: { method: "CONNECT" }, message: /CONNECT/ },
  {
    name: "more body than bodyBytes says",
    request: { body: [Buffer.from("ab")], bodyBytes: 1 },
    message: /2 bytes where bodyBytes says 1/,
  },
  {
    name: "less body than bodyBytes says",
    request: { body: [], bodyBytes: 1 },
    message: /0 bytes where bodyBytes says 1/,
  },
])("[unit] refuses $name", ({ request, message }) => {
  const encoded = encode(request);
  expect(encoded.kind).toBe("fault");
  expect(encoded.kind === "fault" ? encoded.message : "").toMatch(message);
});

test("[unit] a refusal never shows a value, which may be a credential", () => {
  expect(JSON.stringify(encode({ headers: ["Authorization", "Bearer sk-secret\n"] }))).not.toContain("secret");
});
