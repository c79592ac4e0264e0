// The published walk-through of Kong's AI Rate Limiting Advanced (two consumers, 500 and 10,000 tokens a minute) with
// native manifests: same statuses, header names and refusal body.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, call } from "../helpers/http-call.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const clock = { nowMs: Date.UTC(2025, 3, 18, 15, 9, 49) };
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answersChat({ completion_tokens: 570, prompt_tokens: 5, total_tokens: 575 }));
  const yaml = readFileSync("examples/workshop/workshop.yaml", "utf8");
  const pointed = yaml.replace(/endpoint: \S+/, `endpoint: ${upstream.origin}`);
  expect(pointed).not.toBe(yaml);
  gateway = await startGateway(pointed, { nowMs: () => clock.nowMs });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
});

afterAll(async () => {
  await gateway.stop();
  await upstream.close();
});

const ask = (apikey: string): Promise<CallResult> =>
  call(gateway.origin, {
    path: "/bedrock-route",
    headers: { "Content-Type": "application/json", apikey },
    body: JSON.stringify({
      messages: [{ role: "user", content: "Who is Jimi Hendrix?" }],
      model: "us.amazon.nova-lite-v1:0",
    }),
  });

const limitHeaders = ({ rawHeaders }: CallResult): Record<string, string> =>
  Object.fromEntries(
    rawHeaders.flatMap((name, i) =>
      i % 2 === 0 && /^x-ai-ratelimit/i.test(name) ? [[name, rawHeaders[i + 1] ?? ""]] : [],
    ),
  );

test("[e2e] the workshop's walk-through: both consumers pass, the first is refused, the second is not", async () => {
  const first = await ask("123456");
  expect(first.status).toBe(200);
  expect(limitHeaders(first)).toEqual({
    "X-AI-RateLimit-Limit-minute-bedrock": "500",
    "X-AI-RateLimit-Remaining-minute-bedrock": "500",
  });
  const second = await ask("987654");
  expect(second.status).toBe(200);
  expect(limitHeaders(second)).toEqual({
    "X-AI-RateLimit-Limit-minute-bedrock": "10000",
    "X-AI-RateLimit-Remaining-minute-bedrock": "10000",
  });
  clock.nowMs += 8_000;
  const refused = await ask("123456");
  expect(refused.status).toBe(429);
  // 575 tokens at second 57: 3 s to the window's end, then 60 * (1 - 500/575) s until usage is below 500.
  expect(limitHeaders(refused)).toEqual({
    "X-AI-RateLimit-Limit-minute-bedrock": "500",
    "X-AI-RateLimit-Remaining-minute-bedrock": "0",
    "X-AI-RateLimit-Reset-minute-bedrock": "11",
    "X-AI-RateLimit-Retry-After-minute-bedrock": "11",
    "X-AI-RateLimit-Reset": "11",
    "X-AI-RateLimit-Retry-After": "11",
  });
  expect(refused.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(refused.headers["content-length"]).toBe("67");
  expect(refused.body).toBe('{"message":"AI token rate limit exceeded for provider(s): bedrock"}');
  expect(upstream.received).toHaveLength(2);
  const other = await ask("987654");
  expect(other.status).toBe(200);
  expect(limitHeaders(other)["X-AI-RateLimit-Remaining-minute-bedrock"]).toBe("9425");
});
