// GET /.airl/usage over real sockets: whose key, which limits, which figures, and what it refuses.

import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallOptions, CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

/** Second 0 of a minute. */
const NOW = Date.UTC(2025, 3, 18, 15, 0, 0);
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

const usageAnswer = z.strictObject({
  consumer: z.strictObject({ namespace: z.string(), name: z.string() }),
  time: z.string(),
  source: z.enum(["store", "local"]),
  complete: z.boolean(),
  limits: z.array(z.looseObject({ name: z.string() })),
});

interface StartOptions {
  readonly limits: string;
  readonly policy?: string;
  readonly route?: string;
  readonly backend?: string;
  readonly more?: string;
  readonly clock?: { nowMs: number };
}

async function start({ limits, more = "", clock = { nowMs: NOW }, ...rest }: StartOptions): Promise<void> {
  upstream = await startScriptedUpstream(answersChat());
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits, ...rest }) + more, {
    nowMs: () => clock.nowMs,
  });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

const ask = (key: string, options: CallOptions = {}): ReturnType<typeof call> =>
  call(gateway.origin, { method: "GET", path: "/.airl/usage", headers: { apikey: key }, ...options });

async function usageOf(key: string, options: CallOptions = {}): Promise<z.output<typeof usageAnswer>> {
  const answer = await ask(key, options);
  expect(answer.status, answer.body).toBe(200);
  return usageAnswer.parse(JSON.parse(answer.body));
}

const chat = (key: string, headers: Record<string, string> = {}): ReturnType<typeof call> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: key, ...headers }, body: CHAT_BODY });

const MINUTE = "  - {name: minute, limit: 100, window: {duration: 60s, algorithm: Fixed}}";

describe("what it tells", () => {
  test("[proxy] the limit, what is used of it, its window and when it begins anew", async () => {
    await start({ limits: MINUTE });
    await chat("key-alice");
    const answer = await ask("key-alice");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(JSON.parse(answer.body)).toEqual({
      consumer: { namespace: "default", name: "alice" },
      time: "2025-04-18T15:00:00.000Z",
      source: "store",
      complete: true,
      limits: [
        {
          policy: "default/team",
          name: "minute",
          label: "minute",
          unit: "TotalTokens",
          mode: "Enforce",
          limit: 100,
          used: 12,
          remaining: 88,
          exhausted: false,
          resetSeconds: 60,
          window: {
            algorithm: "Fixed",
            seconds: 60,
            start: "2025-04-18T15:00:00.000Z",
            end: "2025-04-18T15:01:00.000Z",
          },
          per: [{ type: "Consumer", value: "default/alice" }],
          when: [],
          routes: ["all"],
          backends: ["llm"],
        },
      ],
    });
    expect(upstream.received).toHaveLength(1);
  });

  test.for(["Requests", "PromptTokens", "CompletionTokens", "TotalTokens"])(
    "[proxy] figures of %s are those of the headers of the next answer, in every kind of window",
    async (unit) => {
      const clock = { nowMs: NOW + 1_500 };
      await start({
        clock,
        limits: ["Sliding", "Fixed", "FixedFromFirst"]
          .map(
            (a) => `  - {name: ${a.toLowerCase()}, unit: ${unit}, limit: 40, window: {duration: 60s, algorithm: ${a}}}`,
          )
          .join("\n"),
      });
      await chat("key-alice");
      clock.nowMs += 70_000;
      await chat("key-alice");
      clock.nowMs += 5_000;
      const { limits } = await usageOf("key-alice");
      const { headers } = await chat("key-alice");
      for (const name of ["sliding", "fixed", "fixedfromfirst"]) {
        const told = limits.find((limit) => limit.name === name);
        expect(String(told?.["remaining"])).toBe(headers[`x-ai-ratelimit-remaining-minute-${name}`]);
        expect(headers["ratelimit"]).toContain(
          `"default/team/${name}";r=${String(told?.["remaining"])};t=${String(told?.["resetSeconds"])}`,
        );
      }
    },
  );

  test("[proxy] money is told as a decimal text, exactly", async () => {
    await start({
      limits: '  - {name: money, unit: Cost, limit: "0.5", window: {duration: 1h, algorithm: Fixed}}',
      backend: '  models: [{name: gpt-4o, prices: {inputPer1M: "1", outputPer1M: "2", currency: USD}}]',
    });
    await chat("key-alice");
    const { limits } = await usageOf("key-alice");
    expect(limits).toMatchObject([{ unit: "Cost", limit: "0.5", used: "0.000019", remaining: "0.499981" }]);
  });

  test("[proxy] an exhausted limit is told with the wait of its refusal, a Shadow limit with its mode", async () => {
    await start({
      limits: `  - {name: small, limit: 12, window: {duration: 60s}}
  - {name: shadow, limit: 12, mode: Shadow, window: {duration: 60s}}`,
    });
    await chat("key-alice");
    const { limits } = await usageOf("key-alice");
    expect(limits).toMatchObject([
      { name: "small", used: 12, remaining: 0, exhausted: true, resetSeconds: 61, mode: "Enforce" },
      { name: "shadow", used: 12, remaining: 0, exhausted: true, mode: "Shadow" },
    ]);
    expect((await chat("key-alice")).headers["retry-after"]).toBe("61");
  });

  test("[proxy] asking charges nothing and opens no window", async () => {
    const clock = { nowMs: NOW };
    await start({
      clock,
      limits: `  - {name: first, limit: 100, window: {duration: 60s, algorithm: FixedFromFirst}}
  - {name: calls, unit: Requests, limit: 100, window: {duration: 60s, algorithm: Fixed}}`,
    });
    for (let i = 0; i < 3; i += 1) {
      clock.nowMs += 1_000;
      const { limits } = await usageOf("key-alice");
      expect(limits).toMatchObject([
        { name: "first", used: 0, resetSeconds: null, window: { start: null, end: null } },
        { name: "calls", used: 0, remaining: 100 },
      ]);
    }
  });
});

describe("limits that depend on more than the caller", () => {
  const TWO_BACKENDS = `
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: other}
spec: {provider: OpenAI, endpoint: http://127.0.0.1:9}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: second}
spec:
  matches: [{path: {type: Exact, value: /second}}]
  backendRefs: [{name: other}]
`;

  test("[proxy] one entry for each backend's counter, and none for a backend that no route uses", async () => {
    await start({
      limits: "  - {name: each, limit: 50, per: [{type: Consumer}, {type: Backend}], window: {duration: 1h}}",
      more: TWO_BACKENDS,
    });
    await chat("key-alice");
    const { limits } = await usageOf("key-alice");
    expect(limits).toMatchObject([
      { label: "llm", used: 12, per: [{ value: "default/alice" }, { type: "Backend", value: "llm" }], routes: ["all"] },
      {
        label: "other",
        used: 0,
        per: [{ value: "default/alice" }, { type: "Backend", value: "other" }],
        routes: ["second"],
      },
    ]);
  });

  test("[proxy] models: those that the limit names, the one asked about, else said to be unknown", async () => {
    await start({
      limits: `  - {name: named, limit: 50, when: [{type: Model, values: [gpt-4o, o1]}], per: [{type: Model}], window: {duration: 1h}}
  - {name: any, limit: 60, per: [{type: Consumer}, {type: Model}], window: {duration: 1h}}
  - {name: cheap, limit: 70, when: [{type: Model, match: Prefix, values: [mini]}], window: {duration: 1h}}`,
    });
    await chat("key-alice");
    const { limits } = await usageOf("key-alice");
    expect(limits).toMatchObject([
      { name: "named", used: 12, per: [{ type: "Model", value: "gpt-4o" }] },
      { name: "named", used: 0, per: [{ type: "Model", value: "o1" }] },
      { name: "any", used: null, remaining: null, reason: "counted for each model: ask with ?model=NAME" },
      { name: "cheap", used: 0, when: [{ type: "Model", match: "Prefix", values: ["mini"] }] },
    ]);
    const asked = await usageOf("key-alice", { path: "/.airl/usage?model=gpt-4o" });
    expect(asked.limits).toMatchObject([
      { name: "named", used: 12 },
      { name: "any", used: 12, per: [{ value: "default/alice" }, { type: "Model", value: "gpt-4o" }] },
    ]);
  });

  test("[proxy] a counter by a request header is not looked up, and what headers are asked for is not told", async () => {
    await start({
      limits: `  - {name: team, limit: 50, per: [{type: Header, name: X-Team}], window: {duration: 1h}}
  - {name: vip, limit: 50, when: [{type: Header, name: X-Vip, values: [opensesame]}], window: {duration: 1h}}`,
    });
    await chat("key-alice", { "x-team": "red", "x-vip": "opensesame" });
    const answer = await ask("key-bob", { headers: { apikey: "key-bob", "x-team": "red" } });
    expect(JSON.parse(answer.body)).toMatchObject({
      limits: [
        {
          name: "team",
          used: null,
          per: [{ type: "Header:x-team" }],
          reason: "counted for each value of the request header x-team",
        },
        { name: "vip", used: 0, when: [{ type: "Header", name: "x-vip" }] },
      ],
    });
    expect(answer.body).not.toMatch(/opensesame|red/);
  });

  test("[proxy] of MostSpecific policies only the one in force is told", async () => {
    const policy = (name: string, appliesTo: string): string => `
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: ${name}}
spec:
  precedence: MostSpecific
  appliesTo: ${appliesTo}
  limits: [{name: ${name}, limit: 50, window: {duration: 1h}}]
`;
    await start({
      policy: "  precedence: MostSpecific",
      limits: MINUTE,
      more: policy("for-gold", "{consumerGroups: [gold]}") + policy("for-bob", "{consumers: [bob]}"),
    });
    expect((await usageOf("key-alice")).limits).toMatchObject([{ name: "for-gold" }]);
    expect((await usageOf("key-bob")).limits).toMatchObject([{ name: "for-bob" }]);
  });
});

describe("whose key", () => {
  test("[proxy] each key is told of its own consumer's counters alone", async () => {
    await start({ limits: MINUTE });
    await chat("key-alice");
    expect((await usageOf("key-bob")).limits).toMatchObject([{ used: 0, per: [{ value: "default/bob" }] }]);
    expect((await usageOf("key-alice")).limits).toMatchObject([{ used: 12, per: [{ value: "default/alice" }] }]);
  });

  test.for([
    { name: "none", headers: {}, says: "No API key found. Looked at: header x-team-key, query parameter token." },
    { name: "one in a place that no route reads", headers: { apikey: "key-alice" }, says: "No API key found" },
    { name: "an unknown one", headers: { "x-team-key": "nobody" }, says: "The API key is not known here." },
    { name: "two", headers: { "x-team-key": ["key-alice", "key-bob"] }, says: "header x-team-key is given twice" },
  ])("[proxy] 401 as on routes for $name", async ({ headers, says }) => {
    await start({
      limits: MINUTE,
      route: "  authentication: {apiKey: {headers: [x-team-key], query: [token]}}",
    });
    const answer = await ask("", { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="ai-rate-limit"');
    expect(answer.body).toContain(says);
    expect((await gateway.nextRequestLine())["outcome"]).toBe("unauthenticated");
    const known = await ask("", { headers: { "x-team-key": "key-alice" } });
    expect(known.status).toBe(200);
    expect((await ask("", { headers: {}, path: "/.airl/usage?token=key-bob" })).status).toBe(200);
  });

  test("[proxy] without any route for the host, the usual places are read", async () => {
    await start({ limits: MINUTE });
    gateway.applyYaml(`
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: alone}
spec: {credentials: [{name: main, apiKey: {value: key-alone}}]}
`);
    const answer = await ask("", { headers: { authorization: "Bearer key-alone" } });
    expect(JSON.parse(answer.body)).toMatchObject({ consumer: { name: "alone" }, source: "store", limits: [] });
    expect((await ask("", { headers: {} })).status).toBe(401);
  });

  test("[proxy] a route without identification lends no limits to a key", async () => {
    await start({ limits: MINUTE, route: "  authentication: {none: {}}" });
    expect((await usageOf("key-alice")).limits).toEqual([]);
    expect((await ask("", { headers: {} })).status).toBe(401);
  });

  test("[proxy] hosts of other namespaces tell nothing of this one", async () => {
    const other = `
---
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: carol, namespace: other}
spec: {credentials: [{name: main, apiKey: {value: key-carol}}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm, namespace: other}
spec: {provider: OpenAI, endpoint: http://127.0.0.1:9}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all, namespace: other}
spec:
  matches: [{path: {type: PathPrefix, value: /}, hostnames: [other.example]}]
  backendRefs: [{name: llm}]
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: theirs, namespace: other}
spec: {limits: [{name: theirs, limit: 5, window: {duration: 1h}}]}
`;
    await start({ limits: MINUTE, more: other, route: "" });
    expect((await ask("key-carol")).status).toBe(401);
    const there = await usageOf("key-carol", { headers: { apikey: "key-carol", host: "other.example" } });
    expect(there).toMatchObject({ consumer: { namespace: "other", name: "carol" }, limits: [{ name: "theirs" }] });
  });
});

describe("what it refuses", () => {
  test.for(["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])("[proxy] %s is a 405 that names GET", async (method) => {
    await start({ limits: MINUTE });
    const answer = await ask("key-alice", { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET");
    expect(upstream.received).toHaveLength(0);
  });

  test.for([
    "/.airl",
    "/.airl/",
    "/.airl/usage/",
    "/.airl/usage/more",
    "/.airl/other",
    "/%2eairl/usage",
    "/%2Eairl/x",
    "/.%61irl/usage",
  ])("[proxy] %s is a 404 of the gateway itself: no route gets it", async (path) => {
    await start({ limits: MINUTE });
    const answer = await ask("key-alice", { path });
    expect(answer.status).toBe(404);
    expect(answer.body).toContain("The gateway itself answers at /.airl/usage");
    expect(upstream.received).toHaveLength(0);
  });

  test.for(["/.airline", "/%", "/.", "/..airl/usage"])("[proxy] %s is a route's matter", async (path) => {
    await start({ limits: MINUTE });
    const answer = await call(gateway.origin, { path, headers: { apikey: "key-alice" }, body: CHAT_BODY });
    expect(answer.status).toBe(200);
  });

  test("[proxy] who asks too often gets 429 with Retry-After, and others go on", async () => {
    await start({ limits: MINUTE });
    const answers = await Promise.all(Array.from({ length: 15 }, () => ask("key-alice")));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(4);
    expect(refused[0]?.headers["retry-after"]).toBe("1");
    expect(JSON.parse(refused[0]?.body ?? "")).toMatchObject({ error: { code: "usage_too_often" } });
    expect((await ask("key-bob")).status).toBe(200);
    expect((await chat("key-alice")).status).toBe(200);
  });

  test("[proxy] a model of thousands of characters is a 400, a body is read past, secrets are in no log line", async () => {
    await start({ limits: MINUTE });
    expect((await ask("key-alice", { path: `/.airl/usage?model=${"m".repeat(5_000)}` })).status).toBe(400);
    const withBody = await ask("key-alice", {
      body: "x".repeat(200_000),
      path: "/.airl/usage?model=%00%ff%3Cscript%3E",
    });
    expect(withBody.status).toBe(200);
    await ask("", { headers: {}, path: "/.airl/usage?key=key-alice" });
    const lines = JSON.stringify(gateway.logLines);
    expect(lines).toContain('"outcome":"answered"');
    expect(lines).not.toContain("key-alice");
  });

  test("[proxy] with thousands of counters the answer is bounded and says that it is cut", async () => {
    const routes = Array.from(
      { length: 300 },
      (_, i) => `
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: r${String(i)}}
spec: {matches: [{path: {type: Exact, value: /r${String(i)}}}], backendRefs: [{name: llm}]}
`,
    );
    const limits = Array.from(
      { length: 4 },
      (_, i) => `  - {name: l${String(i)}, limit: 5, per: [{type: Consumer}, {type: Route}], window: {duration: 1h}}`,
    );
    await start({ limits: limits.join("\n"), more: routes.join("") });
    const { limits: told, complete } = await usageOf("key-alice");
    expect(told).toHaveLength(128);
    expect(complete).toBe(false);
  });
});
