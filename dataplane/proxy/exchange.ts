// What is known of one request as it crosses the gateway. Steps fill it in, in order; nothing here decides.

import type { GatewayConfig } from "../config/gateway-config.ts";
import type { MatchedLimit } from "../config/matched-limit.ts";
import type { BackendRecord, ConsumerRecord, RouteRecord } from "../config/snapshot.ts";
import { type Hold, NO_HOLDS } from "../core/counter-store.ts";
import type { Decision } from "../core/decide.ts";
import type { PolicyRef } from "../core/limit.ts";
import type { Cost } from "../core/pricing.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import type { TokenUsage, UsageSource } from "../core/usage.ts";
import type { ClientRequest } from "../downstream/client-request.ts";
import type { ClientResponse } from "../downstream/client-response.ts";
import type { HeaderList } from "../identify/header-list.ts";
import type { DialectName, Operation, RequestInfo } from "../providers/provider.ts";
import type { LabelledStatus } from "../respond/labelled-status.ts";
import type { BodySource } from "./held-body.ts";

/** How a request ended, for metrics and the log. */
export type Outcome =
  | "forwarded"
  | "refused"
  | "unauthenticated"
  | "rejected"
  | "upstream_failed"
  | "client_gone"
  /** By the gateway itself. */
  | "answered";

export interface LimitName {
  readonly policy: PolicyRef;
  readonly name: string;
}

export class Exchange {
  readonly id: string;
  readonly req: ClientRequest;
  readonly res: ClientResponse;
  readonly headers: HeaderList;
  readonly config: GatewayConfig;
  /** performance.now() values, milliseconds. */
  readonly startedAt: number;
  bodyReadAt = 0;
  forwardedAt = 0;
  headAt = 0;
  upstreamEndedAt = 0;
  /** Asked for: lower case, without port; "" when the request names none. */
  host = "";
  path = "";
  query = "";
  clientIp = "";
  /** What identified the client and must not go upstream: a key, or the signature of a token. */
  key: string | undefined;
  route: RouteRecord | undefined;
  consumer: ConsumerRecord | undefined;
  /** Name of the consumer's credential that was presented. */
  credential: string | undefined;
  /** Its body, when some of it had to be kept until the caller was known. */
  held: BodySource | undefined;
  /** A CORS preflight request that passes without identification. */
  isPreflight = false;
  /** In whose words the gateway answers; a first guess until the operation is known. */
  dialect: DialectName = "OpenAI";
  operation: Operation | undefined;
  info: RequestInfo | undefined;
  backend: BackendRecord | undefined;
  matched: readonly MatchedLimit[] = [];
  decision: Decision | undefined;
  /** Estimates that count for the request, at the places of their limits, until the truth replaces them. */
  holds: readonly (Hold | undefined)[] = NO_HOLDS;
  /** Prompt tokens that they are made of; 0 without any. */
  estimatedPrompt = 0;
  /** Decided while the store was away: what remains is this data plane's share of what it last saw. */
  isDecidedLocally = false;
  /** What limits were matched with, when the decision rests on the store's own figures. */
  counted: RequestFacts | undefined;
  /** When the store answered. */
  countedAt = 0;
  labelled: readonly LabelledStatus[] = [];
  status = 0;
  usage: TokenUsage | undefined;
  source: UsageSource | undefined;
  /** The provider's own usage fields; undefined when it reported none. */
  rawUsage: Readonly<Record<string, unknown>> | undefined;
  /** Undefined when nothing was used, or the backend has no prices. */
  cost: Cost | undefined;
  /** A Cost limit concerns the request and its backend has no prices. */
  priceMissing = false;
  /** The enforced Cost limit that refused for it. */
  unpricedBy: LimitName | undefined;
  /** Limits whose amount or window the request should have brought. */
  unresolved: readonly LimitName[] = [];
  /** The enforced one of them that refused for it. */
  unresolvedBy: LimitName | undefined;
  /** Limits whose expression had no value for this usage. */
  expressionFaults: readonly LimitName[] = [];
  /** Code of the gateway's own error, if it answered with one. */
  errorCode: string | undefined;
  /** The rest of the request cannot be read: its framing is broken or its time is over. */
  unreadable = false;
  finished = false;
  /** Who is told, in place of the handler, that the client has gone: once the request is forwarded, its relay. */
  onClientGone: (() => void) | undefined;

  constructor(parts: Pick<Exchange, "id" | "req" | "res" | "headers" | "config" | "startedAt">) {
    this.id = parts.id;
    this.req = parts.req;
    this.res = parts.res;
    this.headers = parts.headers;
    this.config = parts.config;
    this.startedAt = parts.startedAt;
  }
}
