// Which operation a request is, and which backend may get it: only one that speaks the request's dialect.

import type { BackendRecord, RouteRecord } from "../config/snapshot.ts";
import type { ClientRequest } from "../downstream/client-request.ts";
import type { HeaderList } from "../identify/header-list.ts";
import { barePath } from "../providers/bare-path.ts";
import type { Choice, Dialects } from "../providers/dialects.ts";
import type { DialectName, Operation, RequestInfo } from "../providers/provider.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";
import type { Exchange } from "./exchange.ts";
import { announcedMethod, preflightOf, preflightOfPath } from "./preflight.ts";

const VERSION_HEADER = "anthropic-version";

/** For answers that are given before the operation is known. */
export function guessDialect(dialects: Dialects, req: ClientRequest, headers: HeaderList): DialectName {
  return dialects.dialectOf({ path: barePath(req.url), hasAnthropicVersion: headers.names.includes(VERSION_HEADER) });
}

/** Sets the operation when the path says it; leaves it to the body of a POST to a path that says nothing. */
export function chooseOperation(exchange: Exchange, dialects: Dialects): GatewayError | undefined {
  const { req, path, route, headers } = exchange;
  const method = exchange.isPreflight ? announcedMethod(exchange) : req.method;
  const encoding = headers.get("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return {
      code: "body_encoded",
      message: `Content-Encoding ${JSON.stringify(encoding.slice(0, 32))} is not accepted; wanted identity: send the body uncompressed.`,
      closes: true,
    };
  }
  const call = { method, path, hasAnthropicVersion: headers.names.includes(VERSION_HEADER) };
  const choice = dialects.choose(call, (dialect) => route?.byDialect[dialect].isEmpty === false);
  if (choice.kind === "byBody" && !exchange.isPreflight) return undefined;
  if (choice.kind === "operation" || choice.kind === "byBody") {
    exchange.operation = operationOf(exchange, choice, dialects);
    exchange.dialect = exchange.operation.dialect;
    return undefined;
  }
  return choice.kind === "unmetered" ? unmetered(method, path) : notACall(method, path);
}

function operationOf(
  exchange: Exchange,
  choice: Extract<Choice, { kind: "operation" | "byBody" }>,
  dialects: Dialects,
): Operation {
  if (choice.kind === "byBody") return preflightOfPath(exchange, dialects);
  return exchange.isPreflight ? preflightOf(choice.operation) : choice.operation;
}

function unmetered(method: string, path: string): GatewayError {
  const message =
    `${method} ${path.slice(0, 256)} is not served here: the gateway cannot read what this call costs. ` +
    "It serves chat/completions, completions, embeddings, responses, messages, messages/count_tokens and models.";
  return { code: "operation_unknown", message };
}

function notACall(method: string, path: string): GatewayError {
  return {
    code: "method_not_allowed",
    message: `${method} ${path.slice(0, 256)} is no call of the OpenAI or Anthropic API.`,
  };
}

interface Asked {
  readonly operation: Operation;
  readonly info: RequestInfo | undefined;
}

/**
 * A request that cannot be read goes nowhere: for it any backend will do, so that limits refuse it before its fault does.
 * A backend whose credential does not open is never picked.
 */
export function pickBackend(route: RouteRecord, { operation, info }: Asked): BackendRecord | undefined {
  const able = route.byDialect[operation.dialect];
  if (!able.isEmpty) return able.balancer.pick();
  return info?.malformed === undefined ? undefined : route.balancer.pick();
}

/** Why no backend was picked. */
export function backendMissing(route: RouteRecord, { dialect, name }: Operation): GatewayError {
  const where = `AIRoute ${route.namespace}/${route.name}`;
  const backends = route.compiled.backends.map((backend) => backend.name);
  if (!route.byDialect[dialect].isEmpty) {
    const message =
      `${where} has no backend for this request whose credential can be opened here: it was sealed for another ` +
      `endpoint or with another key ring. Its backends are: ${backends.join(", ")}.`;
    return { code: "backend_locked", message };
  }
  // One that is missing might speak it.
  if (route.missing.length > 0) {
    const message = `${where} has no backend for this request. Missing: ${route.missing.join(", ")}.`;
    return { code: "backend_missing", message };
  }
  const message =
    `${where} has no backend that speaks ${dialect}, as this request (${name}) does. ` +
    `Its backends are: ${backends.join(", ")}.`;
  return { code: "dialect_unsupported", message };
}
