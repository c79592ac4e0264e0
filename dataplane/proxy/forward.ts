// The upstream call: what is sent, to where, and the wiring of its response to relay.ts.

import type { BackendRecord } from "../config/snapshot.ts";
import type { CounterStore } from "../core/counter-store.ts";
import type { Dialects } from "../providers/dialects.ts";
import type { Operation, RequestInfo } from "../providers/provider.ts";
import type { Upstream, UpstreamRequest, UpstreamTarget } from "../upstream/upstream.ts";
import { answerError } from "./answer.ts";
import { upstreamHeaders, upstreamQuery } from "./crossing-headers.ts";
import type { Exchange, Outcome } from "./exchange.ts";
import type { Body } from "./read-body.ts";
import { Relay } from "./relay.ts";
import { ResponseDecoder } from "./response-decoder.ts";
import type { ThresholdReached } from "./thresholds.ts";

export interface ForwardDeps {
  readonly store: CounterStore;
  readonly thresholdReached: ThresholdReached;
  readonly upstream: Upstream;
  readonly dialects: Dialects;
  readonly streamOpened: () => void;
  /** Called exactly once, unless the client's leaving ended the exchange before. */
  readonly end: (outcome: Outcome) => void;
}

/** What is known by now, checked once. */
interface Destination {
  readonly backend: BackendRecord;
  readonly operation: Operation;
  readonly info: RequestInfo;
}

/** Sends the request on and relays the answer. */
export function forward(deps: ForwardDeps, exchange: Exchange, body: Body): void {
  const { store, upstream, dialects, thresholdReached, end } = deps;
  const { backend, operation, info } = exchange;
  if (!backend || !operation || !info) return;
  const { path } = backend.compiled;
  // Sent elsewhere than its own path, a call would be answered, and then metered, as another.
  if (path !== undefined && dialects.operationAt(path, backend.dialect).name !== operation.name) {
    const message = `The endpoint of AIBackend ${backend.name} has a path of its own, which does not serve ${operation.name}.`;
    answerError(exchange, { code: "operation_unknown", message });
    end("rejected");
    return;
  }
  const { request, injected } = requestOf(exchange, { backend, operation, info }, body);
  exchange.forwardedAt = performance.now();
  if (info.stream) deps.streamOpened();
  const relay = new Relay(exchange, { store, thresholdReached, stripInjectedUsage: injected, end });
  const decoder = new ResponseDecoder(relay);
  relay.call = decoder;
  decoder.call = upstream.request(targetOf(backend), request, decoder);
}

function requestOf(
  exchange: Exchange,
  { backend, operation, info }: Destination,
  body: Body,
): { readonly request: UpstreamRequest; readonly injected: boolean } {
  const { path, usage } = backend.compiled;
  const injected = usage.injectIncludeUsage ? operation.injectUsage(body.pieces, info) : undefined;
  const { headers, key, isPreflight } = exchange;
  const crossing = { headers, hidden: exchange.route?.authentication?.hidden, key, backend, isPreflight };
  const request: UpstreamRequest = {
    method: exchange.req.method,
    path: (path ?? operation.upstreamPath) + upstreamQuery(exchange.query, crossing),
    headers: upstreamHeaders(crossing),
    body: injected ?? body.pieces,
    bodyBytes: injected ? injected.reduce((sum, piece) => sum + piece.length, 0) : body.bytes,
  };
  return { request, injected: injected !== undefined };
}

function targetOf(backend: BackendRecord): UpstreamTarget {
  const { origin, timeouts } = backend.compiled;
  const { connectMs, firstByteMs, streamIdleMs } = timeouts;
  return { origin, connectMs, firstByteMs, streamIdleMs };
}
