// Limits that take their key, amount or window from the request, give way to others, or share counters, over HTTP.

import { afterEach, describe, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const NOW = Date.UTC(2025, 3, 18, 15, 0, 0);
const CHAT = "/v1/chat/completions";
let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

async function start(limits: readonly string[], more: { policy?: string; more?: string } = {}): Promise<void> {
  upstream = await startScriptedUpstream(answersChat());
  const list = limits.map((limit) => `  - {window: {duration: 1h, algorithm: Fixed}, ${limit}}`).join("\n");
  const { policy = "", more: documents = "" } = more;
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits: list, policy }) + documents, {
    nowMs: () => NOW,
  });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

const chat = (headers: Record<string, string> = {}, path = CHAT): Promise<CallResult> =>
  call(gateway.origin, { path, headers: { apikey: "key-alice", ...headers }, body: CHAT_BODY });

/** Headers that tell of limits, by the end of their names. */
function told({ headers }: CallResult): Record<string, string> {
  const found = Object.entries(headers).filter(([name]) => /^x-ai-ratelimit-(limit|remaining)-/.test(name));
  return Object.fromEntries(found.map(([name, value]) => [name.replace("x-ai-ratelimit-", ""), String(value)]));
}

describe("templates as keys", () => {
  test("[proxy] each text has a counter, an empty header is one, and without any variable the limit is skipped", async () => {
    await start(['name: l, limit: 100, per: [{type: Template, value: "${http_x_id}/${arg_t}", skipIfMissing: true}]']);
    expect(told(await chat({ "x-id": "1" }))).toEqual({ "limit-hour-l": "100", "remaining-hour-l": "100" });
    expect(told(await chat({ "x-id": "1" }))["remaining-hour-l"]).toBe("88");
    expect(told(await chat({ "x-id": "" }))["remaining-hour-l"]).toBe("100");
    expect(told(await chat({}, `${CHAT}?t=`))["remaining-hour-l"]).toBe("88");
    expect(told(await chat())).toEqual({});
  });

  test("[proxy] a limit that is skipped, or that refuses, renames and hides none of the others (APISIX trap 19)", async () => {
    await start([
      "name: a, limit: 100, per: [{type: Header, name: x-id, skipIfMissing: true}]",
      "name: b, limit: 12",
      "name: c, limit: 100",
    ]);
    const labels = (answer: CallResult): string[] =>
      Object.keys(told(answer)).filter((name) => name.startsWith("remaining-"));
    expect(labels(await chat())).toEqual(["remaining-hour-b", "remaining-hour-c"]);
    const refused = await chat({ "x-id": "1" });
    expect([refused.status, ...labels(refused).toSorted()]).toEqual([
      429,
      "remaining-hour-a",
      "remaining-hour-b",
      "remaining-hour-c",
    ]);
  });

  test("[proxy] several windows for one subject, each with its own count (APISIX trap 16)", async () => {
    await start([
      'name: a, limit: 12, per: [{type: Template, value: "${remote_addr}"}]',
      'name: b, limit: 100, per: [{type: Template, value: "${remote_addr}"}]',
    ]);
    expect(told(await chat())).toMatchObject({ "remaining-hour-a": "12", "remaining-hour-b": "100" });
    const refused = await chat();
    expect(refused.status).toBe(429);
    expect(told(refused)).toMatchObject({ "remaining-hour-a": "0", "remaining-hour-b": "88" });
  });
});

describe("limits that a request brings", () => {
  const LIMIT = 'name: l, limit: "${http_x_count ?? 24}", max: 1000';

  test("[proxy] headers show the limit of this request; one counter, many ceilings (APISIX trap 15)", async () => {
    await start([LIMIT]);
    const first = await chat();
    expect(told(first)).toEqual({ "limit-hour-l": "24", "remaining-hour-l": "24" });
    expect(first.headers["ratelimit-policy"]).toBe('"default/team/l";q=24;w=3600;qu="tokens"');
    expect(told(await chat({ "x-count": "1000" }))).toEqual({ "limit-hour-l": "1000", "remaining-hour-l": "988" });
    const refused = await chat();
    expect(refused.status).toBe(429);
    expect(refused.body).toContain("24 tokens per hour, 24 used");
    expect((await chat({ "x-count": "25" })).status).toBe(200);
  });

  test.for(["0", "-5", "1.5", "1001", "9007199254740993", "many", ""])(
    "[proxy] %s is answered 400 with the header's name, charges nothing and shows no value (APISIX traps 15, 17)",
    async (count) => {
      await start(["name: first, limit: 100", LIMIT]);
      const answer = await chat({ "x-count": count });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toEqual({
        error: {
          message:
            'Limit "l" of policy default/team: its limit is set by request header x-count: found something else, wanted an integer from 1 to 1000.',
          type: "invalid_request_error",
          param: null,
          code: "limit_unresolved",
        },
      });
      expect(upstream.received).toHaveLength(0);
      expect(told(await chat())).toMatchObject({ "remaining-hour-first": "100", "remaining-hour-l": "24" });
      expect(await gateway.metric("airl_refusals_total", { limit: "l", reason: "unresolved" })).toBe(1);
      expect(await gateway.metric("airl_limit_unresolved_total", { limit: "l" })).toBe(1);
      expect((await gateway.nextRequestLine())["limit"]).toBe("default/team/l");
    },
  );

  test("[proxy] in Shadow it refuses nothing, and the other limits count", async () => {
    await start(["name: first, limit: 100", `${LIMIT}, mode: Shadow`]);
    expect(told(await chat({ "x-count": "many" }))).toMatchObject({ "remaining-hour-first": "100" });
    expect(told(await chat())).toMatchObject({ "remaining-hour-first": "88" });
    expect(await gateway.metric("airl_limit_unresolved_total", { limit: "l" })).toBe(1);
  });

  test("[proxy] in Shadow and alone it leaves nothing to ask", async () => {
    await start([`${LIMIT}, mode: Shadow`]);
    const answer = await chat({ "x-count": "many" });
    expect([answer.status, told(answer)]).toEqual([200, {}]);
  });

  test("[proxy] calls that cost no tokens need not bring one", async () => {
    await start([LIMIT.replace(" ?? 24", "")]);
    const models = await call(gateway.origin, { method: "GET", path: "/v1/models", headers: { apikey: "key-alice" } });
    expect(models.status).toBe(200);
    expect((await chat()).status).toBe(400);
  });

  test("[proxy] the window is that of the request, in seconds or as a duration", async () => {
    upstream = await startScriptedUpstream(answersChat());
    const limits = '  - {name: l, limit: 24, window: {duration: "${http_x_window ?? 60s}", algorithm: Fixed}}';
    gateway = await startGateway(basics({ endpoint: upstream.origin, limits }), { nowMs: () => NOW });
    expect(told(await chat())).toEqual({ "limit-minute-l": "24", "remaining-minute-l": "24" });
    expect(told(await chat({ "x-window": "60" }))).toMatchObject({ "remaining-minute-l": "12" });
    expect(told(await chat({ "x-window": "1h" }))).toEqual({ "limit-hour-l": "24", "remaining-hour-l": "24" });
    expect((await chat()).headers["retry-after"]).toBe("60");
    const wrong = await chat({ "x-window": "soon" });
    expect([wrong.status, wrong.body]).toEqual([400, expect.stringContaining("request header x-window")]);
  });
});

describe("fallback", () => {
  test("[proxy] counts per backend what no limit of the policy is for (APISIX trap 5)", async () => {
    await start([
      "name: gold, limit: 100, when: [{type: Header, name: x-tier, values: [gold]}]",
      "name: rest, limit: 50, fallback: true, per: [{type: Backend}]",
    ]);
    expect(told(await chat({ "x-tier": "gold" }))).toEqual({ "limit-hour-gold": "100", "remaining-hour-gold": "100" });
    expect(told(await chat())).toEqual({ "limit-hour-llm": "50", "remaining-hour-llm": "50" });
    expect(told(await chat())["remaining-hour-llm"]).toBe("38");
  });
});

describe("counters", () => {
  test("[proxy] beyond maxKeys values count together; told once in the log, each time in a metric", async () => {
    await start(["name: l, limit: 24, maxKeys: 2, per: [{type: Header, name: x-id}]"]);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await chat({ "x-id": String(i) })).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
    expect((await chat({ "x-id": "0" })).status).toBe(200);
    expect(await gateway.metric("airl_limit_overflow_total", { limit: "l" })).toBe(4);
    const lines = gateway.logLines.filter(({ msg }) => String(msg).includes("maxKeys"));
    expect(lines.map(({ limit }) => limit)).toEqual(["default/team/l"]);
  });

  const other = (spec: string): string => `---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: other}
spec: {${spec}, limits: [{name: l, limit: 50, window: {duration: 1h, algorithm: Fixed}}]}
`;

  test("[proxy] policies with one counters.namespace share them: a request counts once, the lower limit refuses", async () => {
    await start(["name: l, limit: 100"], {
      policy: "  counters: {namespace: team}",
      more: other("counters: {namespace: team}, response: {statusCode: 503}"),
    });
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await chat()).status);
    // 50 is crossed by the fifth request of 12 tokens each.
    expect(statuses).toEqual([200, 200, 200, 200, 200, 503]);
  });

  test("[proxy] Requests that share a counter are counted once each", async () => {
    await start(["name: l, unit: Requests, limit: 3"], {
      policy: "  counters: {namespace: team}",
      more: other("counters: {namespace: team}").replace("limit: 50", "unit: Requests, limit: 2"),
    });
    expect([(await chat()).status, (await chat()).status, (await chat()).status]).toEqual([200, 200, 429]);
  });

  test("[proxy] edits of anything but name, unit, window and per keep the counters (Kong trap 24, APISIX traps 6, 7)", async () => {
    await start(["name: l, limit: 100"]);
    await chat();
    const edited = (limit: string, policy = ""): string =>
      basics({
        endpoint: upstream.origin,
        limits: `  - {window: {duration: 1h, algorithm: Fixed}, ${limit}}`,
        policy,
        response: "  response: {statusCode: 503, message: changed}",
      });
    for (const limit of [
      "name: l, limit: 200, label: l, mode: Enforce",
      "name: l, limit: 200, label: l, when: [{type: Method, values: [POST]}], fallback: true",
      'name: l, limit: "${http_x ?? 200}", max: 200',
    ]) {
      const before = Number(told(await chat())["remaining-hour-l"]);
      gateway.applyYaml(edited(limit, "  mode: Enforce"));
      const after = told(await chat());
      expect([after["limit-hour-l"], Number(after["remaining-hour-l"])]).toEqual(["200", 200 - (100 - before) - 12]);
      gateway.applyYaml(edited("name: l, limit: 100"));
    }
    for (const limit of [
      "name: m, limit: 100, label: l",
      "name: l, limit: 100, per: [{type: IP}]",
      "name: l, limit: 100, unit: PromptTokens",
    ]) {
      gateway.applyYaml(edited(limit));
      expect(told(await chat())["remaining-hour-l"]).toBe("100");
    }
  });
});
