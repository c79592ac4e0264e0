// The official Anthropic client through the gateway to the demo upstream, with default settings.

import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dialectManifests } from "../helpers/dialect-manifests.ts";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";

let gateway: GatewayUnderTest;
let upstream: FakeUpstream;

beforeEach(async () => {
  upstream = await startFakeUpstream({ requireKey: true });
});

afterEach(async () => {
  await gateway.stop();
  await upstream.stop();
});

const WIDE = "  - {name: day, limit: 100000, window: {duration: 24h, algorithm: Fixed}}";
const ASK = { model: "demo", max_tokens: 50, messages: [{ role: "user" as const, content: "Who is Jimi Hendrix?" }] };

interface StartOptions {
  readonly limits?: string;
  readonly maxBodyBytes?: number;
}

async function start({ limits = WIDE, maxBodyBytes = 1_000_000 }: StartOptions = {}): Promise<Anthropic> {
  gateway = await startGateway(dialectManifests({ endpoint: upstream.origin, limits }), { maxBodyBytes });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
  return new Anthropic({ apiKey: "key-alice", baseURL: gateway.origin });
}

describe("the Anthropic client", () => {
  test("[e2e] a message: the usage that the client sees is what is charged", async () => {
    const client = await start();
    const message = await client.messages.create(ASK);
    expect(message.content[0]).toMatchObject({ type: "text" });
    expect(await gateway.nextRequestLine()).toMatchObject({
      backend: "anthropic",
      dialect: "Anthropic",
      operation: "messages",
      promptTokens: message.usage.input_tokens,
      completionTokens: message.usage.output_tokens,
      usageSource: "reported",
    });
    expect(upstream.stats()).toMatchObject({ prompt_tokens: message.usage.input_tokens });
  });

  test("[e2e] a streamed message is charged what the upstream counted", async () => {
    const client = await start();
    const final = await client.messages.stream(ASK).finalMessage();
    const stats = upstream.stats();
    expect(final.usage.output_tokens).toBe(stats.completion_tokens);
    expect(await gateway.nextRequestLine()).toMatchObject({
      promptTokens: stats.prompt_tokens,
      completionTokens: stats.completion_tokens,
      usageSource: "reported",
    });
  });

  test("[e2e] an aborted stream: the prompt is charged as reported, the completion as estimated, labelled partial", async () => {
    const client = await start();
    const stream = await client.messages.create({ ...ASK, model: "demo-2000", max_tokens: 2000, stream: true });
    for await (const event of stream) {
      if (event.type === "content_block_delta") break; // leaving the loop aborts the request
    }
    const line = await gateway.nextRequestLine();
    expect(line).toMatchObject({ outcome: "client_gone", usageSource: "partial", promptTokens: 5 });
    expect(Number(line["completionTokens"])).toBeGreaterThan(0);
    expect(await gateway.metric("airl_tokens_total", { source: "partial", kind: "prompt" })).toBe(5);
  });

  test("[e2e] counting tokens and listing models cost nothing, also when the tokens are used up", async () => {
    const client = await start({ limits: "  - {name: day, limit: 1, window: {duration: 24h, algorithm: Fixed}}" });
    await client.messages.create(ASK);
    const { model, messages } = ASK;
    expect(await client.messages.countTokens({ model, messages })).toEqual({ input_tokens: 5 });
    const models = await client.models.list();
    expect(models.data[0]).toMatchObject({ type: "model" });
    expect(await client.models.retrieve("demo-20")).toMatchObject({ type: "model", id: "demo-20" });
    expect(await gateway.metric("airl_tokens_total")).toBe(
      upstream.stats().prompt_tokens + upstream.stats().completion_tokens,
    );
    await expect(client.messages.create(ASK)).rejects.toThrow(Anthropic.RateLimitError);
  });

  test("[e2e] counting tokens is refused by a limit on requests", async () => {
    const limits = "  - {name: calls, unit: Requests, limit: 1, window: {duration: 24h, algorithm: Fixed}}";
    const client = await start({ limits });
    const { model, messages } = ASK;
    await client.messages.countTokens({ model, messages });
    await expect(client.messages.countTokens({ model, messages })).rejects.toThrow(Anthropic.RateLimitError);
  });

  test.for([{ stream: false }, { stream: true }])(
    "[e2e] a long refusal is its RateLimitError at once (stream: $stream): no sleep, no retry",
    async ({ stream }) => {
      const client = await start({ limits: "  - {name: day, limit: 1, window: {duration: 24h, algorithm: Fixed}}" });
      await client.messages.create(ASK);
      const error = await client.messages.create({ ...ASK, stream }).catch((e: unknown) => e);
      if (!(error instanceof Anthropic.RateLimitError)) throw new Error("no RateLimitError", { cause: error });
      expect(error).toMatchObject({ status: 429, type: "rate_limit_error" });
      expect(error.error).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
      expect(error.message).toContain('Gateway limit \\"day\\"');
      expect(await gateway.metric("airl_requests_total", { status: "429" })).toBe(1);
    },
  );

  test("[e2e] a short refusal is retried after the wait that was told", async () => {
    const client = await start({ limits: "  - {name: second, limit: 1, window: {duration: 1s, algorithm: Fixed}}" });
    await client.messages.create(ASK);
    await client.messages.create(ASK);
    expect(await gateway.metric("airl_requests_total", { status: "200" })).toBe(2);
    expect(await gateway.metric("airl_requests_total", { status: "429" })).toBeLessThanOrEqual(2);
  });

  test("[e2e] a wrong key is its AuthenticationError, in either header", async () => {
    await start();
    const strangers = [
      new Anthropic({ apiKey: "nobody", baseURL: gateway.origin }),
      new Anthropic({
        apiKey: null,
        authToken: null,
        baseURL: gateway.origin,
        defaultHeaders: { "x-api-key": "nobody" },
      }),
    ];
    for (const client of strangers) {
      const error = await client.messages.create(ASK).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(Anthropic.AuthenticationError);
      expect(error).toMatchObject({ status: 401, type: "authentication_error" });
    }
  });

  test("[e2e] a key in x-api-key beside another bearer token identifies, and neither reaches the provider", async () => {
    await start();
    const client = new Anthropic({
      apiKey: null,
      authToken: "something-else",
      baseURL: gateway.origin,
      defaultHeaders: { "x-api-key": "key-alice" },
    });
    await client.messages.create(ASK);
    expect(await gateway.nextRequestLine()).toMatchObject({ consumer: "default/alice", status: 200 });
  });

  test("[e2e] an API path that is not metered is its NotFoundError, and nothing reaches the provider", async () => {
    const client = await start();
    const error = await client.messages.batches.list().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Anthropic.NotFoundError);
    expect(error).toMatchObject({ status: 404, type: "not_found_error" });
    const request = { custom_id: "a", params: ASK };
    await expect(client.messages.batches.create({ requests: [request] })).rejects.toThrow(Anthropic.NotFoundError);
    expect(upstream.stats().requests).toBe(0);
  });

  test("[e2e] too large a body is a 413 in its words", async () => {
    const client = await start({ maxBodyBytes: 200 });
    const content = "x".repeat(500);
    const error = await client.messages
      .create({ ...ASK, messages: [{ role: "user", content }] })
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ status: 413, type: "request_too_large" });
  });

  test("[e2e] a provider's own refusal of a request passes through unchanged and costs nothing", async () => {
    const client = await start();
    const error = await client.messages.create({ ...ASK, max_tokens: 0 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Anthropic.BadRequestError);
    const line = await gateway.nextRequestLine();
    expect(line).toMatchObject({ status: 400, outcome: "forwarded" });
    expect(line["promptTokens"]).toBe(0);
  });
});
