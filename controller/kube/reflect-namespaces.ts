// One resource in all namespaces or in some: a reflector for each, seen as one.

import { createReflector, type Reflector, type ReflectorOptions, type ReflectorState } from "./reflector.ts";
import type { Resource } from "./resource.ts";

export interface NamespacesOptions extends Omit<ReflectorOptions, "scope"> {
  readonly resource: Resource;
  /** Undefined: all namespaces, by one watch. */
  readonly namespaces: readonly string[] | undefined;
}

/** `synced` is called once, when the last of the namespaces is. Throws nothing; an empty list of namespaces never syncs. */
export function reflectNamespaces({ resource, namespaces, handler, ...options }: NamespacesOptions): Reflector {
  const scopes = namespaces?.map((namespace) => ({ resource, namespace })) ?? [{ resource }];
  let unsynced = scopes.length;
  const shared = {
    ...handler,
    upsert: handler.upsert.bind(handler),
    remove: handler.remove.bind(handler),
    synced(): void {
      unsynced -= 1;
      if (unsynced === 0) handler.synced();
    },
  };
  const reflectors = scopes.map((scope) => createReflector({ ...options, scope, handler: shared }));
  return {
    start() {
      for (const reflector of reflectors) reflector.start();
    },
    async stop() {
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
    },
    state: () => reflectors.map((reflector) => reflector.state()).reduce(together),
  };
}

/** The oldest of the last events, because one silent watch among many lively ones is what is looked for. */
function together(a: ReflectorState, b: ReflectorState): ReflectorState {
  const neither = a.lastEventAtMs === undefined || b.lastEventAtMs === undefined;
  return {
    synced: a.synced && b.synced,
    objects: a.objects + b.objects,
    lastEventAtMs: neither ? undefined : Math.min(a.lastEventAtMs, b.lastEventAtMs),
    relists: a.relists + b.relists,
    failures: a.failures + b.failures,
  };
}
