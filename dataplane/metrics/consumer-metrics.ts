// Metrics by consumer, for those who ask for them: the first so many consumers by name, all others together. Consumers are
// configured and may be many, so the cap is the operator's word on how many series a data plane may show.

import type { Registry } from "prom-client";
import { type Cell, counter, type Family, gauge } from "./series.ts";

/** Cells of one consumer, looked up once a request; each is made when it is first asked for. */
export interface ConsumerCells {
  request(decision: string): Cell;
  tokens(kind: "prompt" | "completion"): Cell;
  /** In units of the currency. */
  cost(currency: string): Cell;
}

/** Undefined when consumers are not counted. */
export type ConsumerMetrics = (consumer: string) => ConsumerCells | undefined;

/** A consumer's own name has a slash, so none is called so. */
const OTHERS = "other";

/** `max` consumers get a name of their own, in the order in which they first call; 0 counts none and makes no series. */
export function consumerMetrics(registry: Registry, max: number): ConsumerMetrics {
  gauge(registry, {
    name: "airl_consumer_labels_max",
    help: "Most consumers that are counted by name, as AIRL_METRICS_CONSUMERS says; 0: none is.",
    labels: [],
  }).cell().value = max;
  if (max === 0) return () => undefined;
  const families = consumerFamilies(registry);
  const known = new Map<string, ConsumerCells>();
  const others = cellsOf(families, OTHERS);
  return (consumer) => {
    const found = known.get(consumer);
    if (found !== undefined) return found;
    if (known.size >= max) return others;
    const made = cellsOf(families, consumer);
    known.set(consumer, made);
    return made;
  };
}

type Families = Readonly<Record<"requests" | "tokens" | "cost", Family<Cell>>>;

function consumerFamilies(registry: Registry): Families {
  return {
    requests: counter(registry, {
      name: "airl_consumer_requests_total",
      help: "Requests of identified consumers by decision.",
      labels: ["consumer", "decision"],
      maxSeries: Infinity,
    }),
    tokens: counter(registry, {
      name: "airl_consumer_tokens_total",
      help: "Tokens charged by consumer and kind.",
      labels: ["consumer", "kind"],
      maxSeries: Infinity,
    }),
    cost: counter(registry, {
      name: "airl_consumer_cost_total",
      help: "Cost of requests by consumer, in units of the currency.",
      labels: ["consumer", "currency"],
    }),
  };
}

function cellsOf({ requests, tokens, cost }: Families, consumer: string): ConsumerCells {
  return {
    request: remembered((decision) => requests.cell(consumer, decision)),
    tokens: remembered((kind) => tokens.cell(consumer, kind)),
    cost: remembered((currency) => cost.cell(consumer, currency)),
  };
}

function remembered(make: (label: string) => Cell): (label: string) => Cell {
  const cells = new Map<string, Cell>();
  return (label) => {
    let cell = cells.get(label);
    if (cell === undefined) {
      cell = make(label);
      cells.set(label, cell);
    }
    return cell;
  };
}
