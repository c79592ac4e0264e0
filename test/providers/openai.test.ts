import { describe, expect, test } from "vitest";
import { openAiDialect } from "../../dataplane/providers/openai.ts";
import { replay } from "./replay.ts";

describe("operationFor", () => {
  test.for([
    { call: "POST /v1/chat/completions", name: "chat", upstreamPath: "/v1/chat/completions", charged: true },
    { call: "POST /team/v1/chat/completions", name: "chat", upstreamPath: "/v1/chat/completions", charged: true },
    {
      call: "POST /openai/deployments/d/chat/completions?api-version=1",
      name: "chat",
      upstreamPath: "/v1/chat/completions",
      charged: true,
    },
    { call: "GET /v1/models", name: "models", upstreamPath: "/v1/models", charged: false },
    { call: "GET /x/v1/models?limit=1", name: "models", upstreamPath: "/v1/models", charged: false },
    {
      call: "GET /v1/models/ft:gpt-4o:org::id",
      name: "models",
      upstreamPath: "/v1/models/ft:gpt-4o:org::id",
      charged: false,
    },
    {
      call: "GET /v1/models/meta-llama/Llama-3%2E1",
      name: "models",
      upstreamPath: "/v1/models/meta-llama/Llama-3%2E1",
      charged: false,
    },
  ])("[unit] knows $call", ({ call, ...wanted }) => {
    const [method = "", path = ""] = call.split(" ");
    expect(openAiDialect.operationFor(method, path)).toMatchObject(wanted);
  });

  test.for([
    "GET /v1/chat/completions",
    "GET /v1/completions",
    "POST /anything",
    "POST /v1/chat/completions/extra",
    "POST /v1/models",
    "DELETE /v1/models/m",
    "GET /v1/modelsx",
    "GET /models",
    "GET /v1/models/../files",
    "GET /v1/models/%2e%2E/files",
    "GET /v1/models/a/..%2ffiles",
    "GET /v1/models/..%5cfiles",
    "GET /v1/models/%252e%252e/files",
    "GET /v1/models/a%3Fb",
    "GET /v1/models/a%00b",
    "GET /v1/models/%zz",
  ])("[unit] does not know %s", (call) => {
    const [method = "", path = ""] = call.split(" ");
    expect(openAiDialect.operationFor(method, path)).toBeUndefined();
  });
});

describe("meterResponse", () => {
  const body = Buffer.from(
    '{"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":4,"completion_tokens":1}}',
  );

  test.for([
    { contentType: "application/json", reads: true },
    { contentType: "application/json; charset=utf-8", reads: true },
    { contentType: "application/vnd.x+json", reads: true },
    { contentType: "text/event-stream", reads: false },
    { contentType: "text/plain", reads: false },
    { contentType: "application/jsonl", reads: false },
    { contentType: "", reads: false },
  ])('[unit] passes a body of type "$contentType" on whole; reads it as JSON: $reads', ({ contentType, reads }) => {
    const meter = openAiDialect.defaultOperation.meterResponse(contentType, { stripInjectedUsage: false });
    const metered = replay(meter, [body]);
    expect(metered.output.equals(body)).toBe(true);
    expect(metered.reported !== undefined).toBe(reads);
    expect(metered.complete).toBe(reads);
  });

  test("[unit] reads nothing of a call that costs no tokens", () => {
    const models = openAiDialect.operationFor("GET", "/v1/models");
    const meter = models?.meterResponse("application/json", { stripInjectedUsage: false });
    expect(meter && replay(meter, [body])).toMatchObject({ output: body, reported: undefined, textBytes: 0 });
    const reader = models?.readRequest();
    reader?.push(Buffer.from("not JSON"));
    const info = reader?.end();
    expect(info).toEqual({ model: undefined, stream: false, promptTextBytes: 0, malformed: undefined });
    expect(info && models?.injectUsage([], info)).toBeUndefined();
  });
});
