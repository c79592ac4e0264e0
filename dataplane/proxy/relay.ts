// Relays an upstream response to the client while reading its usage, and settles before the last byte is passed on.
// Back-pressure both ways: a slow client pauses the upstream, a client that leaves ends the upstream call.

import type { CounterStore } from "../core/counter-store.ts";
import type { ResponseMeter } from "../providers/provider.ts";
import { writeLimitHeaders } from "../respond/limit-headers.ts";
import { settleClashes } from "../respond/name-clashes.ts";
import { upstreamProblem } from "../respond/upstream-problem.ts";
import { wouldRefuse } from "../respond/would-refuse.ts";
import type { UpstreamCall, UpstreamError, UpstreamHandler } from "../upstream/upstream.ts";
import { answerError } from "./answer.ts";
import { shadowedLimits } from "./checks.ts";
import { clientHeaders } from "./crossing-headers.ts";
import type { Exchange, Outcome } from "./exchange.ts";
import { chargeLimits, settlementOf } from "./settle.ts";
import type { ThresholdReached } from "./thresholds.ts";

export interface RelayOptions {
  readonly store: CounterStore;
  readonly thresholdReached: ThresholdReached;
  readonly stripInjectedUsage: boolean;
  readonly end: (outcome: Outcome) => void;
}

export class Relay implements UpstreamHandler {
  call: UpstreamCall | undefined;
  readonly #exchange: Exchange;
  readonly #options: RelayOptions;
  #meter: ResponseMeter | undefined;
  #upstreamStatus = 0;
  #settled = false;
  #done = false;
  /** Pieces that wait until the charge ahead of them has been sent. */
  #held: Buffer[] | undefined;
  #endsAfterHeld = false;
  /** The client takes no more for now; the upstream is paused until it does. */
  #draining = false;

  constructor(exchange: Exchange, options: RelayOptions) {
    this.#exchange = exchange;
    this.#options = options;
    exchange.onClientGone = () => {
      this.#clientClosed();
    };
  }

  onHead(status: number, rawHeaders: readonly string[]): void {
    const exchange = this.#exchange;
    exchange.headAt = performance.now();
    exchange.status = status;
    this.#upstreamStatus = status;
    const { stripInjectedUsage } = this.#options;
    const { headers, known, contentType, limitFormats } = clientHeaders(rawHeaders, stripInjectedUsage);
    this.#meter = exchange.operation?.meterResponse(contentType, { stripInjectedUsage });
    headers.push("X-AIRL-Request-Id", exchange.id);
    headers.push("X-AIRL-Upstream-Latency", wholeMs(exchange.forwardedAt, exchange.headAt));
    headers.push("X-AIRL-Proxy-Latency", wholeMs(exchange.bodyReadAt, exchange.forwardedAt));
    const written = writeLimitHeaders(headers, exchange.labelled);
    if ((written & limitFormats) !== 0) settleClashes(headers, { status, upstreamTexts: known.checked });
    const shadowed = shadowedLimits(exchange);
    if (shadowed.length > 0) headers.push("X-AIRL-Would-Refuse", wouldRefuse(shadowed));
    exchange.res.writeHead(status, headers, known);
  }

  onData(chunk: Buffer): void {
    const piece = this.#meter ? this.#meter.push(chunk) : chunk;
    if (this.#held) {
      if (piece) this.#held.push(piece);
      return;
    }
    if (this.#meter?.complete() && !this.#settled) this.#settleThen(piece, false);
    else if (piece) this.#write(piece);
  }

  onEnd(last: Buffer | undefined): void {
    const exchange = this.#exchange;
    exchange.upstreamEndedAt = performance.now();
    const piece = last && this.#meter ? this.#meter.push(last) : last;
    const rest = this.#meter?.end();
    const final = piece && rest ? Buffer.concat([piece, rest]) : (piece ?? rest);
    if (this.#held) {
      if (final) this.#held.push(final);
      this.#endsAfterHeld = true;
    } else if (this.#settled) {
      this.#finish(final);
    } else {
      this.#settleThen(final, true);
    }
  }

  onError(error: UpstreamError): void {
    const exchange = this.#exchange;
    exchange.upstreamEndedAt = performance.now();
    exchange.errorCode = error.code;
    this.#done = true;
    // What came last may hold usage, or text that an estimate counts.
    this.#meter?.end();
    if (exchange.res.headersSent) {
      // The client must see a broken response, not one that looks complete.
      this.#settle(false, () => {
        exchange.res.destroy();
        this.#options.end("upstream_failed");
      });
      return;
    }
    this.#settled = true;
    answerError(exchange, upstreamProblem(error.code, exchange.backend?.name ?? ""));
    exchange.errorCode = error.code;
    this.#options.end("upstream_failed");
  }

  #write(piece: Buffer): void {
    const { res } = this.#exchange;
    if (res.write(piece) || this.#draining) return;
    this.#draining = true;
    this.call?.pause();
    res.onDrain = () => {
      this.#draining = false;
      if (!this.#held) this.call?.resume();
    };
  }

  /** Charges, and passes `piece` on only when the charge is on its way. */
  #settleThen(piece: Buffer | undefined, ends: boolean): void {
    this.#held = piece ? [piece] : [];
    this.#endsAfterHeld = ends;
    if (!ends) this.call?.pause();
    this.#settle(true, () => {
      this.#release();
    });
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (this.#done) return;
    if (this.#endsAfterHeld) {
      this.#finish(held.length > 1 ? Buffer.concat(held) : held[0]);
      return;
    }
    for (const piece of held) this.#write(piece);
    if (!this.#draining) this.call?.resume();
  }

  #finish(last: Buffer | undefined): void {
    this.#done = true;
    const { res } = this.#exchange;
    res.end(last);
    this.#options.end("forwarded");
  }

  /** Once: fixes usage and source, and charges the limits. */
  #settle(complete: boolean, sent: () => void): void {
    if (this.#settled) {
      sent();
      return;
    }
    this.#settled = true;
    const exchange = this.#exchange;
    const status = this.#upstreamStatus;
    const { usage, source, raw } = settlementOf(exchange, { meter: this.#meter, status, complete });
    exchange.usage = usage;
    exchange.source = source;
    exchange.rawUsage = raw;
    chargeLimits(exchange, this.#options, sent);
  }

  #clientClosed(): void {
    if (this.#done) return;
    this.#done = true;
    this.call?.abort();
    this.#meter?.end();
    this.#settle(false, () => {
      this.#options.end("client_gone");
    });
  }
}

function wholeMs(from: number, to: number): string {
  return String(Math.max(0, Math.round(to - from)));
}
