import { request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call, STREAM_BODY } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import {
  answersChat,
  chatCompletion,
  type Script,
  type ScriptedUpstream,
  sseChunk,
  sseUsage,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

const LIMITS = "  - {name: minute, limit: 100000, window: {duration: 60s, algorithm: Fixed}}";
const PATH = "/v1/chat/completions";
const REMAINING = "x-ai-ratelimit-remaining-minute-minute";
const USAGE = { prompt_tokens: 11, completion_tokens: 22, total_tokens: 33 };
const FIXED_NOW = (): number => Date.UTC(2026, 0, 1, 0, 0, 30);
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

async function start(script: Script, backend = ""): Promise<void> {
  upstream = await startScriptedUpstream(script);
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits: LIMITS, backend }), {
    nowMs: FIXED_NOW,
    maxBodyBytes: 100_000,
  });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

const post = (body: string, headers: Record<string, string> = {}): ReturnType<typeof call> =>
  call(gateway.origin, { path: PATH, headers: { apikey: "key-alice", ...headers }, body });

async function used(): Promise<number> {
  const answer = await call(gateway.origin, { path: PATH, headers: { apikey: "key-alice" }, body: CHAT_BODY });
  return 100_000 - Number(answer.headers[REMAINING]);
}

function streams(...frames: string[]): Script {
  return (request, res) => {
    if (!request.body.includes('"stream":true')) {
      answersChat()(request, res);
      return;
    }
    res.writeHead(200, { "content-type": "text/event-stream" });
    for (const frame of frames) res.write(frame);
    res.end("data: [DONE]\n\n");
  };
}

describe("relaying", () => {
  test("[proxy] request and response bodies cross byte for byte, with the upstream's headers", async () => {
    const odd = '{ "model" : "gpt-4o",\r\n\t"messages":[{"role":"user","content":"\\u00e9 \\"quoted\\" ü"}] }';
    await start((_request, res) => {
      const body = chatCompletion();
      res.writeHead(200, {
        "content-type": "application/json",
        "x-ratelimit-remaining-tokens": "77",
        "x-request-id": "up-1",
      });
      res.end(body);
    });
    const answer = await post(odd);
    expect(upstream.received[0]?.body).toBe(odd);
    expect(answer.body).toBe(chatCompletion());
    expect(answer.headers["x-ratelimit-remaining-tokens"]).toBe("77");
    expect(answer.headers["x-request-id"]).toBe("up-1");
    expect(answer.headers["x-airl-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers["x-airl-upstream-latency"]).toMatch(/^\d+$/);
    expect(answer.headers["x-airl-proxy-latency"]).toMatch(/^\d+$/);
  });

  test("[proxy] a chat body posted to any path goes to the provider's chat path", async () => {
    await start(answersChat());
    await call(gateway.origin, { path: "/anything", headers: { apikey: "key-alice" }, body: CHAT_BODY });
    expect(upstream.received[0]?.url).toBe("/v1/chat/completions");
  });

  test("[proxy] usage is asked for on the client's behalf, charged, and removed again (kong trap 11)", async () => {
    await start(
      streams(
        sseChunk({ content: "Hel" }, { usage: null }),
        sseChunk({ content: "lo" }, { usage: null }),
        sseUsage(USAGE),
      ),
    );
    const answer = await post(STREAM_BODY);
    expect(JSON.parse(upstream.received[0]?.body ?? "")).toEqual({
      ...JSON.parse(STREAM_BODY),
      stream_options: { include_usage: true },
    });
    expect(answer.body).toBe(`${sseChunk({ content: "Hel" })}${sseChunk({ content: "lo" })}data: [DONE]\n\n`);
    expect(await gateway.nextRequestLine()).toMatchObject({
      promptTokens: 11,
      completionTokens: 22,
      usageSource: "reported",
    });
    expect(await used()).toBe(33);
  });

  test("[proxy] a client that asks for usage itself gets the upstream's bytes untouched", async () => {
    const frames = [sseChunk({ content: "Hi" }, { usage: null }), sseUsage(USAGE)];
    await start(streams(...frames));
    const body = JSON.stringify({ ...JSON.parse(STREAM_BODY), stream_options: { include_usage: true } });
    const answer = await post(body);
    expect(upstream.received[0]?.body).toBe(body);
    expect(answer.body).toBe(`${frames.join("")}data: [DONE]\n\n`);
    expect(await used()).toBe(33);
  });

  test("[proxy] injectIncludeUsage: false sends the body as it is", async () => {
    await start(streams(sseChunk({ content: "Hi" })), "  usage: {injectIncludeUsage: false}");
    await post(STREAM_BODY);
    expect(upstream.received[0]?.body).toBe(STREAM_BODY);
  });

  test("[proxy] missing usage is estimated from the text of prompt and answer, and labelled", async () => {
    await start(streams(sseChunk({ content: "x".repeat(40) })));
    await post(STREAM_BODY);
    // "Who is Jimi Hendrix?" has 20 bytes: 5 tokens; 40 bytes of answer: 10.
    expect(await gateway.nextRequestLine()).toMatchObject({
      promptTokens: 5,
      completionTokens: 10,
      usageSource: "estimated",
    });
    expect(await used()).toBe(15);
    expect(await gateway.metric("airl_tokens_total", { source: "estimated", kind: "completion" })).toBe(10);
    expect(await gateway.metric("airl_usage_missing_total", { backend: "llm" })).toBe(1);
  });

  test("[proxy] onMissing: ChargeZero charges nothing when usage is missing", async () => {
    await start(streams(sseChunk({ content: "x".repeat(40) })), "  usage: {onMissing: ChargeZero}");
    await post(STREAM_BODY);
    expect(await used()).toBe(0);
  });

  test("[proxy] upstream errors pass through unchanged and cost nothing", async () => {
    const body = '{"error":{"message":"slow down","type":"tokens","param":null,"code":"rate_limit_exceeded"}}';
    await start((request, res) => {
      if (upstream.received.length > 1) {
        answersChat()(request, res);
        return;
      }
      res.writeHead(429, { "content-type": "application/json", "retry-after": "7", "retry-after-ms": "6500" });
      res.end(body);
    });
    const answer = await post(CHAT_BODY);
    expect(answer).toMatchObject({ status: 429, body });
    expect(answer.headers).toMatchObject({ "retry-after": "7", "retry-after-ms": "6500" });
    expect(await used()).toBe(0);
  });

  test("[proxy] a client that leaves mid-stream ends the upstream call and is charged what was relayed, as estimated (kong trap 10)", async () => {
    await start((request, res) => {
      if (!request.body.includes('"stream":true')) {
        answersChat()(request, res);
        return;
      }
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(sseChunk({ content: "y".repeat(80) }));
    });
    await new Promise<void>((resolve, reject) => {
      const req = request(`${gateway.origin}${PATH}`, { method: "POST", headers: { apikey: "key-alice" } }, (res) => {
        res.once("data", () => {
          req.destroy();
          resolve();
        });
      });
      req.on("error", reject);
      req.end(STREAM_BODY);
    });
    await upstream.abortedOnce;
    expect(await gateway.nextRequestLine()).toMatchObject({
      outcome: "client_gone",
      promptTokens: 5,
      completionTokens: 20,
      usageSource: "estimated",
    });
    expect(await used()).toBe(25);
    expect(await gateway.metric("airl_client_disconnects_total", { route: "default/all" })).toBe(1);
  });

  test("[proxy] a stream that breaks off is broken for the client too, and charged by estimate", async () => {
    await start((request, res) => {
      if (!request.body.includes('"stream":true')) {
        answersChat()(request, res);
        return;
      }
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(sseChunk({ content: "z".repeat(40) }), () => res.destroy());
    });
    const answer = await post(STREAM_BODY);
    expect(answer.broken).toBe(true);
    expect(await gateway.nextRequestLine()).toMatchObject({ outcome: "upstream_failed", usageSource: "estimated" });
    expect(await used()).toBe(15);
  });

  test("[proxy] a slow client holds the upstream back and loses no byte", async () => {
    const frame = sseChunk({ content: "b".repeat(1000) });
    const count = 20_000;
    let written = 0;
    await start((_request, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      const more = (): void => {
        while (written < count) {
          written++;
          if (!res.write(frame)) {
            res.once("drain", more);
            return;
          }
        }
        res.end("data: [DONE]\n\n");
      };
      more();
    });
    const bytes = await new Promise<{ total: number; writtenWhilePaused: number }>((resolve, reject) => {
      const req = request(`${gateway.origin}${PATH}`, { method: "POST", headers: { apikey: "key-alice" } }, (res) => {
        res.pause();
        let total = 0;
        let last = -1;
        // Paused until the upstream makes no more progress: its writes have met the back-pressure.
        const settle = setInterval(() => {
          if (written !== last) {
            last = written;
            return;
          }
          clearInterval(settle);
          const writtenWhilePaused = written;
          res.on("data", (piece: Buffer) => (total += piece.length));
          res.on("end", () => {
            resolve({ total, writtenWhilePaused });
          });
          res.resume();
        }, 200);
      });
      req.on("error", reject);
      req.end(STREAM_BODY);
    });
    expect(bytes.writtenWhilePaused).toBeLessThan(count);
    expect(bytes.total).toBe(frame.length * count + "data: [DONE]\n\n".length);
  });

  test("[proxy] a body over the limit is 413 with both sizes, announced or not", async () => {
    await start(answersChat());
    const big = JSON.stringify({ messages: [{ role: "user", content: "x".repeat(200_000) }] });
    const announced = await post(big);
    expect(announced.status).toBe(413);
    expect(announced.body).toContain(String(big.length));
    expect(announced.body).toContain("100000");
    const chunked = await post(big, { "transfer-encoding": "chunked" });
    expect(chunked.status).toBe(413);
    expect(upstream.received).toEqual([]);
  });

  test("[proxy] an upstream that cannot be reached is 502, one that does not answer is 504", async () => {
    await start(() => undefined, "  timeouts: {firstByte: 200ms}");
    const late = await post(CHAT_BODY);
    expect(late.status).toBe(504);
    expect(JSON.parse(late.body)).toMatchObject({ error: { code: "upstream_timeout" } });
    await upstream.close();
    const down = await post(CHAT_BODY);
    expect(down.status).toBe(502);
    expect(JSON.parse(down.body)).toMatchObject({ error: { code: "upstream_unreachable" } });
    expect(down.body).not.toContain("127.0.0.1");
    expect(down.headers["x-airl-response-latency"]).toMatch(/^\d+$/);
  });

  test("[proxy] an unknown path is 404 and a compressed request body 415", async () => {
    upstream = await startScriptedUpstream(answersChat());
    const yaml = basics({ endpoint: upstream.origin, limits: LIMITS }).replace("value: /}", "value: /llm}");
    gateway = await startGateway(yaml);
    expect((await call(gateway.origin, { path: "/other", body: CHAT_BODY })).status).toBe(404);
    expect((await call(gateway.origin, { path: "/llmx", body: CHAT_BODY })).status).toBe(404);
    const headers = { apikey: "key-alice", "content-encoding": "gzip" };
    expect((await call(gateway.origin, { path: "/llm", headers, body: "x" })).status).toBe(415);
    const get = await call(gateway.origin, { method: "GET", path: "/llm/nothing", headers: { apikey: "key-alice" } });
    expect(get.status).toBe(405);
  });
});

describe("draining", () => {
  test("[proxy] an open stream ends, new connections are refused, readiness is gone first", async () => {
    let finish: (() => void) | undefined;
    await start((_request, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(sseChunk({ content: "first" }));
      finish = () => res.end(`${sseUsage(USAGE)}data: [DONE]\n\n`);
    });
    expect(await (await fetch(`${gateway.adminOrigin}/readyz`)).text()).toBe("ok\n");
    const result = await new Promise<{ body: string }>((resolve, reject) => {
      const req = request(`${gateway.origin}${PATH}`, { method: "POST", headers: { apikey: "key-alice" } }, (res) => {
        let body = "";
        res.on("data", (piece: Buffer) => (body += piece.toString("utf8")));
        res.on("end", () => {
          resolve({ body });
        });
        res.once("data", () => {
          const drained = gateway.gateway.drain();
          fetch(`${gateway.adminOrigin}/readyz`)
            .then(async (ready) => {
              expect(ready.status).toBe(503);
              expect(await ready.text()).toBe("not ready: draining\n");
              await expect(post(CHAT_BODY)).rejects.toThrow();
              finish?.();
              await drained;
            })
            .catch(reject);
        });
      });
      req.on("error", reject);
      req.end(STREAM_BODY);
    });
    expect(result.body).toBe(`${sseChunk({ content: "first" })}data: [DONE]\n\n`);
    expect(await gateway.nextRequestLine()).toMatchObject({ promptTokens: 11, completionTokens: 22 });
  });
});
