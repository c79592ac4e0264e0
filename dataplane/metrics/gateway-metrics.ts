// Every metric of the data plane: name, help, labels, buckets. Labels come from bounded sets: configuration, or model and
// consumer names up to a cap. A credential is a label nowhere.

import { collectDefaultMetrics, Registry } from "prom-client";
import { type ConfigMetrics, createConfigMetrics } from "./config-metrics.ts";
import { type ConsumerMetrics, consumerMetrics } from "./consumer-metrics.ts";
import {
  type Cell,
  counter,
  type Family,
  gauge,
  type HistogramCell,
  histogram,
  type LowCell,
  lowGauge,
} from "./series.ts";
import { type TrafficMetrics, trafficMetrics } from "./traffic-metrics.ts";

const SHORT_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5];

/** Estimates are right within a quarter for most languages, and off by a multiple for some. */
const RATIOS = [0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2, 4];

export interface GatewayMetrics {
  readonly traffic: TrafficMetrics;
  readonly consumer: ConsumerMetrics;
  refused(policy: string, limit: string, reason: "exhausted" | "price_missing" | "unresolved"): Cell;
  wouldRefuse(policy: string, limit: string): Cell;
  /** Told the remaining share of a limit at each check; `nowMs` as performance.now() gives it. */
  remaining(policy: string, limit: string): LowCell;
  usageMissing(backend: string): Cell;
  priceMissing(backend: string): Cell;
  expressionFault(policy: string, limit: string): Cell;
  unresolved(policy: string, limit: string): Cell;
  overflow(policy: string, limit: string): Cell;
  identificationFailed(reason: string): Cell;
  issuerKeysFetched(outcome: "ok" | "failed"): Cell;
  unreadable(reason: string): Cell;
  clientsGone(route: string): Cell;
  notified(policy: string, limit: string, percent: string): Cell;
  notificationsDropped(reason: "full" | "late"): Cell;
  readonly overhead: HistogramCell;
  readonly storeAdmit: HistogramCell;
  /** Told prompt tokens as reported, by those that were estimated. */
  readonly estimateRatio: HistogramCell;
  readonly storeLocal: Cell;
  readonly breakerOpen: Cell;
  readonly chargesLost: Cell;
  readonly openRequests: Cell;
  readonly openStreams: Cell;
  readonly config: ConfigMetrics;
  contentType: string;
  render(): Promise<string>;
}

export interface GatewayMetricsOptions {
  /** How many consumers are counted by name. */
  readonly consumers: number;
}

export function createGatewayMetrics({ consumers }: GatewayMetricsOptions = { consumers: 0 }): GatewayMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const total = (name: string, labels: readonly string[], help: string): Family<Cell> =>
    counter(registry, { name, help, labels });
  const missing = total("airl_usage_missing_total", ["backend"], "Responses charged by estimate: no usage reported.");
  const unpriced = total(
    "airl_price_missing_total",
    ["backend"],
    "Requests without a price: counted at the backend's highest, or refused by a Cost limit where the backend has none.",
  );
  const failed = total(
    "airl_identification_failures_total",
    ["reason"],
    "Requests refused for who asks, before any limit was looked at, by reason.",
  );
  const fetched = total(
    "airl_issuer_key_fetches_total",
    ["outcome"],
    "Attempts to fetch the signing keys of an issuer of tokens, by outcome (ok, failed).",
  );
  const byOutcome = { ok: fetched.cell("ok"), failed: fetched.cell("failed") };
  const unreadable = total(
    "airl_unreadable_requests_total",
    ["reason"],
    "What came on a connection and never became a request: no HTTP, too large in its head, too slow.",
  );
  const gone = total("airl_client_disconnects_total", ["route"], "Clients that left before the end of their response.");
  return {
    traffic: trafficMetrics(registry),
    consumer: consumerMetrics(registry, consumers),
    ...limits(registry),
    ...notifications(registry),
    usageMissing: (backend) => missing.cell(backend),
    priceMissing: (backend) => unpriced.cell(backend),
    identificationFailed: (reason) => failed.cell(reason),
    issuerKeysFetched: (outcome) => byOutcome[outcome],
    unreadable: (reason) => unreadable.cell(reason),
    clientsGone: (route) => gone.cell(route),
    storeLocal: total("airl_store_local_decisions_total", [], "Requests decided while the store was away.").cell(),
    chargesLost: total("airl_charges_lost_total", [], "Charges dropped: too many waited for the store.").cell(),
    ...distributions(registry),
    ...states(registry),
    config: createConfigMetrics(registry),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

type LimitMetrics = "refused" | "wouldRefuse" | "remaining" | "expressionFault" | "unresolved" | "overflow";

function limits(registry: Registry): Pick<GatewayMetrics, LimitMetrics> {
  const labels = ["policy", "limit"];
  const refused = counter(registry, {
    name: "airl_refusals_total",
    labels: [...labels, "reason"],
    help: "Requests refused, by the limit that decided and why (exhausted, price_missing, unresolved).",
  });
  const would = counter(registry, {
    name: "airl_would_refuse_total",
    labels,
    help: "Requests that a Shadow limit would have refused.",
  });
  const remaining = lowGauge(
    registry,
    {
      name: "airl_limit_remaining_ratio",
      labels,
      help: "What was left of the fullest counter of a limit that was checked in the last one to two minutes; 1 is all.",
    },
    () => performance.now(),
  );
  const faults = counter(registry, {
    name: "airl_expression_faults_total",
    labels,
    help: "Requests for which a limit's expression had no value; their total tokens were charged.",
  });
  const unresolved = counter(registry, {
    name: "airl_limit_unresolved_total",
    labels,
    help: "Requests that did not bring what a limit takes its amount or window from; refused unless it is in Shadow.",
  });
  const overflow = counter(registry, {
    name: "airl_limit_overflow_total",
    labels,
    help: "Requests counted in the shared counter of a limit, as maxKeys other key values were in use in the window.",
  });
  return {
    unresolved: (policy, limit) => unresolved.cell(policy, limit),
    overflow: (policy, limit) => overflow.cell(policy, limit),
    refused: (policy, limit, reason) => refused.cell(policy, limit, reason),
    wouldRefuse: (policy, limit) => would.cell(policy, limit),
    remaining: (policy, limit) => remaining.cell(policy, limit),
    expressionFault: (policy, limit) => faults.cell(policy, limit),
  };
}

function notifications(registry: Registry): Pick<GatewayMetrics, "notified" | "notificationsDropped"> {
  const told = counter(registry, {
    name: "airl_limit_notifications_total",
    labels: ["policy", "limit", "percent"],
    help: "Counters that reached a percentage of their limit, once in a window, told by this data plane.",
  });
  const dropped = counter(registry, {
    name: "airl_limit_notifications_dropped_total",
    labels: ["reason"],
    help: "Notifications that were put off because too many waited, or never told because their window ended first.",
  });
  // There from the start, so that an alert on their increase sees the first one.
  const cells = { full: dropped.cell("full"), late: dropped.cell("late") };
  return {
    notified: (policy, limit, percent) => told.cell(policy, limit, percent),
    notificationsDropped: (reason) => cells[reason],
  };
}

function distributions(registry: Registry): Pick<GatewayMetrics, "overhead" | "storeAdmit" | "estimateRatio"> {
  const short = (name: string, help: string): HistogramCell =>
    histogram(registry, { name, help, labels: [], buckets: SHORT_SECONDS }).cell();
  return {
    overhead: short(
      "airl_gateway_overhead_seconds",
      "Time that the gateway itself adds to a forwarded request: before the upstream call and after its end.",
    ),
    storeAdmit: short("airl_store_latency_seconds", "Time until the counter store answers the check of a request."),
    estimateRatio: histogram(registry, {
      name: "airl_prompt_estimate_ratio",
      help: "Prompt tokens that a provider reported, by those that admission had estimated; 1 is exact.",
      labels: [],
      buckets: RATIOS,
    }).cell(),
  };
}

function states(registry: Registry): Pick<GatewayMetrics, "breakerOpen" | "openRequests" | "openStreams"> {
  const single = (name: string, help: string): Cell => gauge(registry, { name, help, labels: [] }).cell();
  return {
    breakerOpen: single("airl_store_breaker_open", "1 while the counter store is held to be away."),
    openRequests: single("airl_open_requests", "Requests being handled."),
    openStreams: single("airl_open_streams", "Streaming requests that are at a backend."),
  };
}
