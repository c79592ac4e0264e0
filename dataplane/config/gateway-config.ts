// The configuration in force, changed object by object or as a whole: the result is the same. Consumers change in place;
// what is made of routes, backends and policies is made anew, with what is cached by it, when the next request needs it.

import type { CompiledBackend, CompiledObject } from "../contract/compiled.ts";
import type { RingFor } from "../contract/keyring.ts";
import type { ConfigChanges, ObjectName } from "../contract/object-name.ts";
import { CLUSTER_PART, partOf } from "../contract/published.ts";
import { ConsumerDirectory } from "./consumer-directory.ts";
import { KeyCensus, type OnOverflow } from "./key-census.ts";
import { createLimitPlans, type LimitPlans } from "./limit-plan.ts";
import { NamespaceParts, olderFirst, type Part } from "./namespace-parts.ts";
import { createRouteTable } from "./route-table.ts";
import type { PolicyRecord, Snapshot } from "./snapshot.ts";

/** What a request keeps from its beginning to its end. */
export interface GatewayConfig {
  readonly snapshot: Snapshot;
  readonly plans: LimitPlans;
}

export interface LiveConfigOptions {
  readonly ringFor: RingFor;
  /** Its consumers identify in every namespace. */
  readonly systemNamespace: string;
  /** Prefix of the counters' keys in Redis. */
  readonly prefix: string;
  /** Hears of each backend whose credential does not open. */
  readonly onLocked: (backend: CompiledBackend) => void;
  /** Hears of each request that is counted together with others, as its limit has enough counters. */
  readonly onOverflow?: OnOverflow;
  /** Any clock that goes forward, milliseconds; default that of the process. */
  readonly nowMs?: () => number;
}

const NO_POLICIES: readonly PolicyRecord[] = [];

export class LiveConfig {
  readonly #options: LiveConfigOptions;
  readonly #consumers: ConsumerDirectory;
  readonly #namespaces = new Map<string, NamespaceParts>();
  readonly #census: KeyCensus;
  #ringFor: RingFor;
  #current: GatewayConfig | undefined;

  constructor(options: LiveConfigOptions) {
    this.#options = options;
    this.#ringFor = options.ringFor;
    this.#consumers = new ConsumerDirectory(options.ringFor, options.systemNamespace);
    const { nowMs = (): number => performance.now(), onOverflow = (): void => {} } = options;
    this.#census = new KeyCensus({ nowMs, onOverflow });
  }

  /** Whoever changed something before this call sees it in what is returned. */
  current(): GatewayConfig {
    this.#current ??= this.#build();
    return this.#current;
  }

  /** Objects by kind. */
  counts(): ReadonlyMap<CompiledObject["kind"], number> {
    const counts = new Map<CompiledObject["kind"], number>([
      ["Consumer", this.#consumers.size],
      ["AIBackend", 0],
      ["AIRoute", 0],
      ["AIRateLimitPolicy", 0],
    ]);
    for (const parts of this.#namespaces.values()) {
      for (const { kind } of parts.names()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return counts;
  }

  /** From here on there is nothing but these objects. */
  replace(objects: readonly CompiledObject[]): void {
    const kept = new Set(
      objects.map((object) => idOf({ namespace: partOf(object), kind: object.kind, name: object.name })),
    );
    const namespaces = new Set([...this.#consumers.namespaces(), ...this.#namespaces.keys()]);
    const all = [...namespaces].flatMap((namespace) => [...this.names(namespace)]);
    this.change({ set: objects, removed: all.filter((each) => !kept.has(idOf(each))) });
  }

  /** Removes first, so that a name may stand in both. */
  change({ set, removed }: ConfigChanges): void {
    for (const name of removed) this.#remove(name);
    for (const object of set) {
      if (object.kind === "Consumer") this.#consumers.set(object);
      else this.#set(object);
    }
  }

  useRing(ringFor: RingFor): void {
    this.#ringFor = ringFor;
    this.#consumers.useRing(ringFor);
    for (const parts of this.#namespaces.values()) {
      parts.useRing(ringFor);
      for (const { compiled, isLocked } of parts.backends.values()) if (isLocked) this.#options.onLocked(compiled);
    }
    this.#current = undefined;
  }

  /** Everything of a namespace. */
  *names(namespace: string): Generator<ObjectName> {
    for (const name of this.#consumers.names(namespace)) yield { namespace, kind: "Consumer", name };
    for (const { kind, name } of this.#namespaces.get(namespace)?.names() ?? []) yield { namespace, kind, name };
  }

  #set(part: Part): void {
    const { name, kind } = part;
    const namespace = partOf(part);
    let parts = this.#namespaces.get(namespace);
    if (parts === undefined) {
      parts = new NamespaceParts();
      this.#namespaces.set(namespace, parts);
    }
    if (!parts.set(part, this.#ringFor)) return;
    if (kind === "AIBackend" && parts.backends.get(name)?.isLocked === true) this.#options.onLocked(part);
    this.#current = undefined;
  }

  #remove({ namespace, kind, name }: ObjectName): void {
    if (kind === "Consumer") {
      this.#consumers.remove(namespace, name);
      return;
    }
    const parts = this.#namespaces.get(namespace);
    if (parts?.remove(kind, name) !== true) return;
    if (parts.size === 0) this.#namespaces.delete(namespace);
    this.#current = undefined;
  }

  #build(): GatewayConfig {
    const consumers = this.#consumers;
    const everywhere = this.#namespaces.get(CLUSTER_PART)?.policies() ?? NO_POLICIES;
    const policies = new Map(
      [...this.#namespaces].map(([namespace, parts]) => [namespace, together(everywhere, parts.policies())]),
    );
    const snapshot: Snapshot = {
      routes: createRouteTable([...this.#namespaces.values()].flatMap((parts) => parts.routes())),
      identify: (namespace, key) => consumers.identify(namespace, key),
      consumerNamed: (namespace, name) => consumers.consumerNamed(namespace, name),
      tokens: consumers,
      policiesOf: (namespace) => policies.get(namespace) ?? everywhere,
    };
    const census = this.#census;
    census.keep(
      new Set([...policies.values()].flat().flatMap(({ limits }) => limits.map(({ limit }) => limit.counterId))),
    );
    return { snapshot, plans: createLimitPlans(snapshot, { prefix: this.#options.prefix, census }) };
  }
}

function together(everywhere: readonly PolicyRecord[], own: readonly PolicyRecord[]): readonly PolicyRecord[] {
  return everywhere.length === 0 ? own : [...everywhere, ...own].sort(olderFirst);
}

function idOf({ namespace, kind, name }: ObjectName): string {
  return `${namespace}/${kind}/${name}`;
}
