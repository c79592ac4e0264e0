// Who sends a request: by a token or an API key, as its route asks. What a caller presents and does not identify is never
// passed over for something else that it presents.

import type { RouteAuthentication } from "../config/route-authentication.ts";
import type { ConsumerRecord, Identity, RouteRecord } from "../config/snapshot.ts";
import { describeHeader, describeLocations, presentedKey, presentedToken } from "../identify/credential.ts";
import type { TokenProblem, TokenVerifier } from "../identify/token-verifier.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";
import type { Exchange } from "./exchange.ts";
import { identityOfToken, notIdentified, notPresented, Unidentified, validAt } from "./identity.ts";
import { isPreflight } from "./preflight.ts";

export interface IdentifyDeps {
  readonly verifier: TokenVerifier<Identity>;
  /** Wall clock, epoch milliseconds. */
  readonly nowMs: () => number;
}

/** The answer comes later. */
export const LATER = Symbol("later");

type Then = (exchange: Exchange, problem: GatewayError | undefined) => void;

/**
 * Sets who the caller is. Undefined: the request may go on. LATER: the keys of a token's issuer are being fetched, and
 * `then` will be called once, unless the exchange has ended by then.
 */
export function identifyCaller(
  exchange: Exchange,
  deps: IdentifyDeps,
  then: Then,
): GatewayError | typeof LATER | undefined {
  const { route } = exchange;
  const authentication = route?.authentication;
  if (route === undefined || authentication === undefined) return undefined;
  if (authentication.skipsPreflight && isPreflight(exchange)) {
    exchange.isPreflight = true;
    return undefined;
  }
  if (authentication.tokens !== undefined) return byTokenOrKey(exchange, { route, authentication, deps }, then);
  return settle(exchange, authentication, byKey(exchange, route, deps));
}

interface Asked {
  readonly route: RouteRecord;
  readonly authentication: RouteAuthentication;
  readonly deps: IdentifyDeps;
}

/** A token that is presented decides; only without one is a key looked for. */
function byTokenOrKey(
  exchange: Exchange,
  { route, authentication, deps }: Asked,
  then: Then,
): GatewayError | typeof LATER | undefined {
  const { tokens: rule, keys, hidesTokens } = authentication;
  if (rule === undefined) return undefined;
  const presented = presentedToken(rule.header, exchange.headers, keys);
  if (presented === undefined && keys !== undefined) {
    return settle(exchange, authentication, byKey(exchange, route, deps));
  }
  if (presented?.kind !== "key") {
    return settle(exchange, authentication, notPresented(presented, "token", describeHeader(rule.header)));
  }
  const { key: token } = presented;
  if (hidesTokens) exchange.key = signatureOf(token);
  const conclude = (outcome: Identity | TokenProblem): GatewayError | undefined =>
    settle(exchange, authentication, identityOfToken(outcome, deps.nowMs));
  const outcome = deps.verifier.verify({ rule, token, credentials: exchange.config.snapshot.tokens }, (late) => {
    if (!exchange.finished) then(exchange, conclude(late));
  });
  return outcome === undefined ? LATER : conclude(outcome);
}

/** What makes a token one: with the rest alone nobody can do anything. Two tokens of an issuer may begin alike. */
function signatureOf(token: string): string {
  return token.slice(token.lastIndexOf(".") + 1);
}

function byKey(
  exchange: Exchange,
  { authentication, namespace }: RouteRecord,
  deps: IdentifyDeps,
): Identity | Unidentified {
  const { headers, query, config } = exchange;
  const keys = authentication?.keys;
  if (keys === undefined) return notPresented(undefined, "API key", "nothing");
  const presented = presentedKey(keys, headers, query);
  if (presented.kind !== "key") return notPresented(presented, "API key", describeLocations(keys));
  const identity = config.snapshot.identify(namespace, presented.key);
  if (identity === undefined) return new Unidentified("credential_unknown", "The API key is not known on this route.");
  if (keys.hideCredentials) exchange.key = presented.key;
  return validAt(identity, deps.nowMs, "API key");
}

function settle(
  exchange: Exchange,
  authentication: RouteAuthentication,
  found: Identity | Unidentified,
): GatewayError | undefined {
  if (!(found instanceof Unidentified)) return takeIdentity(exchange, found.consumer, found.credential);
  const { anonymousConsumer: name } = authentication;
  // A token that cannot be judged now may well be a good one: nobody is made somebody else by an outage.
  if (name === undefined || found.code === "issuer_unavailable") return notIdentified(found, authentication);
  const anonymous = exchange.config.snapshot.consumerNamed(exchange.route?.namespace ?? "", name);
  if (anonymous !== undefined) return takeIdentity(exchange, anonymous, undefined);
  const message = `${found.message} Consumer ${name}, whom this route takes such callers for, does not exist.`;
  return notIdentified(new Unidentified(found.code, message), authentication);
}

/** From here on the request is this consumer's, also in the log when it is refused. */
export function takeIdentity(
  exchange: Exchange,
  consumer: ConsumerRecord,
  credential: string | undefined,
): GatewayError | undefined {
  exchange.consumer = consumer;
  exchange.credential = credential;
  const { displayName, isSuspended, line } = consumer;
  if (line.missing !== undefined) return parentMissing(displayName, line.missing);
  if (!isSuspended) return undefined;
  const who = line.suspended === undefined ? displayName : `${consumer.namespace}/${line.suspended}`;
  const whose = who === displayName ? "" : `, to whom ${displayName} belongs,`;
  return { code: "consumer_suspended", message: `Consumer ${who}${whose} is suspended.` };
}

/** The budgets of ancestors that are not known cannot be kept: neither left out nor guessed, the request is refused. */
function parentMissing(displayName: string, missing: string): GatewayError {
  const message =
    `Consumer ${displayName} belongs to Consumer ${missing}, which is not in force, so the limits above it cannot be ` +
    "counted. Create it, or change spec.parentRef of who names it.";
  return { code: "parent_missing", message };
}
