// Status line and header lines -> status, headers, framing of the body (RFC 9112 sections 4 to 6). Pure and strict: what
// two readers could understand differently is a fault, never a guess.

import { areReadLines, isFieldValue, isToken } from "../field-lines.ts";

/** How the end of the body is found. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

export interface ResponseHead {
  readonly kind: "head";
  readonly status: number;
  /** Name, value, name, value, ... as received, without surrounding blanks. */
  readonly headers: readonly string[];
  readonly framing: Framing;
  /** The connection may carry another request once the body has ended. */
  readonly keepAlive: boolean;
  /** What the server says in Keep-Alive: timeout=. */
  readonly keepAliveSeconds: number | undefined;
}

export interface HeadFault {
  readonly kind: "fault";
  readonly message: string;
}

/** Far above what providers send (tens); bounds the work that one response can cause. */
export const MAX_HEADERS = 256;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;

const NO_BODY: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const UNTIL_CLOSE: Framing = { kind: "close" };

/** What the lines read so far have said. */
interface Gathered {
  readonly text: string;
  readonly headers: string[];
  length: string | undefined;
  coding: string | undefined;
  connection: string;
  keepAliveSeconds: number | undefined;
}

/**
 * `text` is the head as latin1, up to and including the line break of its last line and without the empty line that
 * follows. `toHead`: the request was HEAD, so no body follows whatever the fields say.
 */
export function parseResponseHead(text: string, toHead: boolean): ResponseHead | HeadFault {
  const firstEnd = text.indexOf("\r\n");
  const statusLine = STATUS_LINE.exec(text.slice(0, Math.max(0, firstEnd)));
  if (statusLine === null) return fault("the response does not start with a status line of HTTP/1.0 or HTTP/1.1");
  const headers: string[] = [];
  const gathered: Gathered = {
    text,
    headers,
    length: undefined,
    coding: undefined,
    connection: "",
    keepAliveSeconds: undefined,
  };
  let at = firstEnd + 2;
  const areChecked = areReadLines(text.slice(at));
  while (at < text.length) {
    if (headers.length === MAX_HEADERS * 2) return fault(`the response has more than ${MAX_HEADERS} headers`);
    const end = text.indexOf("\r\n", at);
    const problem = (areChecked ? undefined : lineProblem(text.slice(at, end))) ?? readLine(gathered, at, end);
    if (problem !== undefined) return fault(problem);
    at = end + 2;
  }
  const http10 = statusLine[1] === "0";
  const status = Number(statusLine[2]);
  const framing = framingOf(gathered, http10, toHead || hasNoBody(status));
  if (framing.kind === "fault") return framing;
  const keepAlive = framing.kind !== "close" && isPersistent(gathered.connection, http10);
  return { kind: "head", status, headers, framing, keepAlive, keepAliveSeconds: gathered.keepAliveSeconds };
}

/** Reads the line from `at` up to `end`; returns what is wrong with what it says. */
function readLine(gathered: Gathered, at: number, end: number): string | undefined {
  const { text, headers } = gathered;
  const colon = text.indexOf(":", at);
  const name = text.slice(at, colon);
  const value = trimBlanks(text, colon + 1, end);
  headers.push(name, value);
  return gather(name, value, gathered);
}

/** Refuses more than RFC 9110 section 5.5 does: a control character could not be passed on by a strict server. */
function lineProblem(line: string): string | undefined {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  if (!isToken(name)) return lineFault(line);
  return isFieldValue(line.slice(colon + 1))
    ? undefined
    : `the value of the response header ${name} holds a control character`;
}

function lineFault(line: string): string {
  // RFC 9112 section 5.2: a line that starts with a blank continues the one before; obsolete, refused.
  if (line.startsWith(" ") || line.startsWith("\t")) return "the response has a folded header line";
  return `the response has a line that is no header: ${JSON.stringify(line.slice(0, 64))}`;
}

/** Optional white space around a value is not part of it (RFC 9110 section 5.5). A loop: a pattern would backtrack. */
function trimBlanks(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Lengths first: spares most names the lower-casing. */
function gather(name: string, value: string, gathered: Gathered): string | undefined {
  if (name.length === 14 && name.toLowerCase() === "content-length") return gatherLength(value, gathered);
  if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
    gathered.coding = gathered.coding === undefined ? value : `${gathered.coding}, ${value}`;
  } else if (name.length === 10) {
    gatherPersistence(name.toLowerCase(), value, gathered);
  }
  return undefined;
}

function gatherPersistence(name: string, value: string, gathered: Gathered): void {
  if (name === "connection") gathered.connection += `,${value.toLowerCase()}`;
  if (name !== "keep-alive") return;
  const seconds = /(?:^|[,; ])timeout=(\d{1,9})(?:$|[,; ])/i.exec(value)?.[1];
  if (seconds !== undefined) gathered.keepAliveSeconds = Number(seconds);
}

/** RFC 9112 section 6.3: repeated equal values (also as a list) count once, anything else is an error. */
function gatherLength(value: string, gathered: Gathered): string | undefined {
  for (const part of value.includes(",") ? value.split(",").map((p) => trimBlanks(p, 0, p.length)) : [value]) {
    if (!/^\d{1,15}$/.test(part)) return "the response has an invalid Content-Length";
    if (gathered.length !== undefined && Number(gathered.length) !== Number(part)) {
      return "the response has several different Content-Length values";
    }
    gathered.length = part;
  }
  return undefined;
}

function framingOf(gathered: Gathered, http10: boolean, bodiless: boolean): Framing | HeadFault {
  const { coding, length } = gathered;
  if (coding !== undefined) {
    if (length !== undefined) return fault("the response has both Transfer-Encoding and Content-Length");
    if (coding.toLowerCase() !== "chunked") return fault("the response has a Transfer-Encoding other than chunked");
    // RFC 9112 section 6.1: a server of HTTP/1.0 cannot mean it.
    if (http10) return fault("the response is HTTP/1.0 with Transfer-Encoding");
    return bodiless ? NO_BODY : CHUNKED;
  }
  if (bodiless) return NO_BODY;
  return length === undefined ? UNTIL_CLOSE : { kind: "length", bytes: Number(length) };
}

/** RFC 9110 section 6.4.1. Informational responses are skipped by the reader, whatever framing they claim. */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 304;
}

/** RFC 9112 section 9.3. `connection` is lower case, each value preceded by a comma. */
function isPersistent(connection: string, http10: boolean): boolean {
  if (connection === "") return !http10;
  if (connection === ",keep-alive") return true;
  const options = connection.split(",").map((option) => option.trim());
  if (options.includes("close")) return false;
  return !http10 || options.includes("keep-alive");
}

function fault(message: string): HeadFault {
  return { kind: "fault", message };
}
