// What limits look at and what their counters are kept for, as clients see it over HTTP.

import { afterEach, describe, expect, test } from "vitest";
import { type GatewayTestOptions, type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
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

/** Consumer dora has two credentials and a customID; routes /talk and /speak are of one service. */
const MORE = `---
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: dora}
spec:
  customID: acct-42
  credentials: [{name: laptop, apiKey: {value: dora-laptop}}, {name: server, apiKey: {value: dora-server}}]
${["talk", "speak"]
  .map(
    (name) => `---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: ${name}}
spec:
  service: voice
  matches: [{path: {type: PathPrefix, value: /${name}}}]
  backendRefs: [{name: llm}]
`,
  )
  .join("")}`;

async function start(limit: string, options: GatewayTestOptions & { readonly route?: string } = {}): Promise<void> {
  const { route = "", ...rest } = options;
  upstream = await startScriptedUpstream(answersChat());
  const limits = `  - {name: l, limit: 100, window: {duration: 1h, algorithm: Fixed}, ${limit}}`;
  const yaml = basics({ endpoint: upstream.origin, limits, route }) + MORE;
  gateway = await startGateway(yaml, { nowMs: () => NOW, ...rest });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

interface Call {
  readonly key?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

const chat = ({ key = "key-alice", path = CHAT, headers = {} }: Call = {}): Promise<CallResult> =>
  call(gateway.origin, { path, headers: { ...(key !== "" && { apikey: key }), ...headers }, body: CHAT_BODY });

/** What remained before the call; undefined when no limit concerned it. Each call uses 12. */
async function remaining(to: Call = {}): Promise<string | undefined> {
  const { status, headers } = await chat(to);
  expect(status).toBe(200);
  return headers["x-ai-ratelimit-remaining-hour-l"]?.toString();
}

describe("counters", () => {
  test.for([
    { per: "Credential", one: { key: "dora-laptop" }, other: { key: "dora-server" } },
    { per: "Service", one: { path: `/talk${CHAT}` }, other: { path: CHAT } },
    { per: "Path", one: { path: CHAT }, other: { path: `/talk${CHAT}` } },
    { per: "Query, name: team", one: { path: `${CHAT}?team=red` }, other: { path: `${CHAT}?team=blue` } },
    { per: "Header, name: X-Team", one: { headers: { "x-team": "red" } }, other: { headers: { "x-team": "blue" } } },
  ])("[proxy] per $per: each value has its own", async ({ per, one, other }) => {
    await start(`per: [{type: ${per}}]`);
    expect([await remaining(one), await remaining(one), await remaining(other)]).toEqual(["100", "88", "100"]);
  });

  test("[proxy] per Service: routes of one service share it, and two credentials share their consumer's", async () => {
    await start("per: [{type: Service}, {type: Consumer}]");
    expect(await remaining({ key: "dora-laptop", path: `/talk${CHAT}` })).toBe("100");
    expect(await remaining({ key: "dora-server", path: `/speak${CHAT}` })).toBe("88");
  });

  test("[proxy] values of several parts do not run into each other, whatever they hold (Kong trap 18)", async () => {
    await start("per: [{type: Header, name: a}, {type: Header, name: b}]");
    const pairs = [
      ["1", "2"],
      ["1|2", ""],
      ["", "1|2"],
      ["1:1", "2"],
      ["1", "1:2"],
      ["12", ""],
      ['1","2', "3"],
    ];
    for (const [a = "", b = ""] of pairs) expect(await remaining({ headers: { a, b } })).toBe("100");
    expect(await remaining({ headers: { a: "1", b: "2" } })).toBe("88");
  });

  test("[proxy] one counter for everybody, or one for each (Kong trap 18)", async () => {
    await start("per: [{type: Shared}]");
    expect([await remaining(), await remaining({ key: "key-bob" })]).toEqual(["100", "88"]);
  });

  test.for([
    { per: "{type: Header, name: x-team}", given: { headers: { "x-team": "" } } },
    { per: "{type: Query, name: team}", given: { path: `${CHAT}?team=` } },
  ])("[proxy] $per that is absent: the address counts, or the limit is skipped; empty is there", async (row) => {
    await start(`per: [${row.per}]`);
    expect([await remaining(), await remaining({ key: "key-bob" })]).toEqual(["100", "88"]);
    expect(await remaining(row.given)).toBe("100");
    await gateway.stop();
    await upstream.close();
    await start(`per: [${row.per.replace("}", ", skipIfMissing: true}")}]`);
    expect([await remaining(), await remaining()]).toEqual([undefined, undefined]);
    expect([await remaining(row.given), await remaining(row.given)]).toEqual(["100", "88"]);
  });
});

describe("conditions", () => {
  test.for([
    { when: "Credential, values: [laptop]", yes: { key: "dora-laptop" }, no: { key: "dora-server" } },
    { when: "Consumer, by: CustomID, values: [acct-42]", yes: { key: "dora-server" }, no: { key: "key-alice" } },
    { when: "Service, values: [voice]", yes: { path: `/talk${CHAT}` }, no: { path: CHAT } },
    { when: "Path, match: Prefix, values: [/talk]", yes: { path: `/talk${CHAT}?a=b` }, no: { path: CHAT } },
    { when: "Method, values: [post]", yes: {}, no: undefined },
    { when: "Method, values: [put]", yes: undefined, no: {} },
    { when: "Query, name: tier, values: [a b]", yes: { path: `${CHAT}?tier=a%20b` }, no: { path: `${CHAT}?Tier=a+b` } },
    { when: "Query, name: tier", yes: { path: `${CHAT}?tier` }, no: { path: `${CHAT}?t=tier` } },
    {
      when: "Header, name: x-tier, values: [a]",
      yes: { headers: { "X-Tier": "a" } },
      no: { headers: { "x-tier": "A" } },
    },
  ])("[proxy] $when", async ({ when, yes, no }) => {
    await start(`when: [{type: ${when}}]`);
    if (yes) expect(await remaining(yes)).toBe("100");
    if (no) expect(await remaining(no)).toBeUndefined();
  });

  test("[proxy] a request that no limit concerns is let through without headers (Kong trap 21, APISIX trap 11)", async () => {
    await start("when: [{type: Header, name: x-tier, values: [a]}]");
    const { status, headers } = await chat();
    expect(status).toBe(200);
    expect(Object.keys(headers).filter((name) => name.includes("ratelimit"))).toEqual([]);
  });

  test("[proxy] every limit that matches is charged; an exhausted one refuses and then none is (Kong trap 17)", async () => {
    upstream = await startScriptedUpstream(answersChat());
    const limits = `  - {name: l, limit: 100, window: {duration: 1h, algorithm: Fixed}}
  - {name: small, limit: 12, window: {duration: 1h, algorithm: Fixed}, when: [{type: Header, name: x-tier}]}`;
    gateway = await startGateway(basics({ endpoint: upstream.origin, limits }), { nowMs: () => NOW });
    const tier = { headers: { "x-tier": "a" } };
    expect(await remaining(tier)).toBe("100");
    expect((await chat(tier)).status).toBe(429);
    expect((await chat(tier)).headers["x-ai-ratelimit-remaining-hour-l"]).toBe("88");
    expect(await remaining()).toBe("88");
  });
});

describe("identities that a client sends", () => {
  test.for(["X-Consumer-Username", "X-Consumer-Groups", "X-Consumer-Custom-ID", "X-Credential-Identifier"])(
    "[proxy] %s of the client is not who it is (Kong trap 19)",
    async (name) => {
      await start("when: [{type: Consumer, by: CustomID, values: [acct-42]}]");
      expect(await remaining({ headers: { [name]: "acct-42" } })).toBeUndefined();
      expect(Object.keys(upstream.received[0]?.headers ?? {})).not.toContain(name.toLowerCase());
    },
  );

  const anonymous = "  authentication: {none: {}}";
  const forwarded = (value: string | string[]): Call => ({ key: "", headers: { "X-Forwarded-For": value } });

  test("[proxy] without an identity the address counts, and forwarding headers of strangers do not (Kong trap 20)", async () => {
    await start("per: [{type: Consumer}]", { route: anonymous });
    expect(await remaining(forwarded("192.0.2.1"))).toBe("100");
    expect(await remaining(forwarded("192.0.2.2"))).toBe("88");
    expect(await remaining({ key: "", headers: { "X-Real-IP": "192.0.2.3", Forwarded: "for=192.0.2.3" } })).toBe("76");
  });

  test("[proxy] behind trusted proxies the address is the one that the first of them saw (Kong trap 20)", async () => {
    await start("per: [{type: IP}]", { route: anonymous, trustedProxies: ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"] });
    const same: (string | string[])[] = [
      "192.0.2.1",
      "192.0.2.1, 10.0.0.1",
      "198.51.100.7, 192.0.2.1, 10.0.0.1",
      "not an address, 192.0.2.1:4711, fd00::1",
      ["198.51.100.7", "192.0.2.1, [fd00::2]:80"],
      "::ffff:192.0.2.1, 10.0.0.9",
    ];
    for (const [i, value] of same.entries()) expect(await remaining(forwarded(value))).toBe(String(100 - 12 * i));
  });

  test("[proxy] one subscriber's IPv6 addresses share a counter, in whatever form a proxy writes them", async () => {
    await start("per: [{type: IP}]", { route: anonymous, trustedProxies: ["127.0.0.1"] });
    const same = ["2001:db8:0:1::1", "[2001:DB8:0:1:0:0:0:2]:443", "2001:db8:0:1:ffff::%eth0"];
    for (const [i, value] of same.entries()) expect(await remaining(forwarded(value))).toBe(String(100 - 12 * i));
    expect(await remaining(forwarded("2001:db8:0:2::1"))).toBe("100");
  });
});

describe("labels", () => {
  test.for([
    { model: "gpt-4o", label: "gpt-4o" },
    { model: "a b:c", label: "a_b_c" },
    { model: "x\r\nSet-Cookie: a=b", label: "x__Set-Cookie__a_b" },
    { model: '\u00e9\u{1f600}\u0000"(),/;<=>?@[\\]{}', label: "_".repeat(20) },
    { model: "m".repeat(100), label: "m".repeat(63) },
    { model: "", label: "_" },
  ])("[proxy] the name of a model becomes part of a header's name as a token and no more: $label", async (row) => {
    upstream = await startScriptedUpstream(answersChat());
    const limits = "  - {name: l, limit: 100, window: {duration: 1h}, per: [{type: Consumer}, {type: Model}]}";
    gateway = await startGateway(basics({ endpoint: upstream.origin, limits }), { nowMs: () => NOW });
    const body = JSON.stringify({ model: row.model, messages: [{ role: "user", content: "hi" }] });
    const { status, headers } = await call(gateway.origin, { path: CHAT, headers: { apikey: "key-alice" }, body });
    expect(status).toBe(200);
    const names = Object.keys(headers).filter((name) => name.startsWith("x-ai-ratelimit-limit-"));
    expect(names).toEqual([`x-ai-ratelimit-limit-hour-${row.label.toLowerCase()}`]);
    expect(headers["set-cookie"]).toBeUndefined();
  });
});
