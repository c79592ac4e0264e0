// Status and headers -> the head of an answer as text, and how its body is framed (RFC 9112 sections 4 to 6). Pure.

import { STATUS_CODES } from "node:http";
import { areFieldLines, isFieldValue, isToken } from "../field-lines.ts";

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

/** What the writer of headers knows of them, so that they are not looked at again. */
export interface KnownHeaders {
  /** So many of the first names and values come from a reader that has checked them as strictly. */
  readonly checked: number;
  /** Whether Content-Length and Date are among all of them. Connection is not. */
  readonly hasLength: boolean;
  readonly hasDate: boolean;
}

export interface HeadFields {
  readonly status: number;
  /** Name, value, name, value, ... */
  readonly headers: readonly string[];
  readonly known: KnownHeaders | undefined;
  /** Nothing is to follow on the connection, whatever the headers say. */
  readonly closes: boolean;
}

/** What is the same in the heads of one second: Date, and how long an idle connection is kept. */
export interface HeadTails {
  readonly date: () => string;
  readonly keepAlive: string;
}

const CLOSE = "Connection: close\r\n\r\n";

/** What the headers said that this file goes by. */
interface Said {
  length: boolean;
  date: boolean;
  close: boolean;
}

/**
 * Connection and the body's framing are written here; of the headers given, Content-Length and "Connection: close" count.
 * Throws RangeError for a header that would break the lines of the head.
 */
export function composeHead(
  { status, headers, known, closes }: HeadFields,
  request: AnsweredRequest,
  tails: HeadTails,
): AnswerHead {
  const said: Said = { length: known?.hasLength === true, date: known?.hasDate === true, close: closes };
  const lines = known === undefined ? unknownLines(headers, said) : knownLines(headers, known.checked);
  const framing = framingOf(status, request, said);
  let text = statusLine(status) + lines;
  if (framing === "chunked") text += "Transfer-Encoding: chunked\r\n";
  if (!said.date) text += tails.date();
  const isLast = said.close || framing === "close" || !request.keepsAlive;
  return { text: text + (isLast ? CLOSE : tails.keepAlive), framing, closes: isLast };
}

function knownLines(headers: readonly string[], checked: number): string {
  let text = "";
  for (let i = 0; i < checked; i += 2) text += `${headers[i] ?? ""}: ${headers[i + 1] ?? ""}\r\n`;
  return text + checkedLines(headers, checked);
}

function unknownLines(headers: readonly string[], said: Said): string {
  const written: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    if (isWritten(name.toLowerCase(), value, said)) written.push(name, value);
  }
  return checkedLines(written, 0);
}

function isWritten(lower: string, value: string, said: Said): boolean {
  if (lower === "connection") {
    said.close ||= value === "close";
    return false;
  }
  if (lower === "content-length") said.length = true;
  else if (lower === "date") said.date = true;
  return true;
}

function framingOf(status: number, { method, httpVersion }: AnsweredRequest, said: Said): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return "none";
  if (said.length) return "length";
  return httpVersion === "1.1" ? "chunked" : "close";
}

function checkedLines(headers: readonly string[], from: number): string {
  let text = "";
  for (let i = from; i < headers.length; i += 2) text += `${headers[i] ?? ""}: ${headers[i + 1] ?? ""}\r\n`;
  if (!areFieldLines(text, (headers.length - from) / 2)) throw new RangeError(faultOf(headers, from));
  return text;
}

function faultOf(headers: readonly string[], from: number): string {
  for (let i = from; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (!isToken(name)) return `the name of a response header is no token: ${JSON.stringify(name)}`;
    if (!isFieldValue(headers[i + 1] ?? "")) return `the response header ${name} holds a control character`;
  }
  return "the response headers are no lines";
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
