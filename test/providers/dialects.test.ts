import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Choice, dialects, type ShapeReader } from "../../dataplane/providers/dialects.ts";
import type { DialectName, RequestInfo } from "../../dataplane/providers/provider.ts";
import { anyCuts, cutAt } from "./replay.ts";

const BOTH = (): boolean => true;

function choose(call: string, hasAnthropicVersion = false, serves: (dialect: DialectName) => boolean = BOTH): Choice {
  const [method = "", path = ""] = call.split(" ");
  return dialects.choose({ method, path, hasAnthropicVersion }, serves);
}

describe("a path", () => {
  test.for([
    ["POST /v1/chat/completions", "chat", "/v1/chat/completions", true],
    ["POST /chat/completions", "chat", "/v1/chat/completions", true],
    ["POST /openai/deployments/d/chat/completions", "chat", "/v1/chat/completions", true],
    ["POST /team/v1/completions", "completions", "/v1/completions", true],
    ["POST /v1/embeddings", "embeddings", "/v1/embeddings", true],
    ["POST /v1/responses", "responses", "/v1/responses", true],
    ["POST /v1/responses/input_tokens", "count_input_tokens", "/v1/responses/input_tokens", false],
    ["GET /v1/responses/resp_1", "stored_response", "/v1/responses/resp_1", false],
    ["GET /team/v1/responses/resp_1/input_items", "stored_response", "/v1/responses/resp_1/input_items", false],
    ["POST /v1/responses/resp_1/cancel", "stored_response", "/v1/responses/resp_1/cancel", false],
    ["DELETE /v1/responses/resp_1", "stored_response", "/v1/responses/resp_1", false],
    ["POST /v1/messages", "messages", "/v1/messages", true],
    ["POST /claude/v1/messages", "messages", "/v1/messages", true],
    ["POST /v1/messages/count_tokens", "count_tokens", "/v1/messages/count_tokens", false],
    ["GET /v1/models", "models", "/v1/models", false],
  ] as const)("[unit] %s is an operation whatever the headers", ([call, name, upstreamPath, charged]) => {
    for (const version of [false, true]) {
      expect(choose(call, version)).toMatchObject({ kind: "operation", operation: { name, upstreamPath, charged } });
    }
  });

  test.for([
    "POST /v1/images/generations",
    "POST /openai/deployments/d/images/generations",
    "POST /team/v1/audio/transcriptions",
    "GET /v1/batches",
    "POST /v1/messages/batches",
    "GET /v1/messages/batches/b1/results",
    "POST /v1/complete",
    "POST /v1/files",
    "GET /v1/realtime",
    "POST /v1/fine_tuning/jobs",
    "POST /v1/moderations",
    "POST /v1/threads/t1/messages",
    "POST /v1/responses/compact",
    "POST /v1/responses/../images/generations",
    "POST /v1/chat/completions/c1",
    "GET /v1/responses/resp%2f..%2f..%2ffiles",
  ])("[unit] %s is known and not metered, so it goes nowhere", (call) => {
    expect(choose(call)).toEqual({ kind: "unmetered" });
  });

  test.for(["POST /anything", "POST /v1/anything", "POST /", "POST /team/messages", "POST /images"])(
    "[unit] %s says nothing: the body decides",
    (call) => {
      expect(choose(call)).toEqual({ kind: "byBody" });
    },
  );

  test.for(["GET /anything", "GET /v1/chat/completions", "PUT /v1/messages", "DELETE /v1/models/m"])(
    "[unit] %s is no call",
    (call) => {
      expect(choose(call)).toEqual({ kind: "unknown" });
    },
  );

  test.for([
    { version: true, served: ["OpenAI"], dialect: "Anthropic" },
    { version: true, served: ["Anthropic"], dialect: "Anthropic" },
    { version: false, served: ["Anthropic"], dialect: "Anthropic" },
    { version: false, served: ["OpenAI"], dialect: "OpenAI" },
    { version: false, served: ["OpenAI", "Anthropic"], dialect: "OpenAI" },
    { version: false, served: [], dialect: "OpenAI" },
  ])("[unit] models with version header $version and backends for $served are $dialect's", (row) => {
    const choice = choose("GET /v1/models", row.version, (dialect) => row.served.includes(dialect));
    expect(choice).toMatchObject({ operation: { dialect: row.dialect } });
  });

  test.for([
    { path: "/v1/messages", version: false, dialect: "Anthropic" },
    { path: "/x/v1/messages/batches", version: false, dialect: "Anthropic" },
    { path: "/v1/complete", version: false, dialect: "Anthropic" },
    { path: "/v1/chat/completions", version: true, dialect: "OpenAI" },
    { path: "/v1/responses/r1", version: true, dialect: "OpenAI" },
    { path: "/v1/models", version: true, dialect: "Anthropic" },
    { path: "/v1/models", version: false, dialect: "OpenAI" },
    { path: "/anything", version: true, dialect: "Anthropic" },
    { path: "", version: false, dialect: "OpenAI" },
  ])("[unit] before more is known, $path with version header $version is answered as $dialect", (row) => {
    expect(dialects.dialectOf({ path: row.path, hasAnthropicVersion: row.version })).toBe(row.dialect);
  });
});

describe("a body", () => {
  test.for([
    { body: '{"messages":[]}', dialect: "OpenAI", name: "chat" },
    { body: '{"messages":[]}', dialect: "Anthropic", name: "messages" },
    { body: '{"prompt":"a","messages":[]}', dialect: "OpenAI", name: "chat" },
    { body: '{"prompt":"a"}', dialect: "OpenAI", name: "completions" },
    { body: '{"prompt":"a"}', dialect: "Anthropic", name: "completions" },
    { body: '{"input":["a"],"prompt":{}}', dialect: "OpenAI", name: "completions" },
    { body: '{"input":"a"}', dialect: "OpenAI", name: "responses" },
    { body: '{"input":"a","dimensions":3}', dialect: "OpenAI", name: "embeddings" },
    { body: '{"encoding_format":"base64","input":"a"}', dialect: "OpenAI", name: "embeddings" },
    { body: `{"messages":[${"1,".repeat(9000)}1]}`, dialect: "OpenAI", name: "chat" },
  ] as const)("[unit] $body of $dialect is $name, whatever its split", ({ body, dialect, name }) => {
    const bytes = Buffer.from(body);
    fc.assert(
      fc.property(anyCuts(bytes.length), (cuts) => {
        const { reader, info } = read(cutAt(bytes, cuts), dialect);
        expect(reader.operation().name).toBe(name);
        expect(info.malformed).toBeUndefined();
      }),
      { numRuns: 20 },
    );
  });

  test.for([
    { body: '{"model":"m"}', malformed: /^found none of `messages`, `prompt` and `input`, wanted one of them/ },
    { body: '{"x":{"messages":[]}}', malformed: /^found none of/ },
    { body: "[]", malformed: /wanted an object/ },
    { body: '{"messages":[],"messages":[]}', malformed: /^duplicate key `messages`/ },
    { body: '{"messages":[],"Input":1}', malformed: /differs from `input` only in case/ },
  ])("[unit] $body is malformed", ({ body, malformed }) => {
    const { reader, info } = read([Buffer.from(body)], "OpenAI");
    expect(info.malformed).toMatch(malformed);
    expect(reader.operation().dialect).toBe("OpenAI");
  });

  test("[unit] of a chat on a path that says nothing is asked for its usage too", () => {
    const body = [Buffer.from('{"messages":[],"stream":true}')];
    const { reader, info } = read(body, "OpenAI");
    const injected = reader.operation().injectUsage(body, info) ?? [];
    expect(Buffer.concat([...injected]).toString()).toContain('"include_usage":true');
  });
});

describe("what a request says", () => {
  test.for([
    { path: "/v1/completions", body: '{"prompt":[1,2,-3]}', ids: 3 },
    { path: "/v1/completions", body: '{"prompt":[[1,2],[3]],"n":5}', ids: 3 },
    { path: "/v1/embeddings", body: '{"input":[[10,11,12],[13]],"dimensions":8}', ids: 4 },
    { path: "/v1/embeddings", body: '{"input":["a",null,true]}', ids: 0 },
  ])("[unit] $body to $path has $ids token ids", ({ path, body, ids }) => {
    expect(readAt(path, body).promptTokenIds).toBe(ids);
  });

  test.for([
    { body: '{"input":"a"}', detached: undefined },
    { body: '{"input":"a","background":false,"max_output_tokens":9}', detached: undefined },
    { body: '{"input":"a","background":null}', detached: undefined },
    { body: '{"input":"a","background":true}', detached: 4096 },
    { body: '{"input":"a","background":true,"max_output_tokens":900}', detached: 900 },
    { body: '{"input":"a","background":true,"max_output_tokens":-1}', detached: 4096 },
    { body: '{"input":"a","background":true,"max_output_tokens":"9"}', detached: 4096 },
    { body: '{"input":"a","background":"yes"}', detached: 4096 },
  ])("[unit] $body is taken to generate $detached tokens unseen", ({ body, detached }) => {
    expect(readAt("/v1/responses", body).detachedCompletion).toBe(detached);
  });

  test("[unit] text of an Anthropic prompt is counted: system, contents, tools", () => {
    const body =
      '{"model":"m","max_tokens":9,"system":[{"type":"text","text":"abc"}],"messages":[{"role":"user","content":"de"},' +
      '{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AAAAAAAA"}},' +
      '{"type":"tool_result","content":"fgh"}]}],"tools":[{"name":"t","description":"ij","input_schema":{"type":"object"}}]}';
    expect(readAt("/v1/messages", body)).toMatchObject({ model: "m", stream: false, promptTextBytes: 11 });
  });
});

function read(pieces: readonly Buffer[], dialect: DialectName): { reader: ShapeReader; info: RequestInfo } {
  const reader = dialects.createShapeReader(dialect);
  for (const piece of pieces) reader.push(piece);
  return { reader, info: reader.end() };
}

function readAt(path: string, body: string): RequestInfo {
  const choice = choose(`POST ${path}`);
  if (choice.kind !== "operation") throw new Error(`${path} is no operation`);
  const reader = choice.operation.readRequest();
  reader.push(Buffer.from(body));
  return reader.end();
}
