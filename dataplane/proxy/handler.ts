// The life of a request: route -> identify -> read -> match -> admit -> decide -> forward -> relay -> settle -> record.
// A request crosses server -> handler -> identify -> limit-plan -> store -> forward -> relay.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { Admission, Check, CounterStore } from "../core/counter-store.ts";
import { decide } from "../core/decide.ts";
import type { Cidr } from "../core/ip.ts";
import { labelText } from "../core/match.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import { clientIp } from "../identify/client-ip.ts";
import { describeLocations, presentedKey } from "../identify/credential.ts";
import { HeaderList, type HeaderNames } from "../identify/header-list.ts";
import type { Dialect } from "../providers/provider.ts";
import { errorBody, errorHeaders, type GatewayError, statusOf } from "../respond/gateway-errors.ts";
import { refusal } from "../respond/refusal.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { answer, answerError } from "./answer.ts";
import { Exchange, type Outcome } from "./exchange.ts";
import { forward } from "./forward.ts";
import { type Body, readBody } from "./read-body.ts";

export interface HandlerDeps {
  /** The configuration in force; undefined before the first. */
  config(): GatewayConfig | undefined;
  readonly store: CounterStore;
  readonly upstream: Upstream;
  readonly dialect: Dialect;
  readonly headerNames: HeaderNames;
  readonly trustedProxies: readonly Cidr[];
  readonly maxBodyBytes: number;
  /** Called once for each request when it has ended. */
  record(exchange: Exchange, outcome: Outcome): void;
  identificationFailed(reason: string): void;
  storeAnswered(elapsedMs: number, admission: Admission): void;
}

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export function createHandler(deps: HandlerDeps): Handler {
  return (req, res) => {
    const startedAt = performance.now();
    const config = deps.config();
    if (config === undefined) {
      answerUnready(res);
      return;
    }
    const headers = new HeaderList(req.rawHeaders, deps.headerNames);
    const exchange = new Exchange({ id: randomUUID(), req, res, headers, config, startedAt });
    res.on("close", () => {
      // Once a request is forwarded its relay sees the client go, settles, and then ends the exchange.
      if (exchange.forwardedAt === 0) end(deps, exchange, "client_gone");
    });
    const problem = findRoute(exchange) ?? identify(exchange, deps) ?? chooseOperation(exchange, deps);
    if (problem) reject(deps, exchange, problem);
    else receive(deps, exchange);
  };
}

/** Before the first configuration there is nothing to route by; readiness keeps such a data plane out of service. */
function answerUnready(res: ServerResponse): void {
  const error: GatewayError = { code: "config_missing", message: "The gateway has no configuration yet." };
  const body = errorBody(error);
  res.writeHead(statusOf(error.code), [...errorHeaders(error), "Content-Type", "application/json; charset=utf-8"]);
  res.end(body);
}

/** Ends an exchange once; whoever comes first decides how it is recorded. */
function end(deps: HandlerDeps, exchange: Exchange, outcome: Outcome): void {
  if (exchange.finished) return;
  exchange.finished = true;
  deps.record(exchange, outcome);
}

function reject(deps: HandlerDeps, exchange: Exchange, error: GatewayError): void {
  answerError(exchange, error);
  end(deps, exchange, exchange.status === 401 ? "unauthenticated" : "rejected");
}

function findRoute(exchange: Exchange): GatewayError | undefined {
  const { req, headers, config } = exchange;
  const url = req.url ?? "";
  if (!url.startsWith("/")) {
    return { code: "request_malformed", message: `Request target ${JSON.stringify(url.slice(0, 64))} is not a path.` };
  }
  const mark = url.indexOf("?");
  exchange.path = mark < 0 ? url : url.slice(0, mark);
  exchange.query = mark < 0 ? "" : url.slice(mark + 1);
  const match = config.snapshot.routes.find({
    method: req.method ?? "",
    host: hostName(headers.get("host") ?? ""),
    path: exchange.path,
    header: (name) => headers.get(name),
  });
  if (match === undefined) {
    return {
      code: "route_not_found",
      message: `No AIRoute matches ${req.method ?? ""} ${exchange.path.slice(0, 256)}.`,
    };
  }
  exchange.route = match.route;
  return undefined;
}

/** Lower case, without port; brackets of an IPv6 literal stay. */
function hostName(host: string): string {
  const colon = host.lastIndexOf(":");
  const name = colon > host.lastIndexOf("]") ? host.slice(0, colon) : host;
  return name.toLowerCase();
}

function identify(exchange: Exchange, deps: HandlerDeps): GatewayError | undefined {
  const { route, headers, query, req } = exchange;
  exchange.clientIp = clientIp(req.socket.remoteAddress ?? "", headers.get("x-forwarded-for"), deps.trustedProxies);
  if (route === undefined || route.compiled.authentication.type === "None") return undefined;
  const locations = route.compiled.authentication;
  const presented = presentedKey(locations, headers, query);
  if (presented.kind === "missing") {
    deps.identificationFailed("missing");
    return { code: "credential_missing", message: `No API key found. Looked at: ${describeLocations(locations)}.` };
  }
  if (presented.kind === "duplicated") {
    deps.identificationFailed("duplicated");
    return {
      code: "credential_duplicated",
      message: `More than one API key found: ${presented.where} is given twice.`,
    };
  }
  exchange.consumer = exchange.config.snapshot.identify(route.namespace, presented.key);
  if (exchange.consumer === undefined) {
    deps.identificationFailed("unknown");
    return { code: "credential_unknown", message: "The API key is not known on this route." };
  }
  exchange.key = presented.key;
  return undefined;
}

/** A known API path decides; a POST to any other path is the dialect's main call. */
function chooseOperation(exchange: Exchange, { dialect }: HandlerDeps): GatewayError | undefined {
  const { req, path } = exchange;
  const method = req.method ?? "";
  const encoding = exchange.headers.get("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return {
      code: "body_encoded",
      message: `Content-Encoding ${JSON.stringify(encoding.slice(0, 32))} is not accepted; send the body uncompressed.`,
      closes: true,
    };
  }
  exchange.operation = dialect.operationFor(method, path);
  if (exchange.operation === undefined && method === "POST") exchange.operation = dialect.defaultOperation;
  if (exchange.operation !== undefined) return undefined;
  return {
    code: "method_not_allowed",
    message: `${method} ${path.slice(0, 256)} is no call of the ${dialect.name} API.`,
  };
}

function receive(deps: HandlerDeps, exchange: Exchange): void {
  const reader = exchange.operation?.readRequest();
  if (reader === undefined) return;
  readBody(
    exchange.req,
    { reader, maxBytes: deps.maxBodyBytes },
    {
      onBody(body) {
        exchange.bodyReadAt = performance.now();
        exchange.info = reader.end();
        admit(deps, exchange, body);
      },
      onTooLarge(bytes) {
        const message = `The request body has ${String(bytes)} bytes or more; at most ${String(deps.maxBodyBytes)} are accepted.`;
        reject(deps, exchange, { code: "body_too_large", message, closes: true });
      },
      onGone() {
        end(deps, exchange, "client_gone");
      },
    },
  );
}

function admit(deps: HandlerDeps, exchange: Exchange, body: Body): void {
  const { route, consumer, config, operation } = exchange;
  exchange.backend = route?.balancer.pick();
  if (route === undefined || exchange.backend === undefined || operation === undefined) {
    const message = `AIRoute ${route ? `${route.namespace}/${route.name}` : ""} has no backend to send requests to.`;
    reject(deps, exchange, { code: "backend_missing", message });
    return;
  }
  const facts = factsOf(exchange, route.namespace, exchange.backend);
  const matched = config.plans.match({ route, consumer }, facts);
  // Calls that cost no tokens pass when token limits are exhausted.
  exchange.matched = operation.charged ? matched : matched.filter((m) => m.record.limit.unit === "Requests");
  if (exchange.matched.length === 0) {
    proceed(deps, exchange, body);
    return;
  }
  const askedAt = performance.now();
  deps.store.admit(checksOf(exchange), (admission) => {
    deps.storeAnswered(performance.now() - askedAt, admission);
    if (exchange.finished) return;
    applyDecision(exchange, admission, facts);
    proceed(deps, exchange, body);
  });
}

function factsOf(exchange: Exchange, namespace: string, backend: { name: string; provider: string }): RequestFacts {
  const { route, consumer, info, clientIp: ip, headers } = exchange;
  return {
    namespace,
    route: route?.name ?? "",
    consumer,
    model: info?.malformed === undefined ? info?.model : undefined,
    backend: backend.name,
    provider: backend.provider,
    clientIp: ip,
    header: (name) => headers.get(name),
  };
}

function checksOf(exchange: Exchange): Check[] {
  return exchange.matched.map(({ record: { limit }, counter }) => ({
    counter,
    ask: limit.unit === "Requests" ? 1 : 0,
    refuseAt: limit.mode === "Shadow" ? Infinity : limit.limit,
  }));
}

function applyDecision(exchange: Exchange, admission: Admission, facts: RequestFacts): void {
  const checked = exchange.matched.flatMap(({ record }, i) => {
    const state = admission.states[i];
    return state === undefined ? [] : [{ limit: record.limit, state }];
  });
  const decision = decide(checked, admission.nowMs);
  exchange.decision = decision;
  exchange.labelled = decision.statuses
    .filter((status) => status.limit.mode === "Enforce")
    .map((status) => ({ status, label: labelText(status.limit.label, status.limit.name, facts) }));
}

/** 429 precedes a 400 for a body that cannot be read; only then is the request forwarded. */
function proceed(deps: HandlerDeps, exchange: Exchange, body: Body): void {
  const { decision, info } = exchange;
  if (decision?.kind === "deny") {
    refuse(deps, exchange, decision);
  } else if (info?.malformed !== undefined) {
    reject(deps, exchange, { code: "body_malformed", message: `The request body cannot be read: ${info.malformed}.` });
  } else {
    const { store, upstream } = deps;
    const ended = (outcome: Outcome): void => {
      end(deps, exchange, outcome);
    };
    forward({ store, upstream, end: ended }, exchange, body);
  }
}

function refuse(
  deps: HandlerDeps,
  exchange: Exchange,
  decision: Extract<NonNullable<Exchange["decision"]>, { kind: "deny" }>,
): void {
  const decidedBy = exchange.matched.find((m) => m.record.limit === decision.decidedBy.limit);
  if (decidedBy === undefined) return;
  const { response } = decidedBy.record.policy.compiled;
  answer(exchange, refusal({ decision, labelled: exchange.labelled, response }));
  end(deps, exchange, "refused");
}
