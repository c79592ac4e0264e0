// Which headers and parameters cross the gateway, and that the gateway's own keys never do.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BackendRecord } from "../../../dataplane/config/snapshot.ts";
import { type KeyLocations, presentedKey } from "../../../dataplane/identify/credential.ts";
import { createHeaderNames, HeaderList } from "../../../dataplane/identify/header-list.ts";
import {
  type CrossingInput,
  clientHeaders,
  crossesUpstream,
  upstreamHeaders,
  upstreamQuery,
} from "../../../dataplane/proxy/crossing-headers.ts";
import { FORMAT } from "../../../dataplane/respond/header-rules.ts";
import { aBackend } from "../config/builders.ts";

const KEY = "gw-0123456789";
const LOCATIONS: KeyLocations = {
  headers: ["apikey", "x-api-key", "api-key", "x-goog-api-key", "authorization"],
  query: ["apikey", "key"],
  hideCredentials: true,
};

/** On a route without identification. */
const NOBODY = { hidden: undefined, key: undefined, isPreflight: false };

type AuthType = "None" | "Passthrough" | "APIKey";

function backendOf(type: AuthType, header = "authorization"): BackendRecord {
  if (type !== "APIKey")
    return { compiled: aBackend({ auth: { type } }), name: "openai", provider: "openai", dialect: "OpenAI" };
  const compiled = aBackend({ auth: { type, header, prefix: "", sealed: [] } });
  const credential = { header, value: "Bearer sk-provider" };
  return { compiled, name: "openai", provider: "openai", dialect: "OpenAI", credential };
}

interface Sent {
  readonly raw: readonly string[];
  readonly locations?: KeyLocations;
  readonly key?: string | undefined;
  readonly backend?: BackendRecord;
}

/** What a route with these places hides. */
function hiding(
  locations: KeyLocations,
  key: string | undefined,
  backend: BackendRecord,
): Omit<CrossingInput, "headers"> {
  const isHidden = locations.hideCredentials;
  return { hidden: isHidden ? locations : undefined, key: isHidden ? key : undefined, backend, isPreflight: false };
}

/** Headers that cross, by the name that the client or the gateway wrote; without what is always added. */
function crossing({ raw, locations = LOCATIONS, key = KEY, backend = backendOf("None") }: Sent): string[] {
  const out = upstreamHeaders({
    headers: new HeaderList(raw, createHeaderNames(crossesUpstream)),
    ...hiding(locations, key, backend),
  });
  const at = out.indexOf("accept-encoding");
  expect(out.slice(at, at + 2)).toEqual(["accept-encoding", "identity"]);
  return out.toSpliced(at, 2);
}

describe("to the upstream", () => {
  test("[unit] headers cross in order, spelling and number", () => {
    const raw = [
      "X-Trace",
      "1",
      "content-type",
      "application/json",
      "X-TRACE",
      "2",
      "traceparent",
      "00-a-b-01",
      "Cookie",
      "c=d",
    ];
    expect(crossing({ raw })).toEqual(raw);
  });

  test.for([
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Host",
    "Content-Length",
    "Expect",
  ])("[unit] %s stays on its own connection", (name) => {
    expect(crossing({ raw: [name, "x", "a", "b"] })).toEqual(["a", "b"]);
  });

  test.for([
    { name: "one", raw: ["Connection", "X-Hop", "x-hop", "1", "a", "b"], out: ["a", "b"] },
    {
      name: "several in any case",
      raw: ["connection", "close, X-HOP ,x-two", "x-hop", "1", "X-Two", "2", "a", "b"],
      out: ["a", "b"],
    },
    {
      name: "those of a second Connection header",
      raw: ["Connection", "x-one", "Connection", "x-two", "x-one", "1", "x-two", "2"],
      out: [],
    },
    { name: "none for keep-alive", raw: ["Connection", "keep-alive", "a", "b"], out: ["a", "b"] },
  ])("[unit] what Connection lists stays too: $name", ({ raw, out }) => {
    expect(crossing({ raw })).toEqual(out);
  });

  test("[unit] a client cannot take away the provider's credential by listing its header", () => {
    const raw = ["Connection", "authorization, accept-encoding", "Authorization", `Bearer ${KEY}`];
    expect(crossing({ raw, backend: backendOf("APIKey") })).toEqual(["authorization", "Bearer sk-provider"]);
  });

  test("[unit] the body is asked for uncompressed, whatever the client takes", () => {
    expect(crossing({ raw: ["Accept-Encoding", "gzip, br"] })).toEqual([]);
  });

  test.for([
    "X-Consumer-Username",
    "x-consumer-id",
    "X-Consumer-Custom-ID",
    "X-Consumer-Groups",
    "X-Credential-Identifier",
    "X-Anonymous-Consumer",
    "X-Authenticated-Groups",
    "X-AIRL-Consumer",
    "x_consumer_username",
    "X-Consumer_ID",
    "x_airl-anything",
  ])("[unit] a client does not say who it is: %s", (name) => {
    expect(crossing({ raw: [name, "admin", "x-consumers", "kept", "x_other", "kept"] })).toEqual([
      "x-consumers",
      "kept",
      "x_other",
      "kept",
    ]);
  });
});

describe("credentials in headers", () => {
  const row = (name: string, sent: Sent, out: readonly string[]) => ({ name, sent, out });
  const everywhere = LOCATIONS.headers.flatMap((name) => [
    name,
    name === "authorization" ? "Bearer other-secret" : "other-secret",
  ]);
  test.for([
    row("no listed header crosses to a backend without a credential", { raw: [...everywhere, "a", "b"] }, ["a", "b"]),
    row(
      "the provider's credential replaces the client's",
      { raw: ["Authorization", "Bearer x"], backend: backendOf("APIKey") },
      ["authorization", "Bearer sk-provider"],
    ),
    row(
      "also when the client's credentials are not hidden",
      {
        raw: ["API-Key", "x", "a", "b"],
        locations: { ...LOCATIONS, hideCredentials: false },
        backend: backendOf("APIKey", "api-key"),
      },
      ["a", "b", "api-key", "Bearer sk-provider"],
    ),
    row(
      "hideCredentials false lets the key cross",
      { raw: ["apikey", KEY], locations: { ...LOCATIONS, hideCredentials: false } },
      ["apikey", KEY],
    ),
    row(
      "Passthrough lets the client's own provider key cross",
      { raw: ["apikey", KEY, "Authorization", "Bearer sk-client"], backend: backendOf("Passthrough") },
      ["Authorization", "Bearer sk-client"],
    ),
    row(
      "Passthrough holds the gateway's key back in each place",
      { raw: ["apikey", KEY, "x-api-key", KEY, "Authorization", `Bearer ${KEY}`], backend: backendOf("Passthrough") },
      [],
    ),
    row(
      "Passthrough holds it back without its scheme",
      { raw: ["apikey", KEY, "Authorization", KEY], backend: backendOf("Passthrough") },
      [],
    ),
    row(
      "a header that is not listed does not carry the key either",
      { raw: ["X-Other", KEY, "Cookie", `apikey=${KEY}; a=b`, "a", "b"] },
      ["a", "b"],
    ),
    row(
      "nor does one behind a scheme",
      { raw: ["apikey", KEY, "Authorization", `Bearer ${KEY}`], locations: { ...LOCATIONS, headers: ["apikey"] } },
      [],
    ),
    row(
      "nor a short key",
      {
        raw: ["apikey", "k1", "Authorization", "Bearer k1", "Accept", "application/k1"],
        locations: { ...LOCATIONS, headers: ["apikey"] },
        key: "k1",
      },
      ["Accept", "application/k1"],
    ),
  ])("[unit] $name", ({ sent, out }) => {
    expect(crossing(sent)).toEqual(out);
  });

  test("[unit] on a route without identification a client's headers are its own", () => {
    const headers = new HeaderList(["Authorization", "Bearer sk-client"], createHeaderNames(crossesUpstream));
    const out = upstreamHeaders({ headers, ...NOBODY, backend: backendOf("Passthrough") });
    expect(out.slice(0, 2)).toEqual(["Authorization", "Bearer sk-client"]);
  });
});

describe("credentials in the query", () => {
  const row = (name: string, query: string, out: string, sent: Omit<Sent, "raw"> = {}) => ({ name, query, out, sent });
  const open = { ...LOCATIONS, hideCredentials: false };
  const passthrough = backendOf("Passthrough");
  test.for([
    row("nothing is nothing", "", ""),
    row("other parameters keep order and spelling", "b=%41&a=1+2&&b", "?b=%41&a=1+2&&b"),
    row("a listed parameter is taken out", "a=1&apikey=x&b=2", "?a=1&b=2"),
    row("also when it is the only one", "key=x", ""),
    row("also when its name is encoded", "%61pikey=x&a=1", "?a=1"),
    row("also when it is given twice", "key=x&a=1&key=y", "?a=1"),
    row("a name in another case is another parameter", "Key=x", "?Key=x"),
    row("a parameter that is not listed does not carry the key", `token=${KEY}&a=1`, "?a=1"),
    row("nor encoded", `token=${KEY.replace("-", "%2D")}&a=1`, "?a=1"),
    row("nor as a name", `${KEY}&a=1`, "?a=1"),
    row("nor unencoded where it should be", "token=abc+defg/h&a=1", "?a=1", { key: "abc+defg/h" }),
    row("hideCredentials false lets it cross", `apikey=${KEY}`, `?apikey=${KEY}`, { locations: open }),
    row("Passthrough lets the client's own provider key cross", "key=provider", "?key=provider", {
      backend: passthrough,
    }),
    row("Passthrough holds the gateway's key back", `apikey=${KEY}&key=provider`, "?key=provider", {
      backend: passthrough,
    }),
    row("no places in the query hide the key all the same", `x=${KEY}&a=1`, "?a=1", {
      locations: { ...LOCATIONS, query: [] },
    }),
  ])("[unit] $name", ({ query, out, sent }) => {
    const { locations = LOCATIONS, key = KEY, backend = backendOf("None") } = sent;
    expect(upstreamQuery(query, hiding(locations, key, backend))).toBe(out);
  });

  test("[unit] on a route without identification the query is the client's own", () => {
    expect(upstreamQuery("apikey=x&a", { ...NOBODY, backend: backendOf("None") })).toBe("?apikey=x&a");
  });
});

describe("the gateway's key", () => {
  const secret = fc.string({
    unit: fc.constantFrom("a", "b", "Z", "0", "9", "-", "_", ".", "/", "+", "~", "="),
    minLength: 8,
    maxLength: 40,
  });
  const name = fc.constantFrom(
    ...LOCATIONS.headers,
    "Authorization",
    "X-Other",
    "cookie",
    "connection",
    "x-consumer-id",
    "a",
  );
  const around = fc.constantFrom("", "Bearer ", "bearer  ", "Token token=", "a, ", "\t", "%");
  const locations = fc.record({
    headers: fc.subarray(LOCATIONS.headers),
    query: fc.subarray(LOCATIONS.query),
    hideCredentials: fc.constant(true),
  });
  const backend = fc.constantFrom(
    backendOf("None"),
    backendOf("Passthrough"),
    backendOf("APIKey"),
    backendOf("APIKey", "api-key"),
  );

  test("[unit] crosses in no header, whatever the client sends", () => {
    const value = fc.tuple(around, fc.boolean(), around, fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(
        secret,
        fc.array(fc.tuple(name, value), { maxLength: 8 }),
        locations,
        backend,
        (key, sent, places, to) => {
          const raw = sent.flatMap(([header, [before, isKey, after, other]]) => [
            header,
            before + (isKey ? key : other) + after,
          ]);
          const headers = new HeaderList(raw, createHeaderNames(crossesUpstream));
          const out = upstreamHeaders({ headers, ...hiding(places, key, to) });
          expect(out.filter((text) => text.includes(key))).toEqual([]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("[unit] crosses in no parameter, whatever the client sends", () => {
    const parameter = fc.tuple(
      fc.constantFrom("apikey", "key", "%6bey", "token", "a", "", "?key"),
      fc.constantFrom("plain", "encoded", "percent", "other"),
      fc.string({ unit: fc.constantFrom("a", "%", "=", "+"), maxLength: 3 }),
    );
    fc.assert(
      fc.property(secret, fc.array(parameter, { maxLength: 6 }), locations, backend, (key, sent, places, to) => {
        const texts = { plain: key, encoded: encodeURIComponent(key), percent: percentEncoded(key), other: "x" };
        const query = sent.map(([parameterName, form, more]) => `${parameterName}=${more}${texts[form]}`).join("&");
        const out = upstreamQuery(query, hiding(places, key, to));
        expect(out).not.toContain(key);
        expect([...new URLSearchParams(out)].flat().filter((text) => text.includes(key))).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test("[unit] is taken out of the query wherever it was found there", () => {
    const query = fc.string({
      unit: fc.constantFrom("key", "apikey", "=", "&", "?", "%6b", "ey", "v", "+"),
      maxLength: 10,
    });
    fc.assert(
      fc.property(query, (text) => {
        const found = presentedKey(LOCATIONS, new HeaderList([], createHeaderNames(crossesUpstream)), text);
        if (found.kind !== "key") return;
        const out = upstreamQuery(text, hiding(LOCATIONS, found.key, backendOf("None")));
        expect(presentedKey(LOCATIONS, new HeaderList([], createHeaderNames(crossesUpstream)), out.slice(1)).kind).toBe(
          "missing",
        );
      }),
    );
  });
});

function percentEncoded(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

describe("to the client", () => {
  test("[unit] headers cross in order, spelling and number", () => {
    const raw = ["Set-Cookie", "a", "set-cookie", "b", "X-RateLimit-Remaining-Tokens", "5", "Content-Length", "10"];
    const known = { checked: raw.length, hasLength: true, hasDate: false };
    expect(clientHeaders(raw, false)).toEqual({ headers: raw, known, contentType: "", limitFormats: FORMAT.OpenAI });
  });

  test.for([
    {
      name: "hop-by-hop headers stay",
      raw: ["Transfer-Encoding", "chunked", "Keep-Alive", "timeout=5", "Trailer", "x", "Upgrade", "h2c", "a", "b"],
      out: ["a", "b"],
    },
    {
      name: "what Connection lists stays",
      raw: ["X-Hop", "1", "Connection", "close, x-hop", "a", "b"],
      out: ["a", "b"],
    },
    {
      name: "what each of two Connection headers lists stays",
      raw: ["Connection", "x-one", "x-one", "1", "x-two", "2", "connection", "X-Two", "a", "b"],
      out: ["a", "b"],
    },
  ])("[unit] $name", ({ raw, out }) => {
    expect(clientHeaders(raw, false).headers).toEqual(out);
  });

  test("[unit] the length is left out when the body may change", () => {
    expect(clientHeaders(["content-LENGTH", "10", "a", "b"], true).headers).toEqual(["a", "b"]);
  });

  test("[unit] the content type is read in lower case", () => {
    expect(clientHeaders(["Content-Type", "Text/Event-Stream; charset=UTF-8"], false).contentType).toBe(
      "text/event-stream; charset=utf-8",
    );
  });
});
