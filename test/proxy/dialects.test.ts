// Two dialects through one gateway: who gets a request, what crosses, and in whose words the gateway answers.

import { afterEach, describe, expect, test } from "vitest";
import { dialectManifests } from "../helpers/dialect-manifests.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, call } from "../helpers/http-call.ts";
import { type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

const WIDE = "  - {name: day, limit: 100000, window: {duration: 24h, algorithm: Fixed}}";
const MESSAGE = '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Who is Jimi Hendrix?"}]}';
const VERSION = { "anthropic-version": "2023-06-01" };

interface StartOptions {
  readonly answer?: string;
  readonly status?: number;
  readonly limits?: string;
  readonly providers?: readonly string[];
}

async function start({ answer = "{}", status = 200, limits = WIDE, providers }: StartOptions = {}): Promise<void> {
  upstream = await startScriptedUpstream((_request, res) => {
    res.writeHead(status, { "content-type": "application/json" });
    res.end(answer);
  });
  const input = { endpoint: upstream.origin, limits };
  gateway = await startGateway(dialectManifests(providers ? { ...input, providers } : input));
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function ask(path: string, { method = "POST", headers = {}, body = MESSAGE }: Ask = {}): Promise<CallResult> {
  return call(gateway.origin, { path, method, headers: { apikey: "key-alice", ...headers }, body });
}

describe("a request goes to a backend that speaks its dialect", () => {
  test.for([
    { path: "/v1/messages", headers: {}, url: "/v1/messages", backend: "anthropic" },
    { path: "/v1/messages?beta=true", headers: VERSION, url: "/v1/messages?beta=true", backend: "anthropic" },
    { path: "/anything", headers: VERSION, url: "/v1/messages", backend: "anthropic" },
    { path: "/anything", headers: {}, url: "/v1/chat/completions", backend: "openai" },
    { path: "/v1/chat/completions", headers: VERSION, url: "/v1/chat/completions", backend: "openai" },
  ])("[proxy] POST $path with $headers goes to $backend as $url", async ({ path, headers, url, backend }) => {
    await start();
    for (let i = 0; i < 3; i++) expect((await ask(path, { headers })).status).toBe(200);
    expect(upstream.received.map((request) => request.url)).toEqual([url, url, url]);
    expect(await gateway.nextRequestLine()).toMatchObject({ backend });
  });

  test("[proxy] one key reaches the provider: its own, in its own header, and the client's version", async () => {
    await start();
    await ask("/v1/messages", { headers: { ...VERSION, authorization: "Bearer stray", "X-Api-Key": "stray" } });
    const [request] = upstream.received;
    expect(request?.headers).toMatchObject({ ...VERSION, "x-api-key": "sk-anthropic" });
    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.body).toBe(MESSAGE);
  });

  test("[proxy] a route without such a backend refuses, naming dialect and backends, and asks no limit", async () => {
    const limits = "  - {name: calls, unit: Requests, limit: 1, window: {duration: 24h, algorithm: Fixed}}";
    await start({ providers: ["OpenAI"], limits });
    for (let i = 0; i < 2; i++) {
      const refused = await ask("/v1/messages");
      expect(refused.status).toBe(400);
      expect(JSON.parse(refused.body)).toMatchObject({
        type: "error",
        error: {
          type: "invalid_request_error",
          message:
            "AIRoute default/all has no backend that speaks Anthropic, as this request (messages) does. Its backends are: openai.",
        },
      });
    }
    expect(upstream.received).toEqual([]);
  });

  test("[proxy] a body that fits no call is refused after the limits, and says what was wanted", async () => {
    const limits = "  - {name: calls, unit: Requests, limit: 1, window: {duration: 24h, algorithm: Fixed}}";
    await start({ providers: ["Anthropic"], limits });
    const malformed = await ask("/anything", { body: '{"model":"m"}' });
    expect([malformed.status, malformed.body]).toEqual([
      400,
      expect.stringContaining("`messages`, `prompt` and `input`"),
    ]);
    expect((await ask("/anything", { body: '{"model":"m"}' })).status).toBe(429);
    expect(upstream.received).toEqual([]);
  });
});

describe("an endpoint with a path of its own", () => {
  test.for([
    { own: "/v1/embeddings", path: "/v1/embeddings", status: 200 },
    { own: "/v1/embeddings", path: "/v1/chat/completions", status: 404 },
    { own: "/v1/chat/completions", path: "/v1/responses", status: 404 },
    { own: "/generate", path: "/v1/chat/completions", status: 200 },
    { own: "/generate", path: "/v1/responses", status: 404 },
    { own: "/generate", path: "/v1/responses/resp_1/cancel", status: 404 },
  ])("[proxy] $own answers $path with $status", async ({ own, path, status }) => {
    await start();
    const manifests = dialectManifests({ endpoint: upstream.origin + own, limits: WIDE, providers: ["OpenAI"] });
    expect(gateway.applyYaml(manifests).filter((f) => f.severity === "error")).toEqual([]);
    expect((await ask(path)).status).toBe(status);
    expect(upstream.received.map((request) => request.url)).toEqual(status === 200 ? [own] : []);
  });
});

describe("the gateway answers in the words of the request's dialect", () => {
  test.for([
    { name: "401", path: "/v1/messages", headers: { apikey: "nobody" }, status: 401, type: "authentication_error" },
    { name: "401", path: "/x", headers: { ...VERSION, apikey: "nobody" }, status: 401, type: "authentication_error" },
    { name: "404", path: "/v1/messages/batches", headers: {}, status: 404, type: "not_found_error" },
    {
      name: "415",
      path: "/v1/messages",
      headers: { "content-encoding": "gzip" },
      status: 415,
      type: "invalid_request_error",
    },
  ])("[proxy] $name at $path", async ({ path, headers, status, type }) => {
    await start();
    const refused = await ask(path, { headers });
    expect(refused.status).toBe(status);
    const requestId = String(refused.headers["x-airl-request-id"]);
    expect(refused.body).toMatch(
      /^\{"type":"error","error":\{"type":"[a-z_]+","message":"[^"]+.*"\},"request_id":"[^"]+"\}$/,
    );
    expect(JSON.parse(refused.body)).toMatchObject({ error: { type }, request_id: requestId });
    expect(upstream.received).toEqual([]);
  });

  test("[proxy] no route at all", async () => {
    await start();
    gateway.applyYaml("");
    expect(JSON.parse((await ask("/v1/messages")).body)).toMatchObject({ error: { type: "not_found_error" } });
    expect(JSON.parse((await ask("/v1/embeddings")).body)).toMatchObject({ error: { code: "route_not_found" } });
  });
});

describe("background responses", () => {
  const QUEUED = '{"id":"resp_1","status":"queued","output":[],"usage":null}';
  const BACKGROUND = '{"model":"m","input":"Who is Jimi Hendrix?","background":true,"max_output_tokens":300}';

  test("[proxy] are charged the estimate when they are created, and nothing when they are fetched", async () => {
    await start({ answer: QUEUED });
    expect((await ask("/v1/responses", { body: BACKGROUND })).body).toBe(QUEUED);
    expect(await gateway.nextRequestLine()).toMatchObject({
      operation: "responses",
      promptTokens: 5,
      completionTokens: 300,
      usageSource: "estimated",
    });
    for (const [method, path] of [
      ["GET", "/v1/responses/resp_1?stream=false"],
      ["POST", "/v1/responses/resp_1/cancel"],
      ["DELETE", "/v1/responses/resp_1"],
    ] as const) {
      expect((await ask(path, { method, body: "" })).status).toBe(200);
      expect(upstream.received.at(-1)).toMatchObject({ method, url: path });
      const line = await gateway.nextRequestLine();
      expect(line).toMatchObject({ operation: "stored_response", promptTokens: 0, completionTokens: 0 });
      expect(line["usageSource"]).toBeUndefined();
    }
  });

  test("[proxy] that the provider refuses cost nothing", async () => {
    await start({ answer: '{"error":{"message":"no"}}', status: 400 });
    await ask("/v1/responses", { body: BACKGROUND });
    const line = await gateway.nextRequestLine();
    expect(line).toMatchObject({ status: 400, promptTokens: 0, completionTokens: 0 });
  });
});
