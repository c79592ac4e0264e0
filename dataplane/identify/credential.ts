// Finds the API key or the token that a client presents. Knows where they may stand, not whose they are; never logs or
// keeps one.

import type { CompiledRoute } from "../contract/compiled.ts";
import type { HeaderList } from "./header-list.ts";
import { looksLikeToken } from "./read-token.ts";

export type KeyLocations = Pick<
  Extract<CompiledRoute["authentication"], { type: "APIKey" }>,
  "headers" | "query" | "hideCredentials"
>;

/** Where credentials stand that do not go upstream: lower-case header names, and query names. */
export type HiddenPlaces = Pick<KeyLocations, "headers" | "query">;

export type Presented =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "missing" }
  /** Present, and no single credential. */
  | { readonly kind: "malformed"; readonly where: string }
  /** The location is given more than once: which one counts would be a guess. */
  | { readonly kind: "duplicated"; readonly where: string };

const BEARER = /^bearer +/i;
const AUTHORIZATION = "authorization";

/**
 * The first listed location that is present decides: headers in order, then query parameters. Header names match in any
 * case, query names exactly. A header named authorization counts only with the Bearer scheme. An empty value is absent.
 */
export function presentedKey(locations: KeyLocations, headers: HeaderList, query: string): Presented {
  for (const name of locations.headers) {
    const found = fromHeader(name, headers);
    if (found) return found;
  }
  if (query === "" || locations.query.length === 0) return { kind: "missing" };
  const parameters = queryParameters(query);
  for (const name of locations.query) {
    const values = parameters.getAll(name);
    if (values.length > 1) return { kind: "duplicated", where: `query parameter ${name}` };
    const [key] = values;
    if (key) return { kind: "key", key };
  }
  return { kind: "missing" };
}

function fromHeader(name: string, headers: HeaderList): Presented | undefined {
  const index = headers.names.indexOf(name);
  if (index < 0) return undefined;
  if (headers.names.includes(name, index + 1)) return { kind: "duplicated", where: `header ${name}` };
  const key = keyIn(name, headers.value(index));
  if (!key) return undefined;
  // RFC 6750 section 2.1: behind the scheme stands one token.
  if (name === AUTHORIZATION && key.includes(" ")) return { kind: "malformed", where: "header Authorization" };
  return { kind: "key", key };
}

/** The key within a header's value; undefined when the value holds none. */
function keyIn(name: string, value: string): string | undefined {
  if (name !== AUTHORIZATION) return value;
  const scheme = BEARER.exec(value);
  return scheme ? value.slice(scheme[0].length).trimEnd() : undefined;
}

/**
 * The token in a route's token header; undefined when there is none. Where keys identify as well, what has not the form of a
 * token is left to them.
 */
export function presentedToken(
  header: string,
  headers: HeaderList,
  beside: KeyLocations | undefined,
): Presented | undefined {
  const presented = fromHeader(header, headers);
  if (presented === undefined || beside === undefined) return presented;
  return presented.kind === "key" && looksLikeToken(presented.key) ? presented : undefined;
}

/** Decoded parameters of a query string: the one reading of it, for finding the key and for taking it out again. */
export function queryParameters(query: string): URLSearchParams {
  // URLSearchParams drops a leading "?", which is part of the first name here.
  return new URLSearchParams(`&${query}`);
}

/** Shorter keys, which only trials use, stand in innocent text by chance. */
const FINDABLE_LENGTH = 8;
/** Of a longer key its beginning is looked for: it gives enough away, and a search for thousands of characters that are
 * all the same would take a hundred milliseconds. */
const SEARCHED_LENGTH = 64;

/** Whether a text gives the key away: it holds the key or, for a short key, ends in it as a word of its own. */
export function givesAway(text: string, key: string): boolean {
  return key.length >= FINDABLE_LENGTH
    ? text.includes(key.slice(0, SEARCHED_LENGTH))
    : text === key || text.endsWith(` ${key}`);
}

/** The places in words, for the 401 body. */
export function describeLocations({ headers, query }: HiddenPlaces): string {
  return [...headers.map(describeHeader), ...query.map((name) => `query parameter ${name}`)].join(", ");
}

export function describeHeader(name: string): string {
  return `header ${name === AUTHORIZATION ? "Authorization: Bearer" : name}`;
}
