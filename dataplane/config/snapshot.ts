// Compiled objects -> what requests look things up in: routes, consumers by key, backends, policies. Built as a whole and
// swapped as a whole; a request keeps the snapshot that it started with.

import type {
  CompiledBackend,
  CompiledConsumer,
  CompiledLimit,
  CompiledObject,
  CompiledPolicy,
  CompiledRoute,
} from "../contract/compiled.ts";
import { compileExpression, type Expression } from "../contract/expression.ts";
import { hashKey, type KeyRing, keyHmac, open, type RingFor } from "../contract/keyring.ts";
import type { Limit } from "../core/limit.ts";
import { createMatcher, type Matcher } from "../core/match.ts";
import { createPriceList, type PriceList } from "../core/pricing.ts";
import type { ConsumerFacts } from "../core/request-facts.ts";
import type { DialectName } from "../providers/provider.ts";
import { type Balancer, type Choice, createBalancer } from "./balancer.ts";
import { createRouteTable, type RouteTable } from "./route-table.ts";

export interface ConsumerRecord extends ConsumerFacts {
  readonly displayName: string;
}

export interface BackendRecord {
  readonly compiled: CompiledBackend;
  readonly name: string;
  /** Lower case, as limits compare it. */
  readonly provider: string;
  /** What it understands. */
  readonly dialect: DialectName;
  /** Absent when none of its models has prices. */
  readonly prices?: PriceList | undefined;
  /** Header that carries the provider's credential, lower-case name; absent without one. */
  readonly credential?: { readonly header: string; readonly value: string } | undefined;
}

export interface RouteRecord {
  readonly compiled: CompiledRoute;
  readonly namespace: string;
  readonly name: string;
  /** All backends, for requests that no backend will see. */
  readonly balancer: Balancer<BackendRecord>;
  /** Those of the backends that speak a dialect. */
  readonly byDialect: Readonly<Record<DialectName, DialectBackends>>;
}

export interface DialectBackends {
  readonly balancer: Balancer<BackendRecord>;
  readonly isEmpty: boolean;
}

const DIALECT_OF: Readonly<Record<CompiledBackend["provider"], DialectName>> = {
  OpenAI: "OpenAI",
  OpenAICompatible: "OpenAI",
  Anthropic: "Anthropic",
};

export interface PolicyRecord {
  readonly compiled: CompiledPolicy;
  /** All of its limits only count and report. */
  readonly isShadow: boolean;
  readonly limits: readonly LimitRecord[];
}

export interface LimitRecord {
  readonly limit: Limit;
  readonly matchers: readonly Matcher[];
  readonly policy: PolicyRecord;
  /** With unit Expression: what a usage object counts for; undefined when there is no such number. */
  readonly evaluate?: Expression["evaluate"] | undefined;
}

export interface Snapshot {
  readonly routes: RouteTable<RouteRecord>;
  readonly objectCount: number;
  /** The consumer of a presented key on routes of this namespace: its own first, then the system namespace's. */
  identify(namespace: string, key: string): ConsumerRecord | undefined;
  policiesOf(namespace: string): readonly PolicyRecord[];
}

export interface SnapshotInput {
  readonly objects: readonly CompiledObject[];
  readonly ringFor: RingFor;
  readonly systemNamespace: string;
}

/** A credential that does not open leaves its backend without one: the provider then refuses, visibly. `onSealBroken` is told. */
export function buildSnapshot(input: SnapshotInput, onSealBroken: (backend: CompiledBackend) => void): Snapshot {
  const { objects, ringFor, systemNamespace } = input;
  const backends = new Map<string, BackendRecord>();
  const policies = new Map<string, PolicyRecord[]>();
  const directory = createDirectory(ringFor);
  for (const object of objects) {
    if (object.kind === "AIBackend") {
      backends.set(`${object.namespace}/${object.name}`, backendRecord(object, ringFor, onSealBroken));
    } else if (object.kind === "Consumer") {
      directory.add(object);
    } else if (object.kind === "AIRateLimitPolicy") {
      const list = policies.get(object.namespace) ?? [];
      list.push(policyRecord(object));
      policies.set(object.namespace, list);
    }
  }
  const routes = objects.filter((o) => o.kind === "AIRoute").map((o) => routeRecord(o, backends));
  return {
    routes: createRouteTable(routes),
    objectCount: objects.length,
    identify: createIdentifier((namespace, key) => {
      const hash = hashKey(key);
      return directory.find(namespace, hash) ?? directory.find(systemNamespace, hash);
    }),
    policiesOf: (namespace) => policies.get(namespace) ?? [],
  };
}

/** Keys whose consumer is remembered, per namespace; when they are more, all are forgotten and found anew. */
const REMEMBERED_KEYS = 10_000;

/**
 * Hashing a key twice for each request costs more than the rest of its identification. Only keys that are known are
 * remembered, and no longer than their configuration: guesses fill nothing, and a removed key is gone with the snapshot.
 */
function createIdentifier(find: Snapshot["identify"]): Snapshot["identify"] {
  const namespaces = new Map<string, Map<string, ConsumerRecord>>();
  return (namespace, key) => {
    let known = namespaces.get(namespace);
    if (known === undefined) {
      known = new Map();
      namespaces.set(namespace, known);
    }
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const consumer = find(namespace, key);
    if (consumer === undefined) return undefined;
    if (known.size >= REMEMBERED_KEYS) known.clear();
    known.set(key, consumer);
    return consumer;
  };
}

interface Directory {
  add(consumer: CompiledConsumer): void;
  find(namespace: string, keyHash: Buffer): ConsumerRecord | undefined;
}

/** Consumers by HMAC of their keys, one map per namespace with the namespace's own pepper. */
function createDirectory(ringFor: RingFor): Directory {
  const namespaces = new Map<string, { readonly ring: KeyRing; readonly byHmac: Map<string, ConsumerRecord> }>();
  return {
    add(consumer) {
      const { namespace, name, username, groups } = consumer;
      let entry = namespaces.get(namespace);
      if (entry === undefined) {
        entry = { ring: ringFor(namespace), byHmac: new Map() };
        namespaces.set(namespace, entry);
      }
      const record = { namespace, name, username, groups, displayName: `${namespace}/${name}` };
      for (const { keyHmacs } of consumer.credentials) {
        for (const hmac of keyHmacs) entry.byHmac.set(hmac, record);
      }
    },
    find(namespace, keyHash) {
      const entry = namespaces.get(namespace);
      if (entry === undefined) return undefined;
      for (const keys of entry.ring) {
        const consumer = entry.byHmac.get(keyHmac(keys, keyHash));
        if (consumer !== undefined) return consumer;
      }
      return undefined;
    },
  };
}

function backendRecord(
  compiled: CompiledBackend,
  ringFor: RingFor,
  onSealBroken: (backend: CompiledBackend) => void,
): BackendRecord {
  const { auth, namespace, name, provider, origin } = compiled;
  const prices = priceList(compiled.prices);
  const record = { compiled, name, provider: provider.toLowerCase(), dialect: DIALECT_OF[provider], prices };
  if (auth.type !== "APIKey") return record;
  const binding = { namespace, name, provider, origin, authType: auth.type };
  const secret = open(ringFor(namespace), binding, auth.sealed);
  if (secret === undefined) {
    onSealBroken(compiled);
    return record;
  }
  return { ...record, credential: { header: auth.header.toLowerCase(), value: auth.prefix + secret } };
}

function priceList(compiled: CompiledBackend["prices"]): PriceList | undefined {
  if (compiled === undefined) return undefined;
  const { currency, models } = compiled;
  return createPriceList(currency, new Map(models.map(({ name, ...prices }) => [name, prices])));
}

function policyRecord(compiled: CompiledPolicy): PolicyRecord {
  const limits: LimitRecord[] = [];
  const isShadow = compiled.limits.every(({ mode }) => mode === "Shadow");
  const policy: PolicyRecord = { compiled, isShadow, limits };
  const ref = { namespace: compiled.namespace, name: compiled.name };
  for (const limit of compiled.limits) {
    const matchers = limit.when.map((condition) => createMatcher(condition));
    limits.push({ limit: { ...limit, policy: ref }, matchers, policy, evaluate: evaluatorOf(limit) });
  }
  return policy;
}

/** Admission has refused what does not compile. A text that this version cannot read yields no number: never a free one. */
function evaluatorOf({ unit, expression = "" }: CompiledLimit): Expression["evaluate"] | undefined {
  if (unit !== "Expression") return undefined;
  const compiled = compileExpression(expression);
  return compiled.ok ? compiled.evaluate : () => undefined;
}

function routeRecord(compiled: CompiledRoute, backends: ReadonlyMap<string, BackendRecord>): RouteRecord {
  const { namespace, name } = compiled;
  const choices = compiled.backends.flatMap((ref) => {
    const backend = backends.get(`${namespace}/${ref.name}`);
    return backend ? [{ item: backend, weight: ref.weight }] : [];
  });
  const byDialect = {
    OpenAI: speaking("OpenAI", choices),
    Anthropic: speaking("Anthropic", choices),
  };
  return { compiled, namespace, name, balancer: createBalancer(choices), byDialect };
}

/** Whether weights of 0 mean "never" is decided by all backends of the route, not by those of one dialect. */
function speaking(dialect: DialectName, choices: readonly Choice<BackendRecord>[]): DialectBackends {
  const positive = choices.filter(({ weight }) => weight > 0);
  const pool = positive.length > 0 ? positive : choices;
  const able = pool.filter(({ item }) => item.dialect === dialect);
  return { balancer: createBalancer(able), isEmpty: able.length === 0 };
}
