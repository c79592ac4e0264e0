// Whether an answer says what the reference says.

import { expect } from "vitest";
import type { CallResult } from "../helpers/http-call.ts";
import { decimalOf, messageOf, statusOf } from "./model-gateway.ts";
import { isRefused, type Standing } from "./reference.ts";
import type { AskPlan } from "./world-plan.ts";

/** Natively no more limits are shown. */
const SHOWN = 4;

/** Throws where the answer differs. */
export function expectAnswer(answer: CallResult, standings: readonly Standing[], ask: AskPlan): void {
  const shown = standings.filter(({ plan }) => !plan.isShadow);
  expectHeaders(answer, shown);
  if (isRefused(standings)) {
    expectRefusal(
      answer,
      shown.filter(({ isExhausted }) => isExhausted),
    );
    return;
  }
  expect(answer.status).toBe(ask.fails ? 500 : 200);
  const would = String(answer.headers["x-airl-would-refuse"] ?? "")
    .split(", ")
    .filter(Boolean);
  const shadowed = standings.filter(({ plan, isExhausted }) => plan.isShadow && isExhausted);
  expect(would.map(labelOf).toSorted()).toEqual(shadowed.map(({ label }) => withoutLevel(label)).toSorted());
}

/** That header names limits, not on whom they count. */
function withoutLevel(label: string): string {
  return label.replace(/-.*/, "");
}

/** Of "default/p0-17/l1". */
function labelOf(name: string): string {
  const [, policy = "", limit = ""] = name.split("/");
  return policy.replace(/-\d+$/, "") + limit;
}

function amountText({ plan }: Standing, amount: bigint): string {
  return plan.unit === "Cost" ? decimalOf(amount) : String(amount);
}

function expectHeaders({ headers }: CallResult, shown: readonly Standing[]): void {
  const told = Object.entries(headers).flatMap(([name, value]) => {
    const label = /^x-ai-ratelimit-remaining-.*-(p\d+l\d+(?:-[a-z]+)?)$/.exec(name)?.[1];
    return label === undefined ? [] : [{ label, name, remaining: String(value) }];
  });
  expect(told).toHaveLength(Math.min(SHOWN, shown.length));
  for (const { label, name, remaining } of told) {
    const standing = shown.find((each) => each.label === label);
    if (standing === undefined) throw new Error(`${name} is of no limit that concerns the request`);
    expect(remaining, name).toBe(amountText(standing, standing.remaining));
    const limitName = name.replace("-remaining-", "-limit-");
    expect(headers[limitName], limitName).toBe(amountText(standing, BigInt(standing.plan.limit)));
  }
  // Those with the least share remaining; of equals any.
  const share = (each: Standing): number => Number(each.remaining) / each.plan.limit;
  const [in_, out] = [true, false].map((is) =>
    shown.filter(({ label }) => told.some((each) => each.label === label) === is).map(share),
  );
  if (in_?.length && out?.length) expect(Math.max(...in_)).toBeLessThanOrEqual(Math.min(...out));
}

/** Rounded up, at least 1. */
function resetText(ms: number): string {
  return ms === Infinity ? "2147483" : String(Math.max(1, Math.ceil(ms / 1000)));
}

/** Not above what a timer of Node can wait. */
function retryText(ms: number): string {
  return String(Math.min(2_147_483, Number(resetText(ms))));
}

function expectRefusal({ status, headers, body }: CallResult, exhausted: readonly Standing[]): void {
  const longest = Math.max(...exhausted.map(({ waitMs }) => waitMs));
  const deciding = new Set(exhausted.filter(({ waitMs }) => waitMs === longest).map(({ policy }) => policy));
  const policy = [...deciding].find((each) => statusOf(each) === status);
  expect([...deciding].map(statusOf)).toContain(status);
  if (policy === undefined) return;
  const labels = exhausted.filter((each) => each.policy === policy).map(({ label }) => label);
  expect(body).toBe(JSON.stringify({ message: messageOf(policy) + labels.join(", ") }));
  expect(headers["x-ai-ratelimit-reset"]).toBe(resetText(longest));
  expect(headers["x-ai-ratelimit-retry-after"]).toBe(retryText(longest));
  expect(headers["retry-after"]).toBe(retryText(longest));
  for (const { label, waitMs } of exhausted) {
    const name = Object.keys(headers).find(
      (each) => each.startsWith("x-ai-ratelimit-reset-") && each.endsWith(`-${label}`),
    );
    if (name !== undefined) expect(headers[name], name).toBe(resetText(waitMs));
  }
}
