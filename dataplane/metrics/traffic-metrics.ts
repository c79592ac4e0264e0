// Metrics by route, backend and model: requests, tokens, cost and their times.

import type { Registry } from "prom-client";
import { type Cell, counter, type Family, type HistogramCell, histogram } from "./series.ts";

/** Distinct model names kept as labels; clients choose them, so further ones are "other". */
const MAX_MODELS = 200;
const MODEL_LENGTH = 128;

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const TOKEN_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1];

/** Cells of one (route, backend, model), looked up once a request. */
export interface TrafficCells {
  request(status: number, decision: string): Cell;
  tokens(kind: "prompt" | "completion", source: string): Cell;
  /** In units of the currency. */
  cost(currency: string): Cell;
  readonly duration: HistogramCell;
  /** Made when they are first asked for: most calls do not stream. */
  firstToken(): HistogramCell;
  perOutputToken(): HistogramCell;
}

export type TrafficMetrics = (route: string, backend: string, model: string | undefined) => TrafficCells;

export function trafficMetrics(registry: Registry): TrafficMetrics {
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
  const { duration, firstToken, perOutputToken } = trafficTimes(registry);
  const known = new Map<string, Map<string, Map<string, TrafficCells>>>();
  const modelLabel = createModelLabels();
  return (route, backend, model) => {
    const label = modelLabel(model);
    const byModel = within(within(known, route), backend);
    const found = byModel.get(label);
    if (found) return found;
    const cells: TrafficCells = {
      request: memo((status: number, decision: string) =>
        requests.cell(route, backend, label, String(status), decision),
      ),
      tokens: memo((kind: string, source: string) => tokens.cell(route, backend, label, kind, source)),
      cost: (currency) => cost.cell(route, backend, label, currency),
      duration: duration.cell(route, backend),
      firstToken: once(() => firstToken.cell(route, backend)),
      perOutputToken: once(() => perOutputToken.cell(route, backend)),
    };
    byModel.set(label, cells);
    return cells;
  };
}

function trafficTimes(
  registry: Registry,
): Readonly<Record<"duration" | "firstToken" | "perOutputToken", Family<HistogramCell>>> {
  const times = (name: string, help: string, buckets: readonly number[]): Family<HistogramCell> =>
    histogram(registry, { name, help, buckets, labels: ["route", "backend"] });
  return {
    duration: times("airl_request_duration_seconds", "From the request's head to the end of its response.", SECONDS),
    firstToken: times(
      "airl_time_to_first_token_seconds",
      "From the request's head to the first byte of a streamed response.",
      SECONDS,
    ),
    perOutputToken: times(
      "airl_time_per_output_token_seconds",
      "Of streamed responses that came to their end: time after the first byte, by completion token after the first.",
      TOKEN_SECONDS,
    ),
  };
}

function createModelLabels(): (model: string | undefined) => string {
  const models = new Set<string>();
  return (model) => {
    if (model === undefined) return "";
    // What is a label is one as it stands.
    if (models.has(model)) return model;
    // Half of a surrogate pair has no UTF-8 form, and scrapers drop NUL: two names that differ by it alone would render as
    // one series twice.
    const name = model.slice(0, MODEL_LENGTH).replace(/[\p{Surrogate}\p{Control}]/gu, "\ufffd");
    if (models.has(name)) return name;
    if (models.size >= MAX_MODELS) return "other";
    models.add(name);
    return name;
  };
}

/** The map at this key, made when there is none. */
function within<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const known = maps.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, V>();
  maps.set(key, made);
  return made;
}

function once(make: () => HistogramCell): () => HistogramCell {
  let cell: HistogramCell | undefined;
  return () => (cell ??= make());
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
