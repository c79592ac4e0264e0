// admission.estimate: Prompt. What a prompt will cost counts from the check on, and every end of a request sets it right.

import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Counter } from "../../dataplane/core/counter-store.ts";
import { createMemoryStore } from "../../dataplane/store/memory-store.ts";
import { eventually } from "../helpers/clock.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { openRawClient } from "../helpers/raw-client.ts";
import { aCheck, admit } from "../helpers/redis-store.ts";
import {
  answersChat,
  chatCompletion,
  type Script,
  type ScriptedUpstream,
  sseChunk,
  sseUsage,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

const NOW = Date.UTC(2025, 3, 18, 15, 0, 0);
const PATH = "/v1/chat/completions";
const POLICY = "  admission: {estimate: Prompt}";
const WINDOW = "window: {duration: 1h, algorithm: Fixed}";
const TOKENS = `  - {name: tokens, limit: 1000, ${WINDOW}}`;
const REMAINING = "x-ai-ratelimit-remaining-hour-tokens";
const USAGE = { prompt_tokens: 40, completion_tokens: 20, total_tokens: 60 };

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;
let nowMs: number;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

interface StartOptions {
  readonly limits?: string;
  readonly script?: Script;
  readonly backend?: string;
  readonly policy?: string;
}

async function start(options: StartOptions = {}): Promise<void> {
  const { limits = TOKENS, script = answersChat(USAGE), backend = "", policy = POLICY } = options;
  nowMs = NOW;
  upstream = await startScriptedUpstream(script);
  const yaml = basics({ endpoint: upstream.origin, limits, backend, policy });
  gateway = await startGateway(yaml, { nowMs: () => nowMs, drainMs: 50 });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

const promptOf = (tokens: number): string => "x".repeat(tokens * 4);

/** A prompt of so many tokens by the estimate. */
function ask(tokens: number, more: object = {}): Promise<CallResult> {
  const body = JSON.stringify({ model: "m", messages: [{ content: promptOf(tokens) }], ...more });
  return call(gateway.origin, { path: PATH, headers: { apikey: "key-alice" }, body });
}

const usageAnswer = z.object({
  limits: z.array(z.object({ name: z.string(), used: z.union([z.number(), z.string()]) })),
});

/** What the counters hold, by the names of the limits. */
async function used(): Promise<Record<string, number | string>> {
  const { body } = await call(gateway.origin, {
    method: "GET",
    path: "/.airl/usage",
    headers: { apikey: "key-alice" },
  });
  return Object.fromEntries(usageAnswer.parse(JSON.parse(body)).limits.map((each) => [each.name, each.used]));
}

/** Answers when the test says so. */
function held(): { readonly script: Script; readonly waiting: ServerResponse[]; release: (usage?: object) => void } {
  const waiting: ServerResponse[] = [];
  return {
    waiting,
    script: (_request, res) => void waiting.push(res),
    release(usage = USAGE) {
      for (const res of waiting.splice(0)) {
        res.writeHead(200, { "content-type": "application/json" }).end(chatCompletion(usage));
      }
    },
  };
}

describe("while a request is under way", () => {
  test("[proxy] kong trap 1: Remaining is after the estimate, and the counter holds the truth in the end", async () => {
    await start();
    const first = await ask(100);
    expect([first.status, first.headers[REMAINING]]).toEqual([200, "900"]);
    expect(await used()).toEqual({ tokens: 60 });
    expect((await ask(100)).headers[REMAINING]).toBe("840");
  });

  test("[proxy] kong trap 23: of many at once no more pass than fit, and the sum is true when they have ended", async () => {
    const { script, waiting, release } = held();
    await start({ script });
    const answers = Array.from({ length: 20 }, () => ask(300));
    await eventually("three are at the provider, and the others refused", async () => {
      const line = await gateway.metric("airl_requests_total", { decision: "refused" });
      return waiting.length === 3 && line === 17;
    });
    expect(await used()).toEqual({ tokens: 900 });
    release();
    expect((await Promise.all(answers)).filter(({ status }) => status === 200)).toHaveLength(3);
    expect(await used()).toEqual({ tokens: 180 });
  });

  test("[proxy] without it the same requests all pass: the difference that it makes", async () => {
    const { script, waiting, release } = held();
    await start({ script, policy: "" });
    const answers = Array.from({ length: 20 }, () => ask(300));
    await eventually("all are at the provider", () => waiting.length === 20);
    release();
    expect((await Promise.all(answers)).every(({ status }) => status === 200)).toBe(true);
    expect(await used()).toEqual({ tokens: 1200 });
  });

  test("[proxy] an answer that used more than was estimated counts in full", async () => {
    await start({ script: answersChat({ prompt_tokens: 400, completion_tokens: 450 }) });
    await ask(100);
    expect(await used()).toEqual({ tokens: 850 });
    const refused = await ask(200);
    expect(refused.status).toBe(429);
    expect(refused.body).toContain("1000 tokens per hour, 850 used, and this request asks for 200.");
    expect((await ask(150)).status).toBe(200);
  });

  test("[proxy] a prompt larger than the whole limit passes when nothing is used, and only then", async () => {
    await start({ script: answersChat({ prompt_tokens: 1, completion_tokens: 0 }) });
    const first = await ask(5000);
    expect([first.status, first.headers[REMAINING]]).toEqual([200, "0"]);
    expect(await used()).toEqual({ tokens: 1 });
    const second = await ask(5000);
    expect([second.status, second.headers["retry-after"], second.headers[REMAINING]]).toEqual([429, "3600", "999"]);
    nowMs += 3_600_000;
    expect((await ask(5000)).status).toBe(200);
  });

  test("[proxy] a request without any text is checked as without an estimate", async () => {
    await start({ script: answersChat({ prompt_tokens: 500, completion_tokens: 500 }) });
    const first = await ask(0);
    expect(first.headers[REMAINING]).toBe("1000");
    expect((await ask(0)).status).toBe(429);
  });
});

describe("in limits of each unit", () => {
  const LIMITS = `${TOKENS}
  - {name: prompt, unit: PromptTokens, limit: 1000, ${WINDOW}}
  - {name: completion, unit: CompletionTokens, limit: 1000, ${WINDOW}}
  - {name: cached, unit: CachedPromptTokens, limit: 1000, ${WINDOW}}
  - {name: reasoning, unit: ReasoningTokens, limit: 1000, ${WINDOW}}
  - {name: calls, unit: Requests, limit: 1000, ${WINDOW}}
  - {name: asked, unit: RequestPrompt, limit: 1000, ${WINDOW}}
  - {name: cost, unit: Cost, limit: "1", ${WINDOW}}
  - {name: own, unit: Cost, expression: "tokens.total * 0.001", limit: "1", ${WINDOW}}
  - {name: weighted, unit: Expression, expression: "prompt_tokens * 2 + output_tokens", limit: 1000, ${WINDOW}}`;
  const PRICES = '  models: [{name: m, prices: {inputPer1M: "30", outputPer1M: "60", currency: USD}}]';

  test("[proxy] what a prompt says something of is estimated, and all hold the truth in the end", async () => {
    const { script, waiting, release } = held();
    await start({ limits: LIMITS, script, backend: PRICES });
    const answer = ask(100);
    await eventually("it is at the provider", () => waiting.length === 1);
    expect(await used()).toEqual({
      ...{ tokens: 100, prompt: 100, completion: 0, cached: 0, reasoning: 0, calls: 1, asked: 100 },
      ...{ cost: "0.003", own: "0.1", weighted: 200 },
    });
    release({
      ...{ prompt_tokens: 40, completion_tokens: 20, prompt_tokens_details: { cached_tokens: 16 } },
      completion_tokens_details: { reasoning_tokens: 5 },
    });
    await answer;
    expect(await used()).toEqual({
      ...{ tokens: 60, prompt: 40, completion: 20, cached: 16, reasoning: 5, calls: 1, asked: 100 },
      ...{ cost: "0.0024", own: "0.06", weighted: 80 },
    });
  });

  test("[proxy] a limit in Shadow holds estimates too, and refuses nothing", async () => {
    await start({ limits: `  - {name: tokens, limit: 50, mode: Shadow, ${WINDOW}}` });
    expect((await ask(40)).headers["x-airl-would-refuse"]).toBeUndefined();
    const over = await ask(40);
    expect([over.status, over.headers["x-airl-would-refuse"]]).toEqual([200, "default/team/tokens"]);
    expect(await used()).toEqual({ tokens: 120 });
  });

  test("[proxy] a refusal by one limit holds nothing in the others", async () => {
    await start({ limits: `${TOKENS}\n  - {name: calls, unit: Requests, limit: 1, ${WINDOW}}` });
    await ask(10);
    const refused = await ask(100);
    expect([refused.status, refused.headers[REMAINING]]).toEqual([429, "940"]);
    expect(await used()).toEqual({ tokens: 60, calls: 1 });
  });

  test("[proxy] a threshold is told of by the truth, not by the estimate", async () => {
    await start();
    await ask(900);
    expect(await gateway.metric("airl_limit_notifications_total")).toBe(0);
    expect(await used()).toEqual({ tokens: 60 });
  });
});

describe("every end of a request sets it right", () => {
  const failing: Script = (_request, res) => void res.writeHead(500, { "content-type": "application/json" }).end("{}");

  test.for([
    { name: "an error of the provider", script: failing, status: 500 },
    { name: "a connection that the provider breaks", script: (_r, res) => void res.destroy(), status: 502 },
    { name: "a provider that stays silent", script: () => undefined, status: 504 },
  ] as const satisfies { name: string; script: Script; status: number }[])(
    "[proxy] kong trap 16: $name takes the whole estimate back",
    async ({ script, status }) => {
      await start({ script, backend: "  timeouts: {firstByte: 1s}" });
      const answer = await ask(100);
      expect([answer.status, await used()]).toEqual([status, { tokens: 0 }]);
    },
  );

  test("[proxy] apisix trap 32: an error that reports usage counts what it reports", async () => {
    const body = JSON.stringify({ error: { message: "late" }, usage: { prompt_tokens: 7, completion_tokens: 1 } });
    await start({ script: (_r, res) => void res.writeHead(400, { "content-type": "application/json" }).end(body) });
    await ask(100);
    expect(await used()).toEqual({ tokens: 8 });
  });

  test("[proxy] an answer of the gateway itself takes it back", async () => {
    await start();
    const body = `{"model":"m","messages":[{"content":"${promptOf(100)}"}`;
    const answer = await call(gateway.origin, { path: PATH, headers: { apikey: "key-alice" }, body });
    expect([answer.status, await used()]).toEqual([400, { tokens: 0 }]);
    gateway.applyYaml(basics({ endpoint: `${upstream.origin}/v1/embeddings`, limits: TOKENS, policy: POLICY }));
    expect((await ask(100)).status).toBe(404);
    expect(await used()).toEqual({ tokens: 0 });
  });

  test("[proxy] kong trap 10: a client that leaves before the answer pays for its prompt, as estimated", async () => {
    const { script, waiting } = held();
    await start({ script });
    await leave(100, () => waiting.length === 1);
    expect(await used()).toEqual({ tokens: 100 });
  });

  test("[proxy] kong trap 10: a client that leaves in a stream pays for what it has seen", async () => {
    let frames = 0;
    await start({
      script: (_request, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" });
        res.write(sseChunk({ content: "y".repeat(40) }));
        frames += 1;
      },
    });
    const client = await leave(100, () => frames === 1, { stream: true }, "yyyy");
    expect(client).toContain("200 OK");
    expect(await used()).toEqual({ tokens: 110 });
  });

  test("[proxy] a stream counts the estimate until its end, and then the truth", async () => {
    const streams: ServerResponse[] = [];
    await start({
      script: (_request, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" });
        res.write(sseChunk({ content: "Hi" }));
        streams.push(res);
      },
    });
    const answer = ask(100, { stream: true });
    await eventually("it streams", () => streams.length === 1);
    expect(await used()).toEqual({ tokens: 100 });
    streams[0]?.end(`${sseUsage(USAGE)}data: [DONE]\n\n`);
    await answer;
    expect(await used()).toEqual({ tokens: 60 });
  });

  test("[proxy] a gateway that is stopped settles what it cuts off", async () => {
    const store = createMemoryStore({ nowMs: () => NOW });
    const counters = new Set<Counter>();
    const admitted = store.admit.bind(store);
    store.admit = (checks, done) => {
      for (const { counter } of checks) counters.add(counter);
      admitted(checks, done);
    };
    const { script, waiting } = held();
    upstream = await startScriptedUpstream(script);
    gateway = await startGateway(basics({ endpoint: upstream.origin, limits: TOKENS, policy: POLICY }), {
      store,
      drainMs: 20,
    });
    const answer = ask(100).catch(() => undefined);
    await eventually("it is at the provider", () => waiting.length === 1);
    await gateway.stop();
    await answer;
    // The client was cut off before the answer began: its prompt was sent.
    const { states } = await admit(
      store,
      [...counters].map((counter) => aCheck(counter)),
    );
    expect(states.map(({ current }) => current)).toEqual([100]);
  });
});

/** Sends a request, and resets the connection when it is time; resolves when the gateway has recorded its end. */
async function leave(tokens: number, isTime: () => boolean, more: object = {}, text = ""): Promise<string> {
  const body = JSON.stringify({ model: "m", messages: [{ content: promptOf(tokens) }], ...more });
  const client = await openRawClient(gateway.origin);
  const head = [`POST ${PATH} HTTP/1.1`, "Host: a", "apikey: key-alice", `Content-Length: ${String(body.length)}`];
  client.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  await eventually("it is time to leave", isTime);
  if (text !== "") await client.seen(text);
  client.reset();
  expect(await gateway.nextRequestLine()).toMatchObject({ outcome: "client_gone" });
  return client.received();
}

test("[proxy] the error of the estimate is told, of answers whose usage was reported", async () => {
  await start();
  await ask(100);
  expect(await gateway.metric("airl_prompt_estimate_ratio_count")).toBe(1);
  expect(await gateway.metric("airl_prompt_estimate_ratio_sum")).toBeCloseTo(0.4, 9);
});
