// What requests look things up in: routes, consumers by key, backends, policies. A request keeps the snapshot that it
// started with, but for consumers: a key that is revoked identifies nobody from then on, in any snapshot.

import type { CompiledBackend, CompiledPolicy, CompiledRoute } from "../contract/compiled.ts";
import type { Limit } from "../core/limit.ts";
import type { Matcher } from "../core/match.ts";
import type { PriceList } from "../core/pricing.ts";
import type { ConsumerFacts, RequestFacts } from "../core/request-facts.ts";
import type { Threshold } from "../core/threshold.ts";
import type { ModelRule } from "../identify/model-rule.ts";
import type { TokenCredentials } from "../identify/token-credentials.ts";
import type { DialectName } from "../providers/provider.ts";
import type { Balancer } from "./balancer.ts";
import type { Formula } from "./formula.ts";
import type { Line } from "./lineage.ts";
import type { RouteAuthentication } from "./route-authentication.ts";
import type { RouteTable } from "./route-table.ts";

export interface ConsumerRecord extends ConsumerFacts {
  readonly displayName: string;
  /** Its requests are refused. */
  readonly isSuspended: boolean;
  /** Undefined: it may use every model. */
  readonly models: ModelRule | undefined;
  /** What it has from its ancestors; another object when that changes. */
  readonly line: Line;
}

/** Whom a presented key or token identifies. */
export interface Identity {
  readonly consumer: ConsumerRecord;
  /** Name of the consumer's credential that it belongs to. */
  readonly credential: string;
  /** Epoch milliseconds; from then on it identifies nobody. Infinity: never. */
  readonly expiresAtMs: number;
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
  /** It has a credential that does not open here: nothing is sent to it. */
  readonly isLocked?: boolean | undefined;
}

export interface RouteRecord {
  readonly compiled: CompiledRoute;
  readonly namespace: string;
  readonly name: string;
  readonly displayName: string;
  /** How callers are identified; undefined when they are not. */
  readonly authentication: RouteAuthentication | undefined;
  readonly service: string | undefined;
  /** Those that can be sent requests, as the route lists them. */
  readonly backends: readonly BackendRecord[];
  /** Names of backends that the route refers to and that are not there. */
  readonly missing: readonly string[];
  /** All backends that can be sent requests; for requests that no backend will see. */
  readonly balancer: Balancer<BackendRecord>;
  /** Those of the backends that speak a dialect. */
  readonly byDialect: Readonly<Record<DialectName, DialectBackends>>;
}

export interface DialectBackends {
  /** Of those that can be sent requests. */
  readonly balancer: Balancer<BackendRecord>;
  /** No backend of the route speaks the dialect, locked ones included. */
  readonly isEmpty: boolean;
}

export interface PolicyRecord {
  readonly compiled: CompiledPolicy;
  /** All of its limits only count and report. */
  readonly isShadow: boolean;
  readonly limits: readonly LimitRecord[];
}

export interface LimitRecord {
  readonly limit: Limit;
  readonly matchers: readonly Matcher[];
  /** A part of `per` has skipIfMissing. */
  readonly maySkip: boolean;
  /** Whether and how it concerns a request is more than its conditions say. */
  readonly isSpecial: boolean;
  /** How many key values are told apart in a window; undefined: all. */
  readonly maxKeys: number | undefined;
  /** The limit with what a request brings, or why that cannot be taken; undefined when requests bring nothing. */
  readonly resolve: ((record: LimitRecord, facts: RequestFacts) => LimitRecord | string) | undefined;
  readonly policy: PolicyRecord;
  /** Usage that is told of, ascending. */
  readonly thresholds: readonly Threshold[];
  /** The first of them; Infinity without any. */
  readonly firstThreshold: number;
  readonly asks: Asks;
  /** What a request counts for by the limit's expression, if it has one. */
  readonly formula: Formula | undefined;
  /** It counts money by the prices of the backend. */
  readonly needsPrices: boolean;
}

/** What a limit adds at admission: nothing, one, what the prompt counts for, or an estimate until the truth is known. */
export type Asks = "Nothing" | "One" | "Prompt" | "Estimate";

export interface Snapshot {
  readonly routes: RouteTable<RouteRecord>;
  /** Who has a presented key on routes of this namespace: one of its own first, then of the system namespace's. */
  identify(namespace: string, key: string): Identity | undefined;
  /** By what tokens are recognised. */
  readonly tokens: TokenCredentials<Identity>;
  /** A consumer of this namespace and no other. */
  consumerNamed(namespace: string, name: string): ConsumerRecord | undefined;
  policiesOf(namespace: string): readonly PolicyRecord[];
}
