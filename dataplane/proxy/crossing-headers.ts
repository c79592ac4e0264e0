// Which headers cross the gateway, in either direction. RFC 9110 section 7.6.1: fields of one connection stay on it, and
// Connection lists further ones.

import type { BackendRecord } from "../config/snapshot.ts";
import type { KnownHeaders } from "../downstream/response-head.ts";
import { givesAway, type HiddenPlaces, queryParameters } from "../identify/credential.ts";
import type { HeaderList } from "../identify/header-list.ts";
import { formatsNamed } from "../respond/name-clashes.ts";

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const EDITED_DROPPED = new Set([...HOP_BY_HOP, "content-length"]);
const CONNECTION = "connection";

/** Written anew by the upstream client, or decided here. */
const REQUEST_DROPPED = new Set([...HOP_BY_HOP, "host", "content-length", "expect", "accept-encoding"]);

/** Where the two APIs take their key. A provider that is given two keys refuses, or takes the wrong one. */
const PROVIDER_KEYS = new Set(["authorization", "x-api-key"]);

/** A client must not say who it is in words that a backend may take for the gateway's. */
const IDENTITY_PREFIXES = ["x-consumer-", "x-credential-", "x-anonymous-consumer", "x-authenticated-", "x-airl-"];

/** For the memory of names that a HeaderList is made with. */
export function crossesUpstream(lower: string): boolean {
  return !REQUEST_DROPPED.has(lower) && !isIdentity(lower);
}

export interface CrossingInput {
  readonly headers: HeaderList;
  /** Undefined on routes without identification. */
  readonly hidden: HiddenPlaces | undefined;
  /** What identified the client and is not to go upstream. */
  readonly key: string | undefined;
  readonly backend: BackendRecord;
  /** Nobody was identified who could use the backend's credential. */
  readonly isPreflight: boolean;
}

/** Headers for the upstream request: name, value, name, value, ... */
export function upstreamHeaders(input: CrossingInput): string[] {
  const { headers, backend } = input;
  const listed = connectionListed(headers.get("connection"));
  const out: string[] = [];
  for (let i = 0; i < headers.names.length; i += 1) {
    const name = headers.names[i] ?? "";
    if (!headers.crosses(i) || listed?.has(name)) continue;
    if (isHiddenCredential(name, headers.value(i), input)) continue;
    out.push(headers.raw[2 * i] ?? name, headers.value(i));
  }
  // Bodies are read for usage on their way: the upstream is asked not to compress them.
  out.push("accept-encoding", "identity");
  if (backend.credential && !input.isPreflight) out.push(backend.credential.header, backend.credential.value);
  return out;
}

/**
 * The gateway's own keys never go upstream, in whichever header a client repeats its key. To a Passthrough backend the
 * other credential headers do: there they carry the client's own provider key.
 */
function isHiddenCredential(name: string, value: string, { hidden, key, backend }: CrossingInput): boolean {
  if (backend.credential && isSameKey(backend.credential.header, name)) return true;
  if (key !== undefined && givesAway(value, key)) return true;
  return hidden !== undefined && backend.compiled.auth.type !== "Passthrough" && hidden.headers.includes(name);
}

function isSameKey(header: string, name: string): boolean {
  return header === name || (PROVIDER_KEYS.has(header) && PROVIDER_KEYS.has(name));
}

/** The query string for the upstream without the gateway's own key; "" or "?a=b". Other parameters keep order and spelling. */
export function upstreamQuery(query: string, { hidden, key, backend }: Omit<CrossingInput, "headers">): string {
  if (query === "") return "";
  if (key === undefined && (hidden === undefined || hidden.query.length === 0)) return `?${query}`;
  // Read once as a whole: a pair between two & is one parameter, an empty one none.
  const parameters = queryParameters(query).entries();
  const pairs = query.split("&");
  const isHidden = (pair: string): boolean => {
    if (pair === "") return false;
    const [name, value]: readonly [string, string] = parameters.next().value ?? ["", ""];
    if (key !== undefined && [pair, name, value].some((text) => givesAway(text, key))) return true;
    return backend.compiled.auth.type !== "Passthrough" && hidden?.query.includes(name) === true;
  };
  const kept = pairs.filter((pair) => !isHidden(pair));
  if (kept.length === pairs.length) return `?${query}`;
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

/** An underscore counts as a dash: servers that hand headers on as environment variables read both alike. */
function isIdentity(name: string): boolean {
  if (!name.startsWith("x-") && !name.startsWith("x_")) return false;
  const dashed = name.includes("_") ? name.replaceAll("_", "-") : name;
  return IDENTITY_PREFIXES.some((prefix) => dashed.startsWith(prefix));
}

function connectionListed(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined;
  return new Set(connection.split(",").map((token) => token.trim().toLowerCase()));
}

export interface CrossedHeaders {
  /** Headers for the client: name, value, name, value, ... */
  readonly headers: string[];
  readonly known: KnownHeaders;
  /** Lower case; "" when absent. */
  readonly contentType: string;
  /** Formats of limit headers whose names are among them; 0 without any. */
  readonly limitFormats: number;
}

/** Headers of the upstream's answer that go to the client. `edited`: the body's length may change on the way. */
export function clientHeaders(raw: readonly string[], edited: boolean): CrossedHeaders {
  const headers: string[] = [];
  const seen = { hasLength: false, hasDate: false };
  let contentType = "";
  let limitFormats = 0;
  const listed = connectionListed(connectionOf(raw));
  const dropped = edited ? EDITED_DROPPED : HOP_BY_HOP;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const value = raw[i + 1] ?? "";
    const lower = name.toLowerCase();
    if (lower === "content-type") contentType = value.toLowerCase();
    if (dropped.has(lower) || listed?.has(lower)) continue;
    limitFormats |= formatsNamed(lower);
    const crossing = crossingValue(lower, value, seen);
    if (crossing !== undefined) headers.push(name, crossing);
  }
  const known = { checked: headers.length, hasLength: seen.hasLength, hasDate: seen.hasDate };
  return { headers, known, contentType, limitFormats };
}

/** Undefined for what the client has been told already. */
function crossingValue(
  lower: string,
  value: string,
  seen: { hasLength: boolean; hasDate: boolean },
): string | undefined {
  if (lower === "date") seen.hasDate = true;
  if (lower !== "content-length") return value;
  // The reader has checked that all lengths are one; the client is told it once (RFC 9112 section 6.3).
  if (seen.hasLength) return undefined;
  seen.hasLength = true;
  return firstOf(value);
}

/** The first of a list of values. */
function firstOf(value: string): string {
  const comma = value.indexOf(",");
  return comma < 0 ? value : value.slice(0, comma).trimEnd();
}

/** All values of Connection as one list; undefined without one. */
function connectionOf(raw: readonly string[]): string | undefined {
  let values: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    // Lengths first: spares most names the lower-casing.
    if (raw[i]?.length !== CONNECTION.length || raw[i]?.toLowerCase() !== CONNECTION) continue;
    values = values === undefined ? raw[i + 1] : `${values},${raw[i + 1] ?? ""}`;
  }
  return values;
}
