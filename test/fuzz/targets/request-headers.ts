// What a request's headers and query say and what of them goes upstream: the gateway's key never does, and nothing that
// would end a line or start another request.

import type { BackendRecord } from "../../../dataplane/config/snapshot.ts";
import { type KeyLocations, presentedKey, queryParameters } from "../../../dataplane/identify/credential.ts";
import { createHeaderNames, HeaderList } from "../../../dataplane/identify/header-list.ts";
import {
  clientHeaders,
  crossesUpstream,
  upstreamHeaders,
  upstreamQuery,
} from "../../../dataplane/proxy/crossing-headers.ts";
import { law, same } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

const LOCATIONS: KeyLocations = {
  headers: ["apikey", "x-api-key", "authorization"],
  query: ["apikey", "key"],
  hideCredentials: true,
};

function aBackend(auth: BackendRecord["compiled"]["auth"]["type"]): BackendRecord {
  return {
    name: "llm",
    provider: "openaicompatible",
    dialect: "OpenAI",
    compiled: {
      kind: "AIBackend",
      namespace: "default",
      name: "llm",
      provider: "OpenAICompatible",
      origin: "http://127.0.0.1:1",
      auth: auth === "Passthrough" ? { type: "Passthrough" } : { type: "None" },
      usage: { injectIncludeUsage: true, onMissing: "ChargeEstimate" },
      timeouts: { connectMs: 1, firstByteMs: 1, streamIdleMs: 1 },
    },
    credential: auth === "APIKey" ? { header: "authorization", value: "Bearer provider" } : undefined,
  };
}

const BACKENDS = (["None", "Passthrough", "APIKey"] as const).map(aBackend);
const NEVER_UPSTREAM =
  /^(connection|transfer-encoding|content-length|host|upgrade|te|trailer|expect|keep-alive|x-consumer-.*|x-airl-.*)$/i;

/** First line: the query. Then headers. As node's parser gives them: names are tokens, values have no control characters. */
function readInput(input: Buffer): { query: string; raw: string[] } {
  const [query = "", ...lines] = input
    .toString("latin1")
    .replace(/[^\x20-\xff\n]/g, "")
    .replaceAll("\x7f", "")
    .split("\n");
  const raw = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).replace(/[^!#$%&'*+\-.^_`|~0-9A-Za-z]/g, "");
    return name === "" ? [] : [name, line.slice(colon + 1).trim()];
  });
  return { query: query.replaceAll(" ", ""), raw };
}

export const target: FuzzTarget = {
  name: "request-headers",
  shape: "text",
  seeds: [
    "apikey=secret-key-1&x=1\nHost: a\nContent-Type: application/json",
    "x=1\nApiKey: secret-key-2\nConnection: close, x-hop\nX-Hop: 1\nX-Consumer-Username: root\nX_Consumer_Id: 1",
    "&&=&a=%zz&%6bey=secret-key-3%20\nAuthorization: Bearer secret-key-4\nauthorization: Basic x\nX-Api-Key:",
    "key=secret%2dkey-5&key=2&other=secret-key-5\nTransfer-Encoding: chunked\nTE: trailers\nCookie: a=secret-key-5",
  ],
  tokens: [
    "apikey",
    "key",
    "authorization: ",
    "Bearer ",
    "bearer  ",
    "x-api-key: ",
    "connection: ",
    "%",
    "%6b",
    "&",
    "=",
    "+",
    "?",
    "#",
    ";",
    "\n",
    ",",
    "secret-key-1",
    "x_consumer_id",
    "x-airl-a",
  ],
  // What the server lets pass of a head.
  maxBytes: 32_768,
  run(input) {
    const { query, raw } = readInput(input);
    const headers = new HeaderList(raw, createHeaderNames(crossesUpstream));
    const presented = presentedKey(LOCATIONS, headers, query);
    const key = presented.kind === "key" ? presented.key : undefined;
    same(
      [...queryParameters(query)].length,
      query.split("&").filter((pair) => pair !== "").length,
      "a pair is a parameter",
    );
    for (const backend of BACKENDS) {
      const crossing = { headers, hidden: LOCATIONS, key, backend, isPreflight: false };
      const sent = upstreamHeaders(crossing);
      const sentQuery = upstreamQuery(query, crossing);
      law(sent.length % 2 === 0, "names and values go in pairs");
      const names = sent.filter((_, i) => i % 2 === 0);
      law(!names.some((name) => NEVER_UPSTREAM.test(name)), "headers of one connection stay on it", names);
      law(!/[\0-\x20\x7f]/.test(sentQuery), "the query stays one word", sentQuery);
      if (key === undefined || key.length < 8) continue;
      law(!sent.some((text, i) => i % 2 === 1 && text.includes(key)), "the gateway's key stays here", sent);
      law(
        ![...queryParameters(sentQuery.slice(1))].flat().some((text) => text.includes(key)),
        "the gateway's key stays here",
        sentQuery,
      );
    }
    clientHeaders(raw, input.length % 2 === 0);
    return presented.kind === "key" ? `key ${String(presented.key.length < 8)}` : JSON.stringify(presented);
  },
};
