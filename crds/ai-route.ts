// The kind AIRoute: which requests are taken, how their caller is identified, and where they go. Descriptions are the
// user manual.

import { z } from "zod";
import {
  headerName,
  hostname,
  integer,
  keySourceUrl,
  namedList,
  objectName,
  plainName,
  text,
  textKeyedList,
  textSet,
} from "./meta.ts";
import { withRules } from "./rule.ts";

/** RFC 7518 section 3.1 and RFC 8037 section 3.1, but those whose signatures anyone could make who can check them. */
const TOKEN_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const;

const path = z.strictObject({
  type: z
    .enum(["Exact", "PathPrefix"])
    .describe(
      "Exact: the whole path is value. PathPrefix: the path is value or goes on below it, segment by segment (/a holds /a " +
        "and /a/b, not /ab).",
    ),
  value: text({
    wanted: "a path: / and printable ASCII characters without ? and #, at most 1024",
    max: 1024,
    // Printable ASCII but ? and #: the path as it stands on the request line, percent-encoded where needed.
    pattern: /^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/,
  }).describe("The path, starting with /, percent-encoded as in a request, without query. Case matters."),
});

const header = z.strictObject({
  name: headerName().describe("Name of the request header; case does not matter."),
  value: text({
    wanted: "a header value of 1 to 1024 printable ASCII characters",
    max: 1024,
    pattern: /^[ -~]+$/,
  }).describe("The whole value that the header must have. Case matters."),
});

const match = z.strictObject({
  path: path.describe("The path that a request must have."),
  methods: textSet(z.enum(METHODS), METHODS.length)
    .default([])
    .describe("HTTP methods, any of them. Default: every method."),
  hostnames: textSet(hostname(), 64)
    .default([])
    .describe(
      'Host names, any of them, without port: exact ("llm.example.com"), or "*.example.com" for every name below it. The ' +
        "most exact one wins over other routes. A host name belongs to one namespace: the system namespace, else the one whose " +
        "route is oldest; with a wildcard, or every host name, go all names within it that were free. Default: every host name.",
    ),
  headers: z
    .array(header)
    .max(16)
    .default([])
    .describe("Request headers that must all be there with these values. Default: none is asked for."),
});

const apiKey = z.strictObject({
  headers: textSet(headerName(), 16)
    .default([])
    .describe(
      "Headers that may carry the key, in order; the first that is present decides. A header named authorization is read " +
        "with the Bearer scheme. Default: see apiKey.",
    ),
  query: textSet(
    text({
      wanted: "a query parameter name: letters, digits, -, _, . and ~, at most 128",
      max: 128,
      pattern: /^[-_.~A-Za-z0-9]+$/,
    }),
    16,
  )
    .default([])
    .describe("Query parameters that may carry the key, in order, looked at after the headers. Default: see apiKey."),
  hideCredentials: z
    .boolean()
    .default(true)
    .describe("Takes the caller's key out of the request before it goes to the provider. Default true."),
});

const issuer = z.strictObject({
  issuer: keySourceUrl().describe("The issuer, exactly as its tokens and the consumers' credentials name it."),
  jwksUri: keySourceUrl().optional().describe("Where its keys (JWKS) are. Default: as its discovery document says."),
});

const jwt = z.strictObject({
  header: headerName()
    .default("Authorization")
    .describe(
      "The request header with the token. A header named authorization is read with the Bearer scheme. Default Authorization.",
    ),
  issuers: textKeyedList(issuer, "issuer", 16)
    .default([])
    .describe("The issuers whose tokens are accepted. Default: every issuer that a consumer's credential names."),
  algorithms: textSet(z.enum(TOKEN_ALGORITHMS), TOKEN_ALGORITHMS.length)
    .default([])
    .describe("Algorithms of signatures that are accepted. Default: all of these. None and HMAC never are."),
  clockSkew: text({
    wanted: "a duration from 0s to 10m, like 30s",
    max: 4,
    pattern: /^([0-9]{1,2}s|[1-5][0-9]{2}s|600s|[0-9]m|10m)$/,
  })
    .default("30s")
    .describe("How far the issuer's clock may be off when times in a token are judged: 0s to 10m. Default 30s."),
  hideCredentials: z
    .boolean()
    .default(true)
    .describe("Takes the token out of the request before it goes to the provider. Default true."),
});

const authentication = withRules(
  z.strictObject({
    apiKey: apiKey
      .optional()
      .describe(
        "The caller presents an API key of a Consumer of this namespace or of the system namespace; without a known key the " +
          "answer is 401. When neither headers nor query is given, the key may stand where common clients put it: headers " +
          "apikey, x-api-key, api-key, x-goog-api-key, authorization (Bearer), query parameters apikey, key.",
      ),
    jwt: jwt
      .optional()
      .describe(
        "The caller presents a signed token (JWT) that fits a credential of a Consumer of this namespace or of the system " +
          "namespace; otherwise the answer is 401. With apiKey beside it a token that is presented decides alone, and a key " +
          "identifies where there is none.",
      ),
    none: z
      .strictObject({})
      .optional()
      .describe("Callers are not identified; limits per Consumer then count per client address."),
    anonymousConsumer: objectName()
      .optional()
      .describe(
        "Name of a Consumer of this namespace. Callers without a credential, or with one that does not identify, count as " +
          "this consumer instead of getting a 401. When there is no such Consumer they do get it.",
      ),
    realm: text({
      wanted: "1 to 256 printable ASCII characters, without spaces at its ends",
      max: 256,
      pattern: /^[!-~]( *[!-~])*$/,
    })
      .optional()
      .describe('The realm that 401 answers name in WWW-Authenticate. Default "ai-rate-limit".'),
    runOnPreflight: z
      .boolean()
      .optional()
      .describe(
        "Whether CORS preflight requests (OPTIONS with Origin and Access-Control-Request-Method, without a body) must " +
          "identify their caller. If not, they go to a backend without any credential, and are counted by limits of unit " +
          "Requests only, per client address. Default true.",
      ),
  }),
  [
    {
      cel: "has(self.none) != (has(self.apiKey) || has(self.jwt))",
      message: "apiKey, jwt or both, or none alone",
      members: ["apiKey", "jwt", "none"],
      holds: ({ apiKey: key, jwt: token, none }) => (none !== undefined) !== (key !== undefined || token !== undefined),
    },
    {
      cel: "!has(self.none) || !(has(self.anonymousConsumer) || has(self.realm) || has(self.runOnPreflight))",
      message: "nothing else beside none: nobody is identified",
      members: ["none", "anonymousConsumer", "realm", "runOnPreflight"],
      holds: ({ none, anonymousConsumer, realm, runOnPreflight }) =>
        none === undefined || [anonymousConsumer, realm, runOnPreflight].every((value) => value === undefined),
    },
  ],
);

const backendRef = z.strictObject({
  name: objectName().describe("Name of an AIBackend in the namespace of the route."),
  weight: integer(0, 1_000_000)
    .default(1)
    .describe(
      "Share of the requests relative to the other backends, 0 to 1000000. 0 beside positive weights: none; all 0: equal " +
        "shares. Default 1.",
    ),
});

export const routeSpec = z.strictObject({
  matches: z.array(match).min(1).max(16).describe("The requests that this route takes: those that meet any of these."),
  service: plainName()
    .optional()
    .describe(
      "Name of the service that the route belongs to. Routes of the namespace with one name share the counters of limits per " +
        "Service, and conditions may ask for it. Default: none; the route is then one of its own.",
    ),
  authentication: authentication
    .optional()
    .describe(
      "How callers are identified: by apiKey, jwt or both, or not at all (none). Default: apiKey with its default places.",
    ),
  backendRefs: namedList(backendRef, 1, 16).describe("Where the requests go: backends that share them by weight."),
});

export type RouteSpec = z.output<typeof routeSpec>;
