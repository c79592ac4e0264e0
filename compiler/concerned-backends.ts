// Which backends a limit concerns, as far as names tell: for warnings about what a limit will meet there.

import type { CompiledBackend, CompiledLimit, CompiledPolicy, CompiledRoute } from "../dataplane/contract/compiled.ts";

export interface Reachable {
  readonly backends: readonly CompiledBackend[];
  readonly routes: readonly CompiledRoute[];
}

/** The backends that a request under this limit may go to, as far as names tell. */
export function concernedBackends(
  policy: CompiledPolicy,
  limit: CompiledLimit,
  { backends, routes }: Reachable,
): readonly CompiledBackend[] {
  const { namespace, appliesTo } = policy;
  const reached = reachedNames(policy, limit, routes);
  return backends.filter((backend) => {
    if (backend.namespace !== namespace || !reached.has(backend.name)) return false;
    if (appliesTo.backends && !appliesTo.backends.includes(backend.name)) return false;
    return namedBy(limit, "Backend", backend.name) && namedBy(limit, "Provider", backend.provider.toLowerCase());
  });
}

function reachedNames(
  { namespace, appliesTo }: CompiledPolicy,
  limit: CompiledLimit,
  routes: readonly CompiledRoute[],
): ReadonlySet<string> {
  const taken = routes.filter((route) => {
    if (route.namespace !== namespace) return false;
    return (appliesTo.routes?.includes(route.name) ?? true) && namedBy(limit, "Route", route.name);
  });
  return new Set(taken.flatMap((route) => route.backends.map(({ name }) => name)));
}

/** Conditions that compare by pattern may hold for any name. */
function namedBy({ when }: CompiledLimit, type: "Backend" | "Provider" | "Route", name: string): boolean {
  const exact = when.filter((condition) => condition.type === type && condition.match === "Exact");
  return exact.every(({ values }) => values.length === 0 || values.includes(name));
}
