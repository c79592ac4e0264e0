import OpenAI, { APIError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";

let upstream: FakeUpstream;
let client: OpenAI;
beforeEach(async () => {
  upstream = await startFakeUpstream({ requireKey: true, nowMs: () => 1_700_000_000_000 });
  client = new OpenAI({ baseURL: `${upstream.origin}/v1`, apiKey: "any", maxRetries: 0 });
});
afterEach(() => upstream.stop());

const QUESTION = [{ role: "user" as const, content: "Who is Jimi Hendrix?" }];

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const all = { authorization: "Bearer any", "content-type": "application/json", ...headers };
  return fetch(`${upstream.origin}${path}`, {
    method: "POST",
    headers: all,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

test.for([
  { name: "20 tokens without a hint", request: { model: "gpt-4o" }, tokens: 20, reason: "stop" },
  { name: "as many as the model's name says", request: { model: "demo-512" }, tokens: 512, reason: "stop" },
  { name: "as many as max_tokens allows", request: { model: "gpt-4o", max_tokens: 7 }, tokens: 7, reason: "length" },
  {
    name: "as many as max_completion_tokens allows",
    request: { model: "gpt-4o", max_completion_tokens: 50 },
    tokens: 50,
    reason: "length",
  },
  {
    name: "the model's number cut by the cap",
    request: { model: "demo-512", max_tokens: 9 },
    tokens: 9,
    reason: "length",
  },
  { name: "the model's number below the cap", request: { model: "demo-5", max_tokens: 9 }, tokens: 5, reason: "stop" },
])("[unit] a chat answer has $name", async ({ request, tokens, reason }) => {
  const completion = await client.chat.completions.create({ ...request, messages: QUESTION });
  expect(completion.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: tokens, total_tokens: 5 + tokens });
  expect(completion.choices[0]?.finish_reason).toBe(reason);
  expect(completion.choices[0]?.message.content?.split(" ")).toHaveLength(tokens);
  expect(upstream.stats()).toMatchObject({ requests: 1, prompt_tokens: 5, completion_tokens: tokens });
});

test("[unit] all choices count, and ids are never the same", async () => {
  const ask = (): Promise<OpenAI.ChatCompletion> =>
    client.chat.completions.create({ model: "demo-3", n: 2, messages: QUESTION });
  const [first, second] = [await ask(), await ask()];
  expect(first.choices).toHaveLength(2);
  expect(first.usage?.completion_tokens).toBe(6);
  expect(first.id).not.toBe(second.id);
  expect(first.id).toMatch(/^chatcmpl-\w{20,}$/);
});

test("[unit] prompt tokens are the words of all text parts, and one for each message", async () => {
  const { usage } = await client.chat.completions.create({
    model: "demo-1",
    messages: [
      { role: "system", content: "be  brief\n" },
      {
        role: "user",
        content: [
          { type: "text", text: "one two three" },
          { type: "image_url", image_url: { url: "data:," } },
        ],
      },
    ],
  });
  expect(usage?.prompt_tokens).toBe(1 + 2 + 1 + 3);
});

test("[unit] a streamed chat gives the same text, and usage only in the extra chunk that was asked for", async () => {
  const stream = await client.chat.completions.create({
    model: "demo-4",
    messages: QUESTION,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await collect(stream);
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("the quick brown fox");
  expect(chunks.slice(0, -1).map((chunk) => chunk.usage)).toEqual(chunks.slice(0, -1).map(() => null));
  expect(chunks.at(-1)).toMatchObject({
    choices: [],
    usage: { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 },
  });
  expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
});

test.for([
  { name: "false", options: { stream_options: { include_usage: false } } },
  { name: "absent", options: {} },
])("[unit] with include_usage $name no word of usage is in a stream", async ({ options }) => {
  const response = await post("/v1/chat/completions", {
    model: "demo-2",
    messages: QUESTION,
    stream: true,
    ...options,
  });
  const text = await response.text();
  expect(text).not.toContain("usage");
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("[unit] the bytes of a streamed chat", async () => {
  const body = {
    model: "demo-2",
    messages: QUESTION,
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
  };
  const response = await post("/v1/chat/completions", body);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const text = (await response.text()).replaceAll(/chatcmpl-\w+/g, "ID");
  const chunk = (rest: string): string =>
    `data: {"id":"ID","object":"chat.completion.chunk","created":1700000000,"model":"demo-2","service_tier":"default","system_fingerprint":"fp_0123456789",${rest}}\n\n`;
  const choice = (delta: string, reason: string): string =>
    chunk(`"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}],"usage":null`);
  expect(text).toBe(
    choice('{"role":"assistant","content":"","refusal":null}', "null") +
      choice('{"content":"the"}', "null") +
      choice('{"content":" quick"}', "null") +
      choice("{}", '"stop"') +
      chunk(
        '"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}',
      ) +
      "data: [DONE]\n\n",
  );
});

test("[unit] obfuscation pads chunks unless it is refused", async () => {
  const response = await post("/v1/chat/completions", { model: "demo-2", messages: QUESTION, stream: true });
  const frames = (await response.text()).split("\n\n").filter((frame) => frame.startsWith("data: {"));
  expect(frames.every((frame) => /"obfuscation":"\w+"\}$/.test(frame))).toBe(true);
});

test("[unit] the bytes of a whole chat answer", async () => {
  const response = await post("/v1/chat/completions", { model: "demo-2", messages: QUESTION });
  const headers = ["content-type", "openai-version", "x-ratelimit-limit-tokens", "x-ratelimit-reset-requests"];
  expect(headers.map((name) => response.headers.get(name))).toEqual([
    "application/json",
    "2020-10-01",
    "30000000",
    "6ms",
  ]);
  expect(response.headers.get("x-request-id")).toMatch(/^req_\w+$/);
  const text = (await response.text()).replaceAll(/chatcmpl-\w+/g, "ID");
  await expect(text).toMatchFileSnapshot("golden/chat-completion.json");
});

test.for([
  { name: "a text", prompt: "one two three", promptTokens: 3, choices: 1 },
  { name: "several texts", prompt: ["one two", "three"], promptTokens: 3, choices: 2 },
  { name: "token ids", prompt: [1, 2, 3, 4], promptTokens: 4, choices: 1 },
  { name: "several lists of token ids", prompt: [[1, 2], [3]], promptTokens: 3, choices: 2 },
])("[unit] a completion of $name, whole and streamed", async ({ prompt, promptTokens, choices }) => {
  const request = { model: "demo-3", prompt };
  const whole = await client.completions.create(request);
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: 3 * choices,
    total_tokens: promptTokens + 3 * choices,
  };
  expect(whole).toMatchObject({ object: "text_completion", usage });
  expect(whole.choices.map(({ text }) => text)).toEqual(Array.from({ length: choices }, () => "the quick brown"));
  const stream = await client.completions.create({ ...request, stream: true, stream_options: { include_usage: true } });
  const chunks = await collect(stream);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
  const texts = chunks.flatMap((chunk) => chunk.choices).filter(({ index }) => index === 0);
  expect(texts.map(({ text }) => text).join("")).toBe("the quick brown");
});

test.for(["float", "base64", undefined] as const)("[unit] embeddings as %s are vectors of length 1", async (format) => {
  const request = { model: "text-embedding-3-small", input: ["a b c", "d"], dimensions: 8 };
  const list = await client.embeddings.create(format === undefined ? request : { ...request, encoding_format: format });
  expect(list.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
  const [first] = list.data;
  const vector = typeof first?.embedding === "string" ? decodeFloats(first.embedding) : (first?.embedding ?? []);
  expect(vector).toHaveLength(8);
  expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
  expect(upstream.stats()).toMatchObject({ requests: 1, prompt_tokens: 4, completion_tokens: 0 });
});

function decodeFloats(base64: string): number[] {
  const bytes = Buffer.from(base64, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

test("[unit] a response, whole and streamed, with typed events in order", async () => {
  const request = { model: "demo-3", input: "one two", instructions: "be brief" };
  const usage = { input_tokens: 5, output_tokens: 3, total_tokens: 8 };
  expect(await client.responses.create(request)).toMatchObject({
    status: "completed",
    output_text: "the quick brown",
    usage,
  });
  const events = await collect(await client.responses.create({ ...request, stream: true }));
  expect(events.map(({ type }) => type)).toEqual([
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    ...Array.from({ length: 3 }, () => "response.output_text.delta"),
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  expect(events[0]).toMatchObject({ response: { status: "in_progress", usage: null } });
  expect(events.at(-1)).toMatchObject({ response: { status: "completed", usage } });
});

test("[unit] a response that its cap cuts is incomplete, and has usage all the same", async () => {
  const events = await collect(
    await client.responses.create({
      model: "demo-90",
      input: [{ role: "user", content: "hi" }],
      max_output_tokens: 16,
      stream: true,
    }),
  );
  expect(events.at(-1)).toMatchObject({
    type: "response.incomplete",
    response: {
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      usage: { input_tokens: 2, output_tokens: 16 },
    },
  });
});

test("[unit] models are listed and shown, and cost nothing", async () => {
  const ids = (await collect(client.models.list())).map(({ id }) => id);
  expect(ids).toContain("demo-50");
  expect(await client.models.retrieve("demo-50")).toMatchObject({ id: "demo-50", object: "model" });
  expect(upstream.stats()).toMatchObject({ requests: 0, prompt_tokens: 0 });
});

const chat = "/v1/chat/completions";
test.for([
  {
    name: "no key",
    path: chat,
    body: {},
    headers: { authorization: "" },
    status: 401,
    error: { type: "invalid_request_error", param: null, code: null },
  },
  { name: "text that is no JSON", path: chat, body: "{", status: 400, error: { param: null, code: null } },
  { name: "JSON that is no object", path: chat, body: [], status: 400, error: { code: null } },
  {
    name: "no model",
    path: chat,
    body: { messages: QUESTION },
    status: 400,
    error: { message: "you must provide a model parameter" },
  },
  {
    name: "no messages",
    path: chat,
    body: { model: "m" },
    status: 400,
    error: {
      param: "messages",
      code: "missing_required_parameter",
      message: "Missing required parameter: 'messages'.",
    },
  },
  {
    name: "messages of the wrong type",
    path: chat,
    body: { model: "m", messages: "hi" },
    status: 400,
    error: { param: "messages", code: "invalid_type" },
  },
  {
    name: "no message at all",
    path: chat,
    body: { model: "m", messages: [] },
    status: 400,
    error: { param: "messages", code: "empty_array" },
  },
  {
    name: "a cap of zero",
    path: chat,
    body: { model: "m", messages: QUESTION, max_tokens: 0 },
    status: 400,
    error: { param: "max_tokens", code: "integer_below_min_value" },
  },
  {
    name: "a cap beyond the model",
    path: chat,
    body: { model: "m", messages: QUESTION, max_tokens: 1e9 },
    status: 400,
    error: { param: "max_tokens", code: "integer_above_max_value" },
  },
  {
    name: "both caps",
    path: chat,
    body: { model: "m", messages: QUESTION, max_tokens: 1, max_completion_tokens: 1 },
    status: 400,
    error: { code: "invalid_parameter_combination" },
  },
  {
    name: "stream_options without stream",
    path: chat,
    body: { model: "m", messages: QUESTION, stream_options: { include_usage: true } },
    status: 400,
    error: { param: "stream_options" },
  },
  {
    name: "a completion without a prompt",
    path: "/v1/completions",
    body: { model: "m" },
    status: 400,
    error: { param: "prompt" },
  },
  {
    name: "more completions than can be made",
    path: "/v1/completions",
    body: { model: "m", prompt: Array.from({ length: 65 }, () => "x"), n: 2 },
    status: 400,
    error: { param: "n" },
  },
  {
    name: "embeddings without input",
    path: "/v1/embeddings",
    body: { model: "m" },
    status: 400,
    error: { param: "input" },
  },
  {
    name: "a response without input",
    path: "/v1/responses",
    body: { model: "m" },
    status: 400,
    error: { param: "input" },
  },
  {
    name: "an unknown path",
    path: "/v1/unknown",
    body: {},
    status: 404,
    error: { message: "Invalid URL (POST /v1/unknown)" },
  },
])(
  "[unit] $name is answered with $status in OpenAI's shape and costs nothing",
  async ({ path, body, headers, status, error }) => {
    const response = await post(path, body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", ...error } });
    expect(upstream.stats()).toMatchObject({ requests: 0, prompt_tokens: 0, completion_tokens: 0 });
  },
);

test("[unit] the SDK reads an error as one", async () => {
  const failing = client.chat.completions.create({ model: "m", messages: [] });
  await expect(failing).rejects.toBeInstanceOf(APIError);
  await expect(failing).rejects.toMatchObject({ status: 400, code: "empty_array", param: "messages" });
});
