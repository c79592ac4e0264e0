// Writes the head of a request, or says why it cannot be written. Pure. A header that carries a line break would let a
// client forge a second request to the provider, so nothing outside the grammar is ever encoded (RFC 9112 section 11.1).

import { areFieldLines, isFieldValue, isToken } from "../field-lines.ts";
import type { UpstreamRequest } from "./upstream.ts";

export type EncodedHead =
  | { readonly kind: "head"; readonly text: string }
  | { readonly kind: "fault"; readonly message: string };

/** Starts with a slash; no space and no control character. Bytes above 0x7F pass, as clients send them. */
const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;

/** The fields that frame the message or belong to the connection; two writers of them would make framing ambiguous. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["host", "connection", "content-length", "transfer-encoding"]);

/** The head as latin1 text, the empty line included. */
export function encodeRequestHead(hostHeader: string, request: UpstreamRequest): EncodedHead {
  const { method, path, headers, bodyBytes } = request;
  const fault = faultOf(request);
  if (fault !== undefined) return { kind: "fault", message: fault };
  const lines = fieldLines(headers);
  if (lines === undefined) return { kind: "fault", message: fieldsFault(headers) };
  let text = `${method} ${path} HTTP/1.1\r\nHost: ${hostHeader}\r\n${lines}`;
  if (bodyBytes > 0 || !(method === "GET" || method === "HEAD")) text += `Content-Length: ${bodyBytes}\r\n`;
  return { kind: "head", text: `${text}Connection: keep-alive\r\n\r\n` };
}

/** Undefined when one of them may not be sent. */
function fieldLines(headers: readonly string[]): string | undefined {
  let lines = "";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (isOwnField(name)) return undefined;
    lines += `${name}: ${headers[i + 1] ?? ""}\r\n`;
  }
  return areFieldLines(lines, headers.length / 2) ? lines : undefined;
}

function faultOf({ method, path, body, bodyBytes }: UpstreamRequest): string | undefined {
  if (!isToken(method)) return "the request method is not a token";
  if (method === "CONNECT") return "the request method CONNECT is not for this client";
  if (!TARGET.test(path)) {
    return "the request path must start with / and hold no space, control character or character above U+00FF";
  }
  let bytes = 0;
  for (const piece of body) bytes += piece.length;
  return bytes === bodyBytes ? undefined : `the request body has ${bytes} bytes where bodyBytes says ${bodyBytes}`;
}

/** What is wrong with the first that may not be sent. */
function fieldsFault(headers: readonly string[]): string {
  for (let i = 0; i < headers.length; i += 2) {
    const problem = fieldFault(headers[i] ?? "", headers[i + 1]);
    if (problem !== undefined) return problem;
  }
  return "the request headers are no header lines";
}

/** Values may be credentials, so no message shows one. */
function fieldFault(name: string, value: string | undefined): string | undefined {
  if (!isToken(name)) return `a request header name is not a token: ${JSON.stringify(name.slice(0, 64))}`;
  if (value === undefined) return `the request header ${name} has no value`;
  if (!isFieldValue(value)) {
    return `the value of the request header ${name} holds a control character or one above U+00FF`;
  }
  return isOwnField(name) ? `the request header ${name} is written by the client itself` : undefined;
}

/** Lengths first: spares most names the lower-casing. */
function isOwnField(name: string): boolean {
  const { length } = name;
  return (length === 4 || length === 10 || length === 14 || length === 17) && OWN_FIELDS.has(name.toLowerCase());
}
