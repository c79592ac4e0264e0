// The life of a request: form -> route -> identify -> read -> match -> admit -> decide -> forward -> relay -> settle -> record.
// A request crosses server -> handler -> identify -> limit-plan -> store -> forward -> relay.

import { randomUUID } from "node:crypto";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { MatchedLimit } from "../config/matched-limit.ts";
import type { BackendRecord } from "../config/snapshot.ts";
import type { Admission, CounterStore } from "../core/counter-store.ts";
import type { Cidr } from "../core/ip.ts";
import type { ClientRequest } from "../downstream/client-request.ts";
import type { ClientResponse } from "../downstream/client-response.ts";
import { clientIp } from "../identify/client-ip.ts";
import { HeaderList, type HeaderNames } from "../identify/header-list.ts";
import type { Dialects } from "../providers/dialects.ts";
import type { Operation } from "../providers/provider.ts";
import { type Asker, errorBody, errorHeaders, type GatewayError, statusOf } from "../respond/gateway-errors.ts";
import { refusal } from "../respond/refusal.ts";
import { drawJitterMs } from "../respond/retry-after.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { answer, answerError } from "./answer.ts";
import { applyDecision, checksOf } from "./checks.ts";
import { backendMissing, chooseOperation, guessDialect, pickBackend } from "./choose-operation.ts";
import { Exchange, type Outcome } from "./exchange.ts";
import { ExchangeFacts } from "./exchange-facts.ts";
import { forward } from "./forward.ts";
import { HeldBody } from "./held-body.ts";
import { type IdentifyDeps, identifyCaller, LATER } from "./identify-caller.ts";
import { identificationReason } from "./identity.ts";
import { deniedModel } from "./model-check.ts";
import { isOwnPath } from "./own-paths.ts";
import { announcedBytes, type Body, readBody } from "./read-body.ts";
import { formProblem } from "./request-form.ts";
import { authorityOf, hostName, originForm } from "./request-target.ts";
import { releaseHolds } from "./settle.ts";
import { type ThresholdReached, watchDecision } from "./thresholds.ts";
import { findUnresolved } from "./unresolved-limits.ts";
import type { UsageApi } from "./usage-api.ts";

export interface HandlerDeps extends IdentifyDeps {
  /** The configuration in force; undefined before the first. */
  config(): GatewayConfig | undefined;
  readonly store: CounterStore;
  readonly upstream: Upstream;
  readonly dialects: Dialects;
  readonly headerNames: HeaderNames;
  readonly trustedProxies: readonly Cidr[];
  readonly maxBodyBytes: number;
  /** Answers what is asked of the gateway itself. */
  readonly usageApi: UsageApi;
  /** Called once for each request when it has ended. */
  record(exchange: Exchange, outcome: Outcome): void;
  /** A streaming request has been sent to its backend; `record` ends it. */
  readonly streamOpened: () => void;
  identificationFailed(reason: string): void;
  storeAnswered(elapsedMs: number, admission: Admission): void;
  readonly thresholdReached: ThresholdReached;
  /** At least 0 and below 1; spreads the clients that are refused. */
  readonly random: () => number;
}

const UNAUTHENTICATED = 401;

export type Handler = (req: ClientRequest, res: ClientResponse) => void;

export function createHandler(deps: HandlerDeps): Handler {
  const identifiedLate: IdentifiedLate = (exchange, problem) => {
    serveCaller(deps, exchange, problem);
  };
  return (req, res) => {
    const startedAt = performance.now();
    const config = deps.config();
    const headers = new HeaderList(req.rawHeaders, deps.headerNames);
    const id = randomUUID();
    const dialect = guessDialect(deps.dialects, req, headers);
    if (config === undefined) {
      answerUnready(res, { dialect, requestId: id });
      return;
    }
    const exchange = new Exchange({ id, req, res, headers, config, startedAt });
    exchange.dialect = dialect;
    res.onClose = () => {
      // Once a request is forwarded its relay settles, and then ends the exchange.
      if (exchange.onClientGone) exchange.onClientGone();
      else end(deps, exchange, "client_gone");
    };
    const malformed = formProblem(req, headers);
    if (malformed) reject(deps, exchange, malformed);
    else serve(deps, exchange, identifiedLate);
  };
}

type IdentifiedLate = Parameters<typeof identifyCaller>[2];

function serve(deps: HandlerDeps, exchange: Exchange, identifiedLate: IdentifiedLate): void {
  takeTarget(exchange, deps.trustedProxies);
  if (isOwnPath(exchange.path)) {
    serveOwn(deps, exchange);
    return;
  }
  const problem = findRoute(exchange) ?? identifyCaller(exchange, deps, identifiedLate);
  if (problem === LATER) exchange.held = new HeldBody(exchange.req, deps.maxBodyBytes);
  else serveCaller(deps, exchange, problem);
}

/** `problem`: with the route or with who the caller is. */
function serveCaller(deps: HandlerDeps, exchange: Exchange, problem: GatewayError | undefined): void {
  const found = problem ?? chooseOperation(exchange, deps.dialects);
  if (found) reject(deps, exchange, found);
  else receive(deps, exchange);
}

function serveOwn(deps: HandlerDeps, exchange: Exchange): void {
  deps.usageApi(exchange, {
    failed(error) {
      reject(deps, exchange, error);
    },
    answered() {
      end(deps, exchange, "answered");
    },
  });
}

/** Before the first configuration there is nothing to route by; readiness keeps such a data plane out of service. */
function answerUnready(res: ClientResponse, asker: Asker): void {
  const error: GatewayError = { code: "config_missing", message: "The gateway has no configuration yet." };
  const body = errorBody(error, asker);
  res.writeHead(statusOf(error.code), [...errorHeaders(error), "Content-Type", "application/json; charset=utf-8"]);
  res.end(body);
}

/** Ends an exchange once; whoever comes first decides how it is recorded. */
function end(deps: HandlerDeps, exchange: Exchange, outcome: Outcome): void {
  if (exchange.finished) return;
  exchange.finished = true;
  releaseHolds(exchange);
  deps.record(exchange, outcome);
}

function reject(deps: HandlerDeps, exchange: Exchange, error: GatewayError): void {
  const reason = identificationReason(error);
  if (reason !== undefined) deps.identificationFailed(reason);
  answerError(exchange, error);
  end(deps, exchange, exchange.status === UNAUTHENTICATED ? "unauthenticated" : "rejected");
}

function takeTarget(exchange: Exchange, trustedProxies: readonly Cidr[]): void {
  const { req, headers } = exchange;
  const target = req.url;
  const url = originForm(target) ?? "";
  const mark = url.indexOf("?");
  exchange.path = mark < 0 ? url : url.slice(0, mark);
  exchange.query = mark < 0 ? "" : url.slice(mark + 1);
  exchange.host = hostName(headers.get("host") ?? authorityOf(target));
  exchange.clientIp = clientIp(req.remoteAddress, headers.get("x-forwarded-for"), trustedProxies);
}

function findRoute(exchange: Exchange): GatewayError | undefined {
  const { req, headers, config, host } = exchange;
  const match = config.snapshot.routes.find({
    method: req.method,
    host,
    path: exchange.path,
    header: (name) => headers.get(name),
  });
  if (match === undefined) {
    return {
      code: "route_not_found",
      message: `No AIRoute matches ${req.method} ${exchange.path.slice(0, 256)}.`,
    };
  }
  exchange.route = match.route;
  return undefined;
}

function receive(deps: HandlerDeps, exchange: Exchange): void {
  const shape = exchange.operation ? undefined : deps.dialects.createShapeReader(exchange.dialect);
  const reader = shape ?? exchange.operation?.readRequest();
  if (reader === undefined) return;
  readBody(
    exchange.held ?? exchange.req,
    { reader, announced: announcedBytes(exchange.headers), maxBytes: deps.maxBodyBytes },
    {
      onBody(body) {
        exchange.bodyReadAt = performance.now();
        exchange.info = reader.end();
        exchange.operation ??= shape?.operation();
        exchange.dialect = exchange.operation?.dialect ?? exchange.dialect;
        admit(deps, exchange, body);
      },
      onTooLarge(bytes) {
        const message = `The request body has ${String(bytes)} bytes or more; at most ${String(deps.maxBodyBytes)} are accepted.`;
        reject(deps, exchange, { code: "body_too_large", message, closes: true });
      },
      onUnreadable(problem) {
        exchange.unreadable = true;
        reject(deps, exchange, { ...problem, closes: true });
      },
      onGone() {
        end(deps, exchange, "client_gone");
      },
    },
  );
}

function admit(deps: HandlerDeps, exchange: Exchange, body: Body): void {
  const { route, consumer, config, operation } = exchange;
  if (route === undefined || operation === undefined) return;
  if (consumer?.models !== undefined) {
    const denied = deniedModel(exchange);
    if (denied) {
      reject(deps, exchange, denied);
      return;
    }
  }
  exchange.backend = pickBackend(route, { operation, info: exchange.info });
  if (exchange.backend === undefined) {
    reject(deps, exchange, backendMissing(route, operation));
    return;
  }
  const facts = new ExchangeFacts(exchange, route, exchange.backend);
  exchange.matched = concerning(operation, config.plans.match({ route, consumer }, facts));
  const problem = findUnresolved(exchange) ?? findMissingPrice(exchange, exchange.backend);
  if (problem) reject(deps, exchange, problem);
  else if (exchange.matched.length === 0) proceed(deps, exchange, body);
  else askStore(deps, exchange, { facts, body });
}

/** Calls that cost no tokens pass when token limits are exhausted. */
function concerning({ charged }: Operation, matched: readonly MatchedLimit[]): readonly MatchedLimit[] {
  return charged ? matched : matched.filter(({ record }) => record.limit.unit === "Requests");
}

function askStore(
  deps: HandlerDeps,
  exchange: Exchange,
  { facts, body }: { readonly facts: ExchangeFacts; readonly body: Body },
): void {
  const askedAt = performance.now();
  const checks = checksOf(exchange);
  deps.store.admit(checks, (admission) => {
    exchange.countedAt = performance.now();
    deps.storeAnswered(exchange.countedAt - askedAt, admission);
    if (exchange.finished) {
      releaseHolds(admission);
      return;
    }
    applyDecision(exchange, { checks, admission }, facts);
    watchDecision(exchange, admission.taken, deps.thresholdReached);
    proceed(deps, exchange, body);
  });
}

/**
 * A budget of money cannot be kept where nothing has a price: neither free nor at an invented price, the request is
 * refused, before any counter is touched, with what to do about it. Shadow limits never refuse; they count nothing then.
 */
function findMissingPrice(exchange: Exchange, { name, prices }: BackendRecord): GatewayError | undefined {
  if (prices !== undefined) return undefined;
  if (!exchange.matched.some(needsPrices)) return undefined;
  exchange.priceMissing = true;
  const enforced = exchange.matched.find((m) => needsPrices(m) && m.record.limit.mode === "Enforce")?.record.limit;
  if (enforced === undefined) return undefined;
  const { policy } = enforced;
  exchange.unpricedBy = enforced;
  const message =
    `Limit "${enforced.name}" of policy ${policy.namespace}/${policy.name} counts cost, and AIBackend ${name} has no ` +
    `prices. Give it spec.models with prices ("0" for what is free).`;
  return { code: "price_missing", message };
}

function needsPrices({ record }: MatchedLimit): boolean {
  return record.needsPrices;
}

/** 429 precedes a 400 for a body that cannot be read; only then is the request forwarded. */
function proceed(deps: HandlerDeps, exchange: Exchange, body: Body): void {
  const { decision, info } = exchange;
  if (decision?.kind === "deny") {
    refuse(deps, exchange, decision);
  } else if (info?.malformed !== undefined) {
    reject(deps, exchange, { code: "body_malformed", message: `The request body cannot be read: ${info.malformed}.` });
  } else {
    const { store, upstream, dialects, thresholdReached } = deps;
    const ended = (outcome: Outcome): void => {
      end(deps, exchange, outcome);
    };
    forward(
      { store, upstream, dialects, streamOpened: deps.streamOpened, thresholdReached, end: ended },
      exchange,
      body,
    );
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
  const asker = { dialect: exchange.dialect, requestId: exchange.id };
  const { retryAfterJitterMs } = response;
  const jitterMs = retryAfterJitterMs === undefined ? 0 : drawJitterMs(retryAfterJitterMs, deps.random);
  answer(exchange, refusal({ decision, labelled: exchange.labelled, response, jitterMs, asker }));
  end(deps, exchange, "refused");
}
