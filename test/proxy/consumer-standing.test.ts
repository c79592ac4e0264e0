// What a consumer may do once it is known: keys that expire, suspended consumers, models that are not for it. Nothing of what
// is refused here is charged.

import { afterEach, describe, expect, test } from "vitest";
import { createFakeClock, type FakeClock } from "../helpers/clock.ts";
import { DIALECTS } from "../helpers/dialect-requests.ts";
import { errorOf } from "../helpers/error-of.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const START = Date.UTC(2026, 0, 1);
let clock: FakeClock;
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

function manifests(consumer: string, provider: string): string {
  return `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: alice}
spec: ${consumer}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm}
spec: {provider: ${provider}, endpoint: "${upstream.origin}"}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all}
spec: {matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: llm}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: team}
spec:
  limits:
  - {name: minute, limit: 1000, window: {duration: 60s}}
  - {name: calls, unit: Requests, limit: 100, window: {duration: 60s}}
`;
}

async function start(consumer: string, provider = "OpenAICompatible"): Promise<void> {
  clock = createFakeClock(START);
  upstream = await startScriptedUpstream(answersChat());
  gateway = await startGateway(manifests(consumer, provider), { nowMs: clock.nowMs, wallClockMs: clock.nowMs });
  expect(gateway.findings.filter(({ severity }) => severity === "error")).toEqual([]);
}

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

const post = (body = CHAT_BODY, apikey = "key-alice"): Promise<CallResult> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey }, body });
const codeOf = (answer: CallResult): string | undefined => errorOf(answer).code;
const asking = (model: string): string => CHAT_BODY.replace("gpt-4o", model);

describe("a credential that expires", () => {
  const TWO = `{credentials: [{name: old, apiKey: {value: key-alice}, expiresAt: "2026-01-01T01:00:00+01:00"},
    {name: new, apiKey: {value: key-new}, expiresAt: "2026-06-01T00:00:00.5Z"}]}`;

  test("[proxy] identifies until its time by the gateway's clock, however often it was used before", async () => {
    await start(TWO.replace("T01:00:00+01:00", "T02:00:00+01:00"));
    expect([(await post()).status, (await post()).status]).toEqual([200, 200]);
    clock.advance(3_599_999);
    expect((await post()).status).toBe(200);
    clock.advance(1);
    const answer = await post();
    expect([answer.status, codeOf(answer)]).toEqual([401, "credential_expired"]);
    expect(answer.body).toContain("The API key has expired.");
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="ai-rate-limit"');
    expect((await post(CHAT_BODY, "key-new")).status).toBe(200);
    expect(await gateway.metric("airl_identification_failures_total", { reason: "expired" })).toBe(1);
    expect(await gateway.metric("airl_store_latency_seconds_count")).toBe(4);
  });

  test("[proxy] shows no usage either", async () => {
    await start(TWO);
    const usage = (apikey: string): Promise<CallResult> =>
      call(gateway.origin, { method: "GET", path: "/.airl/usage", headers: { apikey } });
    const answer = await usage("key-alice");
    expect([answer.status, codeOf(answer)]).toEqual([401, "credential_expired"]);
    expect((await usage("key-new")).status).toBe(200);
  });
});

describe("refused with 403, in the words of the client's dialect, without touching a counter", () => {
  const KEY = "credentials: [{name: main, apiKey: {value: key-alice}}]";

  test.for(DIALECTS)("[proxy] a suspended consumer, $name", async ({ provider, path, body, headers, permission }) => {
    await start(`{suspended: true, ${KEY}}`, provider);
    const answer = await call(gateway.origin, {
      path,
      headers: { "x-api-key": "key-alice", ...headers },
      body: body("m"),
    });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject(
      permission("consumer_suspended", "Consumer default/alice is suspended."),
    );
    expect(answer.headers["www-authenticate"]).toBeUndefined();
    expect(upstream.received).toEqual([]);
    expect(await gateway.metric("airl_store_latency_seconds_count")).toBe(0);
    expect(await gateway.metric("airl_identification_failures_total", { reason: "suspended" })).toBe(1);
    expect((await gateway.nextRequestLine())["consumer"]).toBe("default/alice");
  });

  test.for(DIALECTS)(
    "[proxy] a model that is not for it, $name",
    async ({ provider, path, body, headers, permission }) => {
      await start(`{models: {allow: ["good-*"], deny: [good-but-not-this]}, ${KEY}}`, provider);
      const send = (model: string): Promise<CallResult> =>
        call(gateway.origin, { path, headers: { "x-api-key": "key-alice", ...headers }, body: body(model) });
      for (const model of ["bad", "good-but-not-this", "GOOD-BUT-NOT-THIS"]) {
        const answer = await send(model);
        expect(answer.status).toBe(403);
        expect(JSON.parse(answer.body)).toMatchObject(
          permission("model_denied", `Consumer default/alice may not use model "${model}".`),
        );
      }
      expect(upstream.received).toEqual([]);
      expect(await gateway.metric("airl_store_latency_seconds_count")).toBe(0);
      expect((await send("good-one")).status).toBe(200);
      expect(await gateway.metric("airl_identification_failures_total", { reason: "model_denied" })).toBe(3);
    },
  );
});

describe("models", () => {
  const SPEC = "{models: {allow: [gpt-4o]}, credentials: [{name: main, apiKey: {value: key-alice}}]}";

  test("[proxy] that a request does not name are not guessed", async () => {
    await start(SPEC);
    const answer = await post(JSON.stringify({ messages: [] }));
    expect([answer.status, codeOf(answer)]).toEqual([403, "model_denied"]);
    expect(answer.body).toContain("The request names no model; Consumer default/alice may use some models only.");
  });

  test("[proxy] of a body that cannot be read are a 400 as ever", async () => {
    await start(SPEC);
    expect((await post('{"model":"gpt-4o","MODEL":"o1","messages":[]}')).status).toBe(400);
    expect(upstream.received).toEqual([]);
  });

  test("[proxy] may be listed by those who may use some", async () => {
    await start(SPEC);
    const list = await call(gateway.origin, { method: "GET", path: "/v1/models", headers: { apikey: "key-alice" } });
    expect(list.status).toBe(200);
  });

  test("[proxy] change with the consumer, from the next request on", async () => {
    await start(SPEC);
    expect([(await post()).status, (await post(asking("o1"))).status]).toEqual([200, 403]);
    gateway.applyYaml(manifests(SPEC.replace("gpt-4o", "o1"), "OpenAICompatible"));
    expect([(await post()).status, (await post(asking("o1"))).status]).toEqual([403, 200]);
    gateway.applyYaml(manifests(SPEC.replace("models", "suspended: true, models"), "OpenAICompatible"));
    expect((await post(asking("o1"))).status).toBe(403);
  });
});
