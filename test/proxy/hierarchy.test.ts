// Budgets of those that a caller belongs to, over HTTP: every level is checked and charged, and a refusal says which one
// it was.

import { afterEach, beforeEach, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

interface Member {
  readonly name: string;
  readonly parent?: string;
  readonly groups?: string;
  /** Further fields. */
  readonly more?: string;
}

const consumer = ({ name, parent, groups = "", more = "" }: Member): string => `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: ${name}}
spec:
  groups: [${groups}]
  credentials: [{name: main, apiKey: {value: key-${name}}}]
${parent === undefined ? "" : `  parentRef: {name: ${parent}}`}
  ${more}
`;

const base = (): string => `
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm}
spec: {provider: OpenAICompatible, endpoint: "${upstream.origin}"}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: chat}
spec: {matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: llm}]}
`;

const policy = (name: string, spec: string): string => `
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: ${name}}
spec: {${spec}}
`;

const limit = (max: number, rest = "", name = "l"): string =>
  `limits: [{name: ${name}, unit: Requests, limit: ${String(max)}, window: {duration: 60s, algorithm: Fixed}${rest}}]`;

/** acme has research and sales; ann and bob are in research, carl in sales; zoe stands alone. */
const FAMILY: readonly Member[] = [
  { name: "acme" },
  { name: "research", parent: "acme", groups: "gold" },
  { name: "sales", parent: "acme" },
  { name: "ann", parent: "research" },
  { name: "bob", parent: "research" },
  { name: "carl", parent: "sales" },
  { name: "zoe" },
];

beforeEach(async () => {
  upstream = await startScriptedUpstream(answersChat());
});
afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

const yaml = (members: readonly Member[], policies: readonly string[]): string =>
  [base(), ...members.map(consumer), ...policies].join("---");

async function start(policies: readonly string[], members = FAMILY): Promise<void> {
  const nowMs = Date.UTC(2026, 0, 1);
  gateway = await startGateway(yaml(members, policies), { nowMs: () => nowMs });
}

const ask = (name: string): Promise<CallResult> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: `key-${name}` }, body: CHAT_BODY });

/** Remaining by label. */
async function remaining(name: string): Promise<Record<string, string>> {
  const { headers } = await ask(name);
  const prefix = "x-ai-ratelimit-remaining-minute-";
  const shown = Object.entries(headers).filter(([header]) => header.startsWith(prefix));
  return Object.fromEntries(shown.map(([header, value]) => [header.slice(prefix.length), String(value)]));
}

test("[proxy] a policy that names a consumer counts all who belong to it together, each header under its name", async () => {
  await start([
    policy("org", `appliesTo: {consumers: [acme]}, ${limit(100, "", "org")}`),
    policy("team", `appliesTo: {consumers: [research, sales]}, ${limit(50, "", "team")}`),
    policy("everyone", limit(10, "", "own")),
  ]);
  expect(gateway.findings).toMatchObject(FAMILY.map(() => ({ code: "InlineSecret" })));
  expect(await remaining("ann")).toEqual({ "org-acme": "100", "team-research": "50", own: "10" });
  expect(await remaining("bob")).toEqual({ "org-acme": "99", "team-research": "49", own: "10" });
  expect(await remaining("carl")).toEqual({ "org-acme": "98", "team-sales": "50", own: "10" });
  expect(await remaining("research")).toEqual({ "org-acme": "97", team: "48", own: "10" });
  expect(await remaining("zoe")).toEqual({ own: "10" });
});

test("[proxy] a policy that names several levels of one caller holds on each of them", async () => {
  await start([policy("all", `appliesTo: {consumers: [acme, research, ann]}, ${limit(3)}`)]);
  expect(await remaining("ann")).toEqual({ l: "3", "l-research": "3", "l-acme": "3" });
  expect(await remaining("bob")).toEqual({ "l-research": "2", "l-acme": "2" });
  expect(await remaining("carl")).toEqual({ "l-acme": "1" });
  const refused = await ask("carl");
  expect(refused.status).toBe(429);
  expect(refused.body).toContain(
    'Gateway limit \\"l\\" of policy default/all for Consumer acme, 2 levels above the caller, reached: 3 requests per minute, 3 used.',
  );
});

test("[proxy] a refused request charges no level", async () => {
  await start([
    policy("org", `appliesTo: {consumers: [acme]}, ${limit(100, "", "org")}`),
    policy("team", `appliesTo: {consumers: [research]}, ${limit(1, "", "team")}`),
  ]);
  await ask("ann");
  const refused = await ask("bob");
  expect([refused.status, refused.headers["x-ai-ratelimit-remaining-minute-org-acme"]]).toEqual([429, "99"]);
  expect(refused.body).toContain("for Consumer research, 1 level above the caller, reached");
  expect(refused.headers["x-ai-ratelimit-reset-minute-team-research"]).toBe("60");
  expect(await remaining("carl")).toEqual({ "org-acme": "99" });
});

test("[proxy] IETF headers tell the levels apart", async () => {
  const response = "response: {headers: {formats: [IETF]}}";
  await start([policy("all", `appliesTo: {consumers: [acme, ann]}, ${response}, ${limit(3)}`)]);
  const { headers } = await ask("ann");
  expect(headers["ratelimit"]).toBe('"default/all/l";r=3, "default/all/l/acme";r=3');
});

test("[proxy] a shared counter of such a policy is one, whoever of them calls", async () => {
  await start([policy("all", `appliesTo: {consumers: [acme, research]}, ${limit(9, ", per: [{type: Shared}]")}`)]);
  expect(await remaining("ann")).toEqual({ l: "9" });
  expect(await remaining("acme")).toEqual({ l: "8" });
});

test("[proxy] other parts of a counter's key stand beside the level", async () => {
  await start([
    policy("all", `appliesTo: {consumers: [research]}, ${limit(9, ", per: [{type: Consumer}, {type: Route}]")}`),
  ]);
  await ask("ann");
  expect(await remaining("bob")).toEqual({ "l-research": "8" });
});

test("[proxy] who belongs to a member of a group is in the group", async () => {
  await start([policy("gold", `appliesTo: {consumerGroups: [gold]}, ${limit(9)}`)]);
  expect([await remaining("ann"), await remaining("carl")]).toEqual([{ l: "9" }, {}]);
});

test("[proxy] conditions look at the caller alone, and a policy without names counts on it", async () => {
  await start([policy("all", limit(9, ", when: [{type: Consumer, values: [research, ann]}]"))]);
  await ask("ann");
  expect([await remaining("bob"), await remaining("research")]).toEqual([{}, { l: "9" }]);
});

test("[proxy] MostSpecific: the nearest consumer that is named is the most specific", async () => {
  const rival = (name: string): string =>
    policy(name, `precedence: MostSpecific, appliesTo: {consumers: [${name}]}, ${limit(9, "", "of")}`);
  await start([rival("acme"), rival("research"), rival("bob")]);
  expect(await remaining("ann")).toEqual({ "of-research": "9" });
  expect(await remaining("bob")).toEqual({ of: "9" });
  expect(await remaining("carl")).toEqual({ "of-acme": "9" });
});

test("[proxy] a change above takes hold with the next request, below as well", async () => {
  const policies = [policy("org", `appliesTo: {consumers: [acme]}, ${limit(9)}`)];
  await start(policies);
  expect(await remaining("ann")).toEqual({ "l-acme": "9" });
  const moved = FAMILY.map((one) => (one.name === "research" ? { name: "research" } : one));
  gateway.applyYaml(yaml(moved, policies));
  expect([await remaining("ann"), await remaining("carl")]).toEqual([{}, { "l-acme": "8" }]);
  gateway.applyYaml(yaml(FAMILY, policies));
  expect(await remaining("ann")).toEqual({ "l-acme": "7" });
});

test("[proxy] without its parent a consumer is refused, and with it whoever belongs to it", async () => {
  await start(
    [],
    FAMILY.filter(({ name }) => name !== "research"),
  );
  const { status, body } = await ask("ann");
  expect(status).toBe(503);
  expect(JSON.parse(body)).toMatchObject({
    error: {
      code: "parent_missing",
      message:
        "Consumer default/ann belongs to Consumer research, which is not in force, so the limits above it cannot be counted. " +
        "Create it, or change spec.parentRef of who names it.",
    },
  });
  expect((await ask("carl")).status).toBe(200);
  gateway.applyYaml(yaml(FAMILY, []));
  expect((await ask("ann")).status).toBe(200);
  gateway.applyYaml(
    yaml(
      FAMILY.filter(({ name }) => name !== "acme"),
      [],
    ),
  );
  expect((await ask("ann")).status).toBe(503);
});

test("[proxy] the usage API shows what remains above the caller", async () => {
  await start([policy("org", `appliesTo: {consumers: [acme]}, ${limit(9)}`)]);
  await ask("bob");
  const { body } = await call(gateway.origin, {
    method: "GET",
    path: "/.airl/usage",
    headers: { apikey: "key-ann" },
  });
  expect(JSON.parse(body)).toMatchObject({
    consumer: { name: "ann" },
    limits: [
      {
        policy: "default/org",
        label: "l-acme",
        used: 1,
        remaining: 8,
        per: [{ type: "Consumer", value: "default/acme" }],
      },
    ],
  });
});

test("[proxy] a threshold of a level is told of that level", async () => {
  await start([policy("org", `appliesTo: {consumers: [acme]}, ${limit(1)}`)]);
  await ask("ann");
  await expect
    .poll(() => gateway.logLines.find(({ msg }) => msg === "limit threshold"))
    .toMatchObject({
      limit: "default/org/l",
      per: "Consumer default/acme",
    });
});

const withMore = (name: string, more: string): readonly Member[] =>
  FAMILY.map((one) => (one.name === name ? { ...one, more } : one));

test("[proxy] who belongs to a suspended consumer is suspended, from that moment until it is taken back", async () => {
  await start([]);
  expect((await ask("ann")).status).toBe(200);
  gateway.applyYaml(yaml(withMore("acme", "suspended: true"), []));
  const { status, body } = await ask("ann");
  expect(status).toBe(403);
  expect(JSON.parse(body)).toMatchObject({
    error: {
      code: "consumer_suspended",
      message: "Consumer default/acme, to whom default/ann belongs, is suspended.",
    },
  });
  expect((await ask("zoe")).status).toBe(200);
  gateway.applyYaml(yaml(FAMILY, []));
  expect((await ask("ann")).status).toBe(200);
});

test("[proxy] models have to be permitted on every level", async () => {
  await start([], withMore("research", 'models: {allow: ["gpt-4*"]}'));
  expect((await ask("ann")).status).toBe(200);
  gateway.applyYaml(yaml(withMore("acme", 'models: {deny: ["gpt-4o"]}'), []));
  expect([(await ask("ann")).status, (await ask("carl")).status, (await ask("zoe")).status]).toEqual([403, 403, 200]);
});
