import { afterEach, describe, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const LIMITS = "  - {name: minute, limit: 1000, window: {duration: 60s}}";
const PATH = "/v1/chat/completions";
/** Standing still: no usage slides out of view while a test compares it. */
const nowMs = (): number => Date.UTC(2026, 0, 1);
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

async function start(backend = "", route = ""): Promise<void> {
  upstream = await startScriptedUpstream(answersChat());
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits: LIMITS, backend, route }), { nowMs });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

describe("identification at the HTTP boundary", () => {
  test.for([
    { name: "header apikey", headers: { apikey: "key-alice" } },
    { name: "header x-api-key", headers: { "X-Api-Key": "key-alice" } },
    { name: "header api-key", headers: { "api-key": "key-alice" } },
    { name: "header x-goog-api-key", headers: { "x-goog-api-key": "key-alice" } },
    { name: "Authorization: Bearer", headers: { Authorization: "bearer key-alice" } },
    { name: "query apikey", path: `${PATH}?apikey=key-alice&x=1` },
    { name: "query key", path: `${PATH}?x=1&key=key-alice` },
  ])("[proxy] $name identifies, and the key never goes upstream", async ({ headers = {}, path = PATH }) => {
    await start();
    const answer = await call(gateway.origin, { path, headers, body: CHAT_BODY });
    expect(answer.status).toBe(200);
    expect((await gateway.nextRequestLine())["consumer"]).toBe("default/alice");
    const [received] = upstream.received;
    expect(JSON.stringify(received)).not.toContain("key-alice");
    expect(received?.url.startsWith(PATH)).toBe(true);
    if (path.includes("x=1")) expect(received?.url).toContain("x=1");
  });

  test.for([
    { name: "no key", headers: {}, code: "credential_missing", says: "header apikey" },
    { name: "an empty key", headers: { apikey: "" }, code: "credential_missing", says: "No API key found" },
    { name: "an unknown key", headers: { apikey: "wrong" }, code: "credential_unknown", says: "not known" },
    {
      name: "Basic authorization",
      headers: { authorization: "Basic a2V5" },
      code: "credential_missing",
      says: "No API key",
    },
  ])("[proxy] $name is 401 $code, touches no counter and no upstream", async ({ headers, code, says }) => {
    await start();
    const answer = await call(gateway.origin, { path: PATH, headers, body: CHAT_BODY });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toContain("Bearer");
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code } });
    expect(answer.body).toContain(says);
    expect(answer.body).not.toContain("wrong");
    expect(upstream.received).toEqual([]);
    expect(await gateway.metric("airl_store_latency_seconds_count")).toBe(0);
  });

  test("[proxy] a key given twice is refused: which one counts would be a guess", async () => {
    await start();
    const answer = await call(gateway.origin, {
      path: PATH,
      headers: { apikey: ["key-alice", "key-bob"] },
      body: CHAT_BODY,
    });
    expect(answer.status).toBe(401);
    expect(answer.body).toContain("credential_duplicated");
  });

  test("[proxy] identity headers from the client are removed, others cross unchanged", async () => {
    await start();
    const headers = {
      apikey: "key-alice",
      "X-Consumer-Username": "root",
      "x-credential-identifier": "root",
      "X-Airl-Anything": "1",
      "X-Keep": "Yes, this",
      Connection: "close, x-hop",
      "x-hop": "1",
    };
    await call(gateway.origin, { path: PATH, headers, body: CHAT_BODY });
    const received = upstream.received[0]?.headers ?? {};
    expect(received["x-keep"]).toBe("Yes, this");
    expect(Object.keys(received).filter((n) => /^x-(consumer|credential|airl|hop)/.test(n))).toEqual([]);
  });

  test("[proxy] the backend's credential is added and replaces whatever the client sent in its place", async () => {
    await start("  auth: {type: APIKey, apiKey: {value: provider-secret}}");
    const headers = { apikey: "key-alice", Authorization: "Bearer something-else" };
    await call(gateway.origin, { path: PATH, headers, body: CHAT_BODY });
    expect(upstream.received[0]?.rawHeaders.filter((h) => /bearer/i.test(h))).toEqual(["Bearer provider-secret"]);
  });

  test("[proxy] Passthrough keeps the client's provider key and hides the gateway's", async () => {
    await start("  auth: {type: Passthrough}");
    const headers = { apikey: "key-alice", Authorization: "Bearer sk-own" };
    await call(gateway.origin, { path: PATH, headers, body: CHAT_BODY });
    expect(upstream.received[0]?.headers.authorization).toBe("Bearer sk-own");
    expect(upstream.received[0]?.headers["apikey"]).toBeUndefined();
  });

  test("[proxy] a route without identification limits by client address, through trusted proxies only", async () => {
    await start("", "  authentication: {none: {}}");
    const post = (forwarded: string): ReturnType<typeof call> =>
      call(gateway.origin, { path: PATH, headers: { "x-forwarded-for": forwarded }, body: CHAT_BODY });
    await post("192.0.2.1");
    expect((await post("192.0.2.2")).headers["x-ai-ratelimit-remaining-minute-minute"]).toBe("988");
    await gateway.stop();
    gateway = await startGateway(
      basics({ endpoint: upstream.origin, limits: LIMITS, route: "  authentication: {none: {}}" }),
      { trustedProxies: ["127.0.0.1"], nowMs },
    );
    await post("192.0.2.1");
    expect((await post("192.0.2.2")).headers["x-ai-ratelimit-remaining-minute-minute"]).toBe("1000");
    expect((await post("forged, 192.0.2.1")).headers["x-ai-ratelimit-remaining-minute-minute"]).toBe("988");
  });

  test("[proxy] a key that is taken away is unknown from the next request on, however often it was used", async () => {
    await start();
    const post = (): ReturnType<typeof call> =>
      call(gateway.origin, { path: PATH, headers: { apikey: "key-alice" }, body: CHAT_BODY });
    expect([(await post()).status, (await post()).status]).toEqual([200, 200]);
    gateway.applyYaml(basics({ endpoint: upstream.origin, limits: LIMITS }).replace("key-alice", "key-alice-2"));
    expect((await post()).status).toBe(401);
  });

  test("[proxy] planted keys and bodies appear in no log line and no metric", async () => {
    await start("  auth: {type: APIKey, apiKey: {value: planted-provider-secret}}");
    for (const key of ["key-alice", "planted-unknown-key"]) {
      await call(gateway.origin, { path: `${PATH}?key=planted-query-key`, headers: { apikey: key }, body: CHAT_BODY });
    }
    await call(gateway.origin, { path: `${PATH}?key=planted-query-key`, body: CHAT_BODY });
    const metrics = await (await fetch(`${gateway.adminOrigin}/metrics`)).text();
    const seen = JSON.stringify(gateway.logLines) + metrics;
    expect(gateway.logLines.filter((l) => l["msg"] === "request")).toHaveLength(3);
    for (const secret of ["key-alice", "planted", "Jimi"]) expect(seen).not.toContain(secret);
  });
});
