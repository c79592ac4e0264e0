// GET /.airl/usage: what a consumer has used of its limits. Reads the counters in one round trip and changes none of them.

import type { Check, CounterStore } from "../core/counter-store.ts";
import { queryParameters } from "../identify/credential.ts";
import type { GatewayError } from "../respond/gateway-errors.ts";
import { retryAfterSeconds } from "../respond/retry-after.ts";
import { usageBody } from "../respond/usage-body.ts";
import { answer } from "./answer.ts";
import { refuseAtOf } from "./checks.ts";
import type { Exchange } from "./exchange.ts";
import type { IdentifyDeps } from "./identify-caller.ts";
import { USAGE_PATH } from "./own-paths.ts";
import { findCaller, type UsageCaller } from "./usage-caller.ts";
import { type UsageEntry, usageEntries } from "./usage-entries.ts";
import { createUsageRate } from "./usage-rate.ts";

export interface UsageAnswered {
  failed(error: GatewayError): void;
  answered(): void;
}

/** Answers a request on one of the gateway's own paths; calls one of `told` once. */
export type UsageApi = (exchange: Exchange, told: UsageAnswered) => void;

export interface UsageApiDeps extends Pick<IdentifyDeps, "verifier"> {
  readonly store: CounterStore;
  /** Any clock that goes forward, milliseconds. */
  readonly clockMs: () => number;
  /** Wall clock, epoch milliseconds. */
  readonly nowMs: () => number;
}

const LONGEST_MODEL = 256;

export function createUsageApi({ store, clockMs, verifier, nowMs }: UsageApiDeps): UsageApi {
  const rate = createUsageRate();
  return (exchange, told) => {
    const elsewhere = misdirected(exchange);
    if (elsewhere) {
      told.failed(elsewhere);
      return;
    }
    findCaller(exchange, { verifier, nowMs }, (caller) => {
      if ("code" in caller) {
        told.failed(caller);
        return;
      }
      const model = queryParameters(exchange.query).get("model") ?? undefined;
      const problem = tooOften(rate.take(caller.consumer.displayName, clockMs())) ?? tooLong(model);
      if (problem) told.failed(problem);
      else tell({ store, exchange, caller, model, told });
    });
  };
}

interface Telling {
  readonly store: CounterStore;
  readonly exchange: Exchange;
  readonly caller: UsageCaller;
  readonly model: string | undefined;
  readonly told: UsageAnswered;
}

function tell({ store, exchange, caller, model, told }: Telling): void {
  const { clientIp, config } = exchange;
  const { consumer, credential, routes, isCut } = caller;
  const found = usageEntries({ plans: config.plans, consumer, credential, routes, model, clientIp });
  const known: UsageEntry[] = [];
  const checks: Check[] = [];
  for (const entry of found.entries) {
    const { counter, record } = entry;
    if (counter === undefined) continue;
    known.push(entry);
    checks.push({ counter, ask: 0, refuseAt: refuseAtOf(record.limit), peek: true });
  }
  store.admit(checks, ({ nowMs, source, states }) => {
    if (exchange.finished) return;
    const stateOf = new Map(known.map((entry, i) => [entry, states[i]]));
    const body = usageBody({
      consumer,
      nowMs,
      // Where nothing is asked the store need not answer.
      source: checks.length === 0 ? "store" : source,
      isComplete: !isCut && !found.isCut,
      entries: found.entries.map((entry) => ({
        limit: entry.record.limit,
        label: entry.label,
        per: entry.per,
        routes: [...entry.routes],
        backends: [...entry.backends],
        state: stateOf.get(entry),
      })),
    });
    answer(exchange, { status: 200, headers: ["Cache-Control", "no-store"], body });
    told.answered();
  });
}

function misdirected({ path, req }: Exchange): GatewayError | undefined {
  if (path !== USAGE_PATH) {
    return {
      code: "route_not_found",
      message: `The gateway itself answers at ${USAGE_PATH} and nowhere else below /.airl.`,
    };
  }
  if (req.method === "GET") return undefined;
  const message = `${req.method} ${USAGE_PATH} is no call of this gateway; wanted GET.`;
  return { code: "method_not_allowed", message, headers: ["Allow", "GET"] };
}

function tooOften(waitMs: number): GatewayError | undefined {
  if (waitMs === 0) return undefined;
  const seconds = String(retryAfterSeconds(waitMs));
  const message = `Usage is asked for too often. Try again in ${seconds} s.`;
  return { code: "usage_too_often", message, headers: ["Retry-After", seconds] };
}

function tooLong(model: string | undefined): GatewayError | undefined {
  if (model === undefined || model.length <= LONGEST_MODEL) return undefined;
  return { code: "request_malformed", message: `model has more than ${String(LONGEST_MODEL)} characters.` };
}
