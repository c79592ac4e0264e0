// How answers and refusals look over HTTP: formats of headers, what is hidden, bodies, statuses, jitter, and whose header
// stays when an upstream has one of the same name.

import type { IncomingHttpHeaders } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { chatCompletion, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

/** 20 s into a minute, 7 minutes into an hour. */
const NOW = Date.UTC(2025, 3, 18, 15, 7, 20);
const clock = { nowMs: NOW };
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

interface Start {
  readonly limits?: string;
  /** YAML of spec.response. */
  readonly response: string;
  /** Further documents; ORIGIN stands for the upstream. */
  readonly more?: string;
  /** Of the upstream's answers. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly status?: number;
  readonly random?: () => number;
}

/** Used up by the first request, which counts 12 tokens. */
const FIXED = "  - {name: l, limit: 12, window: {duration: 1h, algorithm: Fixed}}";

async function start({
  limits = FIXED,
  response,
  more = "",
  headers = {},
  status = 200,
  random,
}: Start): Promise<void> {
  clock.nowMs = NOW;
  upstream = await startScriptedUpstream((_request, res) => {
    const body = chatCompletion();
    res.writeHead(status, { "content-type": "application/json", ...headers });
    res.end(body);
  });
  const yaml =
    basics({ endpoint: upstream.origin, limits, response: `  response: ${response}` }) +
    more.replaceAll("ORIGIN", upstream.origin);
  gateway = await startGateway(yaml, { nowMs: () => clock.nowMs, ...(random && { random }) });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

const chat = (path = "/v1/chat/completions"): Promise<CallResult> =>
  call(gateway.origin, { path, headers: { apikey: "key-alice" }, body: CHAT_BODY });

/** A request that passes and one that is refused. */
async function both(): Promise<readonly [CallResult, CallResult]> {
  const passed = await chat();
  return [passed, await chat()];
}

/** As they were sent, without those of every answer. */
function limitHeaders({ rawHeaders }: CallResult): Record<string, string> {
  const shown: Record<string, string> = {};
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!/ratelimit|retry/i.test(name)) continue;
    if (Object.keys(shown).some((other) => other.toLowerCase() === name.toLowerCase()))
      throw new Error(`${name} twice`);
    shown[name] = rawHeaders[i + 1] ?? "";
  }
  return shown;
}

const RETRY = { "Retry-After": "3160", "x-should-retry": "false" };

describe("formats", () => {
  test.for([
    {
      formats: "[Instance]",
      passed: { "X-AI-RateLimit-Limit-l": "12", "X-AI-RateLimit-Remaining-l": "12", "X-AI-RateLimit-Reset-l": "3160" },
      refused: { "X-AI-RateLimit-Limit-l": "12", "X-AI-RateLimit-Remaining-l": "0", "X-AI-RateLimit-Reset-l": "3160" },
    },
    {
      formats: "[Rule]",
      passed: { "X-AI-l-RateLimit-Limit": "12", "X-AI-l-RateLimit-Remaining": "12", "X-AI-l-RateLimit-Reset": "3160" },
      refused: { "X-AI-l-RateLimit-Limit": "12", "X-AI-l-RateLimit-Remaining": "0", "X-AI-l-RateLimit-Reset": "3160" },
    },
    {
      formats: "[IETFDraft03]",
      passed: { "RateLimit-Limit": "12", "RateLimit-Remaining": "12", "RateLimit-Reset": "3160" },
      refused: { "RateLimit-Limit": "12", "RateLimit-Remaining": "0", "RateLimit-Reset": "3160" },
    },
    {
      formats: "[OpenAI]",
      passed: {
        "x-ratelimit-limit-tokens": "12",
        "x-ratelimit-remaining-tokens": "12",
        "x-ratelimit-reset-tokens": "52m40s",
      },
      refused: {
        "x-ratelimit-limit-tokens": "12",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "52m40s",
      },
    },
    {
      formats: "[Anthropic]",
      passed: {
        "anthropic-ratelimit-tokens-limit": "12",
        "anthropic-ratelimit-tokens-remaining": "12",
        "anthropic-ratelimit-tokens-reset": "2025-04-18T16:00:00Z",
      },
      refused: {
        "anthropic-ratelimit-tokens-limit": "12",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2025-04-18T16:00:00Z",
      },
    },
  ])(
    "[proxy] APISIX trap 2: $formats tells what remains before the request, on answers and refusals",
    async ({ formats, passed, refused }) => {
      await start({ response: `{headers: {formats: ${formats}}}` });
      const answers = await both();
      expect(answers.map(({ status }) => status)).toEqual([200, 429]);
      expect(limitHeaders(answers[0])).toEqual(passed);
      expect(limitHeaders(answers[1])).toEqual({ ...refused, ...RETRY });
    },
  );

  test("[proxy] Kong list 1, traps 1 and 2: an answer tells what remained before it, and neither reset nor wait", async () => {
    await start({ response: "{headers: {formats: [Window]}}" });
    expect(limitHeaders(await chat())).toEqual({
      "X-AI-RateLimit-Limit-hour-l": "12",
      "X-AI-RateLimit-Remaining-hour-l": "12",
    });
  });

  test.for([
    [1, "second"],
    [2, "2"],
    [30, "30"],
    [60, "minute"],
    [120, "120"],
    [3_600, "hour"],
    [86_400, "day"],
    [604_800, "604800"],
    [2_592_000, "month"],
    [31_536_000, "year"],
  ] as const)("[proxy] Kong list 1, trap 3: a window of %i s is named %s", async ([seconds, name]) => {
    const limits = `  - {name: l, limit: 12, window: {duration: ${String(seconds)}s}}`;
    await start({ limits, response: "{headers: {formats: [Window]}}" });
    expect((await chat()).headers[`x-ai-ratelimit-limit-${name}-l`]).toBe("12");
  });

  test("[proxy] Kong list 1, trap 28: the reset of the whole is the longest, and what is not exceeded remains", async () => {
    const limits = `  - {name: a, label: x, limit: 12, window: {duration: 60s, algorithm: Fixed}}
  - {name: b, label: x, limit: 12, window: {duration: 1h, algorithm: Fixed}}
  - {name: c, label: x, limit: 1000, window: {duration: 24h, algorithm: Fixed}}`;
    await start({ limits, response: "{headers: {formats: [Window]}}" });
    const [, refused] = await both();
    expect(limitHeaders(refused)).toEqual({
      "X-AI-RateLimit-Limit-minute-x": "12",
      "X-AI-RateLimit-Remaining-minute-x": "0",
      "X-AI-RateLimit-Limit-hour-x": "12",
      "X-AI-RateLimit-Remaining-hour-x": "0",
      "X-AI-RateLimit-Limit-day-x": "1000",
      "X-AI-RateLimit-Remaining-day-x": "988",
      "X-AI-RateLimit-Reset": "3160",
      "X-AI-RateLimit-Retry-After": "3160",
      "X-AI-RateLimit-Reset-minute-x": "40",
      "X-AI-RateLimit-Retry-After-minute-x": "40",
      "X-AI-RateLimit-Reset-hour-x": "3160",
      "X-AI-RateLimit-Retry-After-hour-x": "3160",
      ...RETRY,
    });
  });

  test("[proxy] APISIX trap 19: rules are named by their label, and a rule that refuses hides no other", async () => {
    const limits = `  - {name: a, label: "1", limit: 12, window: {duration: 1h, algorithm: Fixed}}
  - {name: b, label: "2", when: [{type: Header, name: x-trial}], limit: 50, window: {duration: 1h}}
  - {name: c, label: Test, limit: 50, window: {duration: 1h, algorithm: Fixed}}`;
    await start({ limits, response: "{headers: {formats: [Rule]}}" });
    const [, refused] = await both();
    expect(Object.keys(limitHeaders(refused)).filter((name) => name.endsWith("-Remaining"))).toEqual([
      "X-AI-1-RateLimit-Remaining",
      "X-AI-Test-RateLimit-Remaining",
    ]);
  });

  test("[proxy] the published answers of rules: full window and limit at first, the true rest of the window when it is used up", async () => {
    const limits = `  - {name: a, label: "1", limit: 10, window: {duration: 60s, algorithm: FixedFromFirst}}
  - {name: b, label: "2", limit: 50, window: {duration: 60s, algorithm: FixedFromFirst}}`;
    await start({ limits, response: "{headers: {formats: [Rule]}}" });
    expect(limitHeaders(await chat())).toEqual({
      "X-AI-1-RateLimit-Limit": "10",
      "X-AI-1-RateLimit-Remaining": "10",
      "X-AI-1-RateLimit-Reset": "60",
      "X-AI-2-RateLimit-Limit": "50",
      "X-AI-2-RateLimit-Remaining": "50",
      "X-AI-2-RateLimit-Reset": "60",
    });
    clock.nowMs += 19_578;
    const refused = await chat();
    expect([refused.status, limitHeaders(refused)]).toEqual([
      429,
      {
        "X-AI-1-RateLimit-Limit": "10",
        "X-AI-1-RateLimit-Remaining": "0",
        "X-AI-1-RateLimit-Reset": "40.422",
        "X-AI-2-RateLimit-Limit": "50",
        "X-AI-2-RateLimit-Remaining": "38",
        "X-AI-2-RateLimit-Reset": "40.422",
        "Retry-After": "41",
        "x-should-retry": "false",
      },
    ]);
  });

  test("[proxy] limits of several policies under one name: the lowest remaining is shown, whatever the case of letters", async () => {
    const more = `---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: other}
spec:
  limits: [{name: l, label: L, limit: 5, window: {duration: 1h, algorithm: Fixed}}]
  response: {headers: {formats: [Window, Instance]}}
`;
    await start({ response: "{headers: {formats: [Window, Instance]}}", more });
    expect(limitHeaders(await chat())).toEqual({
      "X-AI-RateLimit-Limit-hour-L": "5",
      "X-AI-RateLimit-Remaining-hour-L": "5",
      "X-AI-RateLimit-Limit-L": "5",
      "X-AI-RateLimit-Remaining-L": "5",
      "X-AI-RateLimit-Reset-L": "3160",
    });
  });

  test("[proxy] a request that can never fit is told so in every format: a reset is when the whole limit is there", async () => {
    const limits = "  - {name: l, unit: RequestPrompt, limit: 1, window: {duration: 1h, algorithm: Fixed}}";
    await start({ limits, response: "{headers: {formats: [Window, Instance, IETF, IETFDraft03, OpenAI, Anthropic]}}" });
    const refused = await chat();
    expect(refused.status).toBe(429);
    expect(limitHeaders(refused)).toMatchObject({
      "X-AI-RateLimit-Reset-l": "3160",
      "RateLimit-Reset": "3160",
      "x-ratelimit-reset-tokens": "52m40s",
      "anthropic-ratelimit-input-tokens-reset": "2025-04-18T16:00:00Z",
      "Retry-After": "2147483",
      "x-should-retry": "false",
    });
  });

  test("[proxy] maxLimits: as many limits as it says, the fullest", async () => {
    const limits = ["a", "b", "c"]
      .map((name, i) => `  - {name: ${name}, limit: ${String(100 * (i + 1))}, window: {duration: 1h}}`)
      .join("\n");
    await start({ limits, response: "{headers: {formats: [Window], maxLimits: 1}}" });
    await chat();
    expect(limitHeaders(await chat())).toEqual({
      "X-AI-RateLimit-Limit-hour-a": "100",
      "X-AI-RateLimit-Remaining-hour-a": "88",
    });
  });
});

describe("hide", () => {
  const ALL_FORMATS = "formats: [Window, Instance, Rule, IETF, IETFDraft03, OpenAI, Anthropic]";

  test("[proxy] Kong list 1, trap 30: Quota hides limit and remaining; resets and waits stay on refusals", async () => {
    await start({ response: "{headers: {formats: [Window, IETF], hide: Quota}}" });
    const [passed, refused] = await both();
    expect(limitHeaders(passed)).toEqual({});
    expect(limitHeaders(refused)).toEqual({
      "X-AI-RateLimit-Reset": "3160",
      "X-AI-RateLimit-Retry-After": "3160",
      "X-AI-RateLimit-Reset-hour-l": "3160",
      "X-AI-RateLimit-Retry-After-hour-l": "3160",
      ...RETRY,
    });
  });

  test("[proxy] All hides every limit header in every format; what HTTP has for waits stays", async () => {
    await start({ response: `{headers: {${ALL_FORMATS}, hide: All}}` });
    const [passed, refused] = await both();
    expect([limitHeaders(passed), limitHeaders(refused)]).toEqual([{}, RETRY]);
  });

  test.for([
    { hide: "None", told: true },
    { hide: "Quota", told: false },
    { hide: "All", told: false },
  ])(
    "[proxy] Kong list 1, trap 30: what a request asked for its prompt is told with $hide: $told",
    async ({ hide, told }) => {
      const limits = "  - {name: p, unit: RequestPrompt, limit: 1000, window: {duration: 1h}}";
      await start({ limits, response: `{headers: {formats: [Window], hide: ${hide}}}` });
      expect(Object.keys(limitHeaders(await chat())).includes("X-AI-RateLimit-Query-Cost")).toBe(told);
    },
  );

  test.for([
    { hide: "All", shown: undefined },
    { hide: "Quota", shown: "default/team/l" },
  ])("[proxy] what a Shadow limit would have refused is told with $hide: $shown", async ({ hide, shown }) => {
    const limits = "  - {name: l, mode: Shadow, limit: 12, window: {duration: 1h}}";
    await start({ limits, response: `{headers: {hide: ${hide}}}` });
    const [, second] = await both();
    expect([second.status, second.headers["x-airl-would-refuse"]]).toEqual([200, shown]);
  });
});

describe("bodies and statuses", () => {
  const shapeOf = ({ status, headers, body }: CallResult): unknown => ({ status, type: headers["content-type"], body });

  test("[proxy] Message: the published 66 bytes", async () => {
    const limits = FIXED.replace("name: l,", "name: l, label: openai,");
    await start({ limits, response: "{bodyFormat: Message}" });
    const [, refused] = await both();
    expect(shapeOf(refused)).toEqual({
      status: 429,
      type: "application/json; charset=utf-8",
      body: '{"message":"AI token rate limit exceeded for provider(s): openai"}',
    });
    expect(refused.headers["content-length"]).toBe("66");
  });

  test("[proxy] APISIX trap 23: ErrorMsg has a member of its own", async () => {
    await start({ response: '{statusCode: 503, bodyFormat: ErrorMsg, message: "rate limit"}' });
    const [, refused] = await both();
    expect(shapeOf(refused)).toEqual({
      status: 503,
      type: "application/json; charset=utf-8",
      body: '{"error_msg":"rate limit"}\n',
    });
  });

  test("[proxy] APISIX trap 22: ErrorMsg without a text is the words of the status", async () => {
    await start({ response: "{statusCode: 503, bodyFormat: ErrorMsg}" });
    const [, refused] = await both();
    expect(shapeOf(refused)).toEqual({
      status: 503,
      type: "text/plain; charset=utf-8",
      body: "Service Unavailable\n",
    });
  });

  test("[proxy] APISIX trap 21: 200 looks like an answer, says that none was asked for, and is counted as refused", async () => {
    await start({ response: '{statusCode: 200, bodyFormat: Message, message: "No: "}' });
    const [, refused] = await both();
    expect(shapeOf(refused)).toEqual({
      status: 200,
      type: "application/json; charset=utf-8",
      body: '{"message":"No: l"}',
    });
    expect(upstream.received).toHaveLength(1);
    expect(refused.headers["x-airl-response-latency"]).toMatch(/^\d+$/);
    expect(refused.headers["retry-after"]).toBeUndefined();
    expect(await gateway.metric("airl_refusals_total", { limit: "l" })).toBe(1);
  });

  test("[proxy] a status without content has no body and no type", async () => {
    await start({ response: "{statusCode: 204}" });
    const [, refused] = await both();
    expect(shapeOf(refused)).toEqual({ status: 204, type: undefined, body: "" });
  });

  test("[proxy] hideDetails: the refusal names neither limit nor usage", async () => {
    await start({ response: "{hideDetails: true, headers: {hide: All}}" });
    const [, refused] = await both();
    expect(JSON.parse(refused.body)).toMatchObject({
      error: { message: "Gateway limit reached. Try again in 3160 s.", type: "tokens" },
    });
  });

  test("[proxy] APISIX traps 8 and 9: the policy's status and body, with one backend and with several that are exhausted", async () => {
    const more = `---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: second}
spec: {provider: OpenAICompatible, endpoint: ORIGIN}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: two}
spec:
  matches: [{path: {type: PathPrefix, value: /two}}]
  backendRefs: [{name: llm}, {name: second}]
`;
    const limits = "  - {name: l, per: [{type: Backend}], limit: 12, window: {duration: 1h, algorithm: Fixed}}";
    const response = "{statusCode: 429, bodyFormat: ErrorMsg, message: spent, headers: {formats: [Instance]}}";
    await start({ limits, response, more });
    const two = "/two/v1/chat/completions";
    expect([(await chat(two)).status, (await chat(two)).status]).toEqual([200, 200]);
    const refused = [await chat(two), await chat(two), await chat()];
    for (const answer of refused)
      expect(shapeOf(answer)).toMatchObject({ status: 429, body: '{"error_msg":"spent"}\n' });
    expect(refused.map((answer) => Object.keys(limitHeaders(answer))[0])).toEqual([
      "X-AI-RateLimit-Limit-llm",
      "X-AI-RateLimit-Limit-second",
      "X-AI-RateLimit-Limit-llm",
    ]);
  });

  test("[proxy] of several exhausted policies the one with the longest reset answers, with its own labels only", async () => {
    const more = `---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: day}
spec:
  limits:
  - {name: a, label: day-a, limit: 12, window: {duration: 24h, algorithm: Fixed}}
  - {name: b, label: day-b, limit: 12, window: {duration: 60s, algorithm: Fixed}}
  response: {statusCode: 403, bodyFormat: Message, message: "Out of: ", headers: {formats: [Window]}}
`;
    await start({ response: "{statusCode: 503, bodyFormat: ErrorMsg, message: no}", more });
    const [, refused] = await both();
    expect(shapeOf(refused)).toMatchObject({ status: 403, body: '{"message":"Out of: day-a, day-b"}' });
  });
});

test("[proxy] Kong list 1, trap 8: one draw for each refusal, in Retry-After and in no reset", async () => {
  const drawn = [0, 0.5, 0.999_999];
  await start({
    response: "{headers: {formats: [Window]}, retryAfterJitter: 10s}",
    random: () => drawn.shift() ?? 0,
  });
  await chat();
  const answers = [await chat(), await chat(), await chat()].map(({ headers }) => headers);
  const told = (name: keyof IncomingHttpHeaders): unknown[] => answers.map((headers) => headers[name]);
  expect(told("retry-after")).toEqual(["3160", "3165", "3170"]);
  expect(told("x-ai-ratelimit-retry-after")).toEqual(["3160", "3165", "3170"]);
  expect(told("x-ai-ratelimit-retry-after-hour-l")).toEqual(["3160", "3165", "3170"]);
  expect(told("x-ai-ratelimit-reset")).toEqual(["3160", "3160", "3160"]);
  expect(told("x-ai-ratelimit-reset-hour-l")).toEqual(["3160", "3160", "3160"]);
});

describe("an upstream with headers of the same names", () => {
  const theirs = {
    "x-ratelimit-limit-tokens": "150000",
    "X-RateLimit-Remaining-Tokens": "149984",
    "x-ratelimit-limit-requests": "60",
    RateLimit: ['"a";r=1', '"b";r=2'],
  };

  test("[proxy] below 400 the gateway's stay, and the upstream's are told apart", async () => {
    await start({ response: "{headers: {formats: [OpenAI, IETF]}}", headers: theirs });
    const { headers } = await chat();
    expect(headers).toMatchObject({
      "x-ratelimit-limit-tokens": "12",
      "x-ratelimit-remaining-tokens": "12",
      "x-ratelimit-limit-requests": "60",
      ratelimit: '"default/team/l";r=12',
      "x-airl-upstream-x-ratelimit-limit-tokens": "150000",
      "x-airl-upstream-x-ratelimit-remaining-tokens": "149984",
      "x-airl-upstream-ratelimit": '"a";r=1, "b";r=2',
    });
    expect(headers["x-airl-upstream-x-ratelimit-limit-requests"]).toBeUndefined();
  });

  test("[proxy] on the upstream's own refusal its headers stay", async () => {
    await start({
      response: "{headers: {formats: [OpenAI]}}",
      headers: { ...theirs, RateLimit: "x", "retry-after": "7" },
      status: 429,
    });
    expect(limitHeaders(await chat())).toMatchObject({
      "x-ratelimit-limit-tokens": "150000",
      "X-RateLimit-Remaining-Tokens": "149984",
      "x-ratelimit-reset-tokens": "52m40s",
      "retry-after": "7",
    });
  });

  test("[proxy] in other formats they pass as they are", async () => {
    await start({ response: "{headers: {formats: [Window]}}", headers: theirs });
    expect((await chat()).headers).toMatchObject({
      "x-ratelimit-limit-tokens": "150000",
      ratelimit: '"a";r=1, "b";r=2',
    });
  });
});
