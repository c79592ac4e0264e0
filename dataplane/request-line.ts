// What the log says of a finished request, as members of a JSON object. No secret is in reach: only names that
// configuration gave, and the model, are written.

import { amountText } from "./core/amount-text.ts";
import type { Exchange, Outcome } from "./proxy/exchange.ts";

const LONGEST_MODEL = 128;
/** Anything else is written by JSON.stringify; names of configuration never need it. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** `endedAt` is of performance.now(). Members that say nothing of this request are left out. */
export function requestLine(exchange: Exchange, outcome: Outcome, endedAt: number): string {
  const { headAt, forwardedAt, info, usage } = exchange;
  let line = `"requestId":"${exchange.id}","outcome":"${outcome}","status":${String(exchange.status)}`;
  line += text("method", exchange.req.method) + text("route", exchange.route?.displayName ?? "");
  line += text("consumer", exchange.consumer?.displayName) + text("backend", exchange.backend?.name);
  line += `,"dialect":"${exchange.dialect}"${text("operation", exchange.operation?.name)}`;
  if (info !== undefined)
    line += `${text("model", info.model?.slice(0, LONGEST_MODEL))},"stream":${String(info.stream)}`;
  line += text("limit", refusedBy(exchange));
  if (usage !== undefined) {
    line += `,"promptTokens":${String(usage.prompt)},"completionTokens":${String(usage.completion)}`;
  }
  line += text("usageSource", exchange.source) + text("cost", costText(exchange)) + text("error", exchange.errorCode);
  line += `,"durationMs":${tenths(endedAt - exchange.startedAt)}`;
  return headAt > 0 ? `${line},"upstreamMs":${tenths(headAt - forwardedAt)}` : line;
}

function text(name: string, value: string | undefined): string {
  if (value === undefined) return "";
  return PLAIN.test(value) ? `,"${name}":"${value}"` : `,"${name}":${JSON.stringify(value)}`;
}

/** "0.0000063 USD". */
function costText({ cost }: Exchange): string | undefined {
  return cost && `${amountText("Cost", cost.nano)} ${cost.currency}`;
}

function tenths(ms: number): string {
  return String(Math.round(ms * 10) / 10);
}

function refusedBy({ decision, unpricedBy, unresolvedBy }: Exchange): string | undefined {
  const by = decision?.kind === "deny" ? decision.decidedBy.limit : (unpricedBy ?? unresolvedBy);
  return by && `${by.policy.namespace}/${by.policy.name}/${by.name}`;
}
