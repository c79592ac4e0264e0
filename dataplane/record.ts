// What is kept of a finished request: numbers in the metrics, one line in the log. No secret is in reach: only names that
// configuration gave, and the model, are written.

import type { Logger } from "pino";
import type { Limit, PolicyRef } from "./core/limit.ts";
import type { GatewayMetrics } from "./metrics/gateway-metrics.ts";
import type { LowCell } from "./metrics/series.ts";
import type { TrafficCells } from "./metrics/traffic-metrics.ts";
import type { Exchange, Outcome } from "./proxy/exchange.ts";
import { requestLine } from "./request-line.ts";
import { createLineWriter } from "./request-log.ts";

export type RecordRequest = (exchange: Exchange, outcome: Outcome) => void;

export function createRecorder(metrics: GatewayMetrics, log: Logger): RecordRequest {
  const remaining = createRemaining(metrics);
  const writeLine = createLineWriter(log, "request");
  return (exchange, outcome) => {
    const endedAt = performance.now();
    const route = exchange.route?.displayName ?? "";
    const cells = metrics.traffic(route, exchange.backend?.name ?? "", modelLabel(exchange));
    cells.request(exchange.status, outcome).value++;
    if (outcome === "client_gone") metrics.clientsGone(route).value++;
    countTimes(metrics, cells, { exchange, outcome, endedAt });
    countUsage(metrics, cells, exchange);
    countCost(metrics, cells, exchange);
    countConsumer(metrics, exchange, outcome);
    countDecision(metrics, exchange);
    remaining(exchange, endedAt);
    if (exchange.forwardedAt > 0 && exchange.info?.stream) metrics.openStreams.value--;
    writeLine(requestLine(exchange, outcome, endedAt));
  };
}

/** A model is worth a label once a provider has answered for it; invented names must not crowd out real ones. */
function modelLabel({ status, headAt, info }: Exchange): string | undefined {
  return headAt > 0 && status < 400 ? info?.model : undefined;
}

interface Ended {
  readonly exchange: Exchange;
  readonly outcome: Outcome;
  readonly endedAt: number;
}

function countTimes(metrics: GatewayMetrics, cells: TrafficCells, { exchange, outcome, endedAt }: Ended): void {
  const { startedAt, headAt, bodyReadAt, forwardedAt, upstreamEndedAt } = exchange;
  cells.duration.observe((endedAt - startedAt) / 1000);
  if (headAt > 0 && exchange.info?.stream) cells.firstToken().observe((headAt - startedAt) / 1000);
  if (outcome !== "forwarded") return;
  // Before the upstream call and after its end; a slow client's reading is not the gateway's time.
  if (exchange.info?.stream) countPace(cells, exchange);
  metrics.overhead.observe((forwardedAt - bodyReadAt + Math.max(0, endedAt - upstreamEndedAt)) / 1000);
}

/** The first token came with the first byte. Estimated tokens say nothing about the provider's pace. */
function countPace(cells: TrafficCells, { headAt, upstreamEndedAt, usage, source }: Exchange): void {
  const later = (usage?.completion ?? 0) - 1;
  if (source === "reported" && later > 0) cells.perOutputToken().observe((upstreamEndedAt - headAt) / later / 1000);
}

const NANO = 1e9;

function countCost(metrics: GatewayMetrics, cells: TrafficCells, exchange: Exchange): void {
  const { cost, priceMissing, backend, expressionFaults } = exchange;
  if (cost) cells.cost(cost.currency).value += cost.nano / NANO;
  if (priceMissing || cost?.priced === false) metrics.priceMissing(backend?.name ?? "").value++;
  for (const { policy, name } of expressionFaults) metrics.expressionFault(policyName(policy), name).value++;
}

function countUsage(metrics: GatewayMetrics, cells: TrafficCells, exchange: Exchange): void {
  const { usage, source, backend, estimatedPrompt } = exchange;
  if (usage === undefined || source === undefined) return;
  if (estimatedPrompt > 0 && source === "reported") metrics.estimateRatio.observe(usage.prompt / estimatedPrompt);
  cells.tokens("prompt", source).value += usage.prompt;
  cells.tokens("completion", source).value += usage.completion;
  if (source === "estimated") metrics.usageMissing(backend?.name ?? "").value++;
}

function countConsumer(metrics: GatewayMetrics, { consumer, usage, source, cost }: Exchange, outcome: Outcome): void {
  if (consumer === undefined) return;
  const cells = metrics.consumer(consumer.displayName);
  if (cells === undefined) return;
  cells.request(outcome).value++;
  if (cost) cells.cost(cost.currency).value += cost.nano / NANO;
  if (usage === undefined || source === undefined) return;
  cells.tokens("prompt").value += usage.prompt;
  cells.tokens("completion").value += usage.completion;
}

/**
 * The cell of a limit is looked up by its name once, not with every request. A share of a limit says nothing of how full
 * its counter is: with ten data planes it would look as if nine tenths were used.
 */
function createRemaining(metrics: GatewayMetrics): (exchange: Exchange, nowMs: number) => void {
  const cells = new WeakMap<Limit, LowCell>();
  return ({ decision, isDecidedLocally }, nowMs) => {
    if (isDecidedLocally) return;
    for (const { limit, remaining } of decision?.statuses ?? []) {
      let cell = cells.get(limit);
      if (cell === undefined) {
        cell = metrics.remaining(policyName(limit.policy), limit.name);
        cells.set(limit, cell);
      }
      cell.observe(remaining / limit.limit, nowMs);
    }
  };
}

function countDecision(metrics: GatewayMetrics, exchange: Exchange): void {
  const { decision, unpricedBy, unresolvedBy, unresolved } = exchange;
  if (unpricedBy) metrics.refused(policyName(unpricedBy.policy), unpricedBy.name, "price_missing").value++;
  if (unresolvedBy) metrics.refused(policyName(unresolvedBy.policy), unresolvedBy.name, "unresolved").value++;
  for (const { policy, name } of unresolved) metrics.unresolved(policyName(policy), name).value++;
  if (decision === undefined) return;
  for (const { limit } of decision.shadowed) metrics.wouldRefuse(policyName(limit.policy), limit.name).value++;
  if (decision.kind === "allow") return;
  const { policy, name } = decision.decidedBy.limit;
  metrics.refused(policyName(policy), name, "exhausted").value++;
}

function policyName({ namespace, name }: PolicyRef): string {
  return `${namespace}/${name}`;
}
