// What one namespace, or the part for all of them, has besides consumers: its backends, policies and routes, each rebuilt only when it has changed.

import type { CompiledBackend, CompiledPolicy, CompiledRoute } from "../contract/compiled.ts";
import type { RingFor } from "../contract/keyring.ts";
import { createBackendRecord } from "./backend-record.ts";
import { createPolicyRecord } from "./policy-record.ts";
import { RouteAuthentication } from "./route-authentication.ts";
import { createRouteRecord } from "./route-record.ts";
import type { BackendRecord, PolicyRecord, RouteRecord } from "./snapshot.ts";

export type Part = CompiledBackend | CompiledPolicy | CompiledRoute;

const NO_BACKENDS: readonly (BackendRecord | undefined)[] = [];

interface BuiltRoute {
  readonly compiled: CompiledRoute;
  /** Stays while the route does: tokens are remembered by it. */
  readonly authentication: RouteAuthentication | undefined;
  /** As they were when it was built. */
  backends: readonly (BackendRecord | undefined)[];
  record: RouteRecord | undefined;
}

export class NamespaceParts {
  readonly backends = new Map<string, BackendRecord>();
  readonly #policies = new Map<string, PolicyRecord>();
  readonly #routes = new Map<string, BuiltRoute>();
  #sorted: readonly PolicyRecord[] | undefined;

  get size(): number {
    return this.backends.size + this.#policies.size + this.#routes.size;
  }

  /** Older policies first, then by name; which of two decides must not rest on the order in which they came. */
  policies(): readonly PolicyRecord[] {
    this.#sorted ??= [...this.#policies.values()].sort(olderFirst);
    return this.#sorted;
  }

  /** A route whose backends have not changed stays the record that it is, with the turns of its balancer. */
  routes(): readonly RouteRecord[] {
    return [...this.#routes.values()].map((route) => {
      const backends = route.compiled.backends.map(({ name }) => this.backends.get(name));
      if (route.record === undefined || backends.some((each, i) => each !== route.backends[i])) {
        const { compiled, authentication } = route;
        route.record = createRouteRecord(compiled, { backends: this.backends, authentication });
        route.backends = backends;
      }
      return route.record;
    });
  }

  /** False when it says what is in force already. */
  set(part: Part, ringFor: RingFor): boolean {
    if (isSame(this.#compiled(part.kind, part.name), part)) return false;
    if (part.kind === "AIBackend") this.backends.set(part.name, createBackendRecord(part, ringFor));
    else if (part.kind === "AIRoute") this.#routes.set(part.name, unbuilt(part));
    else this.#policies.set(part.name, createPolicyRecord(part));
    this.#sorted = undefined;
    return true;
  }

  remove(kind: Part["kind"], name: string): boolean {
    this.#sorted = undefined;
    if (kind === "AIBackend") return this.backends.delete(name);
    return kind === "AIRoute" ? this.#routes.delete(name) : this.#policies.delete(name);
  }

  /** Opens the credentials with another ring. */
  useRing(ringFor: RingFor): void {
    for (const [name, { compiled }] of this.backends) this.backends.set(name, createBackendRecord(compiled, ringFor));
  }

  *names(): Generator<{ readonly kind: Part["kind"]; readonly name: string }> {
    for (const name of this.backends.keys()) yield { kind: "AIBackend", name };
    for (const name of this.#policies.keys()) yield { kind: "AIRateLimitPolicy", name };
    for (const name of this.#routes.keys()) yield { kind: "AIRoute", name };
  }

  #compiled(kind: Part["kind"], name: string): Part | undefined {
    if (kind === "AIBackend") return this.backends.get(name)?.compiled;
    return (kind === "AIRoute" ? this.#routes : this.#policies).get(name)?.compiled;
  }
}

function unbuilt(compiled: CompiledRoute): BuiltRoute {
  const { namespace, authentication: asked } = compiled;
  const authentication = asked.type === "None" ? undefined : new RouteAuthentication(namespace, asked);
  return { compiled, authentication, backends: NO_BACKENDS, record: undefined };
}

export function olderFirst({ compiled: a }: PolicyRecord, { compiled: b }: PolicyRecord): number {
  return a.createdMs - b.createdMs || (a.name < b.name ? -1 : 1);
}

/** Compiled objects are plain data, and what wrote them writes their members in one order. */
function isSame(a: Part | undefined, b: Part): boolean {
  return a !== undefined && (a === b || JSON.stringify(a) === JSON.stringify(b));
}
