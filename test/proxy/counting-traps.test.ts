// What others count wrongly, or free: the traps that the two reference systems have taught, as far as they concern what a
// request counts for.

import { afterEach, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import {
  answersChat,
  type Script,
  type ScriptedUpstream,
  sseChunk,
  sseUsage,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

const NOW = Date.UTC(2025, 3, 18, 15, 0, 0);
const WINDOW = "window: {duration: 1h, algorithm: Fixed}";

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

interface StartOptions {
  readonly limits: string;
  readonly script?: Script;
  readonly backend?: string;
  readonly more?: (endpoint: string) => string;
}

async function start({ limits, script = answersChat(), backend = "", more = () => "" }: StartOptions): Promise<void> {
  upstream = await startScriptedUpstream(script);
  const yaml = basics({ endpoint: upstream.origin, limits, backend }) + more(upstream.origin);
  gateway = await startGateway(yaml, { nowMs: () => NOW });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

function chat(more: object = {}, path = "/v1/chat/completions"): Promise<CallResult> {
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi." }], ...more });
  return call(gateway.origin, { path, headers: { apikey: "key-alice" }, body });
}

const remaining = ({ headers }: CallResult, name: string): string | undefined => {
  const value = headers[`x-ai-ratelimit-remaining-hour-${name}`];
  return Array.isArray(value) ? value.join() : value;
};

test("[proxy] apisix traps 1 and 2, kong trap 9: 10 tokens each of 30 show 30, 20, 10, and then refuse with 0", async () => {
  const usage = { prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 };
  await start({ limits: `  - {name: t, limit: 30, ${WINDOW}}`, script: answersChat(usage) });
  const told: [number, string | undefined][] = [];
  for (let i = 0; i < 4; i += 1) {
    const answer = await chat();
    told.push([answer.status, remaining(answer, "t")]);
  }
  expect(told).toEqual([
    [200, "30"],
    [200, "20"],
    [200, "10"],
    [429, "0"],
  ]);
});

test("[proxy] apisix trap 1: the request that crosses the limit completes, however far beyond it is", async () => {
  const usage = { prompt_tokens: 5000, completion_tokens: 5000 };
  await start({ limits: `  - {name: t, limit: 30, ${WINDOW}}`, script: answersChat(usage) });
  expect([(await chat()).status, (await chat()).status]).toEqual([200, 429]);
});

test("[proxy] kong traps 14 and 15: prices are those of the backend that answered, by the million, and nothing is lost", async () => {
  const prices = (input: string, output: string): string =>
    `  models: [{name: m, prices: {inputPer1M: "${input}", outputPer1M: "${output}", currency: USD}}]`;
  await start({
    limits: `  - {name: cost, unit: Cost, limit: "1.00", ${WINDOW}}`,
    script: answersChat({ prompt_tokens: 14, completion_tokens: 7 }),
    backend: prices("0.15", "0.60"),
    more: (endpoint) => `
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: other}
spec:
  provider: OpenAICompatible
  endpoint: ${endpoint}
${prices("30", "60")}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: other}
spec:
  matches: [{path: {type: PathPrefix, value: /other}}]
  backendRefs: [{name: other}]
`,
  });
  await chat();
  expect(remaining(await chat(), "cost")).toBe("0.9999937");
  await chat({}, "/other/v1/chat/completions");
  // 2 x 0.0000063 and 0.00084.
  expect(remaining(await chat(), "cost")).toBe("0.9991474");
});

test("[proxy] custom cost per model: an expression says it, and needs no prices", async () => {
  const byModel = 'model == "gpt-4" ? 2.0 : model.startsWith("gpt-") ? 0.5 : tokens.total / 1000.0';
  await start({ limits: `  - {name: cost, unit: Cost, limit: "10", expression: '${byModel}', ${WINDOW}}` });
  const told: (string | undefined)[] = [];
  for (const model of ["gpt-4", "gpt-4o", "claude", "claude"]) told.push(remaining(await chat({ model }), "cost"));
  expect(told).toEqual(["10", "8", "7.5", "7.488"]);
  expect(gateway.findings.filter(({ code }) => code === "PriceMissing")).toEqual([]);
});

test("[proxy] apisix trap 24: a cost without a value counts by the prices, or dearly where there are none", async () => {
  const limits = `  - {name: cost, unit: Cost, limit: "10", expression: "1 / usage.absent", ${WINDOW}}`;
  await start({ limits });
  await chat();
  // 12 tokens, at 1 for each 1,000.
  expect(remaining(await chat(), "cost")).toBe("9.988");
  expect(await gateway.metric("airl_expression_faults_total", { limit: "cost" })).toBe(2);
  const priced = '  models: [{name: m, prices: {inputPer1M: "100000", outputPer1M: "0", currency: USD}}]';
  gateway.applyYaml(basics({ endpoint: upstream.origin, limits, backend: priced }));
  await chat();
  expect(remaining(await chat(), "cost")).toBe("9.476");
});

test("[proxy] kong trap 16: what the gateway answers itself and what it refuses cost nothing", async () => {
  const calls = `\n  - {name: calls, unit: Requests, limit: 2, ${WINDOW}}`;
  await start({ limits: `  - {name: t, limit: 1000, ${WINDOW}}${calls}` });
  const unreadable = await call(gateway.origin, {
    path: "/v1/chat/completions",
    headers: { apikey: "key-alice" },
    body: '{"model":',
  });
  expect(unreadable.status).toBe(400);
  await chat();
  for (let i = 0; i < 3; i += 1) expect(remaining(await chat(), "t")).toBe("988");
});

test("[proxy] kong trap 17, apisix trap 18: every limit is charged, whatever the others hold, and none by a refusal", async () => {
  await start({
    limits: `  - {name: small, limit: 5, ${WINDOW}}\n  - {name: large, limit: 1000, ${WINDOW}}\n  - {name: m, when: [{type: Model, values: [free]}], limit: 1000, ${WINDOW}}`,
  });
  await chat();
  const refused = await chat();
  expect([refused.status, remaining(refused, "small"), remaining(refused, "large")]).toEqual([429, "0", "988"]);
  expect(remaining(await chat(), "large")).toBe("988");
});

test.for([
  { trap: "25: comparisons and logic", text: "prompt_tokens > 3 && completion_tokens < 100 ? 5 : 0", counts: 5 },
  { trap: "26: half up at the end", text: "prompt_tokens * 0.5 + completion_tokens * 0.5 + 0.5", counts: 7 },
  { trap: "26: never below 0", text: "prompt_tokens - 100", counts: 0 },
  {
    trap: "24: a nested name is no fault",
    text: "prompt_tokens + completion_tokens_details.reasoning_tokens",
    counts: 9,
  },
  { trap: "24: a fault is not free", text: "prompt_tokens / (prompt_tokens - 5)", counts: 12 },
])("[proxy] apisix trap $trap", async ({ text, counts }) => {
  const usage = { prompt_tokens: 5, completion_tokens: 7, completion_tokens_details: { reasoning_tokens: 4 } };
  const limits = `  - {name: e, unit: Expression, expression: "${text}", limit: 1000, ${WINDOW}}`;
  await start({ limits, script: answersChat(usage) });
  await chat();
  expect(remaining(await chat(), "e")).toBe(String(1000 - counts));
});

function streams(...frames: string[]): Script {
  return (_request, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    for (const frame of frames) res.write(frame);
    res.end("data: [DONE]\n\n");
  };
}

test("[proxy] apisix trap 31: neither null nor 0 takes back what a stream has reported", async () => {
  const usage = { prompt_tokens: 40, completion_tokens: 12, completion_tokens_details: { reasoning_tokens: 5 } };
  const limits = ["TotalTokens", "ReasoningTokens"].map(
    (unit) => `  - {name: ${unit.toLowerCase()}, unit: ${unit}, limit: 1000, ${WINDOW}}`,
  );
  const script = streams(
    sseChunk({ content: "Hi" }, { usage: null }),
    sseUsage(usage),
    sseChunk({}, { usage: null }),
    sseUsage({ prompt_tokens: 0, completion_tokens: 0, completion_tokens_details: { reasoning_tokens: 0 } }),
  );
  await start({ limits: limits.join("\n"), script });
  await chat({ stream: true });
  const next = await chat({ stream: true });
  expect([remaining(next, "totaltokens"), remaining(next, "reasoningtokens")]).toEqual(["948", "995"]);
});

test("[proxy] kong trap 10: a stream that passes the limit on its way comes whole, and the next request is refused", async () => {
  const text = Array.from({ length: 50 }, () => sseChunk({ content: "word ".repeat(20) }));
  const script = streams(...text, sseUsage({ prompt_tokens: 5, completion_tokens: 1000 }));
  await start({ limits: `  - {name: t, limit: 10, ${WINDOW}}`, script });
  const whole = await chat({ stream: true });
  expect(whole.body.match(/"content"/g)).toHaveLength(50);
  expect(whole.body.endsWith("data: [DONE]\n\n")).toBe(true);
  expect((await chat()).status).toBe(429);
});

test("[proxy] apisix trap 30: Anthropic's usage is that of all its events, with what was cached", async () => {
  const event = (type: string, data: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  const script: Script = (_request, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    const input = {
      input_tokens: 20,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: 900,
      output_tokens: 1,
    };
    res.write(event("message_start", { message: { usage: input } }));
    res.write(event("content_block_delta", { delta: { type: "text_delta", text: "Hi" } }));
    const output = { output_tokens: 12, output_tokens_details: { thinking_tokens: 4 } };
    res.end(event("message_delta", { delta: {}, usage: output }) + event("message_stop", {}));
  };
  const units = ["TotalTokens", "PromptTokens", "CachedPromptTokens", "ReasoningTokens"];
  upstream = await startScriptedUpstream(script);
  const limits = units
    .map((unit) => `  - {name: ${unit.toLowerCase()}, unit: ${unit}, limit: 5000, ${WINDOW}}`)
    .join("\n");
  const yaml = basics({ endpoint: upstream.origin, limits }).replace("OpenAICompatible", "Anthropic");
  gateway = await startGateway(yaml, { nowMs: () => NOW });
  const messages = (): Promise<CallResult> => chat({ stream: true, max_tokens: 100 }, "/v1/messages");
  await messages();
  const next = await messages();
  expect(units.map((unit) => 5000 - Number(remaining(next, unit.toLowerCase())))).toEqual([1032, 1020, 900, 4]);
});
