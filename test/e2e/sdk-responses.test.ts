// What official clients make of each way to refuse: other statuses, other bodies, and headers in their provider's names.

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dialectManifests } from "../helpers/dialect-manifests.ts";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";

let gateway: GatewayUnderTest;
let upstream: FakeUpstream;

beforeEach(async () => {
  upstream = await startFakeUpstream();
});

afterEach(async () => {
  await gateway.stop();
  await upstream.stop();
});

const DAY = "window: {duration: 24h, algorithm: Fixed}";
const ASK = { model: "demo", max_tokens: 50, messages: [{ role: "user" as const, content: "Who is Jimi Hendrix?" }] };

interface Clients {
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
}

/** Used up by the first request. */
async function start(response: string, limit = `{name: day, limit: 1, ${DAY}}`): Promise<Clients> {
  const limits = `  - ${limit}\n  response: ${response}`;
  gateway = await startGateway(dialectManifests({ endpoint: upstream.origin, limits }));
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
  const apiKey = "key-alice";
  const openai = new OpenAI({ apiKey, baseURL: `${gateway.origin}/v1` });
  return { openai, anthropic: new Anthropic({ apiKey, baseURL: gateway.origin }) };
}

/** Of a call that must fail. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => {
      throw new Error("the call did not fail");
    },
    (error: unknown) => error,
  );
}

const refusals = (status: number): Promise<number> => gateway.metric("airl_requests_total", { status: String(status) });

describe("a long refusal", () => {
  test.for(["Dialect", "Message", "ErrorMsg"])(
    "[e2e] with status 503 is an InternalServerError at once (%s)",
    async (bodyFormat) => {
      const { openai, anthropic } = await start(`{statusCode: 503, bodyFormat: ${bodyFormat}, message: Enough}`);
      await openai.chat.completions.create(ASK);
      const openaiError = await errorOf(openai.chat.completions.create(ASK));
      expect(openaiError).toBeInstanceOf(OpenAI.InternalServerError);
      expect(String(openaiError)).toContain("503");
      expect(await errorOf(anthropic.messages.create(ASK))).toBeInstanceOf(Anthropic.InternalServerError);
      expect(await refusals(503)).toBe(2);
    },
  );

  test("[e2e] with status 403 is a PermissionDeniedError at once", async () => {
    const { openai, anthropic } = await start("{statusCode: 403}");
    await openai.chat.completions.create(ASK);
    expect(await errorOf(openai.chat.completions.create(ASK))).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(await errorOf(anthropic.messages.create(ASK))).toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect(await refusals(403)).toBe(2);
  });

  test.for(["Message", "ErrorMsg"])("[e2e] with a %s body is still a RateLimitError", async (bodyFormat) => {
    const { openai, anthropic } = await start(`{bodyFormat: ${bodyFormat}, headers: {hide: All}}`);
    await openai.chat.completions.create(ASK);
    expect(await errorOf(openai.chat.completions.create(ASK))).toBeInstanceOf(OpenAI.RateLimitError);
    expect(await errorOf(anthropic.messages.create(ASK))).toBeInstanceOf(Anthropic.RateLimitError);
    expect(await refusals(429)).toBe(2);
  });

  test("[e2e] APISIX trap 21: with status 200 is an answer without what the client looks for, asked for once", async () => {
    const { openai, anthropic } = await start("{statusCode: 200, bodyFormat: ErrorMsg, message: Enough}");
    await openai.chat.completions.create(ASK);
    expect(await openai.chat.completions.create(ASK)).toMatchObject({ error_msg: "Enough" });
    expect(await anthropic.messages.create(ASK)).toMatchObject({ error_msg: "Enough" });
    const pieces: unknown[] = [];
    for await (const chunk of await openai.chat.completions.create({ ...ASK, stream: true })) pieces.push(chunk);
    expect(pieces).toEqual([]);
    expect(await gateway.metric("airl_refusals_total", { limit: "day" })).toBe(3);
  });
});

test("[e2e] a short refusal with status 503 is tried again after the wait that was told", async () => {
  const { openai } = await start("{statusCode: 503}", "{name: s, limit: 1, window: {duration: 1s, algorithm: Fixed}}");
  for (let i = 0; i < 3; i += 1) await openai.chat.completions.create(ASK);
  expect(await refusals(200)).toBe(3);
  expect(await refusals(503)).toBeLessThanOrEqual(4);
});

describe("headers in the provider's names", () => {
  test("[e2e] the openai client finds its limits where it looks for them", async () => {
    const { openai } = await start("{headers: {formats: [OpenAI]}}", `{name: day, limit: 100000, ${DAY}}`);
    const { response } = await openai.chat.completions.create(ASK).withResponse();
    const read = (name: string): string | null => response.headers.get(name);
    expect(read("x-ratelimit-limit-tokens")).toBe("100000");
    expect(read("x-ratelimit-remaining-tokens")).toBe("100000");
    expect(read("x-ratelimit-reset-tokens")).toMatch(/^(\d+h)?(\d+m)?[\d.]+m?s$/);
  });

  test("[e2e] so does the Anthropic client", async () => {
    const limit = `{name: calls, unit: Requests, limit: 60, ${DAY}}`;
    const { anthropic } = await start("{headers: {formats: [Anthropic]}}", limit);
    const { response } = await anthropic.messages.create(ASK).withResponse();
    expect(response.headers.get("anthropic-ratelimit-requests-limit")).toBe("60");
    const reset = Date.parse(response.headers.get("anthropic-ratelimit-requests-reset") ?? "");
    expect(reset - Date.now()).toBeGreaterThan(-2_000);
    expect(reset - Date.now()).toBeLessThanOrEqual(24 * 3_600_000 + 1_000);
  });
});
