import { afterEach, describe, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const NOW = Date.UTC(2025, 3, 18, 15, 0, 0);
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

interface StartOptions {
  readonly limits: string;
  readonly response?: string;
  readonly policy?: string;
  readonly usage?: unknown;
  readonly clock?: { nowMs: number };
}

async function start({
  limits,
  response = "",
  policy = "",
  usage,
  clock = { nowMs: NOW },
}: StartOptions): Promise<void> {
  upstream = await startScriptedUpstream(answersChat(usage));
  const yaml = basics({ endpoint: upstream.origin, limits, response, policy });
  gateway = await startGateway(yaml, { nowMs: () => clock.nowMs });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

const chat = (key: string, headers: Record<string, string> = {}): ReturnType<typeof call> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: key, ...headers }, body: CHAT_BODY });

describe("limits at the HTTP boundary", () => {
  test("[proxy] the request that crosses the limit completes and the next is refused, per consumer", async () => {
    await start({ limits: "  - {name: minute, limit: 12, window: {duration: 60s}}" });
    const first = await chat("key-alice");
    expect(first.status).toBe(200);
    expect(first.headers["x-ai-ratelimit-limit-minute-minute"]).toBe("12");
    expect(first.headers["x-ai-ratelimit-remaining-minute-minute"]).toBe("12");
    const second = await chat("key-alice");
    expect(second.status).toBe(429);
    expect(second.headers["x-ai-ratelimit-remaining-minute-minute"]).toBe("0");
    // 12 used of 12 at second 0 of a sliding minute: below the limit at the first moment of the next window.
    expect(second.headers["retry-after"]).toBe("61");
    expect(second.headers["x-should-retry"]).toBe("false");
    expect(JSON.parse(second.body)).toEqual({
      error: {
        message:
          'Gateway limit "minute" of policy default/team reached: 12 tokens per minute, 12 used. Try again in 61 s.',
        type: "tokens",
        param: null,
        code: "rate_limit_exceeded",
      },
    });
    expect((await chat("key-bob")).status).toBe(200);
    expect(upstream.received).toHaveLength(2);
  });

  test("[proxy] a refused request charges nothing and passes again when the window has slid far enough", async () => {
    const clock = { nowMs: NOW };
    await start({ limits: "  - {name: minute, limit: 10, window: {duration: 60s}}", clock });
    expect((await chat("key-alice")).status).toBe(200);
    expect((await chat("key-alice")).status).toBe(429);
    // 12 tokens weigh 12 * (60 - t) / 60 < 10 from t > 10 s of the next window on.
    clock.nowMs = NOW + 70_000;
    expect((await chat("key-alice")).status).toBe(429);
    clock.nowMs = NOW + 70_001;
    expect((await chat("key-alice")).status).toBe(200);
  });

  test.for([
    { unit: "PromptTokens", used: 5 },
    { unit: "CompletionTokens", used: 7 },
    { unit: "TotalTokens", used: 12 },
  ])("[proxy] $unit counts $used of 5 prompt and 7 completion tokens", async ({ unit, used }) => {
    await start({ limits: `  - {name: l, unit: ${unit}, limit: 100, window: {duration: 1h, algorithm: Fixed}}` });
    await chat("key-alice");
    const second = await chat("key-alice");
    expect(second.headers["x-ai-ratelimit-remaining-hour-l"]).toBe(String(100 - used));
  });

  test("[proxy] Requests are counted at admission, and a request refused by another limit does not take one", async () => {
    await start({
      limits: `  - {name: calls, unit: Requests, limit: 3, window: {duration: 1h, algorithm: Fixed}}
  - {name: tokens, limit: 12, window: {duration: 1m, algorithm: Fixed}}`,
    });
    expect((await chat("key-alice")).headers["x-ai-ratelimit-remaining-hour-calls"]).toBe("3");
    const refused = await chat("key-alice");
    expect(refused.status).toBe(429);
    expect(refused.headers["x-ai-ratelimit-remaining-hour-calls"]).toBe("2");
    expect((await chat("key-alice")).headers["x-ai-ratelimit-remaining-hour-calls"]).toBe("2");
  });

  test("[proxy] concurrent requests never pass more often than a Requests limit allows", async () => {
    await start({ limits: "  - {name: calls, unit: Requests, limit: 5, window: {duration: 1h, algorithm: Fixed}}" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => chat("key-alice")));
    expect(answers.filter((a) => a.status === 200)).toHaveLength(5);
    expect(answers.filter((a) => a.status === 429)).toHaveLength(15);
  });

  test("[proxy] a Shadow limit never refuses, says that it would have, and counts it", async () => {
    await start({ limits: "  - {name: minute, limit: 12, mode: Shadow, window: {duration: 60s}}" });
    expect((await chat("key-alice")).headers["x-airl-would-refuse"]).toBeUndefined();
    const second = await chat("key-alice");
    expect(second.status).toBe(200);
    expect(second.headers["x-airl-would-refuse"]).toBe("default/team/minute");
    expect(await gateway.metric("airl_would_refuse_total", { limit: "minute" })).toBe(1);
  });

  test("[proxy] of several limits any exhausted one refuses, and the longest wait is told", async () => {
    await start({
      limits: `  - {name: a, limit: 12, window: {duration: 60s, algorithm: Fixed}}
  - {name: b, limit: 12, window: {duration: 1h, algorithm: Fixed}}
  - {name: c, limit: 1000, window: {duration: 24h, algorithm: Fixed}}`,
    });
    await chat("key-alice");
    const refused = await chat("key-alice");
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({
      "x-ai-ratelimit-reset": "3600",
      "x-ai-ratelimit-retry-after": "3600",
      "x-ai-ratelimit-reset-minute-a": "60",
      "x-ai-ratelimit-retry-after-hour-b": "3600",
      "x-ai-ratelimit-remaining-day-c": "988",
      "retry-after": "3600",
    });
    expect(refused.headers["x-ai-ratelimit-reset-day-c"]).toBeUndefined();
  });

  test("[proxy] counters survive an edit of the limit's amount and a reload", async () => {
    await start({ limits: "  - {name: minute, limit: 12, window: {duration: 60s}}" });
    await chat("key-alice");
    expect((await chat("key-alice")).status).toBe(429);
    const limits = "  - {name: minute, limit: 20, window: {duration: 60s}}";
    gateway.applyYaml(basics({ endpoint: upstream.origin, limits }));
    const after = await chat("key-alice");
    expect(after.status).toBe(200);
    expect(after.headers["x-ai-ratelimit-remaining-minute-minute"]).toBe("8");
  });

  test("[proxy] no limit matches: the request passes without limit headers", async () => {
    await start({
      limits: "  - {name: minute, limit: 1, window: {duration: 60s}, when: [{type: Model, values: [other]}]}",
    });
    const answer = await chat("key-alice");
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("x-ai-ratelimit"))).toEqual([]);
  });

  test("[proxy] an exhausted consumer's malformed body is 429, another's is 400 with the place", async () => {
    await start({ limits: "  - {name: minute, limit: 12, window: {duration: 60s}}" });
    await chat("key-alice");
    const bad = { path: "/v1/chat/completions", body: '{"model": "gpt-4o", "messages": [}' };
    expect((await call(gateway.origin, { ...bad, headers: { apikey: "key-alice" } })).status).toBe(429);
    const answer = await call(gateway.origin, { ...bad, headers: { apikey: "key-bob" } });
    expect(answer.status).toBe(400);
    expect(answer.body).toContain("body_malformed");
    expect(answer.body).toMatch(/byte \d+/);
  });

  test("[proxy] the status code and a Message body are the policy's, with the exhausted labels", async () => {
    await start({
      limits: `  - {name: a, limit: 12, label: bedrock, window: {duration: 60s}}
  - {name: b, limit: 12, label: azure, window: {duration: 1h}}`,
      response: '  response: {statusCode: 403, bodyFormat: Message, message: "Out of: "}',
    });
    await chat("key-alice");
    const refused = await chat("key-alice");
    expect(refused.status).toBe(403);
    expect(refused.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(refused.body).toBe('{"message":"Out of: bedrock, azure"}');
  });

  test("[proxy] model listing passes when the token limit is exhausted", async () => {
    await start({ limits: "  - {name: minute, limit: 12, window: {duration: 60s}}" });
    await chat("key-alice");
    const models = await call(gateway.origin, { method: "GET", path: "/v1/models", headers: { apikey: "key-alice" } });
    expect(models.status).toBe(200);
    expect(upstream.received.at(-1)).toMatchObject({ method: "GET", url: "/v1/models" });
  });
});
