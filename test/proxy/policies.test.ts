// What policies promise a client over HTTP beyond plain limits: windows from the first request, which policy is in force,
// and the formats of limit headers.

import { parseList } from "structured-headers";
import { afterEach, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

/** 7.5 s into a minute: no window from the first request lies on the clock's grid. */
const NOW = Date.UTC(2025, 3, 18, 15, 0, 7, 500);
const clock = { nowMs: NOW };
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

interface Start {
  readonly limits: string;
  readonly response?: string;
  readonly policy?: string;
  /** Further documents. */
  readonly more?: string;
}

async function start({ limits, response = "", policy = "", more = "" }: Start): Promise<void> {
  clock.nowMs = NOW;
  upstream = await startScriptedUpstream(answersChat());
  const yaml = basics({ endpoint: upstream.origin, limits, response, policy }) + more;
  gateway = await startGateway(yaml, { nowMs: () => clock.nowMs });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

const chat = (key: string): Promise<CallResult> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: key }, body: CHAT_BODY });

const aPolicy = (name: string, spec: string): string => `---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: ${name}}
spec: ${spec}
`;

const FROM_FIRST = "window: {duration: 60s, algorithm: FixedFromFirst}";

test("[proxy] from first: the window opens with the first request, ends by its duration, and the wait is its real end", async () => {
  await start({ limits: `  - {name: l, limit: 12, ${FROM_FIRST}}` });
  expect((await chat("key-alice")).headers["ratelimit"]).toBe('"default/team/l";r=12');
  clock.nowMs = NOW + 59_000;
  const refused = await chat("key-alice");
  expect(refused.status).toBe(429);
  expect(refused.headers).toMatchObject({
    "retry-after": "1",
    "retry-after-ms": "1000",
    "x-ai-ratelimit-reset-minute-l": "1",
    ratelimit: '"default/team/l";r=0;t=1',
  });
  clock.nowMs = NOW + 60_000;
  expect((await chat("key-alice")).status).toBe(200);
  clock.nowMs = NOW + 119_999;
  expect((await chat("key-alice")).headers["retry-after-ms"]).toBe("1");
});

test("[proxy] from first: Requests are counted from the first one on", async () => {
  await start({ limits: `  - {name: l, unit: Requests, limit: 2, ${FROM_FIRST}}` });
  await chat("key-alice");
  clock.nowMs = NOW + 50_000;
  await chat("key-alice");
  expect((await chat("key-alice")).headers["retry-after"]).toBe("10");
  clock.nowMs = NOW + 60_000;
  expect((await chat("key-alice")).headers["x-ai-ratelimit-remaining-minute-l"]).toBe("2");
});

test("[proxy] from first: a request that another limit refuses opens the window too", async () => {
  await start({
    limits: `  - {name: first, limit: 100, per: [{type: Shared}], ${FROM_FIRST}}
  - {name: calls, unit: Requests, limit: 1, window: {duration: 1h, algorithm: Fixed}}`,
  });
  await chat("key-alice");
  clock.nowMs = NOW + 60_000;
  expect((await chat("key-alice")).status).toBe(429);
  clock.nowMs = NOW + 100_000;
  await chat("key-bob");
  clock.nowMs = NOW + 119_000;
  const { headers } = await chat("key-bob");
  expect(headers["ratelimit"]).toContain('"default/team/first";r=88');
  clock.nowMs = NOW + 120_000;
  expect((await chat("key-bob")).headers["ratelimit"]).toContain('"default/team/first";r=100');
});

test("[proxy] of MostSpecific policies only one is enforced, beside all Additive ones", async () => {
  const limit = (name: string, amount: number): string =>
    `limits: [{name: ${name}, limit: ${String(amount)}, window: {duration: 1h}}]`;
  await start({
    policy: "  precedence: MostSpecific",
    limits: "  - {name: all, limit: 1, window: {duration: 1h}}",
    more:
      aPolicy("gold", `{precedence: MostSpecific, appliesTo: {consumerGroups: [gold]}, ${limit("gold", 1000)}}`) +
      aPolicy("extra", `{${limit("extra", 5000)}}`),
  });
  await chat("key-alice");
  const alice = await chat("key-alice");
  expect(alice.status).toBe(200);
  expect(parseList(String(alice.headers["ratelimit-policy"])).map(([name]) => String(name))).toEqual([
    "default/extra/extra",
    "default/gold/gold",
  ]);
  await chat("key-bob");
  expect((await chat("key-bob")).status).toBe(429);
});

test("[proxy] a MostSpecific policy in Shadow reports what it would refuse and displaces nothing", async () => {
  await start({
    policy: "  precedence: MostSpecific",
    limits: "  - {name: all, limit: 20, window: {duration: 1h}}",
    more: aPolicy(
      "trial",
      "{precedence: MostSpecific, mode: Shadow, appliesTo: {consumers: [alice]}, limits: [{name: l, limit: 1, window: {duration: 1h}}]}",
    ),
  });
  await chat("key-alice");
  const second = await chat("key-alice");
  expect([second.status, second.headers["x-airl-would-refuse"]]).toEqual([200, "default/trial/l"]);
  expect((await chat("key-alice")).status).toBe(429);
});

test.for([
  { formats: "[Window]", window: "12", ietf: undefined },
  { formats: "[IETF]", window: undefined, ietf: '"default/team/l";q=12;w=3600;qu="tokens"' },
  { formats: "[]", window: undefined, ietf: undefined },
])("[proxy] limits are shown in formats $formats, on answers and on refusals; Retry-After always", async (row) => {
  await start({
    limits: "  - {name: l, limit: 12, window: {duration: 1h, algorithm: Fixed}}",
    response: `  response: {headers: {formats: ${row.formats}}}`,
  });
  const answers = [await chat("key-alice"), await chat("key-alice")];
  expect(answers.map(({ status }) => status)).toEqual([200, 429]);
  for (const { headers } of answers) {
    expect(headers["x-ai-ratelimit-limit-hour-l"]).toBe(row.window);
    expect(headers["ratelimit-policy"]).toBe(row.ietf);
  }
  const [, refused] = answers;
  expect(refused?.headers["retry-after"]).toBe("3593");
  expect(refused?.headers["x-ai-ratelimit-reset"]).toBe(row.window && "3593");
  expect(refused?.headers["ratelimit"]).toBe(row.ietf && '"default/team/l";r=0;t=3593');
});
