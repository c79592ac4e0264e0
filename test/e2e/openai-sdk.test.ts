// The official openai client through the gateway to the demo upstream, with default settings.

import OpenAI, { RateLimitError } from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { basics } from "../helpers/manifests.ts";

let gateway: GatewayUnderTest;
let upstream: FakeUpstream;

beforeEach(async () => {
  upstream = await startFakeUpstream();
});

afterEach(async () => {
  await gateway.stop();
  await upstream.stop();
});

async function start(limits: string): Promise<OpenAI> {
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits }));
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
  return new OpenAI({ apiKey: "key-alice", baseURL: `${gateway.origin}/v1` });
}

const WIDE = "  - {name: day, limit: 100000, window: {duration: 24h, algorithm: Fixed}}";
const MESSAGES = [{ role: "user" as const, content: "Who is Jimi Hendrix?" }];

describe("the openai client", () => {
  test("[e2e] plain completion: the usage that the client sees is what is charged", async () => {
    const client = await start(WIDE);
    const completion = await client.chat.completions.create({ model: "demo", messages: MESSAGES });
    expect(completion.choices[0]?.message.content).toBeTruthy();
    const line = await gateway.nextRequestLine();
    expect(line).toMatchObject({
      promptTokens: completion.usage?.prompt_tokens,
      completionTokens: completion.usage?.completion_tokens,
      usageSource: "reported",
    });
  });

  test("[e2e] streaming without include_usage shows no usage and is charged what the upstream counted", async () => {
    const client = await start(WIDE);
    const stream = await client.chat.completions.create({ model: "demo", messages: MESSAGES, stream: true });
    let text = "";
    let finished = "";
    for await (const chunk of stream) {
      expect("usage" in chunk).toBe(false);
      text += chunk.choices[0]?.delta.content ?? "";
      finished = chunk.choices[0]?.finish_reason ?? finished;
    }
    expect(text).not.toBe("");
    expect(finished).toBe("stop");
    const stats = upstream.stats();
    expect(await gateway.nextRequestLine()).toMatchObject({
      promptTokens: stats.prompt_tokens,
      completionTokens: stats.completion_tokens,
      usageSource: "reported",
    });
  });

  test("[e2e] streaming with include_usage: the client gets its usage chunk", async () => {
    const client = await start(WIDE);
    const stream = await client.chat.completions.create({
      model: "demo",
      messages: MESSAGES,
      stream: true,
      stream_options: { include_usage: true },
    });
    let total: number | undefined;
    for await (const chunk of stream) total = chunk.usage?.total_tokens ?? total;
    const stats = upstream.stats();
    expect(total).toBe(stats.prompt_tokens + stats.completion_tokens);
  });

  test("[e2e] an aborted stream is charged by estimate and labelled so", async () => {
    const client = await start(WIDE);
    const stream = await client.chat.completions.create({ model: "demo-2000", messages: MESSAGES, stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break; // leaving the loop aborts the request
    }
    const line = await gateway.nextRequestLine();
    expect(line).toMatchObject({ outcome: "client_gone", usageSource: "estimated", promptTokens: 5 });
    expect(Number(line["completionTokens"])).toBeGreaterThan(0);
    expect(await gateway.metric("airl_tokens_total", { source: "estimated", kind: "prompt" })).toBe(5);
  });

  test("[e2e] a long refusal is its RateLimitError at once: no sleep, no retry", async () => {
    const client = await start("  - {name: day, limit: 1, window: {duration: 24h, algorithm: Fixed}}");
    await client.chat.completions.create({ model: "demo", messages: MESSAGES });
    const refused = client.chat.completions.create({ model: "demo", messages: MESSAGES });
    await expect(refused).rejects.toThrow(RateLimitError);
    await expect(refused).rejects.toMatchObject({ status: 429, code: "rate_limit_exceeded", type: "tokens" });
    expect(await gateway.metric("airl_requests_total", { status: "429" })).toBe(1);
  });

  test("[e2e] a short refusal is retried after the wait that was told, not in a hot loop", async () => {
    const client = await start("  - {name: second, limit: 1, window: {duration: 1s, algorithm: Fixed}}");
    const answers: { choices: unknown[] }[] = await Promise.all([
      client.chat.completions.create({ model: "demo", messages: MESSAGES }),
      client.chat.completions.create({ model: "demo", messages: MESSAGES }),
    ]);
    const third = await client.chat.completions.create({ model: "demo", messages: MESSAGES });
    for (const answer of [...answers, third]) expect(answer.choices).toHaveLength(1);
    // Each call is tried at most three times by the client; a hot loop would be refused on each try.
    expect(await gateway.metric("airl_requests_total", { status: "200" })).toBe(3);
  });

  test("[e2e] a wrong key is its AuthenticationError, and models can be listed", async () => {
    const client = await start(WIDE);
    const models = await client.models.list();
    expect(models.data.length).toBeGreaterThan(0);
    const stranger = new OpenAI({ apiKey: "nobody", baseURL: `${gateway.origin}/v1` });
    await expect(stranger.models.list()).rejects.toThrow(OpenAI.AuthenticationError);
  });
});
