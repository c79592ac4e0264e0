// Status and headers -> the head of an answer as text, and how its body is framed (RFC 9112 sections 4 to 6). Pure.

import { STATUS_CODES } from "node:http";

/** How the client finds the end of the body. */
export type Framing = "none" | "length" | "chunked" | "close";

export interface AnswerHead {
  /** Latin1; the empty line included. */
  readonly text: string;
  readonly framing: Framing;
  /** Nothing may follow this answer on its connection. */
  readonly closes: boolean;
}

export interface AnsweredRequest {
  readonly method: string;
  readonly httpVersion: string;
  readonly keepsAlive: boolean;
}

export interface HeadFields {
  readonly status: number;
  /** Name, value, name, value, ... */
  readonly headers: readonly string[];
  /** So many of the first names and values come from a reader that has checked them as strictly. */
  readonly checked: number;
  /** Nothing is to follow on the connection, whatever the headers say. */
  readonly closes: boolean;
}

/** What is the same in the heads of one second: Date, and how long an idle connection is kept. */
export interface HeadTails {
  readonly date: () => string;
  readonly keepAlive: string;
}

/** RFC 9110 section 5.6.2. Anything else could end a line and begin another. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const CLOSE = "Connection: close\r\n\r\n";

/** What the headers said that this file goes by. */
interface Said {
  length: boolean;
  date: boolean;
  close: boolean;
}

/** Connection and the body's framing are written here; of the headers given, Content-Length and "Connection: close" count. */
export function composeHead(
  { status, headers, checked, closes }: HeadFields,
  request: AnsweredRequest,
  tails: HeadTails,
): AnswerHead {
  const said: Said = { length: false, date: false, close: closes };
  let text = statusLine(status);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    if (i >= checked) check(name, value);
    text += fieldLine(name, value, said);
  }
  const framing = framingOf(status, request, said);
  if (framing === "chunked") text += "Transfer-Encoding: chunked\r\n";
  if (!said.date) text += tails.date();
  const isLast = said.close || framing === "close" || !request.keepsAlive;
  return { text: text + (isLast ? CLOSE : tails.keepAlive), framing, closes: isLast };
}

function framingOf(status: number, { method, httpVersion }: AnsweredRequest, said: Said): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return "none";
  if (said.length) return "length";
  return httpVersion === "1.1" ? "chunked" : "close";
}

function check(name: string, value: string): void {
  if (!TOKEN.test(name)) throw new RangeError(`the name of a response header is no token: ${JSON.stringify(name)}`);
  if (!isFieldValue(value)) throw new RangeError(`the response header ${name} holds a control character`);
}

/** RFC 9110 section 5.5. A loop: most of these values are put together of pieces, for which a pattern takes the long way. */
function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if (code > 0xff || code === 0x7f || (code < 0x20 && code !== 0x09)) return false;
  }
  return true;
}

/** Lengths first: spares most names the lower-casing. */
function fieldLine(name: string, value: string, said: Said): string {
  if (name.length === 10 && name.toLowerCase() === "connection") {
    said.close ||= value === "close";
    return "";
  }
  if (name.length === 14 && name.toLowerCase() === "content-length") said.length = true;
  else if (name.length === 4 && name.toLowerCase() === "date") said.date = true;
  return `${name}: ${value}\r\n`;
}

const statusLines = new Map<number, string>();

function statusLine(status: number): string {
  const known = statusLines.get(status);
  if (known !== undefined) return known;
  if (!Number.isInteger(status) || status < 200 || status > 999) throw new RangeError(`${status} is no final status`);
  const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  statusLines.set(status, line);
  return line;
}

const SECOND_MS = 1000;

/** `nowMs`: epoch milliseconds. */
export function createHeadTails(nowMs: () => number, keepAliveMs: number): HeadTails {
  let second = NaN;
  let line = "";
  return {
    keepAlive: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / SECOND_MS)}\r\n\r\n`,
    date() {
      const now = Math.floor(nowMs() / SECOND_MS);
      if (now !== second) {
        second = now;
        line = `Date: ${new Date(now * SECOND_MS).toUTCString()}\r\n`;
      }
      return line;
    },
  };
}
