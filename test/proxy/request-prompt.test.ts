// Limits of unit RequestPrompt: what a prompt counts for is counted before it is sent on, and must fit.

import { afterEach, describe, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import {
  answersChat,
  type Script,
  type ScriptedUpstream,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

const NOW = Date.UTC(2025, 3, 18, 15, 0, 0);

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;
let nowMs: number;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

interface StartOptions {
  readonly rest?: string;
  readonly response?: string;
  readonly more?: string;
  readonly script?: Script;
}

/** A limit of 100 in a sliding minute, with more of its fields. */
async function start({
  rest = "",
  response = "",
  more = "",
  script = answersChat(),
}: StartOptions = {}): Promise<void> {
  nowMs = NOW;
  upstream = await startScriptedUpstream(script);
  const limits = `  - {name: prompt, unit: RequestPrompt, limit: 100, window: {duration: 60s}${rest}}${more}`;
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits, response }), { nowMs: () => nowMs });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

/** A prompt of so many tokens by the estimate. */
function ask(
  tokens: number,
  { headers = {}, body = {} }: { headers?: Record<string, string>; body?: object } = {},
): ReturnType<typeof call> {
  const content = "x".repeat(tokens * 4);
  return call(gateway.origin, {
    path: "/v1/chat/completions",
    headers: { apikey: "key-alice", ...headers },
    body: JSON.stringify({ model: "m", messages: [{ content }], ...body }),
  });
}

const QUERY_COST = "x-ai-ratelimit-query-cost";
const REMAINING = "x-ai-ratelimit-remaining-minute-prompt";

describe("without an expression", () => {
  test("[proxy] kong traps 1 and 9: what fills the limit passes, one more does not; Remaining is before the request", async () => {
    await start();
    const first = await ask(60);
    expect([first.status, first.headers[QUERY_COST], first.headers[REMAINING]]).toEqual([200, "60", "100"]);
    const large = await ask(41);
    expect([large.status, large.headers[QUERY_COST], large.headers[REMAINING]]).toEqual([429, "41", "40"]);
    expect(JSON.parse(large.body)).toMatchObject({
      error: {
        message:
          'Gateway limit "prompt" of policy default/team reached: 100 prompt units per minute, 60 used, and this request ' +
          "asks for 41. Try again in 61 s.",
        type: "tokens",
        code: "rate_limit_exceeded",
      },
    });
    expect((await ask(40)).status).toBe(200);
    expect((await ask(1)).status).toBe(429);
    expect(upstream.received).toHaveLength(2);
  });

  test("[proxy] the wait is until the request fits: it passes then, and not a moment earlier", async () => {
    await start();
    await ask(60);
    const refused = await ask(70);
    // 60 fade to 30 in half of the next window.
    expect([refused.headers["retry-after"], refused.headers["x-ai-ratelimit-reset"]]).toEqual(["90", "90"]);
    nowMs = NOW + 89_999;
    expect((await ask(70)).status).toBe(429);
    nowMs = NOW + 90_000;
    expect((await ask(70)).status).toBe(200);
  });

  test("[proxy] kong trap 8: a request that can never fit is told so, with a legal Retry-After", async () => {
    await start();
    const { status, headers, body } = await ask(101);
    expect([status, headers["x-should-retry"], headers["retry-after"]]).toEqual([429, "false", "2147483"]);
    expect(headers["retry-after-ms"]).toBeUndefined();
    expect(JSON.parse(body)).toMatchObject({
      error: {
        message:
          'Gateway limit "prompt" of policy default/team reached: 100 prompt units per minute, 0 used, and this request ' +
          "asks for 101, more than the whole limit. It can never pass.",
      },
    });
    expect((await ask(100)).status).toBe(200);
  });

  test("[proxy] it works without any word of the provider, and what an error answers counts too", async () => {
    await start({ script: (_request, res) => res.writeHead(500, { "content-type": "text/plain" }).end("no") });
    expect((await ask(60)).status).toBe(500);
    expect((await ask(60)).status).toBe(429);
  });

  test("[proxy] 20 requests at once: as many pass as fit", async () => {
    await start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(30)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  });

  test("[proxy] calls without tokens count nothing", async () => {
    await start();
    await ask(100);
    const models = await call(gateway.origin, { method: "GET", path: "/v1/models", headers: { apikey: "key-alice" } });
    expect(models.status).toBe(200);
    expect(models.headers[QUERY_COST]).toBeUndefined();
  });

  test("[proxy] kong trap 17: a request that another limit refuses takes nothing of the prompt", async () => {
    const more = "\n  - {name: calls, unit: Requests, limit: 1, window: {duration: 1h, algorithm: Fixed}}";
    await start({ more });
    expect((await ask(10)).status).toBe(200);
    const refused = await ask(10);
    expect([refused.status, refused.headers[REMAINING]]).toEqual([429, "90"]);
    expect((await ask(10)).headers[REMAINING]).toBe("90");
  });

  test("[proxy] in Shadow it counts and refuses nothing", async () => {
    await start({ rest: ", mode: Shadow" });
    await ask(80);
    const over = await ask(80);
    expect([over.status, over.headers["x-airl-would-refuse"]]).toEqual([200, "default/team/prompt"]);
    expect(await gateway.metric("airl_would_refuse_total", { limit: "prompt" })).toBe(1);
  });
});

describe("chargeRefused", () => {
  test("[proxy] refused requests count too, and each lengthens the wait", async () => {
    await start({ rest: ", chargeRefused: true" });
    expect((await ask(90)).status).toBe(200);
    const first = await ask(90);
    // 180 by now: in the next window they have faded to 10 after 56.7 s.
    expect([first.status, first.headers[REMAINING], first.headers["retry-after"]]).toEqual([429, "0", "117"]);
    const second = await ask(90);
    expect([second.status, second.headers[REMAINING], second.headers["retry-after"]]).toEqual([429, "0", "118"]);
    nowMs = NOW + 60_000;
    expect((await ask(1)).status).toBe(429);
  });

  test("[proxy] without it a client that goes on asking gets in as soon as it fits", async () => {
    await start();
    await ask(90);
    for (let i = 0; i < 5; i += 1) expect((await ask(90)).status).toBe(429);
    nowMs = NOW + 113_334;
    expect((await ask(90)).status).toBe(200);
  });

  test("[proxy] what another limit refuses counts as well", async () => {
    const more = "\n  - {name: calls, unit: Requests, limit: 1, window: {duration: 1h, algorithm: Fixed}}";
    await start({ rest: ", chargeRefused: true", more });
    await ask(10);
    await ask(10);
    expect((await ask(10)).headers[REMAINING]).toBe("70");
  });
});

describe("by an expression", () => {
  const by = (expression: string): StartOptions => ({ rest: `, expression: '${expression}'` });

  test("[proxy] it reads model, messages, caps and headers", async () => {
    await start(by('model == "big" ? 50 : message_count * 10 + max_tokens / 100 + double(headers["x-extra"])'));
    const plain = await ask(1, { body: { max_tokens: 200 } });
    expect(plain.headers[QUERY_COST]).toBe("12");
    const two = await ask(1, { body: { messages: [{ content: "a" }, { content: "b" }], max_completion_tokens: 300 } });
    expect(two.headers[QUERY_COST]).toBe("23");
    const extra = await ask(1, { headers: { "X-Extra": "7" } });
    expect(extra.headers[QUERY_COST]).toBe("17");
    const big = await ask(1, { body: { model: "big" } });
    expect([big.status, big.headers[QUERY_COST], big.headers[REMAINING]]).toEqual([429, "50", "48"]);
  });

  test("[proxy] apisix traps 24 and 25: without a value the estimate counts, and the fault is counted", async () => {
    await start(by('double(headers["x-weight"]) > 1 && true ? double(headers["x-weight"]) : prompt_tokens / 0'));
    const answer = await ask(30, { headers: { "x-weight": "heavy" } });
    expect(answer.headers[QUERY_COST]).toBe("30");
    expect(await gateway.metric("airl_expression_faults_total", { limit: "prompt" })).toBe(1);
    expect((await ask(30, { headers: { "x-weight": "5" } })).headers[QUERY_COST]).toBe("5");
  });

  test("[proxy] a constant counts requests by weight", async () => {
    await start(by("50"));
    expect([(await ask(1)).status, (await ask(1)).status, (await ask(1)).status]).toEqual([200, 200, 429]);
  });
});

test("[proxy] of policies that share a counter the prompt counts once, and must fit in the limit of each", async () => {
  const limits = "  - {name: prompt, unit: RequestPrompt, limit: 100, window: {duration: 60s}}";
  upstream = await startScriptedUpstream(answersChat());
  nowMs = NOW;
  const shared = basics({ endpoint: upstream.origin, limits, policy: "  counters: {namespace: shared}" });
  const other = `
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: tight}
spec:
  counters: {namespace: shared}
  limits: [{name: prompt, unit: RequestPrompt, limit: 70, window: {duration: 60s}}]
`;
  gateway = await startGateway(shared + other, { nowMs: () => nowMs });
  expect((await ask(40)).status).toBe(200);
  const refused = await ask(31);
  expect([refused.status, refused.body]).toEqual([
    429,
    expect.stringContaining("policy default/tight reached: 70 prompt"),
  ]);
  expect((await ask(30)).status).toBe(200);
});
