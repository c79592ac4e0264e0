import { afterEach, describe, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import {
  answersChat,
  type Script,
  type ScriptedUpstream,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

const NOW = Date.UTC(2025, 3, 18, 15, 0, 0);
const MINI = 'inputPer1M: "0.15", outputPer1M: "0.60", cachedInputPer1M: "0.075", currency: USD';
const PRICES = `  models:
  - {name: mini, prices: {${MINI}}}
  - {name: large, prices: {inputPer1M: "30", outputPer1M: "60", currency: USD}}`;

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

interface StartOptions {
  readonly limits: string;
  readonly usage?: unknown;
  readonly script?: Script;
  readonly backend?: string;
}

async function start({ limits, usage, script = answersChat(usage), backend = PRICES }: StartOptions): Promise<void> {
  upstream = await startScriptedUpstream(script);
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits, backend }), { nowMs: () => NOW });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

function chat(model: string): ReturnType<typeof call> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hi." }] });
  return call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: "key-alice" }, body });
}

const cost = (limit: string, rest = ""): string =>
  `  - {name: cost, unit: Cost, limit: "${limit}", window: {duration: 30d, algorithm: Fixed}${rest}}`;
const expression = (text: string, limit = 100_000): string =>
  `  - {name: e, unit: Expression, expression: "${text}", limit: ${String(limit)}, window: {duration: 1h, algorithm: Fixed}}`;

describe("limits of cost", () => {
  test("[proxy] 14 prompt and 7 completion tokens take 0.0000063 of a limit of 1 (kong traps 14 and 15)", async () => {
    await start({ limits: cost("1.00"), usage: { prompt_tokens: 14, completion_tokens: 7, total_tokens: 21 } });
    const first = await chat("mini");
    expect(first.headers["x-ai-ratelimit-limit-month-cost"]).toBe("1");
    expect(first.headers["x-ai-ratelimit-remaining-month-cost"]).toBe("1");
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-month-cost"]).toBe("0.9999937");
    expect(await gateway.metric("airl_cost_total", { backend: "llm", model: "mini", currency: "USD" })).toBeCloseTo(
      0.0000126,
      12,
    );
    expect(await gateway.metric("airl_price_missing_total")).toBe(0);
    expect(await gateway.nextRequestLine()).toMatchObject({ cost: "0.0000063 USD" });
  });

  test("[proxy] the cached part of the prompt costs its own price", async () => {
    const usage = { prompt_tokens: 1000, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 400 } };
    await start({ limits: cost("1"), usage });
    await chat("mini");
    // 600 * 0.15 + 400 * 0.075 per million.
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-month-cost"]).toBe("0.99988");
  });

  test("[proxy] an exhausted budget refuses and says limit and use as decimals", async () => {
    await start({ limits: cost("0.05"), usage: { prompt_tokens: 1000, completion_tokens: 500 } });
    expect((await chat("large")).status).toBe(200);
    const refused = await chat("large");
    expect(refused.status).toBe(429);
    expect(refused.headers["x-ai-ratelimit-limit-month-cost"]).toBe("0.05");
    expect(refused.headers["x-ai-ratelimit-remaining-month-cost"]).toBe("0");
    expect(refused.headers["x-ai-ratelimit-reset-month-cost"]).toMatch(/^\d+$/);
    const message =
      /^\{"error":\{"message":"Gateway limit \\"cost\\" of policy default\/team reached: 0.05 in cost per month, 0.06 used\. Try again in \d+ s\.","type":"cost",/;
    expect(refused.body).toMatch(message);
  });

  test("[proxy] naming a model without a price is not cheaper: it counts at the highest, and is counted", async () => {
    await start({ limits: cost("1"), usage: { prompt_tokens: 1000, completion_tokens: 500 } });
    await chat("unheard-of");
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-month-cost"]).toBe("0.94");
    expect(await gateway.metric("airl_price_missing_total", { backend: "llm" })).toBe(1);
  });

  test("[proxy] a backend without prices is refused before any counter moves, and says what to do", async () => {
    const calls = "\n  - {name: calls, unit: Requests, limit: 5, window: {duration: 1h, algorithm: Fixed}}";
    await start({ limits: cost("1") + calls, backend: "" });
    expect(gateway.findings.map(({ code }) => code)).toContain("PriceMissing");
    const refused = await chat("mini");
    expect(refused.status).toBe(503);
    expect(refused.headers["x-should-retry"]).toBe("false");
    expect(JSON.parse(refused.body)).toEqual({
      error: {
        message:
          'Limit "cost" of policy default/team counts cost, and AIBackend llm has no prices. Give it spec.models with prices ("0" for what is free).',
        type: "server_error",
        param: null,
        code: "price_missing",
      },
    });
    expect(upstream.received).toEqual([]);
    expect(await gateway.metric("airl_price_missing_total", { backend: "llm" })).toBe(1);
    const models = await call(gateway.origin, { method: "GET", path: "/v1/models", headers: { apikey: "key-alice" } });
    expect(models.status).toBe(200);
    gateway.applyYaml(basics({ endpoint: upstream.origin, limits: cost("1") + calls, backend: PRICES }));
    // The listing of models took one; the refused request none.
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-hour-calls"]).toBe("4");
  });

  test("[proxy] a Shadow limit of cost lets a backend without prices pass, and it is counted", async () => {
    await start({ limits: cost("1", ", mode: Shadow"), backend: "" });
    expect((await chat("mini")).status).toBe(200);
    expect(await gateway.metric("airl_price_missing_total", { backend: "llm" })).toBe(1);
    expect(await gateway.metric("airl_cost_total")).toBe(0);
  });

  test("[proxy] models that are said to be free cost nothing", async () => {
    const free = '  models: [{name: mini, prices: {inputPer1M: "0", outputPer1M: "0", currency: USD}}]';
    await start({ limits: cost("0.000000001"), backend: free });
    await chat("mini");
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-month-cost"]).toBe("0.000000001");
  });

  test("[proxy] an error of the provider costs nothing", async () => {
    const script: Script = (_request, res) => {
      res.writeHead(500, { "content-type": "application/json" }).end("{}");
    };
    await start({ limits: `${cost("1")}\n${expression("1000")}`, script });
    await chat("mini");
    const { headers } = await chat("mini");
    expect(headers["x-ai-ratelimit-remaining-month-cost"]).toBe("1");
    expect(headers["x-ai-ratelimit-remaining-hour-e"]).toBe("100000");
    expect(await gateway.metric("airl_cost_total")).toBe(0);
  });

  test("[proxy] two units under one label and window have headers of their own", async () => {
    const window = "label: llm, window: {duration: 1h, algorithm: Fixed}";
    await start({
      limits: `  - {name: a, limit: 1000, ${window}}\n  - {name: b, unit: Cost, limit: "2.5", ${window}}`,
    });
    const { headers } = await chat("mini");
    expect(headers["x-ai-ratelimit-limit-hour-llm"]).toBe("1000");
    expect(headers["x-ai-ratelimit-limit-hour-llm-cost"]).toBe("2.5");
  });
});

describe("limits by expression", () => {
  const usage = { prompt_tokens: 1200, completion_tokens: 300, prompt_tokens_details: { cached_tokens: 100 } };

  test.for([
    { text: "prompt_tokens * 0.5 + completion_tokens * 6", counts: 2400 },
    { text: "prompt_tokens_details.cached_tokens", counts: 100 },
    { text: "input_tokens + output_tokens", counts: 0 },
  ])("[proxy] $text counts $counts", async ({ text, counts }) => {
    await start({ limits: expression(text), usage });
    await chat("mini");
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-hour-e"]).toBe(String(100_000 - counts));
    expect(await gateway.metric("airl_expression_faults_total")).toBe(0);
  });

  test("[proxy] refuses when it is used up", async () => {
    await start({ limits: expression("completion_tokens * 6", 1800), usage });
    await chat("mini");
    const refused = await chat("mini");
    expect(refused.status).toBe(429);
    expect(refused.body).toContain("1800 units per hour, 1800 used");
  });

  test("[proxy] without a value the total tokens count, and the fault is counted", async () => {
    await start({ limits: expression("prompt_tokens / reasoning_tokens"), usage });
    await chat("mini");
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-hour-e"]).toBe("98500");
    expect(await gateway.metric("airl_expression_faults_total", { policy: "default/team", limit: "e" })).toBe(2);
  });

  test("[proxy] without reported usage it reads the estimate", async () => {
    // 3 bytes of prompt and 12 of answer: 1 and 3 tokens.
    await start({ limits: expression("10 * prompt_tokens + 100 * output_tokens"), script: answersChat(null) });
    await chat("mini");
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-hour-e"]).toBe("99690");
  });

  test("[proxy] a part that was not reported is estimated under its usual name", async () => {
    await start({ limits: expression("prompt_tokens + 100 * completion_tokens"), usage: { prompt_tokens: 40 } });
    await chat("mini");
    expect((await chat("mini")).headers["x-ai-ratelimit-remaining-hour-e"]).toBe("99660");
  });
});
