// A policy for all namespaces, over HTTP: it counts the requests of all of them together, beside and behind their own.

import { afterEach, beforeEach, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

/** Namespaces a and b with a consumer, a backend and a route each; operator is a consumer of the system namespace. */
const tenant = (namespace: string): string => `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: user, namespace: ${namespace}}
spec: {groups: [staff], credentials: [{name: main, apiKey: {value: key-${namespace}}}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm, namespace: ${namespace}}
spec: {provider: OpenAICompatible, endpoint: "${upstream.origin}"}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: chat, namespace: ${namespace}}
spec:
  matches: [{path: {type: PathPrefix, value: /}, hostnames: [${namespace}.example]}]
  backendRefs: [{name: llm}]
`;

const operator = `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: operator}
spec: {groups: [staff], credentials: [{name: main, apiKey: {value: key-operator}}]}
`;

const policy = (name: string, spec: string, namespace = "default"): string => `
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec: {${spec}}
`;

const limit = (name: string, rest = ""): string =>
  `limits: [{name: ${name}, unit: Requests, limit: 10, window: {duration: 60s}${rest}}]`;

beforeEach(async () => {
  upstream = await startScriptedUpstream(answersChat());
});
afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

async function start(...policies: readonly string[]): Promise<void> {
  const nowMs = Date.UTC(2026, 0, 1);
  gateway = await startGateway([tenant("a"), tenant("b"), operator, ...policies].join("---"), { nowMs: () => nowMs });
  expect(gateway.findings.filter(({ severity }) => severity === "error")).toEqual([]);
}

const ask = (namespace: string, key: string): Promise<CallResult> =>
  call(gateway.origin, {
    path: "/v1/chat/completions",
    headers: { host: `${namespace}.example`, apikey: key },
    body: CHAT_BODY,
  });

/** Remaining by the limit's name. */
async function remaining(namespace: string, key: string): Promise<Record<string, string>> {
  const { headers } = await ask(namespace, key);
  const prefix = "x-ai-ratelimit-remaining-minute-";
  const shown = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(shown.map(([name, value]) => [name.slice(prefix.length), String(value)]));
}

test("[proxy] a shared counter counts the requests of all namespaces, each consumer's is its own", async () => {
  await start(
    policy("all", `scope: Cluster, ${limit("all", ", per: [{type: Shared}]")}`),
    policy("each", `scope: Cluster, ${limit("each")}`),
  );
  expect(await remaining("a", "key-a")).toEqual({ all: "10", each: "10" });
  expect(await remaining("b", "key-b")).toEqual({ all: "9", each: "10" });
  expect(await remaining("a", "key-a")).toEqual({ all: "8", each: "9" });
});

test("[proxy] a consumer of the system namespace has one budget in all namespaces", async () => {
  await start(policy("one", `scope: Cluster, appliesTo: {consumers: [operator]}, ${limit("one")}`));
  expect(await remaining("a", "key-operator")).toEqual({ one: "10" });
  expect(await remaining("b", "key-operator")).toEqual({ one: "9" });
  expect(await remaining("b", "key-b")).toEqual({});
});

test("[proxy] groups are those of the system namespace: a namespace cannot put its consumers into them", async () => {
  await start(policy("staff", `scope: Cluster, appliesTo: {consumerGroups: [staff]}, ${limit("staff")}`));
  expect(await remaining("a", "key-operator")).toEqual({ staff: "10" });
  expect(await remaining("a", "key-a")).toEqual({});
});

test.for(["Route", "Backend", "ConsumerGroup"])(
  "[proxy] a counter for each %s is one for each of them in each namespace",
  async (type) => {
    await start(policy("per", `scope: Cluster, ${limit("per", `, label: per, per: [{type: ${type}}]`)}`));
    expect(await remaining("a", "key-a")).toEqual({ per: "10" });
    expect(await remaining("b", "key-b")).toEqual({ per: "10" });
    expect(await remaining("a", "key-a")).toEqual({ per: "9" });
  },
);

test("[proxy] conditions compare names of whatever namespace", async () => {
  await start(policy("users", `scope: Cluster, ${limit("users", ", when: [{type: Consumer, values: [user]}]")}`));
  expect(await remaining("b", "key-b")).toEqual({ users: "10" });
  expect(await remaining("b", "key-operator")).toEqual({});
});

test("[proxy] MostSpecific: a namespace's own policy displaces the cluster's; an Additive one of the cluster stays", async () => {
  await start(
    policy("cap", `scope: Cluster, ${limit("cap")}`),
    policy("default", `scope: Cluster, precedence: MostSpecific, ${limit("default")}`),
    policy("own", `precedence: MostSpecific, ${limit("own")}`, "a"),
  );
  expect(await remaining("a", "key-a")).toEqual({ cap: "10", own: "10" });
  expect(await remaining("b", "key-b")).toEqual({ cap: "10", default: "10" });
});

test("[proxy] a refusal names the policy where it is, in the system namespace", async () => {
  await start(policy("cap", `scope: Cluster, ${limit("cap").replace("10", "1")}`));
  await ask("a", "key-a");
  const { status, body } = await ask("a", "key-a");
  expect(status).toBe(429);
  expect(body).toContain('Gateway limit \\"cap\\" of policy default/cap reached');
});

test("[proxy] a namespace with nothing but routes of its own meets it, and no longer when it is gone", async () => {
  await start();
  expect(await remaining("a", "key-a")).toEqual({});
  gateway.applyYaml([tenant("a"), policy("cap", `scope: Cluster, ${limit("cap")}`)].join("---"));
  expect(await remaining("a", "key-a")).toEqual({ cap: "10" });
  gateway.applyYaml(tenant("a"));
  expect(await remaining("a", "key-a")).toEqual({});
});

test("[proxy] scope and name are part of a counter's identity: what was counted for the namespace is not the cluster's", async () => {
  await start(policy("cap", `scope: Namespace, ${limit("cap")}`));
  expect(await remaining("a", "key-a")).toEqual({});
  gateway.applyYaml([tenant("a"), tenant("b"), operator, policy("cap", `scope: Cluster, ${limit("cap")}`)].join("---"));
  expect(await remaining("a", "key-operator")).toEqual({ cap: "10" });
  expect(await remaining("b", "key-operator")).toEqual({ cap: "9" });
});

test("[proxy] the usage API lists it on the routes of the host", async () => {
  await start(policy("all", `scope: Cluster, ${limit("all", ", per: [{type: Route}]")}`));
  await ask("a", "key-a");
  const { body } = await call(gateway.origin, {
    method: "GET",
    path: "/.airl/usage",
    headers: { host: "a.example", apikey: "key-a" },
  });
  expect(JSON.parse(body)).toMatchObject({
    limits: [{ policy: "default/all", used: 1, per: [{ type: "Route", value: "a/chat" }], routes: ["chat"] }],
  });
});
