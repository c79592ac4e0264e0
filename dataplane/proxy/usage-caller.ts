// Whose usage is asked for: a key without a route. It is read where the routes of this host read theirs, and identifies whom
// it identifies there.

import type { ConsumerRecord, RouteRecord, Snapshot } from "../config/snapshot.ts";
import { DEFAULT_KEY_HEADERS, DEFAULT_KEY_QUERY } from "../contract/key-locations.ts";
import { describeLocations, type KeyLocations, presentedKey } from "../identify/credential.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";
import type { Exchange } from "./exchange.ts";

export interface UsageCaller {
  readonly consumer: ConsumerRecord;
  /** Those of this host on which the key identifies the consumer. */
  readonly routes: readonly RouteRecord[];
  /** Some routes were left out, as there are too many. */
  readonly isCut: boolean;
}

/** More routes of one host than this are not looked at. */
const MAX_ROUTES = 256;
const DEFAULT_LOCATIONS: KeyLocations = {
  type: "APIKey",
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

export function findCaller({ config, headers, host, query }: Exchange): UsageCaller | GatewayError {
  const { snapshot } = config;
  const all = snapshot.routes.at(host);
  const routes = all.slice(0, MAX_ROUTES);
  const places = placesOf(routes);
  let problem: GatewayError | undefined;
  for (const { namespace, locations } of places) {
    const presented = presentedKey(locations, headers, query);
    if (presented.kind === "duplicated") {
      const message = `More than one API key found: ${presented.where} is given twice.`;
      problem ??= { code: "credential_duplicated", message };
    }
    if (presented.kind !== "key") continue;
    const consumer = snapshot.identify(namespace, presented.key);
    if (consumer === undefined) problem = { code: "credential_unknown", message: "The API key is not known here." };
    else return { consumer, ...concerned(snapshot, { routes, consumer, key: presented.key }, all.length > MAX_ROUTES) };
  }
  return problem ?? { code: "credential_missing", message: `No API key found. Looked at: ${describe(places)}.` };
}

function concerned(
  snapshot: Snapshot,
  {
    routes,
    consumer,
    key,
  }: { readonly routes: readonly RouteRecord[]; readonly consumer: ConsumerRecord; readonly key: string },
  isCut: boolean,
): Pick<UsageCaller, "routes" | "isCut"> {
  const namespaces = new Map<string, boolean>();
  const isKnownIn = (namespace: string): boolean => {
    const known = namespaces.get(namespace) ?? snapshot.identify(namespace, key) === consumer;
    namespaces.set(namespace, known);
    return known;
  };
  const identifying = routes.filter(({ compiled }) => compiled.authentication.type !== "None");
  return { routes: identifying.filter(({ namespace }) => isKnownIn(namespace)), isCut };
}

/** Each once, those of the most exact host name first. Where no route of a namespace asks for a key, the usual places. */
function placesOf(routes: readonly RouteRecord[]): readonly Place[] {
  const places = new Map<string, Place>();
  for (const { namespace, compiled } of routes) {
    const { authentication } = compiled;
    if (authentication.type === "None") continue;
    const id = JSON.stringify([namespace, authentication.headers, authentication.query]);
    if (!places.has(id)) places.set(id, { namespace, locations: authentication });
  }
  const asking = new Set(Array.from(places.values(), ({ namespace }) => namespace));
  const others = new Set(routes.map(({ namespace }) => namespace).filter((namespace) => !asking.has(namespace)));
  const found = [
    ...places.values(),
    ...Array.from(others, (namespace) => ({ namespace, locations: DEFAULT_LOCATIONS })),
  ];
  return found.length > 0 ? found : [{ namespace: NO_NAMESPACE, locations: DEFAULT_LOCATIONS }];
}

function describe(places: readonly Place[]): string {
  const headers = [...new Set(places.flatMap(({ locations }) => locations.headers))];
  const query = [...new Set(places.flatMap(({ locations }) => locations.query))];
  return describeLocations({ ...DEFAULT_LOCATIONS, headers, query });
}
