// A compiled route -> what requests use of it: its backends, in balancers.

import type { CompiledRoute } from "../contract/compiled.ts";
import type { DialectName } from "../providers/provider.ts";
import { type Choice, createBalancer } from "./balancer.ts";
import type { RouteAuthentication } from "./route-authentication.ts";
import type { BackendRecord, DialectBackends, RouteRecord } from "./snapshot.ts";

export interface RouteSurroundings {
  /** Of the route's namespace. What the route names and is not there is passed over. */
  readonly backends: ReadonlyMap<string, BackendRecord>;
  readonly authentication: RouteAuthentication | undefined;
}

export function createRouteRecord(
  compiled: CompiledRoute,
  { backends, authentication }: RouteSurroundings,
): RouteRecord {
  const { namespace, name, service } = compiled;
  // Judged over all of them, also those that are not there or cannot be used: weight 0 beside others stays out of use.
  const isWeighted = compiled.backends.some(({ weight }) => weight > 0);
  const pool = compiled.backends.flatMap(({ name: backendName, weight }) => {
    const item = backends.get(backendName);
    return item === undefined || (isWeighted && weight === 0) ? [] : [{ item, weight }];
  });
  const missing = compiled.backends.flatMap((ref) => (backends.has(ref.name) ? [] : [ref.name]));
  const byDialect = { OpenAI: speaking("OpenAI", pool), Anthropic: speaking("Anthropic", pool) };
  const displayName = `${namespace}/${name}`;
  const usable = pool.filter(isUsable);
  const balancer = createBalancer(usable);
  const usableBackends = usable.map(({ item }) => item);
  const found = { backends: usableBackends, missing, balancer, byDialect };
  return { compiled, namespace, name, displayName, service, authentication, ...found };
}

function speaking(dialect: DialectName, pool: readonly Choice<BackendRecord>[]): DialectBackends {
  const able = pool.filter(({ item }) => item.dialect === dialect);
  return { balancer: createBalancer(able.filter(isUsable)), isEmpty: able.length === 0 };
}

function isUsable({ item }: Choice<BackendRecord>): boolean {
  return item.isLocked !== true;
}
