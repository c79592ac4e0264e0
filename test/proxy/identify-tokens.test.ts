// Signed tokens at the HTTP boundary, with an identity provider on loopback.

import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFakeClock, type FakeClock } from "../helpers/clock.ts";
import { errorOf } from "../helpers/error-of.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { leaksIn } from "../helpers/planted.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";
import { startTokenIssuer, type TokenIssuer, tell } from "../helpers/token-issuer.ts";

const PATH = "/v1/chat/completions";
let clock: FakeClock;
let issuer: TokenIssuer;
let upstream: ScriptedUpstream;
let gateway: GatewayUnderTest;

beforeEach(async () => {
  clock = createFakeClock();
  issuer = await startTokenIssuer({ nowMs: clock.nowMs });
  upstream = await startScriptedUpstream(answersChat());
});

afterEach(async () => {
  await gateway.stop();
  await Promise.all([upstream.close(), issuer.close()]);
});

interface Scene {
  readonly authentication?: string;
  readonly backend?: string;
  readonly credential?: string;
}

function manifests({ authentication = "{jwt: {}}", backend = "", credential = "" }: Scene): string {
  const claims = "claims: [{name: sub, value: alice}]";
  return `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: alice}
spec:
  credentials:
  - {name: sso, jwt: {issuer: "${issuer.issuer}", audience: ai, ${claims}}${credential}}
  - {name: key, apiKey: {value: key-alice}}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm}
spec:
  provider: OpenAICompatible
  endpoint: ${upstream.origin}
${backend}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all}
spec:
  matches: [{path: {type: PathPrefix, value: /}}]
  backendRefs: [{name: llm}]
  authentication: ${authentication}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: team}
spec: {limits: [{name: minute, limit: 1000, window: {duration: 60s}}]}
`;
}

async function start(scene: Scene = {}): Promise<void> {
  gateway = await startGateway(manifests(scene), { nowMs: clock.nowMs, wallClockMs: clock.nowMs });
  expect(gateway.findings.filter(({ severity }) => severity === "error")).toEqual([]);
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const post = (headers: Record<string, string | string[]>, path = PATH): Promise<CallResult> =>
  call(gateway.origin, { path, headers, body: CHAT_BODY });

test("[proxy] a token identifies its consumer; its keys are fetched once, and it never goes upstream", async () => {
  await start();
  const token = issuer.token();
  for (const scheme of ["Bearer", "bearer", "BEARER"]) {
    expect((await post({ authorization: `${scheme} ${token}`, "x-note": `again ${token}` })).status).toBe(200);
    expect((await gateway.nextRequestLine())["consumer"]).toBe("default/alice");
  }
  expect(issuer.asked).toEqual(["/.well-known/openid-configuration", "/keys"]);
  expect(JSON.stringify(upstream.received)).not.toContain(token.slice(token.lastIndexOf(".") + 1));
  expect(await gateway.metric("airl_issuer_key_fetches_total", { outcome: "ok" })).toBe(1);
});

test("[proxy] a body that comes while the keys are fetched is not lost", async () => {
  await start();
  const waiting: [string, ServerResponse][] = [];
  issuer.useScript((path, res) => void waiting.push([path, res]));
  const answer = post(bearer(issuer.token()));
  await expect.poll(() => waiting.length).toBe(1);
  issuer.useScript(undefined);
  const [, res] = waiting[0] ?? ["", undefined];
  if (res !== undefined) tell(res, { issuer: issuer.issuer, jwks_uri: issuer.jwksUri });
  expect((await answer).status).toBe(200);
  expect(upstream.received[0]?.body).toBe(CHAT_BODY);
});

test("[proxy] a client that leaves while the keys are fetched is recorded once, and the next one is served", async () => {
  await start();
  issuer.useScript(() => undefined);
  const left = new AbortController();
  const sent = fetch(`${gateway.origin}${PATH}`, {
    method: "POST",
    headers: bearer(issuer.token()),
    body: CHAT_BODY,
    signal: left.signal,
  });
  await expect.poll(() => issuer.asked.length).toBe(1);
  left.abort();
  await expect(sent).rejects.toThrow();
  expect((await gateway.nextRequestLine())["outcome"]).toBe("client_gone");
  expect(upstream.received).toEqual([]);
});

describe("a token that identifies nobody", () => {
  const row = (name: string, make: () => string, code: string, status = 401) => ({ name, make, code, status });
  test.for([
    row("that has expired", () => issuer.token({ exp: Math.floor(clock.nowMs() / 1000) - 31 }), "credential_expired"),
    row("of another issuer", () => issuer.token({ iss: "https://zq9f3c1e.example" }), "credential_unknown"),
    row("for another audience", () => issuer.token({ aud: "zq7b21d4" }), "credential_unknown"),
    row("of an unknown subject", () => issuer.token({ sub: "zq55e0a9" }), "credential_unknown"),
    row("whose signature is wrong", () => `${issuer.token().slice(0, -8)}AAAAAAAA`, "credential_invalid"),
    row("that is none", () => "zq10c2f8", "credential_malformed"),
  ])("[proxy] $name is $status $code with a challenge, and nothing of it is told", async ({ make, code, status }) => {
    await start();
    const token = make();
    const answer = await post(bearer(token));
    expect([answer.status, errorOf(answer).code]).toEqual([status, code]);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="ai-rate-limit", error="invalid_token"');
    expect(upstream.received).toEqual([]);
    expect(await gateway.metric("airl_store_latency_seconds_count")).toBe(0);
    const metrics = await (await fetch(`${gateway.adminOrigin}/metrics`)).text();
    const seen = answer.body + metrics + JSON.stringify(gateway.logLines);
    expect(leaksIn(seen, ["zq9f3c1e", "zq7b21d4", "zq55e0a9", "zq10c2f8"])).toEqual([]);
    expect(seen).not.toContain(token.slice(-20));
  });

  test("[proxy] none at all is missing, without an error in the challenge", async () => {
    await start();
    const answer = await post({ apikey: "key-alice" });
    expect([answer.status, errorOf(answer)]).toEqual([
      401,
      expect.objectContaining({
        code: "credential_missing",
        message: "No token found. Looked at: header Authorization: Bearer.",
      }),
    ]);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="ai-rate-limit"');
  });

  test("[proxy] is the anonymous consumer where the route has one", async () => {
    await start({ authentication: "{jwt: {}, anonymousConsumer: alice}" });
    expect((await post(bearer(issuer.token({ sub: "mallory" })))).status).toBe(200);
  });
});

describe("tokens and keys on one route", () => {
  const BOTH = "{jwt: {}, apiKey: {}}";

  test("[proxy] a token decides, and is not saved by a key", async () => {
    await start({ authentication: BOTH });
    expect((await post({ ...bearer(issuer.token()), apikey: "wrong" })).status).toBe(200);
    const answer = await post({ ...bearer(issuer.token({ sub: "mallory" })), apikey: "key-alice" });
    expect([answer.status, errorOf(answer).code]).toEqual([401, "credential_unknown"]);
  });

  test("[proxy] without a token a key identifies, also behind Bearer", async () => {
    await start({ authentication: BOTH });
    expect((await post({ apikey: "key-alice" })).status).toBe(200);
    expect((await post(bearer("key-alice"))).status).toBe(200);
    expect(errorOf(await post(bearer("wrong"))).code).toBe("credential_unknown");
    expect(errorOf(await post({})).code).toBe("credential_missing");
    expect(issuer.asked).toEqual([]);
  });

  test("[proxy] a token in a header of its own leaves Authorization to the provider's key", async () => {
    await start({ authentication: "{jwt: {header: X-Token}}", backend: "  auth: {type: Passthrough}" });
    const token = issuer.token();
    expect((await post({ "x-token": token, authorization: "Bearer sk-own" })).status).toBe(200);
    expect(upstream.received[0]?.headers.authorization).toBe("Bearer sk-own");
    expect(upstream.received[0]?.headers["x-token"]).toBeUndefined();
    await post({ "x-token": [token, token] });
    expect((await post({ "x-token": [token, token] })).body).toContain("credential_duplicated");
  });

  test("[proxy] hideCredentials false passes the token on", async () => {
    await start({ authentication: "{jwt: {hideCredentials: false}}" });
    const token = issuer.token();
    await post(bearer(token));
    expect(upstream.received[0]?.headers.authorization).toBe(`Bearer ${token}`);
  });
});

test("[proxy] keys at jwksUri are fetched there, without a discovery document", async () => {
  await start({ authentication: `{jwt: {issuers: [{issuer: "${issuer.issuer}", jwksUri: "${issuer.jwksUri}"}]}}` });
  expect((await post(bearer(issuer.token()))).status).toBe(200);
  expect(issuer.asked).toEqual(["/keys"]);
});

test("[proxy] a key set is never fetched from where a token says", async () => {
  const evil = await startTokenIssuer({ nowMs: clock.nowMs });
  await start();
  const header = { jku: evil.jwksUri, x5u: evil.jwksUri, kid: "first" };
  expect((await post(bearer(evil.token({ iss: issuer.issuer }, header)))).status).toBe(401);
  expect(evil.asked).toEqual([]);
  await evil.close();
});

test("[proxy] a redirect of the key set is not followed", async () => {
  await start();
  issuer.useScript((_, res) => res.writeHead(302, { location: issuer.jwksUri }).end());
  const answer = await post(bearer(issuer.token()));
  expect([answer.status, errorOf(answer).code, answer.headers["retry-after"]]).toEqual([
    503,
    "issuer_unavailable",
    "5",
  ]);
  expect(gateway.logLines).toContainEqual(
    expect.objectContaining({
      issuer: issuer.issuer,
      reason: `${issuer.issuer}/.well-known/openid-configuration: found status 302, wanted 200`,
    }),
  );
});

test.for([
  {
    name: "more than it may be",
    script: (res: ServerResponse) => res.writeHead(200).end("x".repeat(600_000)),
    says: "found more than 524288 bytes",
  },
  { name: "no JSON", script: (res: ServerResponse) => res.writeHead(200).end("<html>"), says: "found no JSON" },
  { name: "nothing", script: (res: ServerResponse) => res.destroy(), says: "lost the connection" },
])("[proxy] an issuer that sends $name is away, and the log says why", async ({ script, says }) => {
  await start();
  issuer.useScript((_, res) => void script(res));
  expect((await post(bearer(issuer.token()))).status).toBe(503);
  expect(JSON.stringify(gateway.logLines)).toContain(says);
  expect(await gateway.metric("airl_identification_failures_total", { reason: "issuer_unavailable" })).toBe(1);
  expect(await gateway.metric("airl_issuer_key_fetches_total", { outcome: "failed" })).toBe(1);
});

test("[proxy] a consumer that loses the credential, is suspended or whose credential expires is refused at once", async () => {
  await start();
  const token = issuer.token({ exp: Math.floor(clock.nowMs() / 1000) + 86_400 });
  expect((await post(bearer(token))).status).toBe(200);
  gateway.applyYaml(manifests({}).replace("value: alice", "value: bob"));
  expect((await post(bearer(token))).status).toBe(401);
  gateway.applyYaml(manifests({}).replace("  credentials:", "  suspended: true\n  credentials:"));
  expect((await post(bearer(token))).status).toBe(403);
  gateway.applyYaml(manifests({ credential: ', expiresAt: "2026-01-01T00:00:05Z"' }));
  expect((await post(bearer(token))).status).toBe(200);
  clock.advance(5_000);
  expect(errorOf(await post(bearer(token))).code).toBe("credential_expired");
  expect(issuer.asked).toHaveLength(2);
});

test("[proxy] usage is told to who asks with a token", async () => {
  await start({ authentication: "{jwt: {}, apiKey: {}}" });
  await post(bearer(issuer.token()));
  const usage = (headers: Record<string, string>): Promise<CallResult> =>
    call(gateway.origin, { method: "GET", path: "/.airl/usage", headers });
  const answer = await usage(bearer(issuer.token()));
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toMatchObject({ limits: [{ used: 12 }] });
  expect(errorOf(await usage(bearer(issuer.token({ sub: "mallory" })))).code).toBe("credential_unknown");
  expect(errorOf(await usage({})).message).toContain("No API key or token found.");
});
