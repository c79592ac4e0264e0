// Which policies a request meets, over HTTP: every two and every three levels of MostSpecific policies, Additive ones
// beside them, and which of several exhausted ones answers.

import { afterAll, beforeAll, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const clock = { nowMs: Date.UTC(2026, 0, 1) };
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

/** ann is in two groups; the system namespace is "default". */
const world = (endpoint: string): string => `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: ann}
spec: {groups: [silver, gold], credentials: [{name: main, apiKey: {value: key-ann}}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm}
spec: {provider: OpenAICompatible, endpoint: "${endpoint}"}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: chat}
spec: {matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: llm}]}
`;

interface Policy {
  readonly name: string;
  readonly spec?: string;
  readonly limit?: string;
  readonly created?: string;
}

const MOST_SPECIFIC = "precedence: MostSpecific";

function yamlOf({ name, spec = "", limit = "limit: 1000, window: {duration: 60s}", created = "01" }: Policy): string {
  return `---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: ${name}, creationTimestamp: "2026-01-${created}T00:00:00Z"}
spec: {${spec === "" ? "" : `${spec}, `}limits: [{name: ${name}, ${limit}}]}
`;
}

beforeAll(async () => {
  upstream = await startScriptedUpstream(answersChat());
  gateway = await startGateway(world(upstream.origin), { nowMs: () => clock.nowMs });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.close();
});

function apply(...policies: readonly Policy[]): void {
  const findings = gateway.applyYaml(world(upstream.origin) + policies.map(yamlOf).join(""));
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
}

const ask = (): Promise<CallResult> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: "key-ann" }, body: CHAT_BODY });

/** Names of the limits that an answer shows. */
function shownBy({ headers }: CallResult): string[] {
  const prefix = "x-ai-ratelimit-limit-minute-";
  return Object.keys(headers)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .sort();
}

/** From the most to the least specific. */
const LEVELS = [
  { name: "consumer-route", spec: "appliesTo: {consumers: [ann], routes: [chat]}" },
  { name: "group-route", spec: "appliesTo: {consumerGroups: [gold], routes: [chat]}" },
  { name: "consumer", spec: "appliesTo: {consumers: [ann]}" },
  { name: "group", spec: "appliesTo: {consumerGroups: [gold]}" },
  { name: "route", spec: "appliesTo: {routes: [chat]}" },
  { name: "namespace", spec: "" },
  { name: "cluster", spec: "scope: Cluster" },
] as const;

type Level = (typeof LEVELS)[number];

function combinations(size: number, from: readonly Level[] = LEVELS): Level[][] {
  if (size === 0) return [[]];
  return from.flatMap((first, i) => combinations(size - 1, from.slice(i + 1)).map((rest) => [first, ...rest]));
}

const rival = ({ name, spec }: Level, i: number): Policy => ({
  name,
  spec: spec === "" ? MOST_SPECIFIC : `${spec}, ${MOST_SPECIFIC}`,
  // The less specific are the older.
  created: `1${String(9 - i)}`,
});

const additive: Policy = { name: "beside", spec: "appliesTo: {routes: [chat]}" };

test.for([2, 3].flatMap((size) => combinations(size)).map((levels) => ({ levels, names: levels.map((l) => l.name) })))(
  "[proxy] kong 26, apisix 42: of $names the first is in force and the others are not, beside an Additive one",
  async ({ levels, names }) => {
    apply(...levels.map(rival), additive);
    expect(shownBy(await ask())).toEqual(["beside", names[0]].toSorted());
  },
);

test("[proxy] kong 17: Additive policies of all levels are enforced side by side", async () => {
  apply(...LEVELS.slice(3).map(({ name, spec }) => ({ name, spec })));
  expect(shownBy(await ask())).toEqual(["cluster", "group", "namespace", "route"]);
});

test("[proxy] kong 25: of the policies for two groups of a consumer the one whose group sorts first is in force", async () => {
  const group = (name: string, created: string): Policy => ({
    name: `for-${name}`,
    created,
    spec: `appliesTo: {consumerGroups: [${name}]}, ${MOST_SPECIFIC}`,
  });
  apply(group("silver", "01"), group("gold", "09"));
  expect(shownBy(await ask())).toEqual(["for-gold"]);
});

test("[proxy] equal ones: the older is in force, then the name that sorts first", async () => {
  const equal = (name: string, created: string): Policy => ({ name, created, spec: MOST_SPECIFIC });
  apply(equal("a", "02"), equal("b", "01"));
  expect(shownBy(await ask())).toEqual(["b"]);
  apply(equal("b", "01"), equal("a", "01"));
  expect(shownBy(await ask())).toEqual(["a"]);
});

test("[proxy] apisix 41: members of a group share a counter kept for the group, and have their own else", async () => {
  const bob = world(upstream.origin).replace("ann}", "bob}").replace("key-ann", "key-bob");
  const [consumer = ""] = bob.split("---");
  const policies = [
    {
      name: "together",
      spec: "appliesTo: {consumerGroups: [gold]}",
      limit: "limit: 1000, per: [{type: ConsumerGroup}], window: {duration: 60s}",
    },
    { name: "each", spec: "appliesTo: {consumerGroups: [gold]}" },
  ];
  gateway.applyYaml(`${consumer}---${world(upstream.origin)}${policies.map(yamlOf).join("")}`);
  clock.nowMs += 3_600_000;
  await ask();
  const { headers } = await call(gateway.origin, {
    path: "/v1/chat/completions",
    headers: { apikey: "key-bob" },
    body: CHAT_BODY,
  });
  expect(Number(headers["x-ai-ratelimit-remaining-minute-together"])).toBeLessThan(1000);
  expect(headers["x-ai-ratelimit-remaining-minute-each"]).toBe("1000");
});

test("[proxy] of several exhausted policies the one with the longest wait answers, be it Additive or MostSpecific", async () => {
  const response = (status: number): string => `response: {statusCode: ${String(status)}, bodyFormat: Message}`;
  const fixed = (duration: string): string => `limit: 1, window: {duration: ${duration}, algorithm: Fixed}`;
  const answers = async (longer: "additive" | "specific"): Promise<CallResult> => {
    apply(
      { name: "additive", spec: response(430), limit: fixed(longer === "additive" ? "1h" : "60s") },
      { name: "shadowed", spec: `${response(431)}, ${MOST_SPECIFIC}`, limit: fixed("24h") },
      {
        name: "specific",
        spec: `appliesTo: {consumers: [ann]}, ${response(432)}, ${MOST_SPECIFIC}`,
        limit: fixed(longer === "specific" ? "1h" : "60s"),
      },
    );
    await ask();
    return ask();
  };
  clock.nowMs = Date.UTC(2027, 0, 1, 0, 20);
  const byAdditive = await answers("additive");
  expect([byAdditive.status, byAdditive.headers["retry-after"]]).toEqual([430, String(40 * 60)]);
  expect(byAdditive.body).toBe('{"message":"AI token rate limit exceeded for provider(s): additive"}');
  clock.nowMs = Date.UTC(2027, 0, 2, 0, 20);
  const bySpecific = await answers("specific");
  expect([bySpecific.status, bySpecific.headers["retry-after"]]).toEqual([432, String(40 * 60)]);
  expect(bySpecific.body).toBe('{"message":"AI token rate limit exceeded for provider(s): specific"}');
});
