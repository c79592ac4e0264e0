// Writes the head of a request, or says why it cannot be written. Pure. A header that carries a line break would let a
// client forge a second request to the provider, so nothing outside the grammar is ever encoded (RFC 9112 section 11.1).

import type { UpstreamRequest } from "./upstream.ts";

export type EncodedHead =
  | { readonly kind: "head"; readonly text: string }
  | { readonly kind: "fault"; readonly message: string };

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 section 5.5. Above 0xFF a character has no latin1 byte and would be cut down to another one, CR and LF included. */
const NOT_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
/** Starts with a slash; no space and no control character. Bytes above 0x7F pass, as clients send them. */
const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;

/** The fields that frame the message or belong to the connection; two writers of them would make framing ambiguous. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["host", "connection", "content-length", "transfer-encoding"]);

/** The head as latin1 text, the empty line included. */
export function encodeRequestHead(hostHeader: string, request: UpstreamRequest): EncodedHead {
  const { method, path, headers, bodyBytes } = request;
  const fault = faultOf(request);
  if (fault !== undefined) return { kind: "fault", message: fault };
  let text = `${method} ${path} HTTP/1.1\r\nHost: ${hostHeader}\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1];
    const problem = fieldFault(name, value);
    if (problem !== undefined) return { kind: "fault", message: problem };
    text += `${name}: ${value}\r\n`;
  }
  if (bodyBytes > 0 || !(method === "GET" || method === "HEAD")) text += `Content-Length: ${bodyBytes}\r\n`;
  return { kind: "head", text: `${text}Connection: keep-alive\r\n\r\n` };
}

function faultOf({ method, path, body, bodyBytes }: UpstreamRequest): string | undefined {
  if (!TOKEN.test(method)) return "the request method is not a token";
  if (method === "CONNECT") return "the request method CONNECT is not for this client";
  if (!TARGET.test(path)) {
    return "the request path must start with / and hold no space, control character or character above U+00FF";
  }
  let bytes = 0;
  for (const piece of body) bytes += piece.length;
  return bytes === bodyBytes ? undefined : `the request body has ${bytes} bytes where bodyBytes says ${bodyBytes}`;
}

/** Values may be credentials, so no message shows one. */
function fieldFault(name: string, value: string | undefined): string | undefined {
  if (!TOKEN.test(name)) return `a request header name is not a token: ${JSON.stringify(name.slice(0, 64))}`;
  if (value === undefined) return `the request header ${name} has no value`;
  if (NOT_FIELD_VALUE.test(value)) {
    return `the value of the request header ${name} holds a control character or one above U+00FF`;
  }
  if (isOwnLength(name.length) && OWN_FIELDS.has(name.toLowerCase())) {
    return `the request header ${name} is written by the client itself`;
  }
  return undefined;
}

/** Lengths of the names in OWN_FIELDS: spares most names the lower-casing. */
function isOwnLength(length: number): boolean {
  return length === 4 || length === 10 || length === 14 || length === 17;
}
