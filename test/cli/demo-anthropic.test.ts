import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";

let upstream: FakeUpstream;
beforeEach(async () => {
  upstream = await startFakeUpstream({ requireKey: true, nowMs: () => 1_700_000_000_000 });
});
afterEach(() => upstream.stop());

const ASK = {
  model: "demo-2",
  max_tokens: 100,
  system: "be brief",
  messages: [{ role: "user", content: "Who is Jimi Hendrix?" }],
};

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const all = { "x-api-key": "any", "anthropic-version": "2023-06-01", "content-type": "application/json", ...headers };
  return fetch(`${upstream.origin}${path}`, {
    method: "POST",
    headers: all,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

test("[unit] a whole message", async () => {
  const response = await post("/v1/messages", ASK);
  expect(response.headers.get("request-id")).toMatch(/^req_\w+$/);
  expect(response.headers.get("anthropic-ratelimit-tokens-reset")).toBe("2023-11-14T22:13:20Z");
  expect((await response.text()).replace(/msg_\w+/, "ID")).toBe(
    '{"model":"demo-2","id":"ID","type":"message","role":"assistant","content":[{"type":"text","text":"the quick"}],' +
      '"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":7,"cache_creation_input_tokens":0,' +
      '"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},' +
      '"output_tokens":2,"service_tier":"standard"}}',
  );
  expect(upstream.stats()).toMatchObject({ requests: 1, prompt_tokens: 7, completion_tokens: 2 });
});

test("[unit] a streamed message, its usage cumulative", async () => {
  const response = await post("/v1/messages", { ...ASK, stream: true });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const start =
    '{"type":"message_start","message":{"model":"demo-2","id":"ID","type":"message","role":"assistant","content":[],' +
    '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":7,"cache_creation_input_tokens":0,' +
    '"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},' +
    '"output_tokens":1,"service_tier":"standard"}}}';
  const events = [
    ["message_start", start],
    ["content_block_start", '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'],
    ["ping", '{"type": "ping"}'],
    ["content_block_delta", '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"the"}}'],
    ["content_block_delta", '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" quick"}}'],
    ["content_block_stop", '{"type":"content_block_stop","index":0}'],
    [
      "message_delta",
      '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":7,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":2}}',
    ],
    ["message_stop", '{"type":"message_stop"}'],
  ];
  const text = (await response.text()).replace(/msg_\w+/, "ID");
  expect(text).toBe(events.map(([event, data]) => `event: ${event ?? ""}\ndata: ${data ?? ""}\n\n`).join(""));
});

test.for([
  { name: "20 tokens below a larger cap", model: "claude-x", cap: 1024, tokens: 20, reason: "end_turn" },
  { name: "cut by its cap", model: "claude-x", cap: 5, tokens: 5, reason: "max_tokens" },
  { name: "as long as the model's name says", model: "demo-300", cap: 1024, tokens: 300, reason: "end_turn" },
])("[unit] an answer is $name", async ({ model, cap, tokens, reason }) => {
  const response = await post("/v1/messages", { ...ASK, model, max_tokens: cap });
  expect(await response.json()).toMatchObject({ stop_reason: reason, usage: { output_tokens: tokens } });
});

test("[unit] counting tokens gives the number that a message is charged, and charges nothing", async () => {
  const response = await post("/v1/messages/count_tokens", { ...ASK, max_tokens: undefined });
  expect(await response.text()).toBe('{"input_tokens":7}');
  expect(upstream.stats().requests).toBe(0);
});

test("[unit] a bearer token is a key too", async () => {
  expect((await post("/v1/messages", ASK, { "x-api-key": "", authorization: "Bearer any" })).status).toBe(200);
});

test.for([
  {
    name: "no key",
    body: ASK,
    headers: { "x-api-key": "" },
    status: 401,
    error: { type: "authentication_error", message: "x-api-key header is required" },
  },
  {
    name: "no version",
    body: ASK,
    headers: { "anthropic-version": "" },
    status: 400,
    error: { type: "invalid_request_error", message: "anthropic-version: header is required" },
  },
  { name: "text that is no JSON", body: "{", status: 400, error: { type: "invalid_request_error" } },
  {
    name: "no cap",
    body: { ...ASK, max_tokens: undefined },
    status: 400,
    error: { message: "max_tokens: Field required" },
  },
  {
    name: "a cap of zero",
    body: { ...ASK, max_tokens: 0 },
    status: 400,
    error: { message: "max_tokens: Input should be greater than or equal to 1" },
  },
  { name: "no model", body: { ...ASK, model: undefined }, status: 400, error: { message: "model: Field required" } },
  {
    name: "no messages",
    body: { ...ASK, messages: undefined },
    status: 400,
    error: { message: "messages: Field required" },
  },
])("[unit] $name is answered with $status in Anthropic's shape", async ({ body, headers, status, error }) => {
  const response = await post("/v1/messages", body, headers);
  expect(response.status).toBe(status);
  const text = (await response.text()).replace(/"req_\w+"/, '"ID"');
  expect(JSON.parse(text)).toMatchObject({ type: "error", error, request_id: "ID" });
  expect(upstream.stats().requests).toBe(0);
});
