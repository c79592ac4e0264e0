// API keys at the HTTP boundary: places, challenges, anonymous callers, what goes upstream. Numbers of traps: test/compatibility/traps.ts.

import { afterEach, describe, expect, test } from "vitest";
import { errorOf } from "../helpers/error-of.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const PATH = "/v1/chat/completions";
const LIMITS = "  - {name: minute, limit: 1000, window: {duration: 60s}}";
/** Standing still: no usage slides out of view while a test compares it. */
const nowMs = (): number => Date.UTC(2026, 0, 1);
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

interface Scene {
  readonly authentication: string;
  readonly backend?: string;
  readonly limits?: string;
  readonly more?: string;
}

async function start({ authentication, backend = "", limits = LIMITS, more = "" }: Scene): Promise<void> {
  upstream = await startScriptedUpstream(answersChat());
  const yaml = basics({ endpoint: upstream.origin, limits, backend, route: `  authentication: ${authentication}` });
  gateway = await startGateway(`${yaml}---\n${more}`, { nowMs });
}

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

type Headers = Record<string, string | string[]>;
const post = (headers: Headers = {}, path = PATH): Promise<CallResult> =>
  call(gateway.origin, { path, headers, body: CHAT_BODY });

describe("places", () => {
  test("[proxy] kong trap 31, apisix trap 38: the first place that is present decides; a bad header is not saved by a good query", async () => {
    await start({ authentication: "{apiKey: {headers: [x-team], query: [token]}}" });
    const answer = await post({ "x-team": "wrong" }, `${PATH}?token=key-alice`);
    expect([answer.status, errorOf(answer).code]).toEqual([401, "credential_unknown"]);
    expect((await post({ "X-TEAM": "key-alice" }, `${PATH}?token=wrong`)).status).toBe(200);
    expect((await post({ "x-team": "" }, `${PATH}?token=key-alice`)).status).toBe(200);
    expect(errorOf(await post({}, `${PATH}?TOKEN=key-alice`)).code).toBe("credential_missing");
    expect(await gateway.metric("airl_store_latency_seconds_count")).toBe(2);
  });

  test.for([
    { name: "header", headers: { "x-team": ["key-alice", "key-alice"] }, path: PATH, where: "header x-team" },
    {
      name: "query parameter",
      headers: {},
      path: `${PATH}?token=key-alice&token=key-alice`,
      where: "query parameter token",
    },
  ])("[proxy] one $name twice is a 401 that says duplicate", async ({ headers, path, where }) => {
    await start({ authentication: "{apiKey: {headers: [x-team], query: [token]}}" });
    const answer = await post(headers, path);
    expect([answer.status, errorOf(answer)]).toEqual([
      401,
      expect.objectContaining({
        code: "credential_duplicated",
        message: `More than one API key found: ${where} is given twice.`,
      }),
    ]);
  });

  test("[proxy] behind Bearer stands one token", async () => {
    await start({ authentication: "{apiKey: {headers: [Authorization], query: [key]}}" });
    const answer = await post({ authorization: "Bearer key-alice key-bob" }, `${PATH}?key=key-alice`);
    expect([answer.status, errorOf(answer).code]).toEqual([401, "credential_malformed"]);
    expect(answer.body).not.toContain("key-");
    expect((await post({ authorization: "bEaReR   key-alice" })).status).toBe(200);
  });
});

describe("the challenge", () => {
  test.for([
    { name: "by default", authentication: "{apiKey: {}}", challenge: 'Bearer realm="ai-rate-limit"' },
    { name: "with a realm", authentication: "{apiKey: {}, realm: team}", challenge: 'Bearer realm="team"' },
    {
      name: "with a realm that must be quoted",
      authentication: `{apiKey: {}, realm: 'a "b" \\ c'}`,
      challenge: 'Bearer realm="a \\"b\\" \\\\ c"',
    },
    {
      name: "where keys are not read from Authorization",
      authentication: "{apiKey: {headers: [apikey]}, realm: team}",
      challenge: 'Key realm="team"',
    },
    { name: "where tokens identify", authentication: "{jwt: {}, realm: team}", challenge: 'Bearer realm="team"' },
  ])("[proxy] $name is $challenge on every 401", async ({ authentication, challenge }) => {
    await start({ authentication });
    const answers = [await post(), await post({ apikey: "wrong" }), await post({ apikey: ["a", "b"] })];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.headers["www-authenticate"]).toBe(challenge);
    }
  });
});

describe("what goes upstream", () => {
  test("[proxy] apisix trap 37: listed places are emptied, and nothing else is touched", async () => {
    await start({ authentication: "{apiKey: {headers: [x-team], query: [token]}}" });
    await post({ "X-Team": "key-alice", "X-Other": "key" }, `${PATH}?b=%41&token=unused&a=1+2&&Token=t`);
    expect(upstream.received[0]?.url).toBe(`${PATH}?b=%41&a=1+2&&Token=t`);
    expect(upstream.received[0]?.headers["x-other"]).toBe("key");
    expect(JSON.stringify(upstream.received[0])).not.toContain("key-alice");
  });

  test("[proxy] hideCredentials false lets the key cross, as it was sent", async () => {
    await start({ authentication: "{apiKey: {headers: [x-team], query: [token], hideCredentials: false}}" });
    await post({ "X-Team": "key-alice" }, `${PATH}?token=%6b`);
    expect(upstream.received[0]?.headers["x-team"]).toBe("key-alice");
    expect(upstream.received[0]?.url).toBe(`${PATH}?token=%6b`);
  });

  test("[proxy] kong trap 19: who the client says it is in X-Consumer headers goes nowhere", async () => {
    await start({ authentication: "{apiKey: {}}" });
    const forged = {
      "X-Consumer-ID": "1",
      "X-Consumer-Custom-ID": "acct-1",
      "X-Consumer-Username": "root",
      "X-Consumer-Groups": "gold",
      "X-Credential-Identifier": "root",
      "X-Anonymous-Consumer": "true",
      X_Consumer_Username: "root",
    };
    const answer = await post({ apikey: "key-alice", ...forged });
    expect(answer.status).toBe(200);
    const names = upstream.received[0]?.rawHeaders.filter((_, i) => i % 2 === 0) ?? [];
    expect(names.filter((name) => /^x.(consumer|credential|anonymous)/i.test(name))).toEqual([]);
    expect(answer.rawHeaders.filter((name) => /^x-(consumer|credential|anonymous)/i.test(name))).toEqual([]);
  });
});

describe("kong trap 19: limits that look at identity headers", () => {
  const WHO = `apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: carol}
spec: {username: Carol, customID: acct-7, groups: [red, blue], credentials: [{name: laptop, apiKey: {value: key-carol}}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: guest}
spec: {}
`;
  const limitOn = (name: string, value: string): string =>
    `  - {name: one, unit: Requests, limit: 1, window: {duration: 60s}, when: [{type: Header, name: ${name}, values: ["${value}"]}]}`;
  const statuses = async (key: string, headers: Headers): Promise<number[]> => [
    (await post({ apikey: key, ...headers })).status,
    (await post({ apikey: key, ...headers })).status,
  ];

  test.for([
    { name: "X-Consumer-Username", value: "Carol" },
    { name: "X-Consumer-Custom-ID", value: "acct-7" },
    { name: "X-Consumer-Groups", value: "red, blue" },
    { name: "X-Credential-Identifier", value: "laptop" },
  ])("[proxy] $name is what identification found, whatever the client says", async ({ name, value }) => {
    await start({ authentication: "{apiKey: {}}", more: WHO, limits: limitOn(name, value) });
    expect(await statuses("key-alice", { [name]: value })).toEqual([200, 200]);
    expect(await statuses("key-carol", { [name]: "somebody" })).toEqual([200, 429]);
  });

  test("[proxy] X-Anonymous-Consumer is true of those who are", async () => {
    const authentication = "{apiKey: {}, anonymousConsumer: guest}";
    await start({ authentication, more: WHO, limits: limitOn("X-Anonymous-Consumer", "true") });
    expect(await statuses("key-alice", { "x-anonymous-consumer": "true" })).toEqual([200, 200]);
    expect(await statuses("wrong", {})).toEqual([200, 429]);
  });

  test.for(["X-Consumer-ID", "X_Consumer_Username"])("[proxy] %s says nothing", async (name) => {
    await start({ authentication: "{apiKey: {}}", more: WHO, limits: limitOn(name, "bob") });
    expect(await statuses("key-alice", { [name]: "bob" })).toEqual([200, 200]);
  });

  test("[proxy] and nothing without identification", async () => {
    await start({ authentication: "{none: {}}", limits: limitOn("X-Consumer-Username", "bob") });
    expect(await statuses("", { "x-consumer-username": "bob" })).toEqual([200, 200]);
  });
});

const GUEST = `apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: guest}
spec: {groups: [guests]}
`;

describe("an anonymous consumer", () => {
  test.for([
    { name: "no key", headers: {} },
    { name: "an unknown key", headers: { apikey: "wrong" } },
    { name: "a key given twice", headers: { apikey: ["a", "b"] } },
  ])("[proxy] is who a caller with $name is, by its own limits", async ({ headers }) => {
    await start({
      authentication: "{apiKey: {}, anonymousConsumer: guest}",
      more: GUEST,
      limits: "  - {name: guests, limit: 5, window: {duration: 60s}, when: [{type: ConsumerGroup, values: [guests]}]}",
    });
    expect((await post(headers)).status).toBe(200);
    expect((await gateway.nextRequestLine())["consumer"]).toBe("default/guest");
    expect((await post(headers)).status).toBe(429);
    expect((await post({ apikey: "key-alice" })).status).toBe(200);
    expect(JSON.stringify(upstream.received)).not.toContain("wrong");
  });

  test("[proxy] that does not exist leaves a 401 that says so, and validate an error", async () => {
    await start({ authentication: "{apiKey: {}, anonymousConsumer: gest}", more: GUEST });
    expect(gateway.findings.filter(({ severity }) => severity === "error")).toMatchObject([
      {
        code: "TargetNotFound",
        field: "spec.authentication.anonymousConsumer",
        found: '"gest"',
        wanted: "a Consumer of this namespace; did you mean `guest`?",
      },
    ]);
    const answer = await post({ apikey: "wrong" });
    expect([answer.status, errorOf(answer)]).toEqual([
      401,
      expect.objectContaining({
        code: "credential_unknown",
        message:
          "The API key is not known on this route. Consumer gest, whom this route takes such callers for, does not exist.",
      }),
    ]);
    expect((await post({ apikey: "key-alice" })).status).toBe(200);
    expect(upstream.received).toHaveLength(1);
  });

  test("[proxy] that is suspended lets nobody through", async () => {
    await start({
      authentication: "{apiKey: {}, anonymousConsumer: guest}",
      more: GUEST.replace("groups: [guests]", "suspended: true"),
    });
    expect([(await post()).status, (await post({ apikey: "key-alice" })).status]).toEqual([403, 200]);
  });
});

describe("a CORS preflight request", () => {
  const ASKS = { origin: "https://app.example", "access-control-request-method": "POST" };
  const preflight = (headers: Headers = ASKS, path = PATH): Promise<CallResult> =>
    call(gateway.origin, { method: "OPTIONS", path, headers });

  test("[proxy] must identify its caller by default", async () => {
    await start({ authentication: "{apiKey: {}}" });
    expect((await preflight()).status).toBe(401);
    expect((await preflight({ ...ASKS, apikey: "key-alice" })).status).toBe(405);
    expect(upstream.received).toEqual([]);
  });

  test.for([PATH, "/anything"])(
    "[proxy] to %s passes with runOnPreflight false, without any credential",
    async (path) => {
      await start({
        authentication: "{apiKey: {}, runOnPreflight: false}",
        backend: "  auth: {type: APIKey, apiKey: {value: provider-secret}}",
      });
      const answer = await preflight({ ...ASKS, apikey: "key-alice", authorization: "Bearer x" }, path);
      expect(answer.status).toBe(200);
      const [received] = upstream.received;
      expect([received?.method, received?.url, received?.body]).toEqual(["OPTIONS", PATH, ""]);
      expect(received?.headers.origin).toBe("https://app.example");
      expect(JSON.stringify(received)).not.toMatch(/provider-secret|key-alice|Bearer/);
      expect((await gateway.nextRequestLine())["consumer"]).toBeUndefined();
      expect((await post({}, path)).status).toBe(401);
    },
  );

  test.for([
    { name: "without Origin", headers: { "access-control-request-method": "POST" } },
    { name: "without the method that is asked for", headers: { origin: "https://app.example" } },
    { name: "with a body", headers: { ...ASKS, "content-length": "2" } },
  ])("[proxy] $name is none", async ({ headers }) => {
    await start({ authentication: "{apiKey: {}, runOnPreflight: false}" });
    const body = "content-length" in headers ? "{}" : "";
    expect((await call(gateway.origin, { method: "OPTIONS", path: PATH, headers, body })).status).toBe(401);
    expect(upstream.received).toEqual([]);
  });

  test("[proxy] that passes counts for limits of requests, per address", async () => {
    await start({
      authentication: "{apiKey: {}, runOnPreflight: false}",
      limits: "  - {name: calls, unit: Requests, limit: 1, window: {duration: 60s}}",
    });
    expect([(await preflight()).status, (await preflight()).status]).toEqual([200, 429]);
  });

  test("[proxy] for a call that the gateway cannot meter goes nowhere", async () => {
    await start({ authentication: "{apiKey: {}, runOnPreflight: false}" });
    expect((await preflight(ASKS, "/v1/images/generations")).status).toBe(404);
    expect(upstream.received).toEqual([]);
  });
});
