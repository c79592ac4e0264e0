// Every metric of the data plane: name, help, labels, buckets. Labels come from bounded sets: configuration, or model names
// up to a cap. A consumer is never a label here, a credential nowhere.

import { collectDefaultMetrics, Registry } from "prom-client";
import { type Cell, counter, type Family, gauge, type HistogramCell, histogram } from "./series.ts";

/** Distinct model names kept as labels; clients choose them, so further ones are "other". */
const MAX_MODELS = 200;
const MODEL_LENGTH = 128;

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const SHORT_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5];

/** Cells of one (route, backend, model), looked up once a request. */
export interface TrafficCells {
  request(status: number, decision: string): Cell;
  tokens(kind: "prompt" | "completion", source: string): Cell;
  /** In units of the currency. */
  cost(currency: string): Cell;
  readonly duration: HistogramCell;
  readonly firstToken: HistogramCell;
}

export interface GatewayMetrics {
  traffic(route: string, backend: string, model: string | undefined): TrafficCells;
  refused(policy: string, limit: string): Cell;
  wouldRefuse(policy: string, limit: string): Cell;
  usageMissing(backend: string): Cell;
  priceMissing(backend: string): Cell;
  expressionFault(policy: string, limit: string): Cell;
  identificationFailed(reason: string): Cell;
  clientsGone(route: string): Cell;
  readonly overhead: HistogramCell;
  readonly storeAdmit: HistogramCell;
  readonly storeLocal: Cell;
  readonly breakerOpen: Cell;
  readonly chargesLost: Cell;
  readonly openRequests: Cell;
  readonly configObjects: Cell;
  readonly configAppliedSeconds: Cell;
  contentType: string;
  render(): Promise<string>;
}

export function createGatewayMetrics(): GatewayMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const total = (name: string, labels: readonly string[], help: string): Family<Cell> =>
    counter(registry, { name, help, labels });
  const refused = total("airl_refusals_total", ["policy", "limit"], "Requests refused, by the limit that decided.");
  const would = total(
    "airl_would_refuse_total",
    ["policy", "limit"],
    "Requests that a Shadow limit would have refused.",
  );
  const missing = total("airl_usage_missing_total", ["backend"], "Responses charged by estimate: no usage reported.");
  const unpriced = total(
    "airl_price_missing_total",
    ["backend"],
    "Requests without a price: counted at the backend's highest, or refused by a Cost limit where the backend has none.",
  );
  const faults = total(
    "airl_expression_faults_total",
    ["policy", "limit"],
    "Requests for which a limit's expression had no value; their total tokens were charged.",
  );
  const failed = total("airl_identification_failures_total", ["reason"], "Requests answered 401, by reason.");
  const gone = total("airl_client_disconnects_total", ["route"], "Clients that left before the end of their response.");
  return {
    traffic: trafficFamilies(registry),
    refused: (policy, limit) => refused.cell(policy, limit),
    wouldRefuse: (policy, limit) => would.cell(policy, limit),
    usageMissing: (backend) => missing.cell(backend),
    priceMissing: (backend) => unpriced.cell(backend),
    expressionFault: (policy, limit) => faults.cell(policy, limit),
    identificationFailed: (reason) => failed.cell(reason),
    clientsGone: (route) => gone.cell(route),
    storeLocal: total("airl_store_local_decisions_total", [], "Requests decided while the store was away.").cell(),
    chargesLost: total("airl_charges_lost_total", [], "Charges dropped: too many waited for the store.").cell(),
    ...times(registry),
    ...states(registry),
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

function times(registry: Registry): Pick<GatewayMetrics, "overhead" | "storeAdmit"> {
  const short = (name: string, help: string): HistogramCell =>
    histogram(registry, { name, help, labels: [], buckets: SHORT_SECONDS }).cell();
  return {
    overhead: short(
      "airl_gateway_overhead_seconds",
      "Time that the gateway itself adds to a forwarded request: before the upstream call and after its end.",
    ),
    storeAdmit: short("airl_store_latency_seconds", "Time until the counter store answers the check of a request."),
  };
}

function states(
  registry: Registry,
): Pick<GatewayMetrics, "breakerOpen" | "openRequests" | "configObjects" | "configAppliedSeconds"> {
  const single = (name: string, help: string): Cell => gauge(registry, { name, help, labels: [] }).cell();
  return {
    breakerOpen: single("airl_store_breaker_open", "1 while the counter store is held to be away."),
    openRequests: single("airl_open_requests", "Requests being handled."),
    configObjects: single("airl_config_objects", "Compiled objects in force."),
    configAppliedSeconds: single(
      "airl_config_applied_timestamp_seconds",
      "When the configuration in force was applied.",
    ),
  };
}

function trafficFamilies(registry: Registry): GatewayMetrics["traffic"] {
  const where = ["route", "backend", "model"];
  const requests = counter(registry, {
    name: "airl_requests_total",
    help: "Requests by route, backend, model, HTTP status and decision.",
    labels: [...where, "status", "decision"],
  });
  const tokens = counter(registry, {
    name: "airl_tokens_total",
    help: "Tokens charged, by kind and by where the figure comes from (reported, partial, estimated).",
    labels: [...where, "kind", "source"],
  });
  const cost = counter(registry, {
    name: "airl_cost_total",
    help: "Cost of requests in units of the currency, by the prices of the backend that answered.",
    labels: [...where, "currency"],
  });
  const duration = histogram(registry, {
    name: "airl_request_duration_seconds",
    help: "From the request's head to the end of its response.",
    labels: ["route", "backend"],
    buckets: SECONDS,
  });
  const firstToken = histogram(registry, {
    name: "airl_time_to_first_token_seconds",
    help: "From the request's head to the first byte of a streamed response.",
    labels: ["route", "backend"],
    buckets: SECONDS,
  });
  const known = new Map<string, TrafficCells>();
  const modelLabel = createModelLabels();
  return (route, backend, model) => {
    const label = modelLabel(model);
    const key = `${route}\n${backend}\n${label}`;
    const found = known.get(key);
    if (found) return found;
    const cells: TrafficCells = {
      request: memo((status: number, decision: string) =>
        requests.cell(route, backend, label, String(status), decision),
      ),
      tokens: memo((kind: string, source: string) => tokens.cell(route, backend, label, kind, source)),
      cost: (currency) => cost.cell(route, backend, label, currency),
      duration: duration.cell(route, backend),
      firstToken: firstToken.cell(route, backend),
    };
    known.set(key, cells);
    return cells;
  };
}

function createModelLabels(): (model: string | undefined) => string {
  const models = new Set<string>();
  return (model) => {
    // Half of a surrogate pair has no UTF-8 form, and scrapers drop NUL: two names that differ by it alone would render as
    // one series twice.
    const name = (model ?? "").slice(0, MODEL_LENGTH).replace(/[\p{Surrogate}\p{Control}]/gu, "\ufffd");
    if (models.has(name)) return name;
    if (models.size >= MAX_MODELS) return "other";
    models.add(name);
    return name;
  };
}

/** Remembers the cell of two label values; their combinations are few. */
function memo<A extends string | number>(make: (a: A, b: string) => Cell): (a: A, b: string) => Cell {
  const byFirst = new Map<A, Map<string, Cell>>();
  return (a, b) => {
    let bySecond = byFirst.get(a);
    if (bySecond === undefined) {
      bySecond = new Map();
      byFirst.set(a, bySecond);
    }
    let cell = bySecond.get(b);
    if (cell === undefined) {
      cell = make(a, b);
      bySecond.set(b, cell);
    }
    return cell;
  };
}
