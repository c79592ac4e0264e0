// Whose usage is asked for: a token or a key without a route. It is read where the routes of this host read theirs, and
// identifies whom it identifies there.

import type { Identity, RouteRecord, Snapshot } from "../config/snapshot.ts";
import { DEFAULT_KEY_HEADERS, DEFAULT_KEY_QUERY } from "../contract/key-locations.ts";
import { describeHeader, describeLocations, type KeyLocations, presentedKey } from "../identify/credential.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";
import type { Exchange } from "./exchange.ts";
import { type IdentifyDeps, takeIdentity } from "./identify-caller.ts";
import { notPresented, Unidentified, validAt } from "./identity.ts";
import { findTokenCaller } from "./usage-token.ts";

export interface UsageCaller extends Pick<Identity, "consumer" | "credential"> {
  /** Those of this host on which the credential identifies the consumer. */
  readonly routes: readonly RouteRecord[];
  /** Some routes were left out, as there are too many. */
  readonly isCut: boolean;
}

/** More routes of one host than this are not looked at. */
const MAX_ROUTES = 256;
const DEFAULT_LOCATIONS: KeyLocations = {
  headers: DEFAULT_KEY_HEADERS,
  query: DEFAULT_KEY_QUERY,
  hideCredentials: true,
};
/** No namespace has this name: only consumers of the system namespace are found there. */
const NO_NAMESPACE = "";

/** Routes of one namespace that look for keys in the same places. */
interface Place {
  readonly namespace: string;
  readonly locations: KeyLocations;
}

/** Calls `done` once, maybe later; not at all when the exchange has ended by then. */
export function findCaller(
  exchange: Exchange,
  deps: IdentifyDeps,
  done: (caller: UsageCaller | GatewayError) => void,
): void {
  const all = exchange.config.snapshot.routes.at(exchange.host);
  const routes = all.slice(0, MAX_ROUTES);
  const isCut = all.length > MAX_ROUTES;
  findTokenCaller(exchange, { routes, deps }, (byToken) => {
    const isToken = byToken !== undefined && !(byToken instanceof Unidentified);
    const found = isToken ? byToken : (findKeyCaller(exchange, routes, deps) ?? byToken);
    if (found === undefined || found instanceof Unidentified) {
      const { code, message } = found ?? nothingPresented(routes);
      done({ code, message });
      return;
    }
    const { consumer, credential } = found.identity;
    done(takeIdentity(exchange, consumer, credential) ?? { consumer, credential, routes: found.routes, isCut });
  });
}

interface KeyCaller {
  readonly identity: Identity;
  readonly routes: readonly RouteRecord[];
}

/** Undefined when no key is presented. */
function findKeyCaller(
  { config: { snapshot }, headers, query }: Exchange,
  routes: readonly RouteRecord[],
  deps: IdentifyDeps,
): KeyCaller | Unidentified | undefined {
  let problem: Unidentified | undefined;
  for (const { namespace, locations } of placesOf(routes)) {
    const presented = presentedKey(locations, headers, query);
    if (presented.kind === "missing") continue;
    if (presented.kind !== "key") {
      problem ??= notPresented(presented, "API key", "");
      continue;
    }
    const { key } = presented;
    const identity = snapshot.identify(namespace, key);
    const found = identity && validAt(identity, deps.nowMs, "API key");
    if (found !== undefined && !(found instanceof Unidentified)) {
      return { identity: found, routes: concerned(snapshot, routes, { identity: found, key }) };
    }
    problem = found ?? new Unidentified("credential_unknown", "The API key is not known here.");
  }
  return problem;
}

function concerned(
  snapshot: Snapshot,
  routes: readonly RouteRecord[],
  { identity, key }: { readonly identity: Identity; readonly key: string },
): readonly RouteRecord[] {
  const namespaces = new Map<string, boolean>();
  const isKnownIn = (namespace: string): boolean => {
    const known = namespaces.get(namespace) ?? snapshot.identify(namespace, key)?.consumer === identity.consumer;
    namespaces.set(namespace, known);
    return known;
  };
  return routes.filter(({ namespace, authentication }) => authentication?.keys !== undefined && isKnownIn(namespace));
}

/** Each once, those of the most exact host name first. Where no route of a namespace asks for a key, the usual places. */
function placesOf(routes: readonly RouteRecord[]): readonly Place[] {
  const places = new Map<string, Place>();
  for (const { namespace, authentication } of routes) {
    const locations = authentication?.keys;
    if (locations === undefined) continue;
    const id = JSON.stringify([namespace, locations.headers, locations.query]);
    if (!places.has(id)) places.set(id, { namespace, locations });
  }
  const asking = new Set(Array.from(places.values(), ({ namespace }) => namespace));
  const others = new Set(routes.map(({ namespace }) => namespace).filter((namespace) => !asking.has(namespace)));
  const found = [
    ...places.values(),
    ...Array.from(others, (namespace) => ({ namespace, locations: DEFAULT_LOCATIONS })),
  ];
  return found.length > 0 ? found : [{ namespace: NO_NAMESPACE, locations: DEFAULT_LOCATIONS }];
}

function nothingPresented(routes: readonly RouteRecord[]): Unidentified {
  const places = placesOf(routes);
  const headers = [...new Set(places.flatMap(({ locations }) => locations.headers))];
  const query = [...new Set(places.flatMap(({ locations }) => locations.query))];
  const tokens = new Set(routes.flatMap(({ authentication }) => authentication?.tokens?.header ?? []));
  const text = [describeLocations({ headers, query }), ...Array.from(tokens, describeHeader)].join(", ");
  return notPresented(undefined, tokens.size > 0 ? "API key or token" : "API key", text);
}
