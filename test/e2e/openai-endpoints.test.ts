// The official openai client on the endpoints beside chat, with default settings.

import OpenAI from "openai";
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
const NARROW = "  - {name: day, limit: 1, window: {duration: 24h, algorithm: Fixed}}";
const QUESTION = "Who is Jimi Hendrix?";

interface StartOptions {
  readonly limits?: string;
  readonly maxBodyBytes?: number;
}

async function start({ limits = WIDE, maxBodyBytes = 1_000_000 }: StartOptions = {}): Promise<OpenAI> {
  gateway = await startGateway(dialectManifests({ endpoint: upstream.origin, limits }), { maxBodyBytes });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
  return new OpenAI({ apiKey: "key-alice", baseURL: `${gateway.origin}/v1` });
}

/** Every charged call; what comes back is read to its end. */
const CALLS = [
  {
    name: "completions",
    ask: async (client: OpenAI) => {
      const answer = await client.completions.create({ model: "demo", prompt: [QUESTION, "And who not?"] });
      expect(answer.choices).toHaveLength(2);
    },
  },
  {
    name: "completions",
    ask: async (client: OpenAI) => {
      for await (const chunk of await client.completions.create({ model: "demo", prompt: QUESTION, stream: true })) {
        expect("usage" in chunk).toBe(false);
      }
    },
  },
  {
    name: "embeddings",
    ask: async (client: OpenAI) => {
      const answer = await client.embeddings.create({ model: "demo", input: [[1, 2, 3], [4]] });
      expect(answer.data).toHaveLength(2);
    },
  },
  {
    name: "responses",
    ask: async (client: OpenAI) => {
      expect((await client.responses.create({ model: "demo", input: QUESTION })).output_text).toBeTruthy();
    },
  },
  {
    name: "responses",
    ask: async (client: OpenAI) => {
      const types: string[] = [];
      for await (const event of await client.responses.create({ model: "demo", input: QUESTION, stream: true })) {
        types.push(event.type);
      }
      expect(types.at(-1)).toBe("response.completed");
    },
  },
  {
    name: "responses",
    ask: async (client: OpenAI) => {
      const cut = { model: "demo-100", input: QUESTION, max_output_tokens: 16, stream: true as const };
      const types: string[] = [];
      for await (const event of await client.responses.create(cut)) types.push(event.type);
      expect(types.at(-1)).toBe("response.incomplete");
    },
  },
];
const NUMBERED = CALLS.map((row, i) => ({ ...row, number: i + 1 }));

describe("the openai client", () => {
  test.for(NUMBERED)("[e2e] $name ($number) is charged what the upstream counted", async ({ name, ask }) => {
    const client = await start();
    await ask(client);
    const stats = upstream.stats();
    expect(stats.prompt_tokens).toBeGreaterThan(0);
    expect(await gateway.nextRequestLine()).toMatchObject({
      backend: "openai",
      dialect: "OpenAI",
      operation: name,
      promptTokens: stats.prompt_tokens,
      completionTokens: stats.completion_tokens,
      usageSource: "reported",
    });
  });

  test.for(NUMBERED)("[e2e] $name ($number) is refused at once when the tokens are used up", async ({ ask }) => {
    const client = await start({ limits: NARROW });
    await client.embeddings.create({ model: "demo", input: "one two" });
    await expect(ask(client)).rejects.toThrow(OpenAI.RateLimitError);
    expect(await gateway.metric("airl_requests_total", { status: "429" })).toBe(1);
    expect(upstream.stats().requests).toBe(1);
  });

  test("[e2e] aborted streams are charged by estimate and labelled so", async () => {
    const client = await start();
    for await (const event of await client.responses.create({ model: "demo-2000", input: QUESTION, stream: true })) {
      if (event.type === "response.output_text.delta") break; // leaving the loop aborts the request
    }
    const ofResponses = await gateway.nextRequestLine();
    expect(ofResponses).toMatchObject({ outcome: "client_gone", usageSource: "estimated", promptTokens: 5 });
    expect(Number(ofResponses["completionTokens"])).toBeGreaterThan(0);
    for await (const chunk of await client.completions.create({ model: "demo-2000", prompt: QUESTION, stream: true })) {
      if (chunk.choices[0]?.text) break;
    }
    const ofCompletions = await gateway.nextRequestLine();
    expect(ofCompletions).toMatchObject({ outcome: "client_gone", usageSource: "estimated", promptTokens: 5 });
    expect(Number(ofCompletions["completionTokens"])).toBeGreaterThan(0);
  });

  test.for([
    {
      name: "images",
      ask: (client: OpenAI): Promise<unknown> => client.images.generate({ model: "gpt-image-1", prompt: "a cat" }),
    },
    {
      name: "speech",
      ask: (client: OpenAI) => client.audio.speech.create({ model: "tts", input: "Hi", voice: "alloy" }),
    },
    { name: "batches", ask: (client: OpenAI) => client.batches.list() },
    { name: "files", ask: (client: OpenAI) => client.files.list() },
    { name: "fine-tuning", ask: (client: OpenAI) => client.fineTuning.jobs.list() },
    { name: "stored chats", ask: (client: OpenAI) => client.chat.completions.retrieve("c1") },
  ])("[e2e] $name is a NotFoundError: nothing is forwarded that is not metered", async ({ ask }) => {
    const client = await start();
    const error = await ask(client).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ code: "operation_unknown" });
    expect(upstream.stats().requests).toBe(0);
  });

  test("[e2e] too large a body is a 413 with its code", async () => {
    const client = await start({ maxBodyBytes: 100 });
    const error = await client.embeddings.create({ model: "demo", input: "x".repeat(500) }).catch((e: unknown) => e);
    expect(error).toMatchObject({ status: 413, code: "body_too_large" });
  });

  test("[e2e] models cost nothing, also when the tokens are used up", async () => {
    const client = await start({ limits: NARROW });
    await client.embeddings.create({ model: "demo", input: "one two" });
    expect((await client.models.list()).data.length).toBeGreaterThan(0);
    expect(await client.models.retrieve("demo-20")).toMatchObject({ object: "model" });
  });
});
