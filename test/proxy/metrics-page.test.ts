// The metrics page as a whole, after requests of every kind that it counts. Times and what belongs to the process or the
// machine are left out of the comparison. `npx vitest run test/proxy/metrics-page.test.ts --update` writes the golden file anew;
// under CI=true vitest writes none.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Admission, CounterStore } from "../../dataplane/core/counter-store.ts";
import { createMemoryStore } from "../../dataplane/store/memory-store.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { call } from "../helpers/http-call.ts";
import { exchangeRaw, openRawClient } from "../helpers/raw-client.ts";
import {
  chatCompletion,
  type Script,
  sseChunk,
  sseUsage,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";
import { type ParsedFamily, parseExposition, parsePrometheus } from "../unit/metrics/prometheus-text.ts";

const USAGE = { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 };
const EVENTS = { "content-type": "text/event-stream" };

const script: Script = ({ headers }, res) => {
  switch (headers["x-case"]) {
    case "stream":
      res.writeHead(200, EVENTS);
      res.end(`${sseChunk({ content: "Hello" })}${sseUsage(USAGE)}data: [DONE]\n\n`);
      break;
    case "silent-stream":
      res.writeHead(200, EVENTS);
      res.end(`${sseChunk({ content: "Hello there." })}data: [DONE]\n\n`);
      break;
    case "endless-stream":
      res.writeHead(200, EVENTS);
      res.write(sseUsage(USAGE));
      break;
    case "broken":
      res.writeHead(200, { "content-type": "application/json", "content-length": 5_000 });
      res.write('{"usage":{"prompt_tokens":3}', () => res.destroy());
      break;
    case "error":
      res.writeHead(500, { "content-type": "application/json" });
      res.end('{"error":{"message":"no"}}');
      break;
    default:
      res.writeHead(200, { "content-type": "application/json" });
      res.end(chatCompletion(USAGE));
  }
};

const LIMITS = `{limits: [{name: minute, limit: 1000, window: {duration: 60s}}]}`;

function object(kind: string, name: string, spec: string): string {
  return `apiVersion: airatelimit.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n---\n`;
}

function manifests(endpoint: string): string {
  const prices = 'prices: {inputPer1M: "2.5", outputPer1M: "10", currency: USD}';
  const models = `models: [{name: gpt-4o, ${prices}}]`;
  const consumer = (name: string): string =>
    object("Consumer", name, `{credentials: [{name: main, apiKey: {value: key-${name}}}]}`);
  const backend = (name: string, more = "", to = endpoint): string =>
    object("AIBackend", name, `{provider: OpenAICompatible, endpoint: "${to}"${more}}`);
  const route = (name: string, to: string): string =>
    object("AIRoute", name, `{matches: [{path: {type: PathPrefix, value: /${name}}}], backendRefs: [{name: ${to}}]}`);
  const policy = (name: string, spec: string): string => object("AIRateLimitPolicy", name, spec);
  const limit = (text: string): string => `limits: [{window: {duration: 60s}, ${text}}]`;
  return [
    consumer("alice"),
    consumer("bob"),
    backend("priced", `, ${models}`),
    backend("unpriced"),
    // Nothing listens on port 1.
    backend("away", "", "http://127.0.0.1:1"),
    route("chat", "priced"),
    route("plain", "unpriced"),
    route("money", "unpriced"),
    route("away", "away"),
    route("brought", "unpriced"),
    policy("team", LIMITS),
    policy("calls", `{appliesTo: {consumers: [bob]}, ${limit("name: calls, limit: 1, unit: Requests")}}`),
    policy("trial", `{mode: Shadow, appliesTo: {consumers: [alice]}, ${limit("name: tiny, limit: 30")}}`),
    policy("early", `{admission: {estimate: Prompt}, ${limit("name: prompts, limit: 100000, unit: PromptTokens")}}`),
    policy("money", `{appliesTo: {routes: [money]}, ${limit('name: budget, limit: "5", unit: Cost')}}`),
    policy(
      "brought",
      "{appliesTo: {routes: [brought]}, limits: [" +
        '{name: brought, limit: "${http_x_count ?? 500}", max: 500, window: {duration: 60s}}, ' +
        "{name: a-team, limit: 500, maxKeys: 1, per: [{type: Header, name: x-team}], window: {duration: 60s}}]}",
    ),
    policy(
      "formula",
      `{appliesTo: {routes: [plain]}, ${limit('name: odd, limit: 500, unit: Expression, expression: "1 / 0"')}}`,
    ),
  ].join("");
}

/** As when little is left of a data plane's share: that is not what is left of the limit. */
function ofAShare(admission: Admission): Admission {
  return { ...admission, source: "local", states: admission.states.map((each) => ({ ...each, current: 490 })) };
}

/** Counters in memory at a fixed time; while `isAway` answers as a store does that cannot be reached. */
function storeThatGoesAway(): { readonly store: CounterStore; isAway: boolean } {
  const memory: CounterStore = createMemoryStore({ nowMs: () => 1_700_000_000_000 });
  const state = {
    isAway: false,
    store: {
      charge: memory.charge.bind(memory),
      flush: memory.flush.bind(memory),
      close: memory.close.bind(memory),
      admit: (checks, done) => {
        memory.admit(checks, (admission) => done(state.isAway ? ofAShare(admission) : admission));
      },
    } satisfies CounterStore,
  };
  return state;
}

const USUAL = { route: "chat", key: "key-alice", case: "", model: "gpt-4o" };

interface Ask extends Partial<Readonly<Record<"route" | "case" | "model" | "path", string>>> {
  readonly key?: string | string[];
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

let gateway: GatewayUnderTest;
let away: ReturnType<typeof storeThatGoesAway>;
let stopAll: () => Promise<void>;
let page: string;
/** Of a gateway that counts consumers by name. */
let consumersPage: string;
let openStreams: number;

/** Sends one request and waits until it has been counted; gives its status. */
async function ask(options: Ask = {}): Promise<number> {
  const { route, key, model, case: name, headers } = { headers: {}, ...USUAL, ...options };
  const chat = { model, stream: name.includes("stream"), messages: [{ role: "user", content: "Hi there" }] };
  const { status } = await call(gateway.origin, {
    path: options.path ?? `/${route}/v1/chat/completions`,
    headers: { ...(key === "" ? {} : { apikey: key }), "x-case": name, ...headers },
    body: options.body ?? JSON.stringify(chat),
  });
  await gateway.nextRequestLine();
  return status;
}

async function leaveInAStream(): Promise<void> {
  const body = '{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[]}';
  const client = await openRawClient(gateway.origin);
  const head = "POST /chat/v1/chat/completions HTTP/1.1\r\nHost: a\r\napikey: key-alice\r\nx-case: endless-stream\r\n";
  client.write(`${head}Content-Length: ${String(body.length)}\r\n\r\n${body}`);
  await client.seen("total_tokens");
  openStreams = await gateway.metric("airl_open_streams");
  client.reset();
  await gateway.nextRequestLine();
}

const statuses: Record<string, number> = {};

beforeAll(async () => {
  const upstream = await startScriptedUpstream(script);
  away = storeThatGoesAway();
  gateway = await startGateway(manifests(upstream.origin), { store: away.store });
  stopAll = async () => {
    await gateway.stop();
    await upstream.close();
  };
  expect(gateway.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  statuses["served"] = await ask();
  statuses["streamed"] = await ask({ case: "stream" });
  statuses["without usage"] = await ask({ case: "silent-stream" });
  await leaveInAStream();
  statuses["broken"] = await ask({ case: "broken" });
  statuses["upstream's error"] = await ask({ case: "error" });
  statuses["within the calls"] = await ask({ key: "key-bob" });
  statuses["refused"] = await ask({ key: "key-bob" });
  statuses["no key"] = await ask({ key: "" });
  statuses["unknown key"] = await ask({ key: "nobody's" });
  statuses["two keys"] = await ask({ key: ["key-alice", "key-bob"] });
  statuses["bad body"] = await ask({ body: "[1" });
  statuses["compressed body"] = await ask({ body: gzipSync("{}"), headers: { "content-encoding": "gzip" } });
  statuses["no route"] = await ask({ path: "/nowhere" });
  statuses["unmetered"] = await ask({ path: "/chat/v1/images/generations" });
  statuses["unreachable"] = await ask({ route: "away" });
  statuses["formula without value"] = await ask({ route: "plain" });
  statuses["no price for the limit"] = await ask({ route: "money" });
  statuses["no price for the model"] = await ask({ model: 'odd"} 1\nairl_requests_total{route="forged' });
  statuses["no limit brought"] = await ask({ route: "brought", headers: { "x-count": "many", "x-team": "a" } });
  statuses["one team too many"] = await ask({ route: "brought", headers: { "x-team": "b" } });
  away.isAway = true;
  statuses["store away"] = await ask({ route: "plain" });
  await exchangeRaw(gateway.origin, "RUBBISH\r\n\r\n");
  page = await (await fetch(`${gateway.adminOrigin}/metrics`)).text();
  consumersPage = await pageOfConsumers(manifests(upstream.origin));
});
afterAll(() => stopAll());

/** After a request of alice's, three of bob's, of which two are refused, and one of nobody's. */
async function pageOfConsumers(yaml: string): Promise<string> {
  const counting = await startGateway(yaml, { metricsConsumers: 1 });
  for (const apikey of ["key-alice", "key-bob", "key-bob", "key-bob", "nobody's"]) {
    const body = JSON.stringify({ model: "gpt-4o", messages: [] });
    await call(counting.origin, { path: "/chat/v1/chat/completions", headers: { apikey }, body });
    await counting.nextRequestLine();
  }
  const text = await (await fetch(`${counting.adminOrigin}/metrics`)).text();
  await counting.stop();
  return text;
}

/** Own metrics only; values that are times as `*`. */
function comparable(text: string): string {
  const lines = text.split("\n").filter((line) => /^(?:# (?:HELP|TYPE) )?airl_/.test(line));
  return lines
    .map((line) => (isTime(line) ? line.replace(/ \S+$/, " *") : line))
    .join("\n")
    .concat("\n");
}

function isTime(line: string): boolean {
  if (line.startsWith("#")) return false;
  if (/^\w+_seconds_(?:bucket|sum)\b/.test(line)) return !line.includes('le="+Inf"');
  return line.startsWith("airl_config_applied_timestamp_seconds");
}

describe("after requests of every kind", () => {
  test("[proxy] each was answered as its name says", () => {
    expect(statuses).toEqual({
      served: 200,
      streamed: 200,
      "without usage": 200,
      broken: 200,
      "upstream's error": 500,
      "within the calls": 200,
      refused: 429,
      "no key": 401,
      "unknown key": 401,
      "two keys": 401,
      "bad body": 400,
      "compressed body": 415,
      "no route": 404,
      unmetered: 404,
      unreachable: 502,
      "formula without value": 200,
      "no price for the limit": 503,
      "no limit brought": 400,
      "one team too many": 200,
      "no price for the model": 200,
      "store away": 200,
    });
    expect(openStreams).toBe(1);
  });

  test("[proxy] the page is the golden one", async () => {
    await expect(comparable(page)).toMatchFileSnapshot("golden/metrics.txt");
  });

  test("[proxy] the whole page, the process's metrics included, is well formed", () => {
    const families = parseExposition(page);
    expect(families.filter(({ name }) => name.startsWith("process_")).length).toBeGreaterThan(3);
    expect(parsePrometheus(page).length).toBe(families.reduce((sum, { samples }) => sum + samples.length, 0));
  });

  test("[proxy] every metric of the page has a value here, so the golden page shows all labels", () => {
    const empty = ownFamilies().filter(({ samples }) => samples.length === 0);
    expect(empty.map(({ name }) => name)).toEqual([]);
  });

  test("[proxy] no consumer and no key is on the page", () => {
    expect(page).not.toMatch(/alice|bob|key-|nobody/);
  });
});

describe("consumers by name", () => {
  test("[proxy] are the first so many; all others are other, and who is nobody is not counted", () => {
    const lines = consumersPage.split("\n").filter((line) => line.startsWith("airl_consumer_"));
    expect(lines).toEqual([
      "airl_consumer_labels_max 1",
      'airl_consumer_requests_total{consumer="default/alice",decision="forwarded"} 1',
      'airl_consumer_requests_total{consumer="other",decision="forwarded"} 1',
      'airl_consumer_requests_total{consumer="other",decision="refused"} 2',
      'airl_consumer_tokens_total{consumer="default/alice",kind="prompt"} 20',
      'airl_consumer_tokens_total{consumer="default/alice",kind="completion"} 10',
      'airl_consumer_tokens_total{consumer="other",kind="prompt"} 20',
      'airl_consumer_tokens_total{consumer="other",kind="completion"} 10',
      'airl_consumer_cost_total{consumer="default/alice",currency="USD"} 0.00015',
      'airl_consumer_cost_total{consumer="other",currency="USD"} 0.00015',
    ]);
  });
});

describe("docs/metrics.md", () => {
  test("[proxy] lists every metric with its type, labels and meaning", () => {
    const text = readFileSync(join(import.meta.dirname, "..", "..", "docs", "metrics.md"), "utf8");
    const rows = text.split("\n").filter((line) => /^\| `airl_\w+` \|/.test(line));
    expect(rows).toEqual([...ownFamilies(), ...consumerFamilies()].map(rowOf).toSorted());
  });
});

function ownFamilies(): ParsedFamily[] {
  return parseExposition(page).filter(({ name }) => name.startsWith("airl_"));
}

function consumerFamilies(): ParsedFamily[] {
  const known = new Set(ownFamilies().map(({ name }) => name));
  return parseExposition(consumersPage).filter(({ name }) => name.startsWith("airl_") && !known.has(name));
}

function rowOf({ name, type, help, samples }: ParsedFamily): string {
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  labels.delete("le");
  return `| \`${name}\` | ${type} | ${[...labels].map((label) => `\`${label}\``).join(" ")} | ${help} |`;
}
