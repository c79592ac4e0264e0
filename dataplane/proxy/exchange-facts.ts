// What limits may know of an exchange. Texts that are there already are taken over; what has to be read is read when a
// limit asks for it.

import type { BackendRecord, ConsumerRecord, RouteRecord } from "../config/snapshot.ts";
import type { RequestFacts } from "../core/request-facts.ts";
import { queryParameters } from "../identify/credential.ts";
import type { Exchange } from "./exchange.ts";
import { identityHeader, tellsIdentity } from "./identity-headers.ts";

export class ExchangeFacts implements RequestFacts {
  readonly namespace: string;
  readonly route: string;
  readonly consumer: ConsumerRecord | undefined;
  readonly model: string | undefined;
  readonly backend: string;
  readonly provider: string;
  readonly clientIp: string;
  readonly #exchange: Exchange;
  #query: URLSearchParams | undefined;

  constructor(exchange: Exchange, route: RouteRecord, backend: BackendRecord) {
    const { info, consumer } = exchange;
    this.namespace = route.namespace;
    this.route = route.name;
    this.consumer = consumer;
    this.model = info?.malformed === undefined ? info?.model : undefined;
    this.backend = backend.name;
    this.provider = backend.provider;
    this.clientIp = exchange.clientIp;
    this.#exchange = exchange;
  }

  get service(): string | undefined {
    return this.#exchange.route?.service;
  }

  get credential(): string | undefined {
    return this.#exchange.credential;
  }

  get host(): string | undefined {
    const { host } = this.#exchange;
    return host === "" ? undefined : host;
  }

  get queryText(): string {
    return this.#exchange.query;
  }

  get path(): string {
    return this.#exchange.path;
  }

  get method(): string {
    return this.#exchange.req.method;
  }

  header(name: string): string | undefined {
    return tellsIdentity(name) ? identityHeader(name, this.#exchange) : this.#exchange.headers.get(name);
  }

  query(name: string): string | undefined {
    this.#query ??= queryParameters(this.#exchange.query);
    return this.#query.get(name) ?? undefined;
  }
}
