// A compiled route -> what requests use of it: its backends, in balancers.

import type { CompiledRoute } from "../contract/compiled.ts";
import type { DialectName } from "../providers/provider.ts";
import { type Choice, createBalancer } from "./balancer.ts";
import type { BackendRecord, DialectBackends, RouteRecord } from "./snapshot.ts";

/** `backends`: those of the route's namespace. The route passes over what it names and is not there. */
export function createRouteRecord(compiled: CompiledRoute, backends: ReadonlyMap<string, BackendRecord>): RouteRecord {
  const { namespace, name } = compiled;
  const choices = compiled.backends.flatMap((ref) => {
    const backend = backends.get(ref.name);
    return backend ? [{ item: backend, weight: ref.weight }] : [];
  });
  // Judged over all of them, also those that cannot be used: weight 0 beside others stays out of use.
  const positive = choices.filter(({ weight }) => weight > 0);
  const pool = positive.length > 0 ? positive : choices;
  const byDialect = { OpenAI: speaking("OpenAI", pool), Anthropic: speaking("Anthropic", pool) };
  const displayName = `${namespace}/${name}`;
  return { compiled, namespace, name, displayName, balancer: createBalancer(pool.filter(isUsable)), byDialect };
}

function speaking(dialect: DialectName, pool: readonly Choice<BackendRecord>[]): DialectBackends {
  const able = pool.filter(({ item }) => item.dialect === dialect);
  return { balancer: createBalancer(able.filter(isUsable)), isEmpty: able.length === 0 };
}

function isUsable({ item }: Choice<BackendRecord>): boolean {
  return item.isLocked !== true;
}
