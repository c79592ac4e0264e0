// A route's compiled authentication -> what identifying its callers uses, worked out once.

import type { CompiledRoute } from "../contract/compiled.ts";
import type { HiddenPlaces, KeyLocations } from "../identify/credential.ts";
import { TokenRule } from "../identify/token-rule.ts";

type Compiled = Exclude<CompiledRoute["authentication"], { type: "None" }>;
type CompiledJwt = Extract<Compiled, { type: "JWT" }>["jwt"];

const DEFAULT_REALM = "ai-rate-limit";
const AUTHORIZATION = "authorization";

export class RouteAuthentication {
  /** Undefined: keys do not identify here. */
  readonly keys: KeyLocations | undefined;
  /** Undefined: tokens do not identify here. */
  readonly tokens: TokenRule | undefined;
  /** A token goes no further than the gateway. */
  readonly hidesTokens: boolean;
  /** What is taken out of requests before they go upstream. */
  readonly hidden: HiddenPlaces;
  readonly anonymousConsumer: string | undefined;
  readonly skipsPreflight: boolean;
  /** Headers of a 401: what is wanted. */
  readonly challenge: readonly string[];
  /** Headers of a 401 for a token that was presented and is not accepted (RFC 6750 section 3.1). */
  readonly tokenChallenge: readonly string[];

  constructor(namespace: string, compiled: Compiled) {
    const jwt = compiled.type === "JWT" ? compiled.jwt : undefined;
    this.keys = compiled.type === "JWT" ? compiled.apiKey : compiled;
    this.tokens = jwt && new TokenRule(namespace, jwt);
    this.hidesTokens = jwt?.hideCredentials === true;
    this.hidden = hiddenPlaces(this.keys, jwt);
    this.anonymousConsumer = compiled.anonymousConsumer;
    this.skipsPreflight = compiled.skipsPreflight === true;
    const isBearer = jwt !== undefined || this.keys?.headers.includes(AUTHORIZATION) === true;
    const text = `${isBearer ? "Bearer" : "Key"} realm=${quotedString(compiled.realm ?? DEFAULT_REALM)}`;
    this.challenge = ["WWW-Authenticate", text];
    this.tokenChallenge = ["WWW-Authenticate", `${text}, error="invalid_token"`];
  }
}

/** A header that one kind of credential shows is shown, whatever the other one does. */
function hiddenPlaces(keys: KeyLocations | undefined, jwt: CompiledJwt | undefined): HiddenPlaces {
  const kinds = [
    { headers: keys?.headers ?? [], isHidden: keys?.hideCredentials === true },
    { headers: jwt === undefined ? [] : [jwt.header], isHidden: jwt?.hideCredentials === true },
  ];
  const shown = kinds.filter(({ isHidden }) => !isHidden).flatMap(({ headers }) => headers);
  const hidden = kinds.filter(({ isHidden }) => isHidden).flatMap(({ headers }) => headers);
  return {
    headers: hidden.filter((name) => !shown.includes(name)),
    query: keys?.hideCredentials === true ? keys.query : [],
  };
}

/** RFC 9110 section 5.6.4. */
function quotedString(text: string): string {
  return `"${text.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`;
}
