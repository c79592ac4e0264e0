// Thresholds at the boundary that an operator of one process sees: the metric and the line of the log.

import { afterEach, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

/** Second 0 of a minute. */
const NOW = Date.UTC(2025, 3, 18, 15, 0, 0);
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;
let clock: { nowMs: number };

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

/** Each answer uses 12 tokens. */
async function start(limits: string, policy = ""): Promise<void> {
  clock = { nowMs: NOW };
  upstream = await startScriptedUpstream(answersChat());
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits, policy }), { nowMs: () => clock.nowMs });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

async function chat(key = "key-alice", headers: Record<string, string> = {}): Promise<number> {
  const path = "/v1/chat/completions";
  return (await call(gateway.origin, { path, headers: { apikey: key, ...headers }, body: CHAT_BODY })).status;
}

/** Lines about thresholds so far. */
function told(): readonly Record<string, unknown>[] {
  return gateway.logLines.filter(({ msg }) => msg === "limit threshold");
}

const percents = (): readonly unknown[] => told().map(({ percent }) => percent);

test("[proxy] 80 and 100 percent are told once each in a window, by the request that reaches them", async () => {
  await start("  - {name: minute, limit: 30, window: {duration: 60s, algorithm: Fixed}}");
  await chat();
  expect(percents()).toEqual([]);
  await chat();
  expect(percents()).toEqual([80]);
  await chat();
  expect(percents()).toEqual([80, 100]);
  expect([await chat(), await chat()]).toEqual([429, 429]);
  expect(percents()).toEqual([80, 100]);
  expect(told()[1]).toMatchObject({
    limit: "default/team/minute",
    mode: "Enforce",
    percent: 100,
    unit: "TotalTokens",
    used: "36",
    max: "30",
    per: "Consumer default/alice",
  });
  const labels = { policy: "default/team", limit: "minute" };
  expect(await gateway.metric("airl_limit_notifications_total", { ...labels, percent: "80" })).toBe(1);
  expect(await gateway.metric("airl_limit_notifications_total", { ...labels, percent: "100" })).toBe(1);
  clock.nowMs += 60_000;
  await chat();
  expect(percents()).toEqual([80, 100]);
  await chat();
  expect(percents()).toEqual([80, 100, 80]);
});

test("[proxy] one request that reaches both tells both, and another consumer's counter is another", async () => {
  await start("  - {name: minute, limit: 12, window: {duration: 60s, algorithm: Fixed}}");
  await chat();
  expect(percents()).toEqual([80, 100]);
  await chat("key-bob");
  expect(told().map(({ per }) => per)).toEqual([
    "Consumer default/alice",
    "Consumer default/alice",
    "Consumer default/bob",
    "Consumer default/bob",
  ]);
});

test("[proxy] Requests are told of at admission, with the request itself", async () => {
  await start("  - {name: calls, unit: Requests, limit: 5, window: {duration: 60s, algorithm: Fixed}}");
  const after: (readonly unknown[])[] = [];
  for (let i = 0; i < 6; i += 1) {
    await chat();
    after.push(percents());
  }
  expect(after).toEqual([[], [], [], [80], [80, 100], [80, 100]]);
});

test("[proxy] money is told in units of the currency", async () => {
  clock = { nowMs: NOW };
  upstream = await startScriptedUpstream(answersChat());
  const limits = '  - {name: money, unit: Cost, limit: "0.00002", window: {duration: 1h, algorithm: Fixed}}';
  const backend = '  models: [{name: gpt-4o, prices: {inputPer1M: "1", outputPer1M: "2", currency: USD}}]';
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits, backend }), { nowMs: () => clock.nowMs });
  await chat();
  expect(told()).toMatchObject([{ percent: 80, used: "0.000019", max: "0.00002" }]);
});

test("[proxy] FixedFromFirst: once until its window ends, and again in the next", async () => {
  await start("  - {name: first, limit: 20, window: {duration: 60s, algorithm: FixedFromFirst}}");
  clock.nowMs += 30_000;
  await chat();
  await chat();
  expect(percents()).toEqual([80, 100]);
  clock.nowMs += 59_999;
  await chat();
  expect(percents()).toEqual([80, 100]);
  clock.nowMs += 1;
  await chat();
  await chat();
  expect(percents()).toEqual([80, 100, 80, 100]);
});

test("[proxy] Sliding: at most once in the length of a window, however usage goes up and down", async () => {
  await start("  - {name: slide, limit: 30, window: {duration: 60s}}");
  for (let i = 0; i < 3; i += 1) await chat();
  expect(percents()).toEqual([80, 100]);
  // At second 59 of the next window next to nothing of 36 is left; it rises again, within a length of the window from then.
  clock.nowMs += 59_999;
  await chat();
  expect(percents()).toEqual([80, 100]);
  clock.nowMs += 61_000;
  for (let i = 0; i < 3; i += 1) await chat();
  expect(percents()).toEqual([80, 100, 80, 100]);
});

test("[proxy] a Shadow limit tells too, and says that it is one", async () => {
  await start("  - {name: shadow, mode: Shadow, limit: 12, window: {duration: 60s, algorithm: Fixed}}");
  expect([await chat(), await chat()]).toEqual([200, 200]);
  expect(told()).toMatchObject([
    { percent: 80, mode: "Shadow" },
    { percent: 100, mode: "Shadow" },
  ]);
});

test("[proxy] notify names the percentages of all limits of the policy", async () => {
  await start(
    `  - {name: minute, limit: 100, window: {duration: 60s, algorithm: Fixed}}
  - {name: other, limit: 48, window: {duration: 60s, algorithm: Fixed}}`,
    "  notify: [{percent: 25}, {percent: 10}]",
  );
  for (let i = 0; i < 9; i += 1) await chat();
  expect(told().map(({ limit, percent }) => [limit, percent])).toEqual([
    ["default/team/minute", 10],
    ["default/team/other", 10],
    ["default/team/other", 25],
    ["default/team/minute", 25],
  ]);
});

test("[proxy] an empty list tells nothing", async () => {
  await start("  - {name: minute, limit: 12, window: {duration: 60s, algorithm: Fixed}}", "  notify: []");
  await chat();
  await chat();
  expect(told()).toEqual([]);
});

test("[proxy] nothing that a client sent is in a line: of headers, addresses and unnamed models the kind alone", async () => {
  await start(
    `  - {name: header, limit: 12, per: [{type: Header, name: X-Team}], window: {duration: 60s}}
  - {name: ip, limit: 12, per: [{type: IP}], window: {duration: 60s}}
  - {name: model, limit: 12, per: [{type: Model}], window: {duration: 60s}}
  - {name: named, limit: 12, when: [{type: Model, values: [gpt-4o]}], per: [{type: Model}, {type: Backend}], window: {duration: 60s}}
  - {name: shared, limit: 12, per: [{type: Shared}], window: {duration: 60s}}
  - {name: group, limit: 12, per: [{type: ConsumerGroup}], window: {duration: 60s}}`,
    "  notify: [{percent: 100}]",
  );
  await chat("key-alice", { "x-team": "planted-secret" });
  expect(
    told()
      .filter(({ percent }) => percent === 100)
      .map(({ per }) => per),
  ).toEqual(["Header:x-team", "IP", "Model", "Model gpt-4o, Backend llm", "Shared", "ConsumerGroup gold"]);
  expect(JSON.stringify(gateway.logLines)).not.toMatch(/planted-secret|key-alice|127\.0\.0\.1/);
});

test("[proxy] a change of the configuration tells nothing anew; a threshold that is new is told", async () => {
  const limits = (limit: number): string =>
    `  - {name: minute, limit: ${String(limit)}, window: {duration: 60s, algorithm: Fixed}}`;
  await start(limits(12));
  await chat();
  expect(percents()).toEqual([80, 100]);
  gateway.applyYaml(
    basics({ endpoint: upstream.origin, limits: limits(13), policy: "  notify: [{percent: 50}, {percent: 80}]" }),
  );
  await chat();
  expect(percents()).toEqual([80, 100, 50]);
});

test("[proxy] thousands of counters that cross at once are all counted, and the log has a few lines", async () => {
  await start(
    "  - {name: header, limit: 12, per: [{type: Header, name: X-Team}], window: {duration: 60s, algorithm: Fixed}}",
  );
  for (let i = 0; i < 10; i += 1) {
    await Promise.all(
      Array.from({ length: 20 }, (_, j) => chat("key-alice", { "x-team": `${String(i)}-${String(j)}` })),
    );
  }
  expect(await gateway.metric("airl_limit_notifications_total", { limit: "header" })).toBe(400);
  expect(told().length).toBeLessThan(200);
});
